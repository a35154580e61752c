//! The traits between a source and the runtime.

use bytes::Bytes;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a source hands over.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message's bytes.
    pub payload: Bytes,
    /// Media type with parameters; `None` when nothing tells it.
    pub content_type: Option<String>,
    /// Facts about the message, for the transport scope.
    pub headers: Vec<(&'static str, Header)>,
    /// The payload is parsed before the flow starts; when that fails, so does the delivery, and no
    /// fault handler sees it. Otherwise it is parsed by the first step that looks into it.
    pub parse_first: bool,
}

/// A fact with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// Text.
    Text(String),
    /// A number: sizes in bytes, times in milliseconds since 1970.
    Number(i64),
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Mediated, or its fault was handled: settle it.
    Done,
    /// A fault that nobody handled, with its text: settle it as failed.
    Failed(String),
    /// Not taken (the runtime is stopping): leave it where it is.
    Rejected,
}

/// Where a source hands over. Implemented once, by the runtime.
pub trait Deliver: Send + Sync {
    /// Mediates the delivery to its end.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome>;
}

/// May the source act? Asked before every fetch and every settlement.
pub trait Gate: Send + Sync {
    /// May it settle right now? `false` after a lost lease: leave everything as it is.
    fn holds(&self) -> bool;

    /// Has it been asked to stop? Nothing new is fetched then; what is in flight is settled.
    fn is_stopping(&self) -> bool;

    /// Waits until the source is to stop. Cancel safe.
    fn ended(&self) -> BoxFuture<'_, ()>;
}

/// Who works: what a source writes where other nodes look, so that they can tell later whether the
/// writer may still act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Nodes of one group share their leases.
    pub group: Arc<str>,
    /// Name of the lease. Epochs compare only within one lease of one group.
    pub lease: Arc<str>,
    /// Name of the node, unique among live nodes of the group.
    pub node: Arc<str>,
    /// The lease's epoch: grows with each change of owner. Zero with coordination off.
    pub epoch: i64,
}

/// What a source works with.
#[derive(Clone)]
pub struct InboundContext {
    /// Who takes deliveries.
    pub to: Arc<dyn Deliver>,
    /// May it act?
    pub gate: Arc<dyn Gate>,
    /// Whose source it is, with its kind, for log lines: `inbound endpoint 'orders'`.
    pub name: Arc<str>,
    /// Who works.
    pub owner: Owner,
}

impl fmt::Debug for InboundContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InboundContext({})", self.name)
    }
}

/// A source of deliveries.
pub trait Inbound: Send + Sync + fmt::Debug {
    /// Works until the gate has ended, settles what is in flight, and returns. Trouble with the outside
    /// is its own business: it backs off and tries again.
    fn run(&self, cx: InboundContext) -> BoxFuture<'_, ()>;
}

/// Why a source cannot be set up or go on, or a message cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// A required parameter is missing.
    #[error("the parameter '{0}' is missing")]
    Missing(&'static str),
    /// A parameter has a value that cannot be used.
    #[error("the parameter '{name}': expected {expected}, found '{found}'")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The artifact asks for something that is not built in.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A file that is to be written is locked by somebody else.
    #[error("{0} is locked")]
    Locked(PathBuf),
    /// The file system refuses.
    #[error("{path}: {error}")]
    File {
        /// What it is about.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
}
