//! The suite every store must pass.
//!
//! Each check gets fresh handles to the same rows: two handles of one group stand for two nodes, and
//! one handle of another group must not notice any of it. A failed check panics with what was
//! expected, as a test does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::fire::FireClaim;
use crate::lease::{Claim, Definition, Epoch, Key, LeaseRow, Raise, Release};
use crate::member::{Declaration, End, MemberId, MemberInfo};
use crate::store::Store;

/// Handles to one set of rows.
#[derive(Clone)]
pub struct Stores {
    /// One node's way to the rows.
    pub one: Arc<dyn Store>,
    /// Another node's way to the same rows.
    pub two: Arc<dyn Store>,
    /// A way to rows of another group in the same place.
    pub other_group: Arc<dyn Store>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores").field("name", &self.one.name()).finish()
    }
}

/// Runs all checks. Keys and members are drawn afresh, so the rows need not be empty, but no other
/// user may change them meanwhile.
pub async fn run(stores: &Stores) {
    members_live_and_end_once(stores).await;
    node_names_are_unique_among_the_living(stores).await;
    offers_are_read_back(stores).await;
    a_moved_counter_prevents_expiry(stores).await;
    claims_compare_and_set(stores).await;
    a_live_owner_is_never_robbed(stores).await;
    releases_end_exactly_one_term(stores).await;
    epochs_can_be_raised(stores).await;
    fires_are_claimed_once(stores).await;
    counts_follow_the_definition(stores).await;
    pausing_forbids_claims_and_fires(stores).await;
    groups_do_not_interact(stores).await;
    one_of_many_claimants_wins(stores).await;
    many_rows_are_created_and_read(stores).await;
}

fn info(node: &str) -> MemberInfo {
    MemberInfo {
        id: MemberId(uuid::Uuid::new_v4().as_u128()),
        node: format!("{node}-{}", uuid::Uuid::new_v4()).into(),
        lease: Duration::from_millis(5000),
        weight: 3,
        version: "conformance".into(),
    }
}

async fn member(store: &dyn Store) -> MemberId {
    let info = info("node");
    assert!(store.join(&info).await.unwrap());
    info.id
}

async fn key(store: &dyn Store) -> Key {
    let key = Key::new(&format!("task Ünï {}", uuid::Uuid::new_v4()));
    store.create(std::slice::from_ref(&key)).await.unwrap();
    key
}

async fn row(store: &dyn Store, key: &Key) -> LeaseRow {
    let seen = store.observe().await.unwrap().leases.get(key).cloned().expect("the row is in the view");
    assert_eq!(store.read(key).await.unwrap().as_ref(), Some(&seen), "read and observe agree");
    seen
}

async fn is_live(store: &dyn Store, id: MemberId) -> bool {
    store.observe().await.unwrap().member(id).is_some()
}

fn definition(fingerprint: &str) -> Definition {
    Definition { since: 1_700_000_000_000, fingerprint: fingerprint.into() }
}

fn claim(key: &Key, member: MemberId, seen: &LeaseRow) -> Claim {
    Claim {
        key: key.clone(),
        member,
        seen_owner: seen.owner,
        seen_epoch: seen.epoch,
        floor: Epoch(0),
        def: Some(definition("d1")),
    }
}

async fn owned(store: &dyn Store, member: MemberId) -> (Key, LeaseRow) {
    let key = key(store).await;
    let free = row(store, &key).await;
    assert!(store.claim(&claim(&key, member, &free)).await.unwrap());
    let row = row(store, &key).await;
    (key, row)
}

