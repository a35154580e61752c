use super::super::parts::testing::{compile, json, verdicts};
use super::super::testing::Flow;
use crate::message::{Message, Value};

#[test]
fn grammar() {
    verdicts(
        &[
            "<property name='a' value='b'/>",
            "<property name='a' value=''/>",
            "<property name='a'><x xmlns=''/></property>",
            "<property name='a' action='remove'/>",
            "<property name='a' value='b' action='delete'/>",
            "<property name='a' value='maybe' type='BOOLEAN'/>",
            "<property name='a' value='{oops' type='JSON'/>",
            "<property name='a' expression='//b' type='bogus'/>",
            "<property name='a' value='b' pattern='.*' group='0' description='d'/>",
            "<property name='{get-property(\"x\")}' value='b'/>",
            "<property name='a' value='b' expression='//b'/>",
            "<property name='a' value='1' scope='analytics'/>",
        ],
        &[
            "<property name='a'/>",
            "<property value='b'/>",
            "<property name='' value='b'/>",
            "<property name='a' action='Remove'/>",
            "<property name='a' value='b' scope='Axis2'/>",
            "<property name='a' value='b' scope=''/>",
            "<property name='a' value='b' type='string'/>",
            "<property name='a' value='5.0' type='INTEGER'/>",
            "<property name='a' value='' type='LONG'/>",
            "<property name='a' value='&lt;a>' type='OM'/>",
            "<property name='a' value='b' pattern='(a'/>",
            "<property name='a' value='b' group='1'/>",
            "<property name='a' value='b' pattern='.*' group='-1'/>",
            "<property name='a' value='b' pattern='.*' group='x'/>",
            "<property name='a' value='5' type='NUMBER' action='remove'/>",
        ],
    );
}

#[tokio::test]
async fn scopes() {
    let flow = Flow::new(
        "<property name='d' value='1'/><property name='x' value='2' scope='axis2'/>
         <property name='X-T' value='3' scope='transport'/><property name='o' value='4' scope='operation'/>
         <property name='c' value='5' scope='axis2-client' type='INTEGER'/>
         <property name='t' value='6' scope='trace'/>",
    );
    let outcome = flow.run(Message::new()).await;
    let message = &outcome.message;
    assert_eq!(outcome.property("d").as_deref(), Some("1"));
    assert_eq!(message.axis2_text("x").as_deref(), Some("2"));
    assert_eq!(outcome.header("x-t").as_deref(), Some("3"));
    assert_eq!(message.operation.get("o").unwrap().text(), "4");
    assert!(matches!(message.axis2_client.get("c"), Some(Value::Integer(5))));
    assert!(outcome.property("t").is_none());
}

#[tokio::test]
async fn removal() {
    let flow = Flow::new(
        "<property name='a' action='remove'/><property name='X-T' scope='transport' action='remove'/>
         <property name='HTTP_METHOD' scope='axis2' action='remove'/>",
    );
    let mut message = Message::new();
    message.properties.set("a", "1");
    message.headers.set("X-T", "1");
    let outcome = flow.run(message).await;
    assert!(outcome.property("a").is_none() && outcome.header("X-T").is_none());
    assert!(outcome.message.axis2("HTTP_METHOD").is_none());
}

#[tokio::test]
async fn all_headers_can_be_removed() {
    let flow = Flow::new("<property name='TRANSPORT_HEADERS' scope='axis2' action='remove'/>");
    let mut message = Message::new();
    message.headers.set("X-A", "1");
    assert!(flow.run(message).await.header("X-A").is_none());
}

#[tokio::test]
async fn message_type_sets_three_things() {
    let flow = Flow::new("<property name='messageType' value='application/xml' scope='axis2'/>");
    let outcome = flow.run(json("{}")).await;
    assert_eq!(outcome.message.axis2_text("ContentType").as_deref(), Some("application/xml"));
    assert_eq!(outcome.header("Content-Type").as_deref(), Some("application/xml"));
}

#[tokio::test]
async fn patterns_match_the_whole_text() {
    let flow = Flow::new(
        "<property name='g1' value='order-42-x' pattern='order-([0-9]+)-(.)' group='1'/>
         <property name='part' value='order-42-x' pattern='[0-9]+'/>
         <property name='g9' value='order-42-x' pattern='order-([0-9]+)-(.)' group='9'/>",
    );
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("g1").as_deref(), Some("42"));
    assert_eq!(outcome.property("part").as_deref(), Some(""));
    assert_eq!(outcome.property("g9").as_deref(), Some(""));
}

#[tokio::test]
async fn groups_run_in_order() {
    let flow = Flow::new(
        "<propertyGroup><property name='a' value='1'/><property name='a' value='2'/><log/></propertyGroup>",
    );
    assert_eq!(flow.run(Message::new()).await.property("a").as_deref(), Some("2"));
    verdicts(&[], &["<propertyGroup><property name='a'/></propertyGroup>"]);
}

#[test]
fn some_names_need_the_body() {
    let reads = |xml: &str| compile(xml).0[0].reads_body;
    assert!(reads("<property name='messageType' value='a/b' scope='axis2'/>"));
    assert!(!reads("<property name='messageType' value='a/b'/>"));
    assert!(reads("<property name='Content-Encoding' value='gzip' scope='transport'/>"));
}

#[tokio::test]
async fn null_results_keep_or_empty_what_is_there() {
    let flow = Flow::new(
        "<property name='a' value='old'/><property name='a' expression='$ctx:none'/>
         <property name='X-H' scope='transport' expression='$ctx:none'/>
         <property name='n' expression='count(//none)' type='INTEGER'/>
         <property name=\"{concat('dyn', 'amic')}\" value='d'/>",
    );
    let outcome = flow.run(json("{}")).await;
    assert_eq!(outcome.property("a").as_deref(), Some("old"));
    assert_eq!(outcome.header("X-H").as_deref(), Some(""));
    assert!(matches!(outcome.message.properties.get("n"), Some(Value::Integer(0))));
    assert_eq!(outcome.property("dynamic").as_deref(), Some("d"));
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_type_is_a_fault() {
    let flow = Flow::new("<property name='a' expression=\"'x'\" type='INTEGER'/>").fault("");
    let text = "Unknown type : INTEGER for the property mediator or the property value cannot be converted into the specified type.";
    assert_eq!(flow.run(Message::new()).await.property("ERROR_MESSAGE").as_deref(), Some(text));
}
