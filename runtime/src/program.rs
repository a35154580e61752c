//! What a deployment compiles to. Immutable: a redeployment compiles a new one and swaps the pointer.

use crate::flow::{Block, Handler};
use crate::services::Services;
use std::collections::HashMap;
use std::sync::Arc;

/// A named list of steps.
#[derive(Debug, Default)]
pub struct Sequence {
    /// Its name.
    pub name: Arc<str>,
    /// Its steps and its `onError`.
    pub block: Arc<Block>,
}

/// A list that an artifact points to: written in place, or by name.
#[derive(Debug, Clone)]
pub enum FlowTarget {
    /// In place.
    Inline(Arc<Block>),
    /// A sequence looked up when it is needed.
    Named(Arc<str>),
}

/// A sequence template.
#[derive(Debug)]
pub struct Template {
    /// Its name.
    pub name: Arc<str>,
    /// Declared parameters.
    pub parameters: Vec<TemplateParameter>,
    /// Its steps and its `onError`.
    pub block: Arc<Block>,
}

/// A declared template parameter.
#[derive(Debug, Clone)]
pub struct TemplateParameter {
    /// Its name.
    pub name: Arc<str>,
    /// Must be given a value or have a default.
    pub mandatory: bool,
    /// Used when the call does not name it.
    pub default: Option<Arc<str>>,
}

/// A resource of an API.
#[derive(Debug)]
pub struct ResourceProgram {
    /// For requests.
    pub in_flow: Option<FlowTarget>,
    /// For responses to `send`.
    pub out_flow: Option<FlowTarget>,
    /// For faults.
    pub fault: Handler,
}

/// An API.
#[derive(Debug)]
pub struct ApiProgram {
    /// Full name: `name` or `name:vX`.
    pub name: Arc<str>,
    /// Its resources, in order of declaration.
    pub resources: Vec<ResourceProgram>,
}

/// A proxy service.
#[derive(Debug)]
pub struct ProxyProgram {
    /// Its name.
    pub name: Arc<str>,
    /// For requests.
    pub in_flow: Option<FlowTarget>,
    /// For responses.
    pub out_flow: Option<FlowTarget>,
    /// For faults.
    pub fault: Handler,
}

/// Everything a deployment compiled to.
#[derive(Debug, Default)]
pub struct Program {
    /// Sequences by name.
    pub sequences: HashMap<Arc<str>, Arc<Sequence>>,
    /// Sequence templates by name.
    pub templates: HashMap<Arc<str>, Arc<Template>>,
    /// The `main` sequence.
    pub main: Arc<Sequence>,
    /// The `fault` sequence.
    pub default_fault: Arc<Sequence>,
}

impl Program {
    /// A sequence by name or registry key.
    pub fn sequence(&self, name: &str, _services: &Services) -> Option<Arc<Sequence>> {
        self.sequences.get(name).cloned()
    }
}

impl FlowTarget {
    /// The list, `None` when a named sequence is not deployed.
    pub fn block(&self, program: &Program, services: &Services) -> Option<Arc<Block>> {
        match self {
            FlowTarget::Inline(block) => Some(block.clone()),
            FlowTarget::Named(name) => program.sequence(name, services).map(|s| s.block.clone()),
        }
    }
}

impl ResourceProgram {
    /// The list for responses.
    pub fn out_flow(&self, program: &Program, services: &Services) -> Option<Arc<Block>> {
        self.out_flow.as_ref()?.block(program, services)
    }
}

impl ProxyProgram {
    /// The list for responses.
    pub fn out_flow(&self, program: &Program, services: &Services) -> Option<Arc<Block>> {
        self.out_flow.as_ref()?.block(program, services)
    }
}
