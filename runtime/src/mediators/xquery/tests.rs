use super::query::XQuery;
use crate::flow::{self, Block, Context, Leave};
use crate::mediators::parts::testing::{body, compile, verdicts, xml};
use crate::message::Message;
use crate::program::{Program, Resource};
use std::sync::Arc;

#[test]
fn verdict() {
    verdicts(
        &[
            "<xquery key='k' target=''><variable name='a' type=' INT ' value='x'/><bogus/></xquery>",
            "<xquery key='k'><variable name='a' type='LONG'/><variable/><variable name='b' type=''/></xquery>",
        ],
        &["<xquery/>", "<xquery key='k'><variable name='a' type='JSON' value='x'/></xquery>"],
    );
}

async fn ran(mediator: &str, query: &str, payload: &str) -> Message {
    let entries = [
        ("q".into(), Resource::Text(query.into())),
        ("rates".into(), Resource::Text("<rates><rate id='x'>2</rate><rate id='y'>5</rate></rates>".into())),
    ];
    let program = Program { local_entries: entries.into(), ..Program::default() };
    let mut cx = Context::new(Arc::new(program), Arc::default());
    cx.push_block(Arc::new(Block { steps: compile(mediator).0, on_error: None }), Leave::Continue);
    let mut message = xml(payload);
    flow::run(&mut cx, &mut message).await;
    message
}

async fn result(variables: &str, query: &str) -> String {
    let payload = "<o xmlns='urn:o'><id>7</id><id>8</id></o>";
    body(&ran(&format!("<xquery key='q'>{variables}</xquery>"), query, payload).await)
}

#[tokio::test]
async fn a_constructor_replaces_the_payload() {
    let query = "xquery version '1.0'; (: a (: nested :) comment :)
        declare namespace o = \"urn:o\";
        declare variable $payload as document-node() external;
        declare variable $two := 1 + 1;
        <m:r xmlns:m='urn:m' n='{count($payload//o:id)}-{{x}}'>
            <m:id>{$payload//o:id[1]/text()}</m:id>
            <all>{$payload/o:o/o:id}</all>{$two, 'a', \"b\"}<t>&lt;{ '}' }<![CDATA[ & ]]></t>
        </m:r>";
    let text = result("<variable name='payload' type='ELEMENT'/>", query).await;
    assert_eq!(
        text,
        "<m:r xmlns:m=\"urn:m\" n=\"2-{x}\"><m:id>7</m:id><all><id xmlns=\"urn:o\">7</id><id xmlns=\"urn:o\">8</id></all>\
         2ab<t>&lt;} &amp; </t></m:r>"
    );
}

#[tokio::test]
async fn variables_have_the_forms_of_their_types() {
    for (kind, value, text) in [
        ("BOOLEAN", "true", "true"),
        ("BYTE", "100", "100"),
        ("INT", "512337203", "512337203"),
        ("LONG", "9223372036854775807", "9223372036854775807"),
        ("DOUBLE", "23.33", "23.33"),
        ("DOUBLE", "5", "5"),
        ("DOUBLE", "1234567.5", "1.2345675E6"),
        ("DOUBLE", "10000000", "1.0E7"),
        ("FLOAT", "1.1", "1.1"),
        ("STRING", "a b", "a b"),
    ] {
        let variable = format!("<variable name='v' type='{kind}' value='{value}'/>");
        let query = "declare variable $v as xs:any external; <r>{$v}</r>";
        assert_eq!(result(&variable, query).await, format!("<r>{text}</r>"), "{kind}");
    }
    let expression = "<variable xmlns:o='urn:o' name='v' type='INT' expression='//o:id[2]'/>";
    assert_eq!(result(expression, "<r>{$v + 1}</r>").await, "<r>9</r>");
    let key = "<variable name='v' type='DOCUMENT' key='rates'/><variable name='k' type='STRING' value='y'/>";
    assert_eq!(result(key, "<r>{$v//rate[@id=$k]/text()}</r>").await, "<r>5</r>");
}

#[tokio::test]
async fn a_target_is_replaced_or_gets_the_text() {
    let mediator = |target: &str| format!("<xquery xmlns:o='urn:o' key='q' target='{target}'/>");
    let payload = "<o xmlns='urn:o'><id>7</id></o>";
    let message = ran(&mediator("//o:id"), "<n/>", payload).await;
    assert_eq!(body(&message), "<o xmlns=\"urn:o\"><n xmlns=\"\" /></o>");
    let message = ran(&mediator("//o:id"), "1 + 1", payload).await;
    assert_eq!(body(&message), "<o xmlns=\"urn:o\"><id>2</id></o>");
    let message = ran(&mediator("//none"), "<n/>", payload).await;
    assert!(message.property("ERROR_MESSAGE").is_some());
}

#[tokio::test]
async fn what_cannot_be_run_is_a_fault() {
    for query in
        ["<r>{$none}</r>", "<r>", "for $x in (1, 2) return $x", "<p:r/>", "declare function f() {1}; 1"]
    {
        let message = ran("<xquery key='q'/>", query, "<a/>").await;
        assert!(message.property("ERROR_MESSAGE").is_some(), "{query}");
    }
    let message = ran("<xquery key='none'/>", "1", "<a/>").await;
    assert!(message.property("ERROR_DETAIL").unwrap().text().contains("'none'"));
    let message =
        ran("<xquery key='q'><variable name='v' type='INT' value='x'/></xquery>", "1", "<a/>").await;
    assert!(message.property("ERROR_MESSAGE").is_some());
}

#[test]
fn mistakes_have_their_place() {
    assert!(XQuery::parse("<a>{1 +}</a>").unwrap_err().contains("character"));
    assert!(XQuery::parse("<a></b>").unwrap_err().contains("'a'"));
    assert!(XQuery::parse("<a/> junk").unwrap_err().contains("'junk'"));
}

#[test]
fn deep_queries_are_refused() {
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert!(XQuery::parse(&deep(50)).is_ok());
    for query in [deep(100_000), "<a>{".repeat(100_000), "<a b='{".repeat(100_000)] {
        assert!(XQuery::parse(&query).is_err());
    }
}
