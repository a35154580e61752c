use crate::mediators::parts::testing::{body, json, run, verdicts, xml};

#[test]
fn verdict() {
    let pf = |inner: &str| format!("<payloadFactory media-type='json'>{inner}</payloadFactory>");
    verdicts(
        &[
            &pf("<format>{\"a\":$1}</format><args><arg value='1'/></args>"),
            &pf("<format/><args><arg value=''/></args>"),
            &pf("<format key='conf:x'/>"),
            &pf("<format>x</format><args><arg evaluator='json' expression='$.a'/></args>"),
            &pf("<format>x</format><args><arg evaluator='json' expression='json-eval($.a)'/></args>"),
            &pf("<format>x</format><args><arg evaluator='bogus' expression='//a'/></args>"),
            "<payloadFactory><format><a/></format><bogus/><args/></payloadFactory>",
            "<payloadFactory media-type='JSON'><format>x</format></payloadFactory>",
            "<payloadFactory template-type='FreeMarker'><format>${x}</format></payloadFactory>",
        ],
        &[
            &pf(""),
            &pf("<format>x</format><args><arg/></args>"),
            &pf("<format>x</format><args><arg expression=' '/></args>"),
            &pf("<format>x</format><args><x:bogus xmlns:x='urn:x'/></args>"),
        ],
    );
}

#[tokio::test]
async fn constants_are_escaped_for_xml_in_json_too() {
    let mut message = json("{}");
    run(
        "<payloadFactory media-type='json'><format>[\"$1\",\"$2\",\"$10\",\"$1\"]</format>\
         <args><arg value='a &amp; b'/><arg value='c'/></args></payloadFactory>",
        &mut message,
    )
    .await;
    assert_eq!(body(&message), "[\"a &amp; b\",\"c\",\"$10\",\"$1\"]");
    assert_eq!(message.axis2_text("messageType").as_deref(), Some("application/json"));
}

#[tokio::test]
async fn dollars_without_number_stay() {
    let mut message = json("{}");
    run(
        "<payloadFactory media-type='text'><format>cost $ 5 $1 $$ $a</format><args><arg value='x'/></args></payloadFactory>",
        &mut message,
    )
    .await;
    assert!(body(&message).ends_with(">cost $ 5 x $$ $a</text>"), "{}", body(&message));
    assert_eq!(message.headers.get("Content-Type").as_deref(), Some("text/plain"));
}

#[tokio::test]
async fn xml_keeps_soap_types_and_drops_no_entity_body() {
    let mut message = xml("<a/>");
    message.axis2.set("messageType", "text/xml");
    message.axis2.set("NO_ENTITY_BODY", crate::message::Value::Boolean(true));
    run(
        "<payloadFactory><format>\n <r xmlns=''>\n <v>$1</v> </r></format><args><arg value='1 &lt; 2'/></args></payloadFactory>",
        &mut message,
    )
    .await;
    assert_eq!(body(&message), "<r><v>1 &lt; 2</v></r>");
    assert_eq!(message.axis2_text("messageType").as_deref(), Some("text/xml"));
    assert!(message.axis2("NO_ENTITY_BODY").is_none());
}

#[tokio::test]
async fn a_text_that_is_no_xml_is_a_fault() {
    let mut message = xml("<a/>");
    run("<payloadFactory><format>just text</format></payloadFactory>", &mut message).await;
    let text = message.property("ERROR_MESSAGE").unwrap();
    assert_eq!(text.text(), "Generated content is not a valid XML payload");
}

#[tokio::test]
async fn a_whole_envelope_replaces_the_envelope() {
    let mut message = xml("<a/>");
    run(
        "<payloadFactory><format><e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><b xmlns=''>$1</b></e:Body></e:Envelope></format>\
         <args><arg value='x'/></args></payloadFactory>",
        &mut message,
    )
    .await;
    assert_eq!(message.payload.envelope().version(), crate::message::Soap::V12);
    assert_eq!(body(&message), "<b>x</b>");
}
