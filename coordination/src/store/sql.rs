//! What the three databases have in common: the statements, and how answers are read.
//!
//! Every write is a compare-and-set on one row. The texts are written once with a few words per
//! dialect; the engines only send them (see [`engine`]).

pub(crate) mod connections;
pub(crate) mod engine;
mod rows;
mod schema;
mod statements;
mod sweep;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio::time::Instant;

use engine::{Arg, Engine, Lane, Value};
use rows::{lease_row, member_row};
use schema::prepare;
use statements::CREATE_ROWS;
pub(crate) use statements::{Dialect, Statements};
use sweep::{LEASES_KEPT, SWEEP_EVERY, sweep, unused};

use super::{Answer, FireStore, LeaseStore, MemberStore, Store, StoreError};
use crate::clock::{Timestamp, millis};
use crate::fire::FireClaim;
use crate::lease::{Claim, Definition, Key, LeaseRow, Raise, Release, View};
use crate::member::{Declaration, End, MAX_NODE, MemberId, MemberInfo, problem_of_name};

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
            let [kind, number, name, columns @ ..] = row.as_slice() else { continue };
            match kind.int() {
                0 => view.database = Timestamp(number.int()),
                1 => {
                    let Some((mut member, version)) = member_row(name, number, columns) else { continue };
                    match self.known_offer(member.id, version) {
                        Some(offer) => member.declared = offer,
                        None => stale = true,
                    }
                    member.proven_dead = self.engine.is_proven_dead(&self.group, member.id);
                    view.members.push(member);
                }
                _ => view.leases.extend(lease_row(number, columns).map(|row| (Key::new(name.text()), row))),
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
        self.sweep_when_due(&view);
        Ok(view)
    }

    /// Beside the statements: nobody waits for it.
    fn sweep_when_due(&self, view: &View) {
        if !self.sweep_is_due() {
            return;
        }
        let (engine, group, unused) = (self.engine.clone(), self.group.clone(), unused(view));
        tokio::spawn(async move {
            if let Err(error) = sweep(engine.as_ref(), &group, &unused, LEASES_KEPT).await {
                tracing::debug!(%error, "old rows of the coordinator stay for another while");
            }
        });
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
            let row = rows.first().and_then(|row| row.split_first());
            Ok(row.and_then(|(epoch, columns)| lease_row(epoch, columns)))
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
