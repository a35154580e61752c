use crate::mediators::parts::testing::{body, run, verdicts, xml};

#[test]
fn verdict() {
    verdicts(
        &[
            "<jsontransform schema=''/>",
            "<jsontransform schema='k' bogus='1'><bogus/></jsontransform>",
            "<jsontransform><property name='synapse.commons.json.output.autoPrimitive' value='false'/></jsontransform>",
        ],
        &[
            "<jsontransform/>",
            "<jsontransform><property name='a'/></jsontransform>",
            "<jsontransform><bogus/></jsontransform>",
        ],
    );
}

#[tokio::test]
async fn settings_of_its_own() {
    let mut message = xml("<a><b>1</b></a>");
    run(
        "<jsontransform><property name='synapse.commons.json.output.autoPrimitive' value='false'/></jsontransform>",
        &mut message,
    )
    .await;
    assert_eq!(body(&message), r#"{"a":{"b":"1"}}"#);
}

#[tokio::test]
async fn a_missing_schema_is_a_fault() {
    let mut message = xml("<a/>");
    run("<jsontransform schema='none'/>", &mut message).await;
    assert!(message.property("ERROR_MESSAGE").unwrap().text().ends_with(": none"));
}
