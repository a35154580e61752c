use super::*;
use crate::kinds::expression::Value;
use crate::source::Source;
use crate::xml::parse_source;

fn read_text(body: &str) -> (Option<Endpoint>, Diagnostics) {
    let text = format!("<endpoint xmlns=\"http://ws.apache.org/ns/synapse\" {body}</endpoint>");
    let document = parse_source(&Source::new("e.xml", text)).unwrap();
    let mut diagnostics = Diagnostics::new();
    let root = document.root_element().unwrap();
    let endpoint = read(ElementRef { document: &document, id: root }, &mut diagnostics);
    (endpoint, diagnostics)
}

fn good(body: &str) -> Endpoint {
    let (endpoint, diagnostics) = read_text(body);
    endpoint.unwrap_or_else(|| panic!("refused: {}", diagnostics.render()))
}

fn refused(body: &str) -> String {
    let (endpoint, diagnostics) = read_text(body);
    assert!(endpoint.is_none() && diagnostics.has_errors(), "accepted: {body}");
    diagnostics.render()
}

#[test]
fn suspension_is_read() {
    let endpoint = good(
        "name='e'><address uri=' http://h '><timeout><duration> 5 </duration><responseAction>Fault</responseAction></timeout>\
         <markForSuspension><errorCodes>101504, 101505</errorCodes><retriesBeforeSuspension>3</retriesBeforeSuspension></markForSuspension>\
         <suspendOnFailure><initialDuration>1000</initialDuration><progressionFactor>2.5</progressionFactor></suspendOnFailure></address>",
    );
    let EndpointKind::Address(address) = endpoint.kind else { panic!("kind") };
    assert_eq!(address.uri, "http://h");
    assert!(matches!(address.definition.timeout.duration, Some(Duration::Millis(5))));
    assert_eq!(address.definition.timeout.action, Some(TimeoutAction::Fault));
    assert_eq!(address.definition.mark_for_suspension.error_codes, [101_504, 101_505]);
    assert_eq!(address.definition.suspend_on_failure.progression_factor, 2.5);
    assert_eq!(address.definition.suspend_on_failure.maximum_ms, i64::MAX);
}

#[test]
fn the_first_rule_decides() {
    assert!(matches!(good("key='a'><http/>").kind, EndpointKind::Indirect(key) if key.key == "a"));
    assert!(matches!(good("><http uri-template='/x'/><default/>").kind, EndpointKind::Default(_)));
    assert!(
        matches!(good("><http method='get'/>").kind, EndpointKind::Http(http) if http.method == Some("GET"))
    );
}

#[test]
fn numbers_and_words_are_checked() {
    for (body, said) in [
        ("><address uri='x'><timeout><duration>10s</duration></timeout></address>", "'10s'"),
        ("><address uri='x'><timeout><responseAction>never</responseAction></timeout></address>", "'never'"),
        ("><default><suspendOnFailure><errorCodes>1.5</errorCodes></suspendOnFailure></default>", "'1.5'"),
        ("><address/>", "'uri'"),
        ("><http uri-template='/{a'/>", "never closed"),
        ("><adress uri='x'/>", "did you mean <address>?"),
        ("key='with space'>", "with space"),
        ("><failover/>", "<endpoint>"),
        ("><loadbalance><endpoint key='a'/><endpoint key='a'/></loadbalance>", "twice"),
        ("template='t'><parameter name='a'/>", "'value'"),
        (
            "><http><authentication><basicAuth><username>u</username></basicAuth></authentication></http>",
            "<password>",
        ),
    ] {
        let text = refused(body);
        assert!(text.contains(said), "{body}: {text}");
    }
}

#[test]
fn unknown_parts_are_warnings() {
    let (endpoint, diagnostics) = read_text("nmae='e'><address uri='x'><bogus/></address>");
    assert!(endpoint.is_some() && !diagnostics.has_errors());
    assert_eq!(diagnostics.len(), 2, "{}", diagnostics.render());
}

#[test]
fn oauth_is_read() {
    let endpoint = good(
        "><http uri-template='http://h'><authentication><oauth><clientCredentials><clientId>{$ctx:id}</clientId>\
         <clientSecret>s</clientSecret><tokenUrl>http://t</tokenUrl><authMode>payload</authMode>\
         <requestParameters><parameter name='scope'>x</parameter></requestParameters></clientCredentials></oauth></authentication></http>",
    );
    let EndpointKind::Http(http) = endpoint.kind else { panic!("kind") };
    let Some(Authentication::OAuth(oauth)) = http.authentication else { panic!("auth") };
    assert!(oauth.client_id.as_static().is_none() && oauth.credentials_in_payload);
    assert_eq!(oauth.request_parameters.len(), 1);
}

#[test]
fn recipients_by_expression() {
    let endpoint =
        good("><recipientlist><endpoints value='{get-property(\"a\")}' max-cache='x'/></recipientlist>");
    let EndpointKind::RecipientList(list) = endpoint.kind else { panic!("kind") };
    assert!(matches!(list.recipients, Recipients::Dynamic { max_cache: 20, value: Value::Expression(_) }));
}
