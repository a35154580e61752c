use super::super::parts::testing::{compile, json, verdicts};
use super::*;
use crate::flow::{Context, StepKind};
use crate::message::{Dispatch, Message, facts::EntryName};
use std::sync::Arc;

/// The line that the only mediator of the snippet would write.
fn line(xml: &str, message: &Message) -> String {
    let document = artifacts::xml::parse(&format!("<log xmlns='{}' {xml}", artifacts::xml::SYNAPSE)).unwrap();
    let element = ElementRef { document: &document, id: document.root_element().unwrap() };
    let mut compiler = Compiler::default();
    let log = read(element, &mut compiler).unwrap();
    log.text(message, &Context::new(Arc::default(), Arc::default())).unwrap()
}

#[test]
fn grammar() {
    verdicts(
        &[
            "<log/>",
            "<log level='custom'><property name='a' value='b'/><bogus/>text</log>",
            "<log category='warn' separator=''/>",
            "<log category=' Fatal '/>",
            "<log logFullPayload='maybe' logMessageID='1' colour='red'/>",
            "<log logFullPayload='TRUE' level='bogus'/>",
            "<log.orders/>",
            "<log><property name='a' value='b' type='bogus'/></log>",
            "<log><property xmlns='' name=''/></log>",
            "<log><message/></log>",
        ],
        &[
            "<log level='Full'/>",
            "<log level=''/>",
            "<log category='LOUD'/>",
            "<log category=''/>",
            "<log><property value='b'/></log>",
            "<log><property name=' ' value='b'/></log>",
            "<log><property name='a'/></log>",
            "<log><property name='a' value=' '/></log>",
            "<log><property name='a' expression=''/></log>",
            "<log><property name='a' value='b' scope='operation'/></log>",
            "<log xmlns='urn:other'/>",
        ],
    );
}

#[test]
fn a_wrong_word_gets_a_suggestion() {
    let (_, diagnostics) = compile("<log category='WARNN'/>");
    assert_eq!(diagnostics.iter().next().unwrap().hint.as_deref(), Some("did you mean 'WARN'?"));
}

#[test]
fn simple_names_addresses_and_direction() {
    let mut message = Message::new();
    message.set_id("urn:uuid:1");
    message.addressing.to = Some("/orders".into());
    assert_eq!(line("/>", &message), "To: /orders, MessageID: urn:uuid:1, Direction: request");
    message.addressing.action = Some("urn:a".into());
    message.response = true;
    assert_eq!(
        line("separator='|'><property name='p' value='v'/></log>", &message),
        "To: /orders|WSAction: urn:a|SOAPAction: urn:a|MessageID: urn:uuid:1|Direction: response|p = v"
    );
}

#[test]
fn custom_joins_message_and_properties() {
    let message = Message::new();
    assert_eq!(
        line("level='custom'><property name='a' value='1'/><property name='b' value='2'/></log>", &message),
        "a = 1, b = 2"
    );
    assert_eq!(
        line("><message>x\\ty</message><property name='a' value='1'/></log>", &message),
        "x\ty, a = 1"
    );
    assert_eq!(
        line(
            "separator='\\n' level='custom'><message>x</message><property name='a' value='1'/></log>",
            &message
        ),
        "x\na = 1"
    );
}

#[test]
fn full_appends_the_payload() {
    let mut message = json("{\"a\": 1}");
    message.set_id("i");
    assert_eq!(
        line("level='full'/>", &message),
        "To: , MessageID: i, Direction: request, Payload: {\"a\": 1}"
    );
    let mut message = super::super::parts::testing::xml("<a/>");
    message.set_id("i");
    let text = line("logFullPayload='true'/>", &message);
    assert!(text.contains(", Envelope: <?xml version='1.0' encoding='utf-8'?><soapenv:Envelope"), "{text}");
    assert!(text.contains("<soapenv:Body><a /></soapenv:Body>"), "{text}");
}

#[test]
fn message_ids_come_first() {
    let mut message = Message::new();
    message.set_id("i");
    assert_eq!(
        line("level='custom' logMessageID='true'><message>m</message></log>", &message),
        "MessageID: i, m"
    );
}

#[test]
fn lines_name_the_artifact() {
    let mut message = Message::new();
    assert_eq!(run::origin(&message, false), "");
    let dispatch = Dispatch {
        entry: EntryName::Api("Orders".into()),
        target: "/orders/1?x=y".into(),
        ..Dispatch::default()
    };
    message.dispatch = Arc::new(dispatch);
    assert_eq!(run::origin(&message, false), "{api:Orders} ");
    assert_eq!(run::origin(&message, true), "{api:Orders GET /orders/1?x=y} ");
    message.dispatch = Arc::new(Dispatch { entry: EntryName::Proxy("P".into()), ..Dispatch::default() });
    assert_eq!(run::origin(&message, true), "{proxy:P} ");
}

#[test]
fn only_levels_that_print_the_body_need_it() {
    let reads = |xml: &str| compile(xml).0[0].reads_body;
    assert!(reads("<log/>") && reads("<log level='full'/>"));
    assert!(!reads("<log level='custom'><property name='a' value='b'/></log>"));
    assert!(matches!(compile("<log/>").0[0].kind, StepKind::Now(_)));
}
