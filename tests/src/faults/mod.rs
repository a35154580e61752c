//! The fault suite: real server processes in one group, a real PostgreSQL and a real MariaDB, and a
//! proxy of ours between each node and the database.
//!
//! ```text
//! ganglion n1 ── proxy ──┐
//! ganglion n2 ── proxy ──┼── database        each run of a task: start, effect, end ──> sink
//! ganglion n3 ── proxy ──┘
//! ```
//!
//! A *fault* ([`catalogue`], [`tried`]) starts a [`cluster`], does something to it, and says what is
//! promised ([`claims`]). The [`sink`] records what really ran, with its own clock. The [`rules`]
//! hold always. [`verdict`] judges the record, [`report`] writes it down, [`cli`] reads the command
//! line of the binary `faults`.

pub mod catalogue;
pub mod claims;
pub mod cli;
pub mod cluster;
pub mod database;
pub mod feeder;
pub mod home;
pub mod node;
pub mod profile;
pub mod proxy;
pub mod record;
pub mod report;
pub mod rules;
pub mod run;
pub mod sink;
pub mod tried;
pub mod verdict;
