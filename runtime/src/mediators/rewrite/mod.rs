//! `<rewrite [inProperty] [outProperty]>`: changes parts of the address.
//!
//! ```xml
//! <rewrite>
//!   <rewriterule>
//!     <condition><equal type="url" source="protocol" value="http"/></condition>
//!     <action type="replace" fragment="path" regex="/a" value="/b"/>
//!   </rewriterule>
//! </rewrite>
//! ```

mod run;
#[cfg(test)]
mod tests;

use super::parts::condition::{self, Condition};
use super::parts::reading::parse_boolean;
use super::parts::uri::Fragment;
use crate::compile::Compiler;
use crate::eval::{Dialects, Expr};
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Rewrite {
    in_property: Option<Arc<str>>,
    out_property: Option<Arc<str>>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    condition: Option<Condition>,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Append,
    Prepend,
    Replace,
    Remove,
    RemoveQueryParam,
}

#[derive(Debug)]
enum Source {
    None,
    Text(Arc<str>),
    Expr(Arc<Expr>),
}

#[derive(Debug)]
struct Action {
    kind: Kind,
    /// `None` is the whole address.
    fragment: Option<Fragment>,
    source: Source,
    /// Compiled when it is used: MI does not look at it before.
    regex: Arc<str>,
    /// Replace `{name}` by properties.
    resolve: bool,
}

const KINDS: [(&str, Kind); 6] = [
    ("set", Kind::Set),
    ("append", Kind::Append),
    ("prepend", Kind::Prepend),
    ("replace", Kind::Replace),
    ("remove", Kind::Remove),
    ("remove-query-param", Kind::RemoveQueryParam),
];

/// Every action but `remove` needs `value` or `xpath`; `replace` needs a `regex`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let rules = element.children_named("rewriterule").map(|child| rule(child, compiler)).collect();
    let text = |name: &str| element.attr(name).map(Into::into);
    let rewrite = Rewrite { in_property: text("inProperty"), out_property: text("outProperty"), rules };
    (!compiler.diagnostics.has_errors_since(mark)).then(|| Step::now(rewrite))
}

fn rule(element: ElementRef<'_>, compiler: &mut Compiler) -> Rule {
    let actions = element.children_named("action").filter_map(|child| action(child, compiler)).collect();
    let condition = element.child("condition").and_then(ElementRef::first);
    Rule { actions, condition: condition.and_then(|child| condition::compile(child, compiler)) }
}

fn action(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Action> {
    let words: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
    let kind = match element.attr("type") {
        None => Kind::Set,
        Some(_) => {
            let word = compiler.word(element, "type", &words)?;
            KINDS.iter().find(|(known, _)| *known == word)?.1
        }
    };
    let fragment = fragment(element, compiler)?;
    let source = if element.attr("xpath").is_some() {
        Source::Expr(compiler.expression(element, "xpath", Dialects::XPathOnly)?)
    } else if let Some(value) = element.attr("value") {
        Source::Text(value.into())
    } else if kind == Kind::Remove {
        Source::None
    } else {
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), "<action> needs 'value' or 'xpath'");
        return None;
    };
    if kind == Kind::Replace {
        compiler.required(element, "regex")?;
    }
    if kind == Kind::RemoveQueryParam && fragment != Some(Fragment::Query) {
        let message = "remove-query-param works on the fragment 'query'";
        compiler.error(Code::CONFLICT, element.place_of("fragment"), message);
        return None;
    }
    let regex = element.attr("regex").unwrap_or_default().into();
    Some(Action { kind, fragment, source, regex, resolve: parse_boolean(element.attr("resolve")) })
}

/// Outer `None` is a mistake, inner `None` the whole address.
fn fragment(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Option<Fragment>> {
    const WORDS: [&str; 8] = ["protocol", "user", "host", "port", "path", "query", "ref", "full"];
    if element.attr("fragment").is_none() {
        return Some(None);
    }
    Some(match compiler.word(element, "fragment", &WORDS)? {
        "protocol" => Some(Fragment::Protocol),
        "user" => Some(Fragment::User),
        "host" => Some(Fragment::Host),
        "port" => Some(Fragment::Port),
        "path" => Some(Fragment::Path),
        "query" => Some(Fragment::Query),
        "ref" => Some(Fragment::Ref),
        _ => None,
    })
}
