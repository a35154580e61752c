use crate::mediators::parts::testing::{body, json, run, verdicts, xml};

fn enrich(source: &str, target: &str) -> String {
    format!("<enrich><source {source}</source><target {target}/></enrich>")
}

#[test]
fn verdict() {
    let both = |source: &str, target: &str| format!("<enrich><source {source}/><target {target}/></enrich>");
    let accepted = [
        both("type='body'", "type='property' property=''"),
        both("xpath='//a' clone='maybe'", "xpath='//b' bogus='1'"),
        both("type='property' property='p'", "type='body'"),
        both("type='envelope'", "type='property' property='p'"),
        both("type='property' property='p'", "type='envelope'"),
        both("type='inline' key='k'", "type='body'"),
        both("xpath='json-eval($.a)'", "type='body' action='remove'"),
        both("type='inline' key='k'", "type='key' xpath='json-eval($.a.b)'"),
        both("type='envelope'", "xpath='//a'"),
        enrich("type='inline'>text", "type='body'"),
        "<enrich><source type='body'/><target type='property' property='p'/><bogus/></enrich>".to_owned(),
    ];
    let refused = [
        "<enrich/>".to_owned(),
        "<enrich><source type='body'/></enrich>".to_owned(),
        "<enrich><target type='body'/></enrich>".to_owned(),
        both("", "type='body'"),
        both("type='Body'", "xpath='//a'"),
        both("type=''", "xpath='//a'"),
        both("type='body'", "type='bogus'"),
        both("type='body'", "type='inline'"),
        both("type='body'", "type='body'"),
        both("type='body'", "type='envelope'"),
        both("type='envelope'", "type='custom' xpath='//a'"),
        both("type='envelope'", "type='body'"),
        both("xpath='//a'", "type='envelope'"),
        both("type='property'", "type='body'"),
        both("type='body'", "type='property'"),
        both("xpath='//a'", "type='custom'"),
        both("type='inline'", "type='body'"),
        both("xpath='//a'", "xpath='//b' action='Child'"),
        both("xpath='//a'", "xpath='//b' action=''"),
        both("type='property' property='p'", "type='envelope' action='child'"),
        both("type='body'", "type='property' property='p' action='remove'"),
        both("xpath='//a'", "type='custom' xpath='//b' action='remove'"),
        both("type='body'", "type='key' xpath='json-eval($.a)'"),
        both("type='inline' key='k'", "type='key' xpath='json-eval($.a)' action='child'"),
        both("type='inline' key='k'", "xpath='json-eval($)'"),
    ];
    let (accepted, refused): (Vec<&str>, Vec<&str>) =
        (accepted.iter().map(String::as_str).collect(), refused.iter().map(String::as_str).collect());
    verdicts(&accepted, &refused);
}

#[tokio::test]
async fn json_body_to_a_property_and_back() {
    let mut message = json(r#"{"a": 1.50}"#);
    run(
        &format!(
            "{}{}",
            enrich("type='body'>", "type='property' property='p'"),
            enrich("type='inline'>{\"b\":2}", "type='body'")
        ),
        &mut message,
    )
    .await;
    assert_eq!(message.property("p").unwrap().text(), r#"{"a":1.50}"#);
    assert_eq!(body(&message), r#"{"b":2}"#);
    run(&enrich("type='property' property='p'>", "type='body'"), &mut message).await;
    assert_eq!(body(&message), r#"{"a":1.50}"#);
}

#[tokio::test]
async fn only_containers_become_a_json_body() {
    let mut message = json("{}");
    run(&enrich("type='inline'>5", "type='body'"), &mut message).await;
    assert_eq!(body(&message), "{}");
}

#[tokio::test]
async fn a_missing_json_source_is_a_fault() {
    let mut message = json("{}");
    run(&enrich("type='property' property='none'>", "type='body'"), &mut message).await;
    assert!(message.property("ERROR_MESSAGE").is_some());
}

#[tokio::test]
async fn xml_into_the_body() {
    let mut message = xml("<a><b/></a>");
    let inline =
        |action: &str| enrich("type='inline'><x xmlns=''/>", &format!("type='body' action='{action}'"));
    run(&inline("child"), &mut message).await;
    assert_eq!(body(&message), "<a><b /><x /></a>");
    run(&inline("replace"), &mut message).await;
    assert_eq!(body(&message), "<x />");
    run(&enrich("type='inline'>plain words", "type='body'"), &mut message).await;
    assert_eq!(body(&message), "<x>plain words</x>");
    run(&enrich("type='inline'>{\"now\":\"json\"}", "type='body'"), &mut message).await;
    assert_eq!(body(&message), "{\"now\":\"json\"}");
}

#[tokio::test]
async fn a_body_in_a_property_is_a_list_of_nodes() {
    let mut message = xml("<a>1</a>");
    run(&enrich("type='body'>", "type='property' property='p'"), &mut message).await;
    let value = message.property("p").unwrap();
    assert!(matches!(value, crate::message::Value::Nodes(_)));
    run(&enrich("type='inline'><b xmlns=''/>", "type='body'"), &mut message).await;
    run(&enrich("type='property' property='p'>", "type='body' action='child'"), &mut message).await;
    assert_eq!(body(&message), "<b><a>1</a></b>");
}

#[tokio::test]
async fn envelopes_travel_through_properties() {
    let mut message = xml("<a>1</a>");
    run(&enrich("type='envelope'>", "type='property' property='p'"), &mut message).await;
    run(&enrich("type='inline'><b xmlns=''/>", "type='body'"), &mut message).await;
    run(&enrich("type='property' property='p'>", "type='envelope'"), &mut message).await;
    assert_eq!(body(&message), "<a>1</a>");
}
