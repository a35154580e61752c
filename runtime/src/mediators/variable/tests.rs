use super::super::parts::testing::verdicts;
use super::super::testing::Flow;
use crate::message::{Message, Value};

#[test]
fn grammar() {
    verdicts(
        &[
            "<variable name='a' value='b'/>",
            "<variable name='a' value='' type='STRING'/>",
            "<variable name='a' action='remove'/>",
            "<variable name='a' value='x' type='BOOLEAN'/>",
            "<variable name='a' value='5.5' type='DOUBLE'/>",
            "<variable name='a' expression='//b' type='bogus'/>",
        ],
        &[
            "<variable value='b'/>",
            "<variable name='' value='b'/>",
            "<variable name='a'/>",
            "<variable name='a' value='b' type='OM'/>",
            "<variable name='a' value='b' type='integer'/>",
            "<variable name='a' value='b' type='LONG'/>",
            "<variable name='a' value='&lt;a>' type='XML'/>",
        ],
    );
}

#[tokio::test]
async fn literals_have_their_type() {
    let flow = Flow::new(
        "<variable name='i' value='7' type='INTEGER'/><variable name='j' value='[1]' type='JSON'/><variable name='gone' action='remove'/>",
    );
    let mut message = Message::new();
    message.variables.set("gone", "x");
    let outcome = flow.run(message).await;
    let variables = &outcome.message.variables;
    assert!(matches!(variables.get("i"), Some(Value::Integer(7))));
    assert!(matches!(variables.get("j"), Some(Value::Json(_))));
    assert!(variables.get("gone").is_none());
}
