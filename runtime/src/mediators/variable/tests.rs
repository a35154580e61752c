use super::super::parts::testing::{json, verdicts};
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

#[tokio::test]
async fn declared_types_must_fit() {
    let run = |xml: &'static str| Flow::new(xml).fault("").run(json("{\"i\":7,\"s\":\"7\",\"o\":{\"x\":1}}"));
    let outcome = run("<variable name='v' expression='${payload.i}' type='INTEGER'/>").await;
    assert!(matches!(outcome.message.variables.get("v"), Some(Value::Integer(7))));
    let outcome = run("<variable name='v' expression='${payload.i}' type='DOUBLE'/>").await;
    assert!(matches!(outcome.message.variables.get("v"), Some(Value::Double(_))));
    let outcome = run("<variable name='v' expression='${payload.s}' type='INTEGER'/>").await;
    let text = "Expression '${payload.s}' result does not match the expected data type 'INTEGER'";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
    let outcome = run("<variable name='v' expression='//i' type='INTEGER'/>").await;
    let text = "Expression '${//i}' result does not match the expected data type 'INTEGER'";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
    let outcome = run(
        "<variable name='v' expression='//i'/><variable name='w' expression='json-eval($.s)' type='STRING'/>",
    )
    .await;
    assert!(outcome.message.variables.get("v").is_none());
    assert!(matches!(outcome.message.variables.get("w"), Some(Value::String(_))));
}
