//! Old rows are deleted: members that ended long ago, and activations that nobody knows any more.

use std::time::Duration;

use super::engine::{Arg, Engine, Lane};
use crate::clock::millis;
use crate::guard::within;
use crate::lease::{Key, View};
use crate::store::StoreError;

/// Rows of activations that nobody offers and nobody owns are kept this long: with the row goes the
/// count of its runs.
pub(super) const LEASES_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Pause between two sweeps of one store; the first comes after as long, when everybody who starts
/// together with us has said what it offers.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Rows of activations looked at in one sweep.
const SWEEP_ROWS: usize = 500;

/// Longest wait for one statement of a sweep.
const SWEEP_LIMIT: Duration = Duration::from_secs(5);

/// Ended members are kept this long, so that a join that arrives very late finds its identity used.
const MEMBERS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Activations that no live member can run and nobody has switched off.
pub(super) fn unused(view: &View) -> Vec<Key> {
    let offered = |key: &Key| view.members.iter().any(|m| m.declared.keys.contains_key(key));
    let unused = view.leases.iter().filter(|(key, row)| !row.paused && !offered(key));
    unused.map(|(key, _)| key.clone()).take(SWEEP_ROWS).collect()
}

/// Deletes members that ended long ago, and those rows of unused activations that have been without a
/// live owner for `kept`. That time begins when a sweep first meets the row without one.
pub(super) async fn sweep<E: Engine>(
    engine: &E,
    group: &str,
    unused: &[Key],
    kept: Duration,
) -> Result<(), StoreError> {
    within(SWEEP_LIMIT, sweep_members(engine, group)).await?;
    let texts = E::statements();
    let (group, kept) = (Arg::Text(group), Arg::Int(millis(kept)));
    for key in unused {
        let key = Arg::Text(key.as_str());
        within(SWEEP_LIMIT, engine.execute(Lane::Work, &texts.retire, &[group, key])).await?;
        within(SWEEP_LIMIT, engine.execute(Lane::Work, &texts.forget, &[group, key, kept])).await?;
    }
    Ok(())
}

/// Deletes members of the group that ended long ago.
pub(super) async fn sweep_members<E: Engine>(engine: &E, group: &str) -> Result<(), StoreError> {
    let old = [Arg::Text(group), Arg::Int(millis(MEMBERS_KEPT))];
    engine.execute(Lane::Control, &E::statements().sweep, &old).await.map(drop)
}
