use crate::mediators::parts::testing::{run, verdicts, xml};

const CODE: &str = "<code value='soap11:Server'/><reason value='r'/>";

#[test]
fn verdict() {
    let with = |inner: &str| {
        format!(
            "<makefault version='soap12'><code value='soap12:Sender'/><reason value='r'/>{inner}</makefault>"
        )
    };
    verdicts(
        &[
            &format!("<makefault>{CODE}</makefault>"),
            &format!("<makefault response='false'>{CODE}<bogus/></makefault>"),
            "<makefault version='pox'><reason value='r'/></makefault>",
            "<makefault version='pox'/>",
            "<makefault version='soap12'><code expression=\"'x'\"/><reason expression=\"'x'\"/></makefault>",
            &with("<node>http://n</node><role>urn:r</role><detail>t</detail>"),
            &format!("<makefault version='soap11'>{CODE}<node>http://n</node></makefault>"),
        ],
        &[
            "<makefault/>",
            "<makefault><reason value='r'/></makefault>",
            "<makefault><code value='soap11:Server'/></makefault>",
            "<makefault><code value='Server'/><reason value='r'/></makefault>",
            "<makefault><code value='soap11:Sender'/><reason value='r'/></makefault>",
            "<makefault><code value='soap12:Sender'/><reason value='r'/></makefault>",
            "<makefault><code value='no:Server'/><reason value='r'/></makefault>",
            "<makefault><code/><reason value='r'/></makefault>",
            "<makefault><code value='soap11:Server'/><reason/></makefault>",
            &format!("<makefault version='SOAP11'>{CODE}</makefault>"),
            &format!("<makefault version=''>{CODE}</makefault>"),
            &format!("<makefault response='yes'>{CODE}</makefault>"),
            &format!("<makefault>{CODE}<node>http://n</node></makefault>"),
            &with("<role>not a uri</role>"),
            &with("<node>a b</node>"),
        ],
    );
}

#[tokio::test]
async fn soap11() {
    let mut message = xml("<a/>");
    message.addressing.reply_to = Some("http://back".into());
    let mediator =
        format!("<makefault>{CODE}<role>urn:me</role><detail><d xmlns='urn:d'/></detail></makefault>");
    run(&mediator, &mut message).await;
    let envelope = message.payload.envelope();
    assert!(envelope.has_fault() && message.response);
    assert_eq!(message.addressing.to.as_deref(), Some("http://back"));
    let text = envelope.document().to_xml();
    for part in [
        "<faultcode xmlns:soap11=\"http://schemas.xmlsoap.org/soap/envelope/\">soap11:Server</faultcode>",
        "<faultstring>r</faultstring>",
        "<faultactor>urn:me</faultactor>",
        "<detail><d xmlns=\"urn:d\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn soap12() {
    let mut message = xml("<a/>");
    run(
        "<makefault version='soap12' response='false'><code value='soap12:DataEncodingUnknown'/><reason value='r'/>\
         <node>urn:n</node><role>urn:r</role><detail>d</detail></makefault>",
        &mut message,
    )
    .await;
    let text = message.payload.envelope().document().to_xml();
    assert!(!message.response);
    for part in [
        ":DataEncodingUnknown</soapenv:Value>",
        "xml:lang=\"en\">r</soapenv:Text>",
        "<soapenv:Node>urn:n</soapenv:Node>",
        "<soapenv:Role>urn:r</soapenv:Role>",
        "<soapenv:Detail>d</soapenv:Detail>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn pox() {
    let mut message = xml("<a/>");
    run("<makefault version='pox'><reason value='r'/></makefault>", &mut message).await;
    assert_eq!(crate::mediators::parts::testing::body(&message), "<Exception>r</Exception>");
    assert!(message.fault);
}