async fn members_live_and_end_once(s: &Stores) {
    let me = info("node");
    assert!(s.one.join(&me).await.unwrap());
    assert!(s.one.join(&me).await.unwrap(), "a repeated join of a live member is a join");
    let view = s.two.observe().await.unwrap();
    let seen = view.member(me.id).expect("others see it");
    assert_eq!((&seen.node, seen.lease, seen.weight), (&me.node, me.lease, 3));
    assert!(s.one.renew(me.id, None).await.unwrap());
    let moved = s.two.observe().await.unwrap().member(me.id).unwrap().seq;
    assert_ne!(moved, seen.seq, "a renewal moves the counter");
    assert!(s.one.end(me.id, End::Leave).await.unwrap());
    assert!(!s.one.end(me.id, End::Leave).await.unwrap(), "it ends once");
    assert!(!s.one.renew(me.id, None).await.unwrap(), "an ended member cannot renew");
    assert!(!s.one.join(&me).await.unwrap(), "an ended identity is never revived");
    assert!(!is_live(s.two.as_ref(), me.id).await);
    assert!(!s.one.renew(MemberId(1), None).await.unwrap(), "an unknown member cannot renew");
}

async fn node_names_are_unique_among_the_living(s: &Stores) {
    let first = info("twin");
    let second = MemberInfo { id: info("x").id, ..first.clone() };
    assert!(s.one.join(&first).await.unwrap());
    assert!(!s.two.join(&second).await.unwrap(), "the name is taken");
    assert!(s.other_group.join(&second).await.unwrap(), "but not in another group");
    assert!(s.other_group.end(second.id, End::Leave).await.unwrap());
    assert!(s.one.end(first.id, End::Leave).await.unwrap());
    let third = MemberInfo { id: info("x").id, ..first.clone() };
    assert!(s.two.join(&third).await.unwrap(), "after its end the name is free");
    assert!(s.two.end(third.id, End::Leave).await.unwrap());
}

async fn offers_are_read_back(s: &Stores) {
    let me = member(s.one.as_ref()).await;
    let keys: BTreeMap<Key, Arc<str>> =
        (0..300).map(|i| (Key::new(&format!("offer {i} é")), Arc::from("fp"))).collect();
    let mut offer = Declaration { version: 1, draining: false, since: 1_700_000_000_000, keys };
    assert!(s.one.renew(me, Some(&offer)).await.unwrap());
    let seen = s.two.observe().await.unwrap();
    assert_eq!(*seen.member(me).unwrap().declared, offer);
    offer.version = 2;
    offer.draining = true;
    offer.keys.clear();
    assert!(s.one.renew(me, Some(&offer)).await.unwrap());
    assert!(s.one.renew(me, None).await.unwrap());
    let seen = s.two.observe().await.unwrap();
    assert_eq!(*seen.member(me).unwrap().declared, offer, "a renewal without an offer keeps it");
    assert!(s.one.end(me, End::Leave).await.unwrap());
}

async fn a_moved_counter_prevents_expiry(s: &Stores) {
    let (me, by) = (member(s.one.as_ref()).await, member(s.two.as_ref()).await);
    let seen = s.two.observe().await.unwrap().member(me).unwrap().seq;
    assert!(s.one.renew(me, None).await.unwrap());
    assert!(!s.two.end(me, End::Expire { seq: seen, by }).await.unwrap());
    let seen = s.two.observe().await.unwrap().member(me).unwrap().seq;
    assert!(s.two.end(me, End::Expire { seq: seen, by }).await.unwrap());
    assert!(!s.one.renew(me, None).await.unwrap());
    assert!(s.two.end(by, End::Leave).await.unwrap());
}

