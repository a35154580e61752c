//! The `target` element of clone, iterate and conditionalRouter: where a copy of the message goes.

use crate::compile::Compiler;
use crate::flow::Block;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// A target. Of several destinations the first in this order counts: inline sequence, sequence by
/// name, inline endpoint, endpoint by name.
///
/// ```xml
/// <target to="http://host/x" soapAction="urn:x" sequence="name" endpoint="name">
///   <sequence>...</sequence>
///   <endpoint>...</endpoint>
/// </target>
/// ```
#[derive(Debug, Default)]
pub(crate) struct Target {
    /// New `To` of the copy.
    pub(crate) to: Option<Arc<str>>,
    /// New action of the copy.
    pub(crate) soap_action: Option<Arc<str>>,
    /// What happens to the copy.
    pub(crate) destination: Destination,
}

/// What a target does with its copy.
#[derive(Debug, Default)]
pub(crate) enum Destination {
    /// Nothing: the copy ends at once.
    #[default]
    Nowhere,
    /// Steps in place; a send for endpoints is a step like any other.
    Block(Arc<Block>),
    /// A sequence by name or registry key, looked up when it is needed.
    Sequence(Arc<str>),
}

/// Reads a `target` element.
pub(crate) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Target {
    let text = |name: &str| element.attr(name).map(Arc::<str>::from);
    // Everything inside is read, so that every problem is reported; MI does the same.
    let inline = element.child("sequence").map(|sequence| compiler.block(sequence));
    let destination = match (inline, text("sequence")) {
        (Some(block), _) => Destination::Block(block),
        (None, Some(name)) => Destination::Sequence(name),
        (None, None) => Destination::Nowhere,
    };
    Target { to: text("to"), soap_action: text("soapAction"), destination }
}
