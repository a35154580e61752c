use crate::flow::{self, Block, Context, Leave};
use crate::mediators::parts::testing::{compile, json, verdicts};
use crate::message::Message;
use crate::program::{Program, Resource};
use std::sync::Arc;

#[test]
fn verdict() {
    verdicts(
        &[
            "<validate><schema key=''/><on-fail><log/></on-fail></validate>",
            "<validate cache-schema='maybe' bogus='1'><schema key='a'/><schema key='b'/><bogus/><feature name='f' value='true'/><on-fail><log/></on-fail></validate>",
        ],
        &[
            "<validate><on-fail><log/></on-fail></validate>",
            "<validate><schema/><on-fail><log/></on-fail></validate>",
            "<validate><schema key='a'/></validate>",
            "<validate><schema key='a'/><on-fail/></validate>",
            "<validate><schema key='a'/><on-fail><bogus/></on-fail></validate>",
            "<validate><schema key='a'/><feature name='f' value='x'/><on-fail><log/></on-fail></validate>",
            "<validate><schema key='a'/><resource key='x'/><on-fail><log/></on-fail></validate>",
        ],
    );
}

const MEDIATORS: &str = "<validate><schema key='s'/><on-fail><property name='failed' value='1'/></on-fail></validate><property name='after' value='1'/>";

async fn validated(schema: &str, mut message: Message) -> Message {
    let entry = ("s".into(), Resource::Text(schema.into()));
    let program = Program { local_entries: [entry].into(), ..Program::default() };
    let mut cx = Context::new(Arc::new(program), Arc::default());
    cx.push_block(Arc::new(Block { steps: compile(MEDIATORS).0, on_error: None }), Leave::Continue);
    flow::run(&mut cx, &mut message).await;
    message
}

#[tokio::test]
async fn json_that_does_not_fit_runs_on_fail_and_goes_on() {
    let schema = r#"{"type":"object","required":["id"]}"#;
    let message = validated(schema, json(r#"{"id":1}"#)).await;
    assert!(message.property("failed").is_none() && message.property("after").is_some());
    let message = validated(schema, json("{}")).await;
    assert!(message.property("failed").is_some() && message.property("after").is_some());
    assert_eq!(
        message.property("ERROR_MESSAGE").unwrap().text(),
        r#"object has missing required properties (["id"])"#
    );
    assert!(message.property("ERROR_CODE").is_none());
}

#[tokio::test]
async fn broken_schemas_and_payloads_are_faults() {
    let message = validated("{\"type\": ", json("{}")).await;
    assert_eq!(message.property("ERROR_CODE").unwrap().text(), "601000");
    let message = validated("{}", json("{\"id\":")).await;
    assert!(message.property("failed").is_none() && message.property("ERROR_CODE").is_some());
}

#[cfg(feature = "xsd")]
#[tokio::test]
async fn xml() {
    let schema = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='a' type='xs:int'/></xs:schema>";
    let message = validated(schema, xml_of("<a>1</a>")).await;
    assert!(message.property("failed").is_none() && message.property("after").is_some());
    let message = validated(schema, xml_of("<a>x</a>")).await;
    assert!(message.property("failed").is_some() && message.property("ERROR_MESSAGE").is_some());
}

#[cfg(feature = "xsd")]
fn xml_of(text: &str) -> Message {
    crate::mediators::parts::testing::xml(text)
}

#[tokio::test]
async fn a_schema_that_is_no_xml_is_a_fault() {
    let message = validated("no schema", crate::mediators::parts::testing::xml("<a/>")).await;
    assert!(message.property("ERROR_MESSAGE").unwrap().text().contains("schema objects"));
}