async fn claims_compare_and_set(s: &Stores) {
    let (a, b) = (member(s.one.as_ref()).await, member(s.two.as_ref()).await);
    let key = key(s.one.as_ref()).await;
    let free = row(s.one.as_ref(), &key).await;
    assert_eq!((free.owner, free.epoch, free.runs, free.last_fire), (None, Epoch(0), 0, None));
    let database = s.one.observe().await.unwrap().database;
    assert!(s.one.claim(&claim(&key, a, &free)).await.unwrap());
    assert!(!s.two.claim(&claim(&key, b, &free)).await.unwrap(), "the row has changed");
    let held = row(s.two.as_ref(), &key).await;
    assert_eq!(held.owner, Some(a));
    assert!(held.epoch.0 >= database.0, "epochs are not below the database's clock");
    assert!(s.one.end(a, End::Leave).await.unwrap());
    let floor = Epoch(held.epoch.0 + 1_000_000_000);
    assert!(s.two.claim(&Claim { floor, ..claim(&key, b, &held) }).await.unwrap());
    assert!(row(s.two.as_ref(), &key).await.epoch > floor, "the floor is respected");
    let missing = Key::new("no such row");
    assert!(!s.two.claim(&claim(&missing, b, &free)).await.unwrap());
    assert!(s.two.end(b, End::Leave).await.unwrap());
    let dead = row(s.two.as_ref(), &key).await;
    assert!(!s.two.claim(&claim(&key, a, &dead)).await.unwrap(), "an ended member claims nothing");
}

async fn a_live_owner_is_never_robbed(s: &Stores) {
    let (a, b) = (member(s.one.as_ref()).await, member(s.two.as_ref()).await);
    let (key, held) = owned(s.one.as_ref(), a).await;
    assert!(!s.two.claim(&claim(&key, b, &held)).await.unwrap());
    let seq = s.two.observe().await.unwrap().member(a).unwrap().seq;
    assert!(s.two.end(a, End::Expire { seq, by: b }).await.unwrap());
    assert!(s.two.claim(&claim(&key, b, &held)).await.unwrap());
    let after = row(s.one.as_ref(), &key).await;
    assert!(after.owner == Some(b) && after.epoch > held.epoch);
    assert!(s.two.end(b, End::Leave).await.unwrap());
}

async fn releases_end_exactly_one_term(s: &Stores) {
    let (a, b) = (member(s.one.as_ref()).await, member(s.two.as_ref()).await);
    let (key, held) = owned(s.one.as_ref(), a).await;
    let release = Release { key: key.clone(), member: a, epoch: held.epoch, wanted: Some(b) };
    let stale = Release { epoch: Epoch(held.epoch.0 - 1), ..release.clone() };
    let foreign = Release { member: b, ..release.clone() };
    assert!(!s.one.release(&stale).await.unwrap() && !s.one.release(&foreign).await.unwrap());
    assert!(s.one.release(&release).await.unwrap());
    assert!(!s.one.release(&release).await.unwrap(), "safe to repeat");
    let free = row(s.two.as_ref(), &key).await;
    assert_eq!((free.owner, free.epoch, free.wanted), (None, held.epoch, Some(b)));
    assert!(s.two.claim(&claim(&key, b, &free)).await.unwrap());
    let next = row(s.two.as_ref(), &key).await;
    assert!(next.epoch > held.epoch && next.wanted.is_none());
    assert!(!s.one.release(&release).await.unwrap(), "a late release does not touch the next term");
    assert!(s.one.end(a, End::Leave).await.unwrap() && s.two.end(b, End::Leave).await.unwrap());
}

async fn epochs_can_be_raised(s: &Stores) {
    let a = member(s.one.as_ref()).await;
    let (key, held) = owned(s.one.as_ref(), a).await;
    let floor = Epoch(held.epoch.0 + 1_000_000_000);
    let raise = Raise { key: key.clone(), seen_epoch: held.epoch, floor };
    assert!(!s.other_group.raise(&raise).await.unwrap());
    assert!(s.two.raise(&raise).await.unwrap());
    assert!(!s.two.raise(&raise).await.unwrap(), "the epoch has moved");
    let after = row(s.one.as_ref(), &key).await;
    assert!(after.epoch > floor);
    assert_eq!(after, LeaseRow { epoch: after.epoch, ..held }, "the owner stays");
    assert!(s.one.end(a, End::Leave).await.unwrap());
}

fn fire(key: &Key, member: MemberId, row: &LeaseRow, fire_key: i64, limit: Option<i64>) -> FireClaim {
    FireClaim { key: key.clone(), member, epoch: row.epoch, fire_key, limit, def: None }
}

