//! The mediators: one folder each, one line here. A folder holds the grammar (`compile`), the
//! behaviour and the tests of its element.

#[cfg(test)]
mod testing;

use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::diagnostics::{Code, nearest};
use artifacts::xml::ElementRef;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct MediatorDef {
    /// Element name in the Synapse namespace.
    pub name: &'static str,
    /// Reads the element, reports every problem, returns a step when one can be built.
    pub compile: fn(ElementRef<'_>, &mut Compiler) -> Option<Step>,
}

macro_rules! mediators {
    ($($name:literal => $module:ident;)*) => {
        $(mod $module;)*
        /// Every mediator.
        pub const ALL: &[MediatorDef] = &[$(MediatorDef { name: $name, compile: $module::compile }),*];
    };
}

mod connector_operation;
mod parts;

mediators! {
    "NTLM" => ntlm;
    "aggregate" => aggregate;
    "annotatedCommand" => annotated_command;
    "bean" => bean;
    "builder" => builder;
    "cache" => cache;
    "call" => call;
    "call-template" => call_template;
    "callout" => callout;
    "class" => class;
    "clone" => clone;
    "conditionalRouter" => conditional_router;
    "dataServiceCall" => data_service_call;
    "datamapper" => datamapper;
    "dblookup" => dblookup;
    "dbreport" => dbreport;
    "drop" => drop;
    "ejb" => ejb;
    "enqueue" => enqueue;
    "enrich" => enrich;
    "entitlementService" => entitlement_service;
    "eventPublisher" => event_publisher;
    "fastXSLT" => fast_xslt;
    "filter" => filter;
    "foreach" => foreach;
    "header" => header;
    "in" => in_list;
    "iterate" => iterate;
    "jsontransform" => jsontransform;
    "log" => log;
    "loopback" => loopback;
    "makefault" => makefault;
    "oauthService" => oauth_service;
    "opa" => opa;
    "out" => out_list;
    "payloadFactory" => payload_factory;
    "pojoCommand" => pojo_command;
    "property" => property;
    "propertyGroup" => property_group;
    "respond" => respond;
    "rewrite" => rewrite;
    "sampler" => sampler;
    "scatter-gather" => scatter_gather;
    "script" => script;
    "send" => send;
    "sequence" => sequence;
    "smooks" => smooks;
    "spring" => spring;
    "store" => store;
    "switch" => switch;
    "throttle" => throttle;
    "throwError" => throw_error;
    "transaction" => transaction;
    "validate" => validate;
    "variable" => variable;
    "xquery" => xquery;
    "xslt" => xslt;
}

pub(crate) use parts::proxy;

/// Compiles one mediator element; an unknown one is an error, as in MI.
pub fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let local = element.local();
    // `log.x` is a `log`: MI looks up the part before the first dot when the whole name is unknown.
    let base = local.split('.').next().unwrap_or(local);
    let find = |name: &str| ALL.iter().find(|def| def.name == name);
    let def = if element.is_synapse() { find(local).or_else(|| find(base)) } else { None };
    if def.is_none() && element.is_synapse() && connector_operation::is_operation(element) {
        return connector_operation::compile(element, compiler);
    }
    let Some(def) = def else {
        let message = format!("expected a mediator, found <{local}>");
        let hint =
            nearest(local, ALL.iter().map(|def| def.name)).map(|name| format!("did you mean <{name}>?"));
        compiler.error(Code::UNKNOWN_MEDIATOR, element.place(), message).hint = hint;
        return None;
    };
    let mut step = (def.compile)(element, compiler)?;
    step.name = def.name.into();
    step.place = Some((element.source().clone(), element.span()));
    Some(step)
}
