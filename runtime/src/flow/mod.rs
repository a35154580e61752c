//! Running messages: steps, the executor with its explicit frames, faults, and the reply slot.
//!
//! A flow is a list of steps. The executor keeps the positions of all enclosing lists as a stack of
//! frames, so "what comes after" is data: a branch of `clone` copies it, a fault clears it, a step
//! enters a list by returning it. Steps that do not wait are plain function calls.

mod context;
mod exchange;
mod executor;
mod fence;
mod fork;
mod step;
mod template;

pub use context::{Context, Entry, Handler};
pub use exchange::{Answer, Exchange};
pub use executor::{End, begin_payload, build_payload, run, run_fault, run_request, run_response};
pub use fence::Fence;
pub use fork::{Finished, parallel, sequential};
pub use step::{
    AsyncMediator, Block, BoxFuture, Collect, Enter, Leave, Mediator, Next, Slot, Step, StepKind,
};
pub use template::{TemplateArgument, TemplateFrame};
