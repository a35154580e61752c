use crate::mediators::parts::testing::{body, run, verdicts, xml};

#[test]
fn verdict() {
    verdicts(
        &[
            "<header name='To' value='http://x'/>",
            "<header name='X-A' scope='transport' value=''/>",
            "<header name='' scope='transport' value='v'/>",
            "<header name='soap11:x' value='v' action='bogus'/>",
            "<header name='soap11:x' action='remove'/>",
            "<header><a xmlns='urn:a'/></header>",
            "<header name='To' value='v' type='INTEGER' bogus='1'>stray</header>",
        ],
        &[
            "<header value='x'/>",
            "<header name='SOAPAction' value='x'/>",
            "<header name='' value='x'/>",
            "<header name='nope:x' value='x'/>",
            "<header name='To'/>",
            "<header name='To' action='Remove'/>",
            "<header name='To' value='x' scope='Transport'/>",
            "<header name='To' value='x' scope=''/>",
            "<header/>",
        ],
    );
}

#[tokio::test]
async fn transport_headers_and_addresses() {
    let mut message = xml("<a/>");
    message.headers.set("Old", "1");
    run(
        "<header name='X-A' scope='transport' value='1'/><header name='old' scope='transport' action='remove'/>\
         <header name='To' value='http://h/'/>",
        &mut message,
    )
    .await;
    assert_eq!(message.headers.get("x-a").as_deref(), Some("1"));
    assert!(!message.headers.contains("Old"));
    assert_eq!(message.addressing.to.as_deref(), Some("http://h/"));
    assert_eq!(body(&message), "<a />");
}

#[tokio::test]
async fn soap_blocks_are_added_not_replaced_and_removed_together() {
    let mut message = xml("<a/>");
    let twice = "<header name='soap11:t' value='1'/><header name='soap11:t' value='2'/>";
    run(twice, &mut message).await;
    let text = |m: &crate::message::Message| m.payload.envelope().document().to_xml();
    assert_eq!(text(&message).matches("</soap11:t>").count(), 2, "{}", text(&message));
    run("<header name='soap11:t' action='remove'/>", &mut message).await;
    assert!(!text(&message).contains("soap11:t"));
    run("<header><z:b xmlns:z='urn:z'>x</z:b></header>", &mut message).await;
    assert!(text(&message).contains(">x</z:b>"));
}

#[tokio::test]
async fn a_value_of_type_om_becomes_a_child() {
    let mut message = xml("<a/>");
    run("<header name='soap11:t' type='OM' value='&lt;x>1&lt;/x>'/>", &mut message).await;
    assert!(message.payload.envelope().document().to_xml().contains("<x>1</x></soap11:t>"));
}
