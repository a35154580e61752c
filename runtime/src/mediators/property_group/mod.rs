//! `<propertyGroup>`: several `<property>` mediators in one. Other children are ignored.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::mediators::property::{self, Property};
use crate::message::Message;
use artifacts::xml::ElementRef;

struct PropertyGroup(Vec<Property>);

/// Its `property` children, in order.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let children = element.children_named("property");
    Some(Step::now(PropertyGroup(children.filter_map(|child| property::read(child, compiler)).collect())))
}

impl Mediator for PropertyGroup {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        for property in &self.0 {
            property.mediate(message, cx)?;
        }
        Ok(Next::Continue)
    }
}
