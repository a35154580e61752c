//! What the three databases have in common: the statements, and how answers are read.
//!
//! Every write is a compare-and-set on one row. The texts are written once with a few words per
//! dialect; the engines only send them (see [`engine`]).

pub(crate) mod connections;
pub(crate) mod engine;
mod statements;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use engine::{Arg, Engine, Lane, Value};
use statements::CREATE_ROWS;
pub(crate) use statements::{Dialect, Statements};

use super::{Answer, FireStore, LeaseStore, MemberStore, Store, StoreError};
use crate::clock::{Timestamp, millis};
use crate::fire::FireClaim;
use crate::guard::within;
use crate::lease::{Claim, Definition, Epoch, Key, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, End, MAX_NODE, MemberId, MemberInfo, MemberRow, problem_of_name};

/// Version of the tables this program works with. A database with a higher one is refused.
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// Rows of activations that nobody offers and nobody owns are kept this long: with the row goes the
/// count of its runs.
const LEASES_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Pause between two sweeps of one store; the first comes after as long, when everybody who starts
/// together with us has said what it offers.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Rows of activations looked at in one sweep, and the longest wait for one statement of it.
const SWEEP_ROWS: usize = 500;
const SWEEP_LIMIT: Duration = Duration::from_secs(5);

/// `ganglion_meta`, `ganglion_member` and `ganglion_lease`.
const TABLES: i64 = 3;

/// Ended members are kept this long, so that a join that arrives very late finds its identity used.
const MEMBERS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Offers by member and version: they are long and rarely change.
type Offers = Mutex<HashMap<MemberId, Arc<Declaration>>>;

/// A store of one group in a database reached through `E`.
#[derive(Debug)]
pub(crate) struct SqlStore<E> {
    engine: Arc<E>,
    group: String,
    width: usize,
    /// Set when the tables were found or made; a new one after they went missing.
    ready: Mutex<Arc<OnceCell<()>>>,
    offers: Offers,
    swept: Mutex<Instant>,
}

impl<E: Engine> SqlStore<E> {
    /// `width` statements for work run at the same time.
    pub(crate) fn new(engine: E, group: &str, width: usize) -> Self {
        Self {
            engine: Arc::new(engine),
            group: group.to_owned(),
            width,
            ready: Mutex::default(),
            offers: Mutex::default(),
            swept: Mutex::new(Instant::now()),
        }
    }