async fn fires_are_claimed_once(s: &Stores) {
    let a = member(s.one.as_ref()).await;
    let (key, held) = owned(s.one.as_ref(), a).await;
    let at = |k, limit| fire(&key, a, &held, k, limit);
    assert!(s.one.fire(&at(1_700_000_000_000, None)).await.unwrap());
    assert!(!s.one.fire(&at(1_700_000_000_000, None)).await.unwrap(), "once");
    assert!(!s.one.fire(&at(1_699_999_999_999, None)).await.unwrap(), "in order");
    assert!(s.one.fire(&at(1_700_000_000_001, Some(2))).await.unwrap());
    assert!(!s.one.fire(&at(1_700_000_000_002, Some(2))).await.unwrap(), "the count is used up");
    let stale = FireClaim { epoch: Epoch(held.epoch.0 - 1), ..at(1_700_000_000_003, None) };
    assert!(!s.one.fire(&stale).await.unwrap(), "only under the current epoch");
    let after = row(s.two.as_ref(), &key).await;
    assert_eq!((after.runs, after.last_fire), (2, Some(1_700_000_000_001)));
    assert!(s.one.end(a, End::Leave).await.unwrap());
}

async fn counts_follow_the_definition(s: &Stores) {
    let a = member(s.one.as_ref()).await;
    let (key, held) = owned(s.one.as_ref(), a).await;
    assert!(s.one.fire(&fire(&key, a, &held, 10, Some(1))).await.unwrap());
    let release = Release { key: key.clone(), member: a, epoch: held.epoch, wanted: None };
    assert!(s.one.release(&release).await.unwrap());
    let free = row(s.one.as_ref(), &key).await;
    assert!(s.one.claim(&claim(&key, a, &free)).await.unwrap());
    let same = row(s.one.as_ref(), &key).await;
    assert_eq!((same.runs, same.last_fire), (1, Some(10)), "kept for the same definition");
    assert!(s.one.release(&Release { epoch: same.epoch, ..release.clone() }).await.unwrap());
    let free = row(s.one.as_ref(), &key).await;
    assert!(s.one.claim(&Claim { def: None, ..claim(&key, a, &free) }).await.unwrap());
    let kept = row(s.one.as_ref(), &key).await;
    assert_eq!((kept.runs, &kept.def), (1, &definition("d1")), "kept when nothing is said");
    assert!(s.one.release(&Release { epoch: kept.epoch, ..release.clone() }).await.unwrap());
    let free = row(s.one.as_ref(), &key).await;
    let other = Some(definition("d2"));
    assert!(s.one.claim(&Claim { def: other.clone(), ..claim(&key, a, &free) }).await.unwrap());
    let fresh = row(s.one.as_ref(), &key).await;
    assert_eq!((fresh.runs, fresh.last_fire), (0, Some(10)), "another definition counts anew");
    assert_eq!(Some(&fresh.def), other.as_ref());
    fires_count_for_their_definition(s, &key, a, &fresh).await;
    assert!(s.one.end(a, End::Leave).await.unwrap());
}

/// The row counts for `d2` and nothing has run.
async fn fires_count_for_their_definition(s: &Stores, key: &Key, a: MemberId, held: &LeaseRow) {
    let third = definition("d3");
    let at = |k, def: Option<Definition>| FireClaim { def, ..fire(key, a, held, k, Some(2)) };
    assert!(s.one.fire(&at(11, None)).await.unwrap() && s.one.fire(&at(12, None)).await.unwrap());
    assert!(!s.one.fire(&at(13, None)).await.unwrap(), "the count is used up");
    assert!(!s.one.fire(&at(13, Some(held.def.clone()))).await.unwrap(), "also when the same one is named");
    assert!(s.one.fire(&at(13, Some(third.clone()))).await.unwrap(), "another definition counts anew");
    let after = row(s.two.as_ref(), key).await;
    assert_eq!((after.runs, &after.def, after.last_fire), (1, &third, Some(13)));
    assert!(!s.one.fire(&at(13, Some(definition("d4")))).await.unwrap(), "an instant stays claimed");
    assert!(s.one.fire(&at(14, Some(third.clone()))).await.unwrap());
    assert!(!s.one.fire(&at(15, Some(third))).await.unwrap(), "and has its own limit");
}

