//! What a step works with beside its message: the program, the services, and the state of the flow.

use super::exchange::{Answer, Exchange};
use super::fence::Fence;
use super::step::{Block, Leave, Slot};
use super::template::TemplateFrame;
use crate::errors::Fault;
use crate::message::facts::EntryName;
use crate::message::{Dispatch, Message, Value};
use crate::program::{ApiProgram, Program, ProxyProgram, Sequence};
use crate::services::Services;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Position in a list.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) block: Arc<Block>,
    pub(crate) next: usize,
    pub(crate) leave: Leave,
}

/// Who gets a fault.
#[derive(Debug, Clone)]
pub enum Handler {
    /// A compiled list (inline fault sequences).
    Block(Arc<Block>),
    /// A sequence by name, looked up when it is needed.
    Named(Arc<str>),
    /// The deployment's `fault` sequence.
    Default,
}

/// The artifact that a message entered through; decides where responses go.
#[derive(Debug, Clone, Default)]
pub enum Entry {
    /// The main sequence, a task, a test.
    #[default]
    Main,
    /// A resource of an API, by index.
    Api(Arc<ApiProgram>, usize),
    /// A proxy service.
    Proxy(Arc<ProxyProgram>),
}

/// State of one running flow.
pub struct Context {
    /// The program that the flow started with; a redeployment does not touch it.
    pub program: Arc<Program>,
    /// What lives as long as the process.
    pub services: Arc<Services>,
    /// Where the answer goes.
    pub exchange: Arc<Exchange>,
    /// Where responses go.
    pub entry: Entry,
    /// The right under which the flow and its branches act; `None` needs none.
    pub fence: Option<Arc<dyn Fence>>,
    /// Services of this process that called one another on the way here.
    pub hops: u16,
    /// Calls of templates, innermost last.
    pub templates: Vec<TemplateFrame>,
    /// A non-blocking call has returned in this flow: the rest runs on the response path.
    pub resumed: bool,
    /// A fault was handled in this flow.
    pub(crate) faulted: bool,
    /// The flow goes on behind the mediator that forked it although it made no call: it is what
    /// follows a scatter-gather or foreach inside a branch.
    pub(crate) continues: bool,
    /// A sequential target: a fault marks its message before the handler runs.
    pub(crate) target: bool,
    /// Told when the flow starts to wait for a backend; see [`Context::give_way`].
    pub(crate) waiter: Option<oneshot::Sender<()>>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) handlers: Vec<Handler>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context(frames: {}, handlers: {:?})", self.frames.len(), self.handlers)
    }
}

impl Context {
    /// A flow that has not started; its only fault handler is the deployment's default.
    pub fn new(program: Arc<Program>, services: Arc<Services>) -> Self {
        Self {
            program,
            services,
            exchange: Arc::default(),
            entry: Entry::Main,
            fence: None,
            hops: 0,
            templates: Vec::new(),
            resumed: false,
            faulted: false,
            continues: false,
            target: false,
            waiter: None,
            frames: Vec::with_capacity(4),
            handlers: vec![Handler::Default],
        }
    }

    /// Pushes a fault handler; popped by the [`Leave`] of the list it guards.
    pub fn push_handler(&mut self, handler: Handler) {
        self.handlers.push(handler);
    }

    /// Depth of the fault stack, for [`Leave::Handlers`].
    pub fn handler_depth(&self) -> usize {
        self.handlers.len()
    }

    /// Makes a list the next thing to run.
    pub fn push_block(&mut self, block: Arc<Block>, leave: Leave) {
        if let Some(name) = &block.on_error {
            self.handlers.push(Handler::Named(name.clone()));
        }
        self.frames.push(Frame { block, next: 0, leave });
    }

    /// Makes a proxy service the entry: its in-sequence and target come next, behind its fault handler.
    /// `rest` is what follows its name in the path, `transport` how the message came in.
    pub fn enter_proxy(
        &mut self,
        message: &mut Message,
        proxy: &Arc<ProxyProgram>,
        rest: &str,
        transport: &'static str,
    ) {
        // Of a request it is the end of the target; any other caller has a text of its own.
        let whole = &message.wire.target;
        let (target, at) = match whole.len().checked_sub(rest.len()) {
            Some(at) if whole.ends_with(rest) => (whole.clone(), at),
            _ => (rest.into(), 0),
        };
        message.dispatch = Arc::new(Dispatch {
            transport,
            entry: EntryName::Proxy(proxy.name.clone()),
            target,
            rest: Some(at),
            ..Dispatch::default()
        });
        self.entry = Entry::Proxy(proxy.clone());
        self.push_handler(proxy.fault.clone());
        self.push_block(proxy.in_block.clone(), Leave::Continue);
    }

    /// A sequence of the deployment.
    pub fn sequence(&self, name: &str) -> Option<Arc<Sequence>> {
        self.program.sequence(name)
    }

