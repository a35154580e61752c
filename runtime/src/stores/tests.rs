use super::*;

fn message(id: &str) -> Message {
    let message = &mut Message::new();
    message.set_id(id);
    std::mem::take(message)
}

fn spec(class: Option<&str>) -> StoreSpec {
    StoreSpec { name: "s".into(), class: class.map(Into::into), parameters: Vec::new() }
}

#[tokio::test]
async fn first_in_first_out_until_settled() {
    let store = MemoryStore::new("s");
    store.put(message("1")).await.unwrap();
    store.put(message("2")).await.unwrap();
    let (receipt, head) = store.peek().await.unwrap().unwrap();
    assert_eq!(&**head.id(), "1");
    store.settle(receipt, Outcome::Retry).await.unwrap();
    assert_eq!(store.len().await.unwrap(), Some(2));
    store.settle(receipt, Outcome::Done).await.unwrap();
    store.settle(receipt, Outcome::Done).await.unwrap();
    assert_eq!(&**store.peek().await.unwrap().unwrap().1.id(), "2");
    assert_eq!(store.len().await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_full_store_refuses() {
    let store = MemoryStore::with_limit("s", 1);
    store.put(message("1")).await.unwrap();
    assert!(matches!(store.put(message("2")).await, Err(StoreError::Full { limit: 1, .. })));
}

#[tokio::test]
async fn a_store_outlives_the_deployment() {
    let stores = Stores::default();
    stores.open(&spec(None)).unwrap().put(message("1")).await.unwrap();
    let again =
        stores.open(&spec(Some("org.apache.synapse.message.store.impl.memory.InMemoryStore"))).unwrap();
    assert_eq!(again.len().await.unwrap(), Some(1));
}

#[test]
fn unknown_classes_are_told() {
    let error = Stores::default().open(&spec(Some("a.B"))).unwrap_err();
    assert_eq!(error.to_string(), "the message store 's' is of class a.B, which is not available");
}

#[tokio::test]
async fn consumers_get_different_messages() {
    let store = MemoryStore::new("s");
    for id in ["1", "2"] {
        store.put(message(id)).await.unwrap();
    }
    let (first, _) = store.peek().await.unwrap().unwrap();
    let (second, held) = store.peek().await.unwrap().unwrap();
    assert_eq!(&**held.id(), "2");
    assert!(store.peek().await.unwrap().is_none());
    store.settle(second, Outcome::Done).await.unwrap();
    store.settle(first, Outcome::Retry).await.unwrap();
    assert_eq!(&**store.peek().await.unwrap().unwrap().1.id(), "1");
}
