//! One node's way to the store, which can be cut, or lose the answers to fires.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::fire::FireClaim;
use crate::lease::{Claim, Key, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, End, MemberId, MemberInfo};
use crate::store::memory::Memory;
use crate::store::{Answer, FireStore, LeaseStore, MemberStore, Store, StoreError};

#[derive(Debug)]
pub(super) struct Way {
    pub(super) store: Memory,
    /// Nothing arrives.
    pub(super) cut: AtomicBool,
    /// Fires are written, their answers lost.
    pub(super) lose_fires: AtomicBool,
}

impl Way {
    fn go<'a, T: Send + 'a>(&self, call: Answer<'a, T>) -> Answer<'a, T> {
        if self.cut.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError::Unknown("cut".into()))));
        }
        call
    }
}

impl MemberStore for Way {
    fn join<'a>(&'a self, info: &'a MemberInfo) -> Answer<'a, bool> {
        self.go(self.store.join(info))
    }
    fn renew<'a>(&'a self, me: MemberId, offer: Option<&'a Declaration>) -> Answer<'a, bool> {
        if self.cut.load(Ordering::Relaxed) {
            return Box::pin(std::future::ready(Err(StoreError::Unknown("cut".into()))));
        }
        self.store.renew(me, offer)
    }
    fn end(&self, member: MemberId, how: End) -> Answer<'_, bool> {
        self.go(Box::pin(async move { self.store.end(member, how).await }))
    }
}

impl LeaseStore for Way {
    fn observe(&self) -> Answer<'_, View> {
        self.go(self.store.observe())
    }
    fn create<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, ()> {
        self.go(self.store.create(keys))
    }
    fn claim<'a>(&'a self, claim: &'a Claim) -> Answer<'a, bool> {
        self.go(Box::pin(async move { self.store.claim(claim).await }))
    }
    fn release<'a>(&'a self, release: &'a Release) -> Answer<'a, bool> {
        self.go(Box::pin(async move { self.store.release(release).await }))
    }
    fn raise<'a>(&'a self, raise: &'a Raise) -> Answer<'a, bool> {
        self.go(Box::pin(async move { self.store.raise(raise).await }))
    }
}

impl FireStore for Way {
    fn fire<'a>(&'a self, claim: &'a FireClaim) -> Answer<'a, bool> {
        if self.lose_fires.load(Ordering::Relaxed) {
            return Box::pin(async move {
                self.store.fire(claim).await?;
                Err(StoreError::Unknown("reply lost".into()))
            });
        }
        self.go(Box::pin(async move { self.store.fire(claim).await }))
    }
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<LeaseRow>> {
        self.go(self.store.read(key))
    }
    fn pause<'a>(&'a self, key: &'a Key, paused: bool) -> Answer<'a, ()> {
        self.go(self.store.pause(key, paused))
    }
}

impl Store for Way {
    fn name(&self) -> &'static str {
        "test"
    }
}
