use crate::compile::Compiler;
use artifacts::source::Source;
use artifacts::xml::{ElementRef, parse_source};

fn findings(body: &str) -> Option<String> {
    let text = format!("<s xmlns=\"http://ws.apache.org/ns/synapse\">{body}</s>");
    let document = parse_source(&Source::new("s.xml", text)).unwrap();
    let root = ElementRef { document: &document, id: document.root_element().unwrap() };
    let mut compiler = Compiler::default();
    super::compile(root.first().unwrap(), &mut compiler)?;
    let errors =
        compiler.diagnostics.iter().filter(|d| d.severity == artifacts::diagnostics::Severity::Error);
    Some(errors.map(|d| d.message.clone()).collect::<Vec<_>>().join("\n"))
}

#[test]
fn what_mi_accepts_is_accepted() {
    for body in [
        "<xslt key='a'/>",
        "<xslt key='{$ctx:k}'><feature name='f' value='true'/><property name='p' value='v'/></xslt>",
        "<conditionalRouter continueAfter='1'/>",
        "<rewrite><rewriterule><action value='x' fragment='path'/></rewriterule></rewrite>",
    ] {
        assert_eq!(findings(body).as_deref(), Some(""), "{body}");
    }
}

#[test]
fn what_mi_refuses_is_refused() {
    for body in [
        "<xslt/>",
        "<xslt key='a'><feature name='f' value='yes'/></xslt>",
        "<conditionalRouter continueAfter='maybe'/>",
        "<conditionalRouter><conditionalRoute><target/></conditionalRoute></conditionalRouter>",
        "<rewrite><rewriterule><action type='replace' value='x'/></rewriterule></rewrite>",
        "<validate><schema key='k'/><on-fail/></validate>",
        "<scatter-gather target='body' result-content-type='JSON'><sequence/></scatter-gather>",
        "<xquery key='k'><variable name='a' type='int' value='1'/></xquery>",
        "<datamapper config='c' inputSchema='i'/>",
        "<jsontransform/>",
    ] {
        assert!(findings(body).is_some_and(|found| !found.is_empty()), "{body}");
    }
}

#[test]
fn what_mi_does_not_know_is_nobodys() {
    for body in ["<bogus/>", "<xslt xmlns=''/>", "<a. />"] {
        assert_eq!(findings(body), None, "{body}");
    }
}
