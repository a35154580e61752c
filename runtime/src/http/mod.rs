//! HTTP on both sides of the runtime.
//!
//! [`listener`] turns requests into messages and hands them to whoever implements [`Serve`];
//! `receive` and `answer` are the two translations on that side. [`client`] is the pooled client,
//! [`backend`] the two translations on its side: message to request, response to message. [`inside`]
//! joins the two sides without a socket.

mod answer;
pub mod backend;
mod body;
pub mod client;
mod connection;
pub mod inside;
pub mod listener;
mod pulse;
mod receive;
mod rules;
mod soap;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod waker;
mod workers;

pub use answer::Asked;
pub use body::OutBody;
pub use client::{Client, ClientOptions, InResponse, Origin, OutRequest, SendError, Timeouts, Unanswered};
pub use listener::{Listener, ListenerOptions, Running, Serve};
pub use rules::HeaderRules;
pub use target::Target;
pub use workers::Workers;
