//! Measures the server against nginx as a reverse proxy, in the same run.
//!
//! The primary figure is CPU time per request of the whole process tree, which stays valid when the
//! load generator is the bottleneck; throughput is told with the share of its core that the server
//! used. Targets are run in turn, so neighbours on the machine disturb both alike, and only ratios
//! of neighbouring runs are compared. Start with [`suite`]; [`load`] is the generator, [`echo`] the
//! backend, [`target`] starts what is measured.

pub mod cli;
pub mod echo;
pub mod histogram;
pub mod life;
pub mod load;
pub mod poll;
pub mod process;
pub mod report;
pub mod scenarios;
pub mod scheduler;
pub mod stats;
pub mod suite;
pub mod target;
pub mod wire;
