//! The program and its execution.
//!
//! [`deploy`]: files to bytes; `artifacts`: bytes to typed artifacts; [`compile`]: artifacts to one
//! immutable [`program::Program`]; [`http`] and the activations turn bytes from outside into a
//! [`message::Message`]; [`flow`] runs its steps; the listener turns the answer into bytes again.

pub mod activation;
pub mod check;
pub mod cli;
pub mod compile;
pub mod deploy;
pub mod endpoints;
pub mod engine;
pub mod errors;
pub mod eval;
pub mod flow;
pub mod freemarker;
pub mod http;
pub mod logging;
pub mod mediators;
pub mod message;
pub mod program;
pub mod router;
pub mod server;
pub mod services;
pub mod settings;
pub mod stores;
pub mod tls;
pub mod xslt;

/// The crate that reads artifacts, for callers that hold only the runtime.
pub use artifacts;
