//! Who may run what, decided by a database.
//!
//! Several processes (*nodes*) have the same artifacts. Some of these (scheduled tasks, message
//! processors, polling inbound endpoints) must run on one node only, must move within seconds when
//! that node dies, and must never run twice when it merely froze. This crate answers one question,
//! "may I act for this activation now?", and knows nothing about integration: keys, leases, time and
//! SQL are all it deals with.
//!
//! # Three promises
//!
//! | promise | kept by | rests on |
//! |---|---|---|
//! | P1: at most one node *believes* it owns an activation | lease and self-fencing | clock *rates* that differ by less than 1 %, and a database that keeps what it confirmed: after a restore, or a failover that lost commits, two may act until the next beat |
//! | P2: a scheduled instant is *started* at most once | a claim in the row before the start | the database keeps what it confirmed |
//! | P3: no *effect* of an old owner is accepted after a newer one acted | the epoch, checked by the receiver | a receiver that can compare |
//!
//! # The protocol
//!
//! There is no leader. Each process start is a *member*: one row with a counter. Every heartbeat
//! (`H`) a member makes one *beat*: it moves its counter (the renewal) and then reads all rows in one
//! snapshot (the view).
//!
//! - **Trust.** After a complete beat the member may act until *start of the renewal* + `F`, on its
//!   own clock, which counts through freezes and sleep. A slow answer cannot stretch that; no answer
//!   ends it. Ending is called the *fence*: guards stop holding by the passing of time alone.
//! - **Silence.** A member whose counter stood still for its lease length (`L`, plus the drift) on
//!   the watcher's own clock is *expired*, by a compare-and-set on that very counter value. An ended
//!   member never comes back; its renewal finds no row and the process joins again as a new member.
//!   Since `F` + stop time < `L`, its work has been silent before anybody else may start.
//! - **Ownership.** One row per activation: owner and *epoch*. Whoever finds the owner gone claims
//!   the row by compare-and-set, which raises the epoch. A term starts only from a view that shows
//!   it, never from the answer to a claim: the row says who holds a lease, and an unknown outcome
//!   needs no special care. An epoch never repeats, not even when a restored database forgot some.
//! - **Placement.** A pure function that every node computes from the same view, so the right node
//!   claims first and the others wait a moment. What runs stays where it is; balance is restored a
//!   few activations at a time, by the node that has too many.
//! - **Fires.** A scheduled start is claimed in the activation's row. Counts are kept there too.
//! - **Definitions.** Nodes may have different ones, as in a rolling update. The one of the newest
//!   artifacts counts: only its carriers take the activation, and a count never starts anew for an
//!   older one.
//!
//! ```text
//!            join              renewal confirmed, view read
//!  Joining ────────> Member ────────────────────────────────> trusted until start + F
//!     ^                │  ^ same member, same terms, if           │ no complete beat
//!     │ no row any     │  └── nobody expired it ─────────────── fenced
//!     └────────────────┘
//!       more: expelled      drain: ask all terms to end, release each, leave
//! ```
//!
//! # What happens when
//!
//! | fault | consequence |
//! |---|---|
//! | kill -9 | others take over after at most `H + L(1+rho) + g`: 6.3 s at the defaults, 3.3 s in the fast profile; on SQLite within a heartbeat, since a file lock proves the death |
//! | SIGTERM | each activation moves as soon as its run has ended: within 0.5 s during a drain, within a heartbeat if it was over at once |
//! | freeze shorter than `F` | nothing, or a fence for a moment |
//! | freeze longer than `L` | expired; after the thaw the first question to a guard says no |
//! | freeze (SIGSTOP) in the middle of a write to SQLite | the frozen process keeps the file's lock: all others are fenced until it goes on or is killed, and nothing proves its death meanwhile |
//! | database gone | gated work stops at `F`; when it is back within seconds or hours, the same terms go on within one beat and nothing moves |
//! | answer lost, statement applied late | compare-and-sets make it harmless; the next view tells |
//! | clocks wrong, set, or drifting | nothing: only durations on one machine are ever compared |
//! | one node id on two processes | the second waits, loudly |
//! | last commit lost in a crash of the database | no epoch is used twice, nothing runs twice; one claimed fire may be claimed again |
//!
//! # How to use it
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! use coordination::{Activation, Config, Coordinator, clock::SystemClock, store::memory::Memory};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let store = Arc::new(Memory::default());
//! let node = Coordinator::start(Config::new("pod-1"), store, Arc::new(SystemClock)).unwrap();
//! let mut task = node.register(&Activation::exclusive("nightly", "fingerprint of the definition"));
//! // Usually a loop: `while let Some(guard) = task.next().await { .. }`
//! let guard = task.next().await.unwrap();
//! let due = node.now().0;
//! if guard.claim_fire(due, None).await.is_ok() && guard.holds() {
//!     // run; hand guard.epoch() to whoever can check it
//! }
//! let stop = async { guard.ended().await };   // told to end: finish, drop the guard, wait for the next
//! # drop(stop); drop(guard);
//! node.shutdown(Duration::from_secs(20)).await;
//! # }
//! ```
//!
//! With coordination off, [`Coordinator::off`] gives the same handle with guards that always hold.
//!
//! # Where to read on
//!
//! [`protocol`] has the steps, pure and without a clock; [`timing`] the formulas and every knob;
//! `tests/simulation` runs whole clusters of the real steps against a database that misbehaves, and
//! checks that three deliberate mistakes are noticed. [`store`] is what a database must be able to
//! do, `schema/` its tables for whoever makes them by hand, [`conformance`] the suite that every
//! store passes. The driver only connects these.

pub mod clock;
pub mod conformance;
mod driver;
pub mod fire;
mod guard;
mod handle;
pub mod lease;
pub mod member;
pub mod metrics;
pub mod placement;
pub mod protocol;
mod shared;
pub mod status;
pub mod store;
pub mod timing;
mod ungated;

pub use guard::{Fired, Guard};
pub use handle::{Activation, Config, Coordinator, Handle, Registration};
