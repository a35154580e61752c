use super::super::parts::testing::{compile, verdicts};
use super::super::testing::Flow;
use crate::compile::Compiler;
use crate::message::Message;

#[test]
fn grammar() {
    verdicts(
        &[
            "<sequence key='a'/>",
            "<sequence key='conf:/a/b.xml'/>",
            "<sequence key='{get-property(\"x\")}'/>",
            "<sequence name='inner' onError='e'><log/></sequence>",
            "<sequence name='inner'><description>d</description></sequence>",
        ],
        &[
            "<sequence/>",
            "<sequence key=''/>",
            "<sequence key='a' onError='b'/>",
            "<sequence key='a b'/>",
            "<sequence key='{x'/>",
            "<sequence name='i'><bogus/></sequence>",
        ],
    );
}

#[test]
fn a_deployed_name_may_hold_blanks() {
    let mut compiler = Compiler::default();
    compiler.sequences.insert("a b".into());
    let document =
        artifacts::xml::parse("<sequence xmlns='http://ws.apache.org/ns/synapse' key='a b'/>").unwrap();
    let element = artifacts::xml::ElementRef { document: &document, id: document.root_element().unwrap() };
    assert!(super::compile(element, &mut compiler).is_some() && !compiler.diagnostics.has_errors());
}

#[tokio::test]
async fn the_flow_goes_on_behind_a_reference() {
    let flow = Flow::new("<sequence key='s'/><property name='b' value='2'/>").sequence(
        "s",
        None,
        "<property name='a' value='1'/>",
    );
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("a").as_deref(), Some("1"));
    assert_eq!(outcome.property("b").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_missing_sequence_is_a_fault() {
    let flow = Flow::new("<sequence key='nope'/>").fault("<property name='handled' value='yes'/>");
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("handled").as_deref(), Some("yes"));
    let text = "Sequence named Value {name ='null', keyValue ='nope'} cannot be found";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
}

#[tokio::test]
async fn the_innermost_on_error_handles() {
    let flow = Flow::new("<sequence key='s'/><property name='after' value='1'/>")
        .sequence("s", Some("e"), "<throwError type='T' errorMessage='m'/>")
        .sequence("e", None, "<property name='handled' value='e'/>")
        .fault("<property name='handled' value='default'/>");
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("handled").as_deref(), Some("e"));
    assert_eq!(outcome.property("ERROR_CODE").as_deref(), Some("T"));
    assert!(outcome.property("after").is_none() && outcome.property("ERROR_DETAIL").is_none());
}

#[test]
fn loopback_and_error_take_what_they_get() {
    verdicts(&["<loopback a='b'><c/></loopback><throwError/><throwError type='x'/>"], &[]);
    assert_eq!(compile("<loopback/>").0.len(), 1);
}
