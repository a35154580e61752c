//! Black-box tests of the server, and the `conformance` runner behind them.
//!
//! A *case* is a YAML file that deploys artifacts on a fresh server process, starts mock backends
//! and runs steps; [`cases`] does that. An *expression tuple* is input, expression and result;
//! [`expressions`] asks the runtime library. A *corpus* is a folder of artifacts with the verdict
//! that Micro Integrator gave on each; [`corpus`] compares it with ours.
//!
//! The harness judges with its own means ([`xml`], [`json`], [`wire`], [`mock`]) and never with
//! the code it tests. Start reading at `main.rs`, then `cases/run.rs`.

pub mod binary;
pub mod cases;
pub mod check;
pub mod cli;
pub mod command_line;
pub mod corpus;
pub mod damage;
pub mod expressions;
pub mod faults;
pub mod json;
pub mod mock;
pub mod pattern;
pub mod pods;
pub mod report;
pub mod seeds;
pub mod wire;
pub mod xml;