async fn pausing_forbids_claims_and_fires(s: &Stores) {
    let a = member(s.one.as_ref()).await;
    let (key, held) = owned(s.one.as_ref(), a).await;
    s.two.pause(&key, true).await.unwrap();
    s.two.pause(&key, true).await.unwrap();
    assert!(row(s.one.as_ref(), &key).await.paused);
    assert!(!s.one.fire(&fire(&key, a, &held, 1, None)).await.unwrap());
    let release = Release { key: key.clone(), member: a, epoch: held.epoch, wanted: None };
    assert!(s.one.release(&release).await.unwrap());
    let free = row(s.one.as_ref(), &key).await;
    assert!(!s.one.claim(&claim(&key, a, &free)).await.unwrap());
    s.two.pause(&key, false).await.unwrap();
    assert!(s.one.claim(&claim(&key, a, &free)).await.unwrap());
    let unborn = Key::new(&format!("unborn {}", uuid::Uuid::new_v4()));
    s.one.pause(&unborn, true).await.unwrap();
    assert!(row(s.one.as_ref(), &unborn).await.paused, "pausing makes the row");
    assert!(s.one.end(a, End::Leave).await.unwrap());
}

async fn groups_do_not_interact(s: &Stores) {
    let a = member(s.one.as_ref()).await;
    let (key, held) = owned(s.one.as_ref(), a).await;
    let other = s.other_group.observe().await.unwrap();
    assert!(other.member(a).is_none() && !other.leases.contains_key(&key));
    assert!(!s.other_group.renew(a, None).await.unwrap());
    assert!(!s.other_group.end(a, End::Leave).await.unwrap());
    let release = Release { key: key.clone(), member: a, epoch: held.epoch, wanted: None };
    assert!(!s.other_group.release(&release).await.unwrap());
    assert!(!s.other_group.fire(&fire(&key, a, &held, 1, None)).await.unwrap());
    s.other_group.pause(&key, true).await.unwrap();
    assert_eq!(row(s.one.as_ref(), &key).await, held, "nothing has changed");
    assert!(s.one.end(a, End::Leave).await.unwrap());
}

async fn one_of_many_claimants_wins(s: &Stores) {
    let key = key(s.one.as_ref()).await;
    let free = row(s.one.as_ref(), &key).await;
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(member(s.one.as_ref()).await);
    }
    let attempts = members.iter().enumerate().map(|(i, m)| {
        let store = if i % 2 == 0 { s.one.clone() } else { s.two.clone() };
        let claim = claim(&key, *m, &free);
        async move { store.claim(&claim).await }
    });
    let results = futures_util::future::join_all(attempts).await;
    let won = results.iter().filter(|r| matches!(r, Ok(true))).count();
    assert_eq!(won, 1, "{results:?}");
    for m in members {
        assert!(s.one.end(m, End::Leave).await.unwrap());
    }
}

async fn many_rows_are_created_and_read(s: &Stores) {
    let run = uuid::Uuid::new_v4();
    let keys: Vec<Key> = (0..250).map(|i| Key::new(&format!("{run} {i}"))).collect();
    s.one.create(&keys).await.unwrap();
    s.two.create(&keys).await.unwrap();
    s.two.create(&[]).await.unwrap();
    let view = s.two.observe().await.unwrap();
    assert!(keys.iter().all(|k| view.leases.contains_key(k)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        let store = Memory::default();
        let other = store.group("other");
        run(&Stores {
            one: Arc::new(store.clone()),
            two: Arc::new(store.clone()),
            other_group: Arc::new(other),
        })
        .await;
    }
}
