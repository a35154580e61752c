//! The two kinds of steps and what a step can ask of the executor.

use super::context::Context;
use crate::errors::Fault;
use crate::message::Message;
use artifacts::source::{SourceRef, Span};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the executor does after a step.
#[derive(Debug)]
pub enum Next {
    /// The following sibling.
    Continue,
    /// Nothing more: this list and all enclosing ones end (a mediator returned false).
    Stop,
    /// A nested list, then (by its [`Leave`]) the following sibling.
    Enter(Enter),
    /// The message is the answer to the caller; the flow ends.
    Reply,
    /// The message is a backend's response to a `send`: it takes the out route of its entry, or the
    /// named sequence.
    Response(Option<Arc<str>>),
    /// The flow starts over on the out route without a backend (`loopback`).
    Loopback,
}

/// A list to run and what happens when it ends normally.
pub struct Enter {
    /// The list.
    pub block: Arc<Block>,
    /// At its end.
    pub leave: Leave,
}

/// Takes the messages of branches whose results belong together.
pub trait Collect: Send + Sync {
    /// A branch ended normally with this message. A fault goes to the branch's own handlers.
    fn collect<'a>(
        &'a self,
        index: usize,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<(), Fault>>;
}

/// A branch's place in a [`Collect`].
#[derive(Clone)]
pub struct Slot {
    /// Who takes the message.
    pub to: Arc<dyn Collect>,
    /// Which of the branches this is, from 0.
    pub index: usize,
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.to, &other.to)
    }
}

impl Eq for Slot {}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.index)
    }
}

/// What to do when a list ended normally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// Go on behind it.
    Continue,
    /// Drop fault handlers above this depth, then go on (a sequence with `onError`).
    Handlers(usize),
    /// Drop the parameters of the innermost template call and fault handlers above this depth.
    Template(usize),
    /// End the flow as if a mediator had returned false.
    Stop,
    /// End of a branch of foreach or scatter-gather: its message is collected, the flow ends. What
    /// comes after is run by whoever collects.
    Collect(Slot),
    /// End of a branch of clone or iterate: goes on behind the forking
    /// mediator only if the branch has made a call, as MI's continuation states do.
    Branch,
}

impl Next {
    /// Runs a list, then goes on.
    pub fn enter(block: &Arc<Block>) -> Self {
        Next::Enter(Enter { block: block.clone(), leave: Leave::Continue })
    }
}

impl fmt::Debug for Enter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enter({} steps)", self.block.steps.len())
    }
}

/// CPU-only work on one message. Most mediators are this.
pub trait Mediator: Send + Sync {
    /// Does the work.
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault>;

    /// Does it look into the body? The executor reads and builds an unread body before such a step.
    fn reads_body(&self) -> bool {
        true
    }

    /// `false` for a step that has the body read only for those behind it: it does not meet what is broken
    /// inside.
    fn looks_inside(&self) -> bool {
        self.reads_body()
    }
}

/// Work that waits for something outside the process, or runs lists of its own to their end.
pub trait AsyncMediator: Send + Sync {
    /// Does the work. Dropping the future abandons it.
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>>;

    /// As [`Mediator::reads_body`].
    fn reads_body(&self) -> bool {
        true
    }
}

/// Behaviour of a step.
pub enum StepKind {
    /// A plain function call.
    Now(Box<dyn Mediator>),
    /// A future.
    Wait(Box<dyn AsyncMediator>),
}

impl fmt::Debug for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepKind::Now(_) => "Now",
            StepKind::Wait(_) => "Wait",
        })
    }
}

/// A compiled mediator.
pub struct Step {
    /// Behaviour.
    pub kind: StepKind,
    /// Cached answer of the mediator.
    pub reads_body: bool,
    /// Cached answer of the mediator.
    pub looks_inside: bool,
    /// Element name, for logs and traces.
    pub name: Arc<str>,
    /// Where it stands.
    pub place: Option<(SourceRef, Span)>,
}

impl Step {
    /// A step that does not wait.
    pub fn now(mediator: impl Mediator + 'static) -> Self {
        let (reads_body, looks_inside) = (mediator.reads_body(), mediator.looks_inside());
        let kind = StepKind::Now(Box::new(mediator));
        Self { kind, reads_body, looks_inside, name: "".into(), place: None }
    }

    /// A step that waits.
    pub fn wait(mediator: impl AsyncMediator + 'static) -> Self {
        let reads_body = mediator.reads_body();
        let kind = StepKind::Wait(Box::new(mediator));
        Self { kind, reads_body, looks_inside: reads_body, name: "".into(), place: None }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.name)
    }
}

/// A list of steps.
#[derive(Debug, Default)]
pub struct Block {
    /// In order.
    pub steps: Vec<Step>,
    /// Fault sequence of an inline sequence (`onError`), pushed while the list runs.
    pub on_error: Option<Arc<str>>,
}
