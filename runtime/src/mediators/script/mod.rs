//! `<script>`: JavaScript on the message, written in place or kept as an entry.
//!
//! ```xml
//! <script language="js"><![CDATA[ mc.setPayloadJSON({id: mc.getPayloadJSON().id}); ]]></script>
//! <script language="js" key="conf:/transform.js" function="transform"><include key="conf:/lib.js"/></script>
//! ```
//!
//! A result of `false` ends the flow. The names `js`, `graalJs`, `nashornJs` and `rhinoJs` all mean the same
//! engine (QuickJS); E4X literals and most Java classes are not available. Groovy, Ruby and Python deploy
//! and fault when a message comes.

#[cfg(feature = "script")]
mod engine;
#[cfg(feature = "script")]
mod host;
#[cfg(feature = "script")]
mod pool;
#[cfg(feature = "script")]
mod run;
#[cfg(all(test, feature = "script"))]
mod tests;

use super::parts::{result_target, unsupported};
use crate::compile::Compiler;
use crate::flow::Step;
use crate::mediators::property::types::Type;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const JAVASCRIPT: &[&str] = &["js", "graalJs", "nashornJs", "rhinoJs"];
const OTHERS: &[&str] = &["groovy", "rb", "py"];

/// `language`; `key` with `function` and `include` children, or the code as text; `target` and `inputs` for
/// external scripts.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "language");
    let languages: Vec<&str> = JAVASCRIPT.iter().chain(OTHERS).copied().collect();
    let language = compiler.word(element, "language", &languages);
    let has_key = element.attr("key").is_some();
    if !has_key && element.attr("function").is_some() {
        let message = "'function' of <script> needs 'key'";
        compiler.error(Code::CONFLICT, element.place_of("function"), message);
    }
    let includes: Vec<_> = element
        .children_named("include")
        .filter_map(|include| {
            compiler.required(include, "key")?;
            compiler.dynamic(include, "key")
        })
        .collect();
    let key = compiler.dynamic(element, "key");
    let target = if has_key { result_target::compile(element, compiler) } else { None };
    let inputs = match target {
        Some(_) => result_target::inputs(element, Some(Type::VARIABLE), compiler),
        None => Vec::new(),
    };
    let language = language?;
    if OTHERS.contains(&language) || cfg!(not(feature = "script")) {
        return unsupported::step(element, &format!("there is no engine for {language} scripts"), compiler);
    }
    #[cfg(feature = "script")]
    {
        let source = if has_key {
            let function = element.attr("function").unwrap_or("mediate").into();
            run::Source::Entry { key: key?, function, includes }
        } else {
            run::Source::Inline(inline(element, language, compiler)?)
        };
        Some(Step::wait(run::Script { language, source, target, inputs }))
    }
    #[cfg(not(feature = "script"))]
    {
        drop((key, includes, inputs));
        None
    }
}

/// MI compiles inline scripts of its default engine when it deploys.
#[cfg(feature = "script")]
fn inline(element: ElementRef<'_>, language: &str, compiler: &mut Compiler) -> Option<std::sync::Arc<str>> {
    let text = element.text();
    if language == "js"
        && let Err(problem) = engine::check(&text)
    {
        let message = format!("the inline script cannot be compiled: {problem}");
        compiler.error(Code::BAD_EXPRESSION, element.place(), message);
        return None;
    }
    Some(text.into())
}
