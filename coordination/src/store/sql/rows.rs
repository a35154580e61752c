//! Rows as members and activations.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Value;
use crate::lease::{Definition, Epoch, LeaseRow};
use crate::member::{MemberId, MemberRow};

/// A live member and the version of what it offers, which is not in the row. `columns` are those that
/// `observe` reads behind the identity.
pub(super) fn member_row(id: &Value, seq: &Value, columns: &[Value]) -> Option<(MemberRow, i64)> {
    let [node, _, _, lease_ms, weight, offer_version, ..] = columns else { return None };
    let row = MemberRow {
        id: MemberId::parse(id.text())?,
        node: node.text().into(),
        seq: seq.int(),
        lease: Duration::from_millis(u64::try_from(lease_ms.int()).unwrap_or(0)),
        weight: u32::try_from(weight.int()).unwrap_or(1),
        declared: Arc::default(),
        proven_dead: false,
    };
    Some((row, offer_version.int()))
}

/// An activation. `columns` are those that `observe` and `read` have behind the epoch, in one order.
pub(super) fn lease_row(epoch: &Value, columns: &[Value]) -> Option<LeaseRow> {
    let [owner, wanted, def, paused, runs, last_fire, ..] = columns else { return None };
    Some(LeaseRow {
        owner: MemberId::parse(owner.text()),
        epoch: Epoch(epoch.int()),
        wanted: MemberId::parse(wanted.text()),
        paused: paused.int() != 0,
        runs: runs.int(),
        def: Definition::from_text(def.text()),
        last_fire: last_fire.maybe_int(),
    })
}
