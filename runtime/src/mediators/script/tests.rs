use crate::mediators::parts::testing::{body, json, verdicts, xml};
use crate::mediators::testing::{Flow, Outcome};
use crate::message::{Message, Value};

#[test]
fn grammar() {
    verdicts(
        &[
            "<script language='js'>mc.a();</script>",
            "<script language='js'/>",
            "<script language='js' key='k' function='f'><include key='i'/></script>",
            "<script language='js' key='k' target='Variable' target-variable='v'/>",
            "<script language='rhinoJs'>mc.setPayloadXML(&lt;a/&gt;)</script>",
            "<script language='groovy'>println \"x\"</script>",
            "<script language='js'>payload = 1; function f() { return {a: 1} }</script>",
        ],
        &[
            "<script/>",
            "<script language='JS'/>",
            "<script language='bogus'/>",
            "<script language='js' function='f'/>",
            "<script language='js'><include/></script>",
            "<script language='js'>var a = (1;</script>",
            "<script language='js'>mc.setPayloadXML(&lt;a>{x}&lt;/a>);</script>",
            "<script language='js'>java stray Thread.sleep(1)</script>",
            "<script language='js' key='k' target='header'/>",
            "<script language='js' key='k' target='variable'/>",
        ],
    );
}

async fn run(script: &str, message: Message) -> Outcome {
    Flow::new(&format!(
        "<script language='js'><![CDATA[{script}]]></script><property name='after' value='1'/>"
    ))
    .fault("")
    .run(message)
    .await
}

async fn text_after(script: &str, message: Message) -> String {
    body(&run(script, message).await.message)
}

#[tokio::test]
async fn json_in_and_out() {
    let script = "var p = mc.getPayloadJSON(); mc.setPayloadJSON({n: p.list.length, cat: p.s + 1, u: undefined, f: NaN, e: 1e21});";
    assert_eq!(
        text_after(script, json("{\"list\":[1,2.5],\"s\":\"t\"}")).await,
        "{\"n\":2,\"cat\":\"t1\",\"u\":null,\"f\":null,\"e\":1e+21}"
    );
    assert_eq!(text_after("mc.setPayloadJSON('{\"a\": 1}');", json("{}")).await, "\"{\\\"a\\\": 1}\"");
    assert_eq!(
        text_after("payload = mc.getPayloadText(); mc.setPayloadJSON(payload.length)", json("[1, 2]")).await,
        "6"
    );
}

#[tokio::test]
async fn xml_in_and_out() {
    assert_eq!(text_after("mc.setPayloadXML('<n><v>1</v></n>');", xml("<r/>")).await, "<n><v>1</v></n>");
    let script = "var e = mc.getPayloadXML(); mc.setProperty('p', e.getFirstElement().getText() + e.getLocalName() + e.getAttributeValue('k') + e.getChildElements().size());";
    assert_eq!(run(script, xml("<r k='x'><v>7</v></r>")).await.property("p").as_deref(), Some("7rx1"));
    assert_eq!(text_after("mc.getEnvelope().getBody().getFirstElement().detach();", xml("<r/>")).await, "");
}

#[tokio::test]
async fn properties_and_variables_keep_their_types() {
    let script = "mc.setProperty('i', 1 + 1); mc.setProperty('b', true); mc.setProperty('x', '<a/>');
        mc.setProperty('d', 0.5); mc.setProperty('o', {k: [1]}); mc.setProperty('back', mc.getProperty('o').k[0]);
        mc.setProperty('X-H', 'v', 'transport'); mc.setProperty('gone', null); mc.removeProperty('old', 'default');
        mc.setVariable('v', mc.getVariable('v') + 1);";
    let mut message = Message::new();
    message.properties.set("old", "1");
    message.variables.set("v", Value::Integer(5));
    let outcome = run(script, message).await;
    let property = |name| outcome.message.properties.get(name);
    assert!(matches!(property("i"), Some(Value::Integer(2))));
    assert!(matches!(property("b"), Some(Value::Boolean(true))));
    assert!(matches!(property("x"), Some(Value::Xml(_))));
    assert!(matches!(property("d"), Some(Value::Double(_))));
    assert!(matches!(property("o"), Some(Value::Json(_))));
    assert!(matches!(property("back"), Some(Value::Integer(1))));
    assert!(property("gone").is_none() && property("old").is_none());
    assert!(matches!(outcome.message.variables.get("v"), Some(Value::Integer(6))));
    assert_eq!(outcome.header("X-H").as_deref(), Some("v"));
}

#[tokio::test]
async fn false_ends_the_flow() {
    assert!(run("false", Message::new()).await.property("after").is_none());
    assert_eq!(run("0", Message::new()).await.property("after").as_deref(), Some("1"));
}

#[tokio::test]
async fn errors_are_faults_and_the_message_stays() {
    let outcome = run("mc.setProperty('p', 1); nothing.there();", json("{\"a\":1}")).await;
    let text = "The script engine returned an error executing the inlined js script";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
    assert_eq!(outcome.property("p").as_deref(), Some("1"));
    assert_eq!(body(&outcome.message), "{\"a\":1}");
    assert!(outcome.property("ERROR_DETAIL").unwrap().contains("nothing"));
}

#[tokio::test]
async fn java_is_mostly_absent() {
    let outcome = run(
        "mc.setProperty('u', java.util.UUID.randomUUID().toString().length); java.lang.Thread.sleep(1);",
        Message::new(),
    )
    .await;
    assert_eq!(outcome.property("u").as_deref(), Some("36"));
    assert!(run("java.lang.System.exit(1)", Message::new()).await.property("ERROR_MESSAGE").is_some());
    assert!(run("Java.type('java.io.File')", Message::new()).await.property("ERROR_MESSAGE").is_some());
}

#[tokio::test]
async fn headers_are_added() {
    let outcome = run(
        "mc.addHeader(true, '<h xmlns=\"urn:h\">v</h>'); mc.setTo('http://x/'); mc.setResponse(true)",
        xml("<r/>"),
    )
    .await;
    let envelope = outcome.message.payload.envelope().document().to_xml();
    assert!(envelope.contains("soapenv:mustUnderstand=\"1\""), "{envelope}");
    assert!(outcome.message.response && outcome.message.addressing.to.as_deref() == Some("http://x/"));
}

#[tokio::test]
async fn scripts_do_not_see_each_other() {
    run("leak = 1", Message::new()).await;
    let outcome = run("mc.setProperty('seen', typeof leak)", Message::new()).await;
    assert_eq!(outcome.property("seen").as_deref(), Some("undefined"));
}
