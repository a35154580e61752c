use super::super::parts::testing::verdicts;
use super::super::testing::Flow;
use crate::message::Message;

#[test]
fn grammar() {
    verdicts(
        &[
            "<call-template target='t'/>",
            "<call-template target='t' onError=''><with-param name='a' value=''/><bogus/></call-template>",
            "<call-template target='t'><with-param value='x'/></call-template>",
            "<call-template target='{x}'><with-param name='a' value='{{//[}}'/></call-template>",
        ],
        &[
            "<call-template/>",
            "<call-template target=''/>",
            "<call-template target='t'><with-param name='a'/></call-template>",
            "<call-template target='t'><with-param name='' value='x'/></call-template>",
        ],
    );
}

#[tokio::test]
async fn a_missing_template_is_a_fault() {
    let outcome = Flow::new("<call-template target='{x}'/>").fault("").run(Message::new()).await;
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some("Sequence template {x} cannot be found"));
}

#[tokio::test]
async fn a_mandatory_parameter_must_be_given() {
    let flow =
        Flow::new("<call-template target='t'/>").template("t", &[("p", true, Some("d"))], "").fault("");
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("ERROR_CODE").as_deref(), Some("500101"));
    let text = "Neither a value nor default value is provided for mandatory parameter: p in seq-template t";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
}

#[tokio::test]
async fn the_calls_own_handler_is_used_and_dropped() {
    let flow = Flow::new("<call-template target='t' onError='e'/><throwError type='later'/>")
        .template("t", &[], "<property name='in' value='1'/>")
        .sequence("e", None, "<property name='by' value='e'/>")
        .fault("<property name='by' value='default'/>");
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("in").as_deref(), Some("1"));
    assert_eq!(outcome.property("by").as_deref(), Some("default"));
    let flow = Flow::new("<call-template target='t' onError='e'/>")
        .template("t", &[], "<throwError/>")
        .sequence("e", None, "<property name='by' value='e'/>");
    assert_eq!(flow.run(Message::new()).await.property("by").as_deref(), Some("e"));
}
