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

#[tokio::test]
async fn parameters_are_evaluated_for_the_call() {
    let flow = Flow::new(
        "<property name='p' value='v'/><call-template target='t'><with-param name='lit' value='a'/>
         <with-param name='xp' value='{$ctx:p}'/><with-param name='num' value='{1 + 1}'/>
         <with-param name='ex' value='{${payload.a}}'/><with-param name='esc' value='{{$ctx:later}}'/></call-template>",
    )
    .template(
        "t",
        &[("lit", false, None), ("xp", false, None), ("num", false, None), ("ex", false, None), ("esc", false, None), ("def", false, Some("d"))],
        "<property name='later' value='now'/><property name='r' expression=\"concat($func:lit, '|', $func:xp, '|', $func:num, '|', $func:ex, '|', $func:esc, '|', $func:def)\"/>",
    );
    let outcome = flow.run(crate::mediators::parts::testing::json("{\"a\":\"A\"}")).await;
    assert_eq!(outcome.property("r").as_deref(), Some("a|v|2|A|now|d"));
}

#[tokio::test]
async fn an_inner_call_hides_the_outer_parameters() {
    let flow = Flow::new("<call-template target='outer'><with-param name='p' value='v'/></call-template>")
        .template("outer", &[("p", false, None)], "<call-template target='inner'><with-param name='p' value=\"{concat($func:p, '!')}\"/></call-template><property name='o' expression='$func:p'/>")
        .template("inner", &[("p", false, None)], "<property name='i' expression='$func:p'/>");
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("i").as_deref(), Some("v!"));
    assert_eq!(outcome.property("o").as_deref(), Some("v"));
}
