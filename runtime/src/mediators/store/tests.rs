use crate::mediators::parts::testing::verdicts;
use crate::mediators::testing::Flow;
use crate::message::Message;
use crate::stores::StoreSpec;

fn spec(name: &str, class: Option<&str>, parameters: &[(&str, &str)]) -> StoreSpec {
    let parameters = parameters.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    StoreSpec { name: name.into(), class: class.map(Into::into), parameters }
}

#[test]
fn grammar() {
    verdicts(
        &[
            "<store messageStore='s'/>",
            "<store messageStore='' sequence='x'/>",
            "<store messageStore='{$ctx:s}'/>",
        ],
        &["<store/>", "<store messagestore='s'/>"],
    );
}

#[tokio::test]
async fn a_copy_is_stored_and_the_flow_goes_on() {
    let flow = Flow::new("<store messageStore='s' sequence='before'/><property name='after' value='1'/>")
        .sequence("before", None, "<property name='seen' value='1'/>")
        .store(spec("s", None, &[]));
    let services = flow.services();
    let outcome = flow.run(Message::new()).await;
    assert_eq!(outcome.property("after").as_deref(), Some("1"));
    let (_, stored) = services.stores.open(&spec("s", None, &[])).unwrap().peek().await.unwrap().unwrap();
    assert!(stored.properties.get("seen").is_some() && stored.properties.get("after").is_none());
    assert_eq!(stored.id(), outcome.message.id());
}

#[tokio::test]
async fn an_unknown_store_is_a_fault() {
    let outcome = Flow::new("<store messageStore='s'/>").fault("").run(Message::new()).await;
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some("Message Store does not exist."));
}

#[tokio::test]
async fn the_failover_store_takes_over() {
    let parameters = [
        ("store.producer.guaranteed.delivery.enable", "true"),
        ("store.failover.message.store.name", "spare"),
    ];
    let flow = Flow::new("<store messageStore='s'/>").store(spec("s", Some("a.B"), &parameters)).store(spec(
        "spare",
        None,
        &[],
    ));
    let services = flow.services();
    let outcome = flow.run(Message::new()).await;
    assert!(outcome.property("ERROR_MESSAGE").is_none());
    assert_eq!(services.stores.open(&spec("spare", None, &[])).unwrap().len().await.unwrap(), Some(1));
}