    #[cfg(all(test, feature = "postgres"))]
    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    fn texts(&self) -> &'static Statements {
        E::statements()
    }

    /// The schema is made and checked with the first statement, in a task of its own: a caller that
    /// gives up waiting must not cut it in the middle.
    async fn ready(&self) -> Result<(), StoreError> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if ready.initialized() {
            return Ok(());
        }
        let (engine, group) = (self.engine.clone(), self.group.clone());
        let work = async move { ready.get_or_try_init(|| prepare(engine.as_ref(), &group)).await.copied() };
        match tokio::spawn(work).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Unknown(error.to_string())),
        }
    }

    /// After a missing table the schema is looked at anew, with the next statement.
    fn judge<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(answer, Err(StoreError::Setup(_))) {
            *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        }
        answer
    }

    async fn set(&self, lane: Lane, sql: &'static str, args: &[Arg<'_>]) -> Result<bool, StoreError> {
        self.ready().await?;
        self.judge(self.engine.execute(lane, sql, args).await).map(|rows| rows > 0)
    }

    async fn rows(
        &self,
        lane: Lane,
        sql: &'static str,
        args: &[Arg<'_>],
        shape: &'static str,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        self.ready().await?;
        self.judge(self.engine.fetch(lane, sql, args, shape).await)
    }

    fn known_offer(&self, id: MemberId, version: i64) -> Option<Arc<Declaration>> {
        let offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        offers.get(&id).filter(|d| d.version == version).cloned()
    }

    async fn read_offers(&self) -> Result<(), StoreError> {
        let rows = self.rows(Lane::Control, &self.texts().offers, &[Arg::Text(&self.group)], "siis").await?;
        let mut fresh = HashMap::new();
        for row in &rows {
            let [id, version, draining, text] = row.as_slice() else { continue };
            if let Some(id) = MemberId::parse(id.text()) {
                let offer = Declaration::from_text(version.int(), draining.int() != 0, text.text());
                fresh.insert(id, Arc::new(offer));
            }
        }
        *self.offers.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    async fn view(&self) -> Result<View, StoreError> {
        let group = Arg::Text(&self.group);
        let rows = self.rows(Lane::Control, &self.texts().observe, &[group, group], "iissssiiii").await?;
        let mut view = View::default();
        let mut stale = false;
        for row in &rows {
            let [kind, first, name, a, b, def, n1, n2, n3, n4] = row.as_slice() else { continue };
            match kind.int() {
                0 => view.database = Timestamp(first.int()),
                1 => {
                    let Some(id) = MemberId::parse(name.text()) else { continue };
                    let known = self.known_offer(id, n3.int());
                    stale |= known.is_none();
                    view.members.push(MemberRow {
                        id,
                        node: a.text().into(),
                        seq: first.int(),
                        lease: Duration::from_millis(u64::try_from(n1.int()).unwrap_or(0)),
                        weight: u32::try_from(n2.int()).unwrap_or(1),
                        declared: known.unwrap_or_default(),
                        proven_dead: self.engine.is_proven_dead(&self.group, id),
                    });
                }
                _ => {
                    let row = LeaseRow {
                        owner: MemberId::parse(a.text()),
                        epoch: Epoch(first.int()),
                        wanted: MemberId::parse(b.text()),
                        paused: n1.int() != 0,
                        runs: n2.int(),
                        def: Definition::from_text(def.text()),
                        last_fire: n3.maybe_int(),
                    };
                    let _unused = n4;
                    view.leases.insert(Key::new(name.text()), row);
                }
            }
        }
        if stale {
            self.read_offers().await?;
            let offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
            for m in &mut view.members {
                m.declared = offers.get(&m.id).cloned().unwrap_or_default();
            }
        }
        view.members.sort_by_key(|m| m.id);
        if self.sweep_is_due() {
            let (engine, group, unused) = (self.engine.clone(), self.group.clone(), unused(&view));
            tokio::spawn(async move {
                if let Err(error) = sweep(engine.as_ref(), &group, &unused, LEASES_KEPT).await {
                    tracing::debug!(%error, "old rows of the coordinator stay for another while");
                }
            });
        }
        Ok(view)
    }

    fn sweep_is_due(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let due = swept.elapsed() >= SWEEP_EVERY;
        if due {
            *swept = Instant::now();
        }
        due
    }
}

/// Makes the tables where they are missing and checks their version; old members are swept out. A user
/// that may not make tables needs none of that right when somebody else has made them.
async fn prepare<E: Engine>(engine: &E, group: &str) -> Result<(), StoreError> {
    let mut failure = StoreError::Refused("the tables ganglion_* come and go".into());
    // Two nodes may create the same table at the same time; one of them is told off and looks again.
    for _ in 0..5 {
        if let Some(version) = version(engine).await? {
            if version > SCHEMA_VERSION {
                return Err(StoreError::Setup(format!(
                    "the tables ganglion_* have version {version}, this program knows {SCHEMA_VERSION}; use a newer \
                     program"
                )));
            }
            if let Err(error) = sweep_members(engine, group).await {
                tracing::debug!(%error, "ended members stay for another while");
            }
            return Ok(());
        }
        match create_tables(engine).await {
            Ok(()) => {}
            Err(StoreError::Setup(why)) => {
                return Err(StoreError::Setup(format!(
                    "tables of the coordinator are missing, and this user cannot make them ({why}); an administrator \
                     makes them with coordination/src/schema/{}",
                    E::schema().0
                )));
            }
            Err(StoreError::Refused(why)) => {
                failure = StoreError::Refused(why);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(other) => return Err(other),
        }
    }
    Err(failure)
}

/// The tables' version; `None` when one of them or the version is missing.
async fn version<E: Engine>(engine: &E) -> Result<Option<i64>, StoreError> {
    let texts = E::statements();
    let found = engine.fetch(Lane::Control, &texts.tables, &[], "i").await?;
    if found.first().and_then(|row| row.first()).map_or(0, Value::int) < TABLES {
        return Ok(None);
    }
    let found = engine.fetch(Lane::Control, &texts.version, &[], "i").await?;
    Ok(found.first().and_then(|row| row.first()).map(Value::int))
}

async fn create_tables<E: Engine>(engine: &E) -> Result<(), StoreError> {
    for statement in E::schema().1.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        engine.execute(Lane::Control, statement, &[]).await?;
    }
    Ok(())
}

async fn sweep_members<E: Engine>(engine: &E, group: &str) -> Result<(), StoreError> {
    let old = [Arg::Text(group), Arg::Int(millis(MEMBERS_KEPT))];
    engine.execute(Lane::Control, &E::statements().sweep, &old).await.map(drop)
}

/// Activations that no live member can run and nobody has switched off.
fn unused(view: &View) -> Vec<Key> {
    let offered = |key: &Key| view.members.iter().any(|m| m.declared.keys.contains_key(key));
    let unused = view.leases.iter().filter(|(key, row)| !row.paused && !offered(key));
    unused.map(|(key, _)| key.clone()).take(SWEEP_ROWS).collect()
}

/// Deletes members that ended long ago, and those rows of unused activations that have been without a
/// live owner for `kept`. That time begins when a sweep first meets the row without one.
async fn sweep<E: Engine>(engine: &E, group: &str, unused: &[Key], kept: Duration) -> Result<(), StoreError> {
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

impl<E: Engine> MemberStore for SqlStore<E> {
    fn join<'a>(&'a self, info: &'a MemberInfo) -> Answer<'a, bool> {
        Box::pin(async move {
            if let Some(problem) = problem_of_name("node id", &info.node, MAX_NODE) {
                return Err(StoreError::Setup(problem));
            }
            self.engine.before_join(&self.group, info.id)?;
            let id = info.id.to_string();
            let version: String = info.version.chars().take(64).collect();
            let args = [
                Arg::Text(&self.group),
                Arg::Text(&id),
                Arg::Text(&info.node),
                Arg::Text(&info.node),
                Arg::Int(millis(info.lease)),
                Arg::Int(i64::from(info.weight)),
                Arg::Text(&version),
            ];
            if self.set(Lane::Control, &self.texts().join, &args).await? {
                return Ok(true);
            }
            let me = [Arg::Text(&self.group), Arg::Text(&id)];
            let lives = !self.rows(Lane::Control, &self.texts().lives, &me, "i").await?.is_empty();
            if !lives {
                self.engine.after_end(&self.group, info.id);
            }
            Ok(lives)
        })
    }

    fn renew<'a>(&'a self, me: MemberId, offer: Option<&'a Declaration>) -> Answer<'a, bool> {
        Box::pin(async move {
            let id = me.to_string();
            let (group, id) = (Arg::Text(&self.group), Arg::Text(&id));
            let done = match offer {
                None => self.set(Lane::Control, &self.texts().renew, &[group, id]).await?,
                Some(offer) => {
                    let text = offer.to_text();
                    let draining = Arg::Int(i64::from(offer.draining));
                    let args = [Arg::Int(offer.version), draining, Arg::Text(&text), group, id];
                    self.set(Lane::Control, &self.texts().renew_offer, &args).await?
                }
            };
            if !done {
                self.engine.after_end(&self.group, me);
            }
            Ok(done)
        })
    }

    fn end(&self, member: MemberId, how: End) -> Answer<'_, bool> {
        Box::pin(async move {
            let id = member.to_string();
            let (group, id) = (Arg::Text(&self.group), Arg::Text(&id));
            let done = match how {
                End::Leave => self.set(Lane::Control, &self.texts().leave, &[group, id]).await?,
                End::Expire { seq, by } => {
                    let by = by.to_string();
                    let args = [Arg::Text(&by), group, id, Arg::Int(seq)];
                    self.set(Lane::Control, &self.texts().expire, &args).await?
                }
            };
            if done {
                self.engine.after_end(&self.group, member);
            }
            Ok(done)
        })
    }
}

impl<E: Engine> LeaseStore for SqlStore<E> {
    fn observe(&self) -> Answer<'_, View> {
        Box::pin(self.view())
    }

    fn create<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, ()> {
        Box::pin(async move {
            for batch in keys.chunks(CREATE_ROWS) {
                let last = batch.last().into_iter().cycle();
                let rows = batch.iter().chain(last).take(CREATE_ROWS);
                let args: Vec<Arg<'_>> =
                    rows.flat_map(|key| [Arg::Text(&self.group), Arg::Text(key.as_str())]).collect();
                self.set(Lane::Work, &self.texts().create, &args).await?;
            }
            Ok(())
        })
    }

    fn claim<'a>(&'a self, claim: &'a Claim) -> Answer<'a, bool> {
        Box::pin(async move {
            let me = claim.member.to_string();
            let seen = claim.seen_owner.map(|o| o.to_string()).unwrap_or_default();
            let def = claim.def.as_ref().map(Definition::to_text);
            let def = def.as_deref().map_or(Arg::NoText, Arg::Text);
            let group = Arg::Text(&self.group);
            let args = [
                def,
                def,
                Arg::Text(&me),
                Arg::Int(claim.floor.0 + 1),
                group,
                Arg::Text(claim.key.as_str()),
                Arg::Int(claim.seen_epoch.0),
                Arg::Text(&seen),
                group,
                Arg::Text(&me),
                group,
                Arg::Text(&seen),
            ];
            self.set(Lane::Work, &self.texts().claim, &args).await
        })
    }

    fn release<'a>(&'a self, release: &'a Release) -> Answer<'a, bool> {
        Box::pin(async move {
            let me = release.member.to_string();
            let wanted = release.wanted.map(|w| w.to_string());
            let args = [
                wanted.as_deref().map_or(Arg::NoText, Arg::Text),
                Arg::Text(&self.group),
                Arg::Text(release.key.as_str()),
                Arg::Text(&me),
                Arg::Int(release.epoch.0),
            ];
            self.set(Lane::Work, &self.texts().release, &args).await
        })
    }

    fn raise<'a>(&'a self, raise: &'a Raise) -> Answer<'a, bool> {
        Box::pin(async move {
            let args = [
                Arg::Int(raise.floor.0 + 1),
                Arg::Text(&self.group),
                Arg::Text(raise.key.as_str()),
                Arg::Int(raise.seen_epoch.0),
            ];
            self.set(Lane::Work, &self.texts().raise, &args).await
        })
    }
}