    /// A local entry or registry resource.
    pub fn resource(&self, key: &str) -> Option<crate::program::Resource> {
        self.program.resource(key)
    }

    /// The flow of a branch: a copy of "what comes after", of the fault handlers and template
    /// parameters, with `block` on top. Run it with [`super::run`].
    pub fn branch(&self, block: &Arc<Block>) -> Self {
        let mut branch = self.copy(self.frames.clone());
        branch.push_block(block.clone(), Leave::Branch);
        branch
    }

    /// A branch whose message is marked with `ERROR_ON_TARGET_EXECUTION` when it fails, as MI marks
    /// those of sequential targets.
    pub(crate) fn target_branch(&self, block: &Arc<Block>) -> Self {
        Self { target: true, ..self.branch(block) }
    }

    /// A flow of its own with `block`, at whose end its message is collected; fault handlers and
    /// template parameters are copied. How foreach and scatter-gather run their branches.
    pub fn collected(&self, block: &Arc<Block>, slot: Slot) -> Self {
        let mut branch = self.copy(Vec::with_capacity(2));
        branch.push_block(block.clone(), Leave::Collect(slot));
        branch
    }

    /// What comes after the running step, to be run later, or by somebody else, instead of here.
    pub fn continuation(&self) -> Self {
        let mut rest = self.copy(self.frames.clone());
        rest.resumed = self.resumed;
        rest.continues = true;
        rest
    }

    /// [`Context::continuation`] for a state that outlives the flow: see [`Fence::for_keeping`].
    pub fn kept_continuation(&self) -> Self {
        let mut rest = self.continuation();
        rest.fence = rest.fence.map(Fence::for_keeping);
        rest
    }

    fn copy(&self, frames: Vec<Frame>) -> Self {
        Self {
            program: self.program.clone(),
            services: self.services.clone(),
            exchange: self.exchange.clone(),
            entry: self.entry.clone(),
            fence: self.fence.clone(),
            hops: self.hops,
            templates: self.templates.clone(),
            resumed: false,
            faulted: false,
            continues: false,
            target: false,
            waiter: None,
            frames,
            handlers: self.handlers.clone(),
        }
    }

    /// Whether the flow may take another step.
    pub(crate) fn may_go_on(&self) -> bool {
        self.fence.as_ref().is_none_or(|fence| fence.holds())
    }

    /// To be called by a step before it waits for a backend: in MI the thread goes back to whoever
    /// forked this flow, so a sequential clone or iterate starts its next branch now.
    pub fn give_way(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            // Nobody listens any more when the parent has ended; that is fine.
            waiter.send(()).ok();
        }
    }

    /// A flow of its own that answers the same caller and takes responses the same way, with the same
    /// fault handlers and nothing to come after.
    pub fn detached(&self) -> Self {
        self.copy(Vec::new())
    }

    /// Drops fault handlers above a depth.
    pub fn truncate_handlers(&mut self, depth: usize) {
        self.handlers.truncate(depth);
    }

    /// Sends the message back to the caller. `false` (and a warning) when an answer was given already.
    pub fn reply(&self, message: &mut Message) -> bool {
        if let Entry::Api(api, resource) = &self.entry
            && let Some(resource) = api.resources.get(*resource)
        {
            match &api.cors {
                Some(cors) => cors.apply(message, &resource.allow),
                None => self.program.router.cors.apply(message, &resource.allow),
            }
        }
        crate::message::addressing::strip(message);
        let reply = Box::new(std::mem::take(message));
        let sent = self.exchange.answer(Answer::Reply(reply));
        if !sent {
            tracing::warn!("a second response to the same request is dropped");
        }
        sent
    }

    /// Prepares the fault path: publishes the fault, forgets "what comes after", and makes the nearest
    /// handler the next thing to run. `false` when no handler is left.
    pub(crate) fn enter_fault(&mut self, message: &mut Message, fault: &Fault) -> bool {
        fault.publish(message);
        self.faulted = true;
        if self.target {
            message.properties.set("ERROR_ON_TARGET_EXECUTION", Value::Boolean(true));
        }
        if self.resumed && fault.origin == crate::errors::Origin::Mediation {
            message.axis2.set("HTTP_SC", Value::Integer(500));
        }
        while let Some(handler) = self.handlers.pop() {
            if let Some(block) = self.handler_block(&handler) {
                self.frames.clear();
                self.push_block(block, Leave::Continue);
                return true;
            }
        }
        false
    }

    fn handler_block(&self, handler: &Handler) -> Option<Arc<Block>> {
        match handler {
            Handler::Block(block) => Some(block.clone()),
            Handler::Default => Some(self.program.default_fault.block.clone()),
            Handler::Named(name) => {
                let found = self.sequence(name);
                if found.is_none() {
                    tracing::warn!("the fault sequence '{name}' is not deployed; the next handler is tried");
                }
                found.map(|sequence| sequence.block.clone())
            }
        }
    }
}
