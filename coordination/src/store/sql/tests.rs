use std::time::Duration;

use super::*;
use crate::lease::Epoch;
use crate::store::address::Limits;

fn named(name: &str) -> MemberInfo {
    MemberInfo {
        id: MemberId(uuid::Uuid::new_v4().as_u128()),
        node: name.into(),
        lease: Duration::from_secs(5),
        weight: 1,
        version: "t".into(),
    }
}

async fn claimed<E: Engine>(store: &SqlStore<E>, key: &Key, member: MemberId) {
    let claim = Claim {
        key: key.clone(),
        member,
        seen_owner: None,
        seen_epoch: Epoch(0),
        floor: Epoch(0),
        def: None,
    };
    assert!(store.claim(&claim).await.unwrap());
}

/// Which of the keys still have a row.
async fn left<E: Engine>(store: &SqlStore<E>) -> String {
    store.observe().await.unwrap().leases.keys().map(Key::as_str).collect()
}

async fn only_unused_rows_are_swept<E: Engine>(store: SqlStore<E>) {
    let [never, live, paused, offered, orphan] = ["n", "l", "p", "o", "d"].map(Key::new);
    let keys = [never.clone(), live.clone(), paused.clone(), offered.clone(), orphan.clone()];
    store.create(&keys).await.unwrap();
    let (staying, ending) = (named("staying"), named("ending"));
    assert!(store.join(&staying).await.unwrap() && store.join(&ending).await.unwrap());
    let keys = [(offered, Arc::from("d"))].into();
    let offer = Declaration { version: 1, keys, ..Declaration::default() };
    assert!(store.renew(staying.id, Some(&offer)).await.unwrap());
    assert!(store.renew(ending.id, Some(&offer)).await.unwrap());
    claimed(&store, &live, staying.id).await;
    claimed(&store, &orphan, ending.id).await;
    store.pause(&paused, true).await.unwrap();
    assert!(store.end(ending.id, End::Leave).await.unwrap());
    let offers =
        format!("SELECT offer FROM ganglion_member WHERE grp = '{}' AND node = 'ending'", store.group);
    let offers = store.engine.fetch(Lane::Work, offers.leak(), &[], "s").await.unwrap();
    assert_eq!(offers[0][0].text(), "", "an ended member keeps no offer");

    let now = async |kept| {
        let view = store.observe().await.unwrap();
        sweep(store.engine.as_ref(), &store.group, &unused(&view), kept).await.unwrap();
    };
    now(Duration::from_secs(3600)).await;
    assert_eq!(left(&store).await, "dlnop", "their time begins now");
    let row = store.read(&orphan).await.unwrap().unwrap();
    assert!(row.owner.is_none() && row.epoch > Epoch(0), "the dead owner is gone, its epoch stays");
    tokio::time::sleep(Duration::from_millis(5)).await;
    now(Duration::ZERO).await;
    assert_eq!(left(&store).await, "lop");
}

fn fresh_group() -> String {
    format!("sweep-{}", uuid::Uuid::new_v4().simple())
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite_sweeps() {
    let dir = tempfile::tempdir().unwrap();
    only_unused_rows_are_swept(crate::store::sqlite::open(
        &dir.path().join("c.db"),
        &fresh_group(),
        &Limits::default(),
    ))
    .await;
}

/// The databases of `tests/stores.rs`, when their variables are set.
#[cfg(all(feature = "postgres", feature = "mysql"))]
#[tokio::test]
async fn servers_sweep() {
    #[allow(clippy::disallowed_methods)]
    let url = |name: &str| std::env::var(name).ok();
    let limits = Limits::default();
    if let Some(url) = url("GANGLION_TEST_POSTGRES") {
        let hosts = vec![url.parse().unwrap()];
        only_unused_rows_are_swept(crate::store::postgres::open(hosts, &fresh_group(), &limits, false)).await;
    }
    if let Some(url) = url("GANGLION_TEST_MARIADB") {
        let hosts = vec![url.parse().unwrap()];
        only_unused_rows_are_swept(crate::store::mysql::open(hosts, &fresh_group(), &limits)).await;
    }
}

#[cfg(feature = "sqlite")]
#[tokio::test(start_paused = true)]
async fn a_sweep_is_due_every_hour() {
    let path = std::path::Path::new("/nonexistent/c.db");
    let store = crate::store::sqlite::open(path, "g", &Limits::default());
    assert!(!store.sweep_is_due());
    tokio::time::advance(SWEEP_EVERY).await;
    assert_eq!([store.sweep_is_due(), store.sweep_is_due()], [true, false]);
}