impl<E: Engine> FireStore for SqlStore<E> {
    fn fire<'a>(&'a self, claim: &'a FireClaim) -> Answer<'a, bool> {
        Box::pin(async move {
            let me = claim.member.to_string();
            let def = claim.def.as_ref().map(Definition::to_text);
            let def = def.as_deref().map_or(Arg::NoText, Arg::Text);
            let args = [
                Arg::Int(claim.fire_key),
                def,
                def,
                Arg::Text(&self.group),
                Arg::Text(claim.key.as_str()),
                Arg::Text(&me),
                Arg::Int(claim.epoch.0),
                Arg::Int(claim.fire_key),
                def,
                Arg::Int(claim.limit.unwrap_or(i64::MAX)),
            ];
            self.set(Lane::Work, &self.texts().fire, &args).await
        })
    }

    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<LeaseRow>> {
        Box::pin(async move {
            let args = [Arg::Text(&self.group), Arg::Text(key.as_str())];
            let rows = self.rows(Lane::Work, &self.texts().read, &args, "isssiii").await?;
            let Some([epoch, owner, wanted, def, paused, runs, last]) = rows.first().map(Vec::as_slice)
            else {
                return Ok(None);
            };
            Ok(Some(LeaseRow {
                owner: MemberId::parse(owner.text()),
                epoch: Epoch(epoch.int()),
                wanted: MemberId::parse(wanted.text()),
                paused: paused.int() != 0,
                runs: runs.int(),
                def: Definition::from_text(def.text()),
                last_fire: last.maybe_int(),
            }))
        })
    }

    fn pause<'a>(&'a self, key: &'a Key, paused: bool) -> Answer<'a, ()> {
        Box::pin(async move {
            let flag = Arg::Int(i64::from(paused));
            let args = [Arg::Text(&self.group), Arg::Text(key.as_str()), flag];
            self.set(Lane::Work, &self.texts().pause, &args).await.map(drop)
        })
    }
}

impl<E: Engine> Store for SqlStore<E> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn width(&self) -> usize {
        self.width
    }

    fn changed(&self) -> futures_util::future::BoxFuture<'_, ()> {
        self.engine.changed(&self.group)
    }
}

#[cfg(test)]
mod tests;
