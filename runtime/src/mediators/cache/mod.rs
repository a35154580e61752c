//! `<cache>`: answers repeated requests from memory.
//!
//! ```xml
//! <cache collector="false" timeout="60"> .. </cache>   <!-- on the way in: looks the request up -->
//! <cache collector="true"/>                            <!-- on the way out: keeps the response -->
//! ```
//!
//! A finder needs a request and a collector a response; the wrong direction is a fault.

mod entries;
mod run;
#[cfg(test)]
mod tests;

use super::parts::reading::parse_boolean;
use crate::compile::Compiler;
use crate::eval::JavaRegex;
use crate::flow::Step;
use crate::program::FlowTarget;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use entries::{Entries, Shared};
use run::{Collector, Finder};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a finder was told.
#[derive(Debug)]
struct Settings {
    /// Only responses to these methods are kept; `*` is all.
    methods: Vec<String>,
    /// Status codes that are kept.
    codes: Option<JavaRegex>,
    headers: HashedHeaders,
    cache_control: bool,
    age_header: bool,
    /// In bytes.
    max_size: Option<usize>,
    /// Look at the body only, as the DOM hash generator does.
    body_only: bool,
}

/// Headers that are part of the key.
#[derive(Debug, PartialEq, Eq)]
enum HashedHeaders {
    Only(Vec<String>),
    AllBut(Vec<String>),
    All,
    None,
}

const METHODS: &[&str] = &["POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "*"];
const GENERATORS: &str = "org.wso2.carbon.mediator.cache.digest.";

/// `collector` decides; a finder has `timeout` (seconds), `maxMessageSize`, `onCacheHit`, `protocol` and
/// `implementation`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "collector")?;
    if compiler.word(element, "collector", &["true", "false"])? == "true" {
        return Some(Step::now(Collector));
    }
    let timeout = number(element, "timeout", compiler).unwrap_or(5000);
    let max_size = number(element, "maxMessageSize", compiler).and_then(|size| usize::try_from(size).ok());
    let implementation = element.child("implementation");
    let entries = implementation.and_then(|child| number(child, "maxSize", compiler)).unwrap_or(-1);
    let settings = settings(element, max_size, compiler);
    let on_hit = element.child("onCacheHit").and_then(|child| match child.attr("sequence") {
        Some(name) => Some(FlowTarget::Named(name.into())),
        None => child.first().map(|_| FlowTarget::Inline(compiler.block(child))),
    });
    let timeout = Duration::from_secs(u64::try_from(timeout).unwrap_or(0));
    let entries = Entries::new(timeout, usize::try_from(entries).ok());
    let shared = Arc::new(Shared { entries, settings: settings? });
    Some(Step::now(Finder { shared, number: OnceLock::new(), on_hit }))
}

/// Blanks around numbers are allowed here.
fn number(element: ElementRef<'_>, name: &str, compiler: &mut Compiler) -> Option<i64> {
    let text = element.attr(name)?;
    let wide = name == "timeout";
    let number = text.trim().parse::<i64>().ok().filter(|n| wide || i32::try_from(*n).is_ok());
    if number.is_none() {
        let message = format!("'{name}' of <{}> must be a whole number, found '{text}'", element.local());
        compiler.error(Code::BAD_VALUE, element.place_of(name), message);
    }
    number
}

fn settings(element: ElementRef<'_>, max_size: Option<usize>, compiler: &mut Compiler) -> Option<Settings> {
    let protocol = element.child("protocol");
    let generator = match protocol {
        Some(protocol) if protocol.attr("type").is_some() => {
            protocol.child("hashGenerator").map(|c| c.text())
        }
        Some(_) => None,
        None => element.attr("hashGenerator").map(str::to_owned),
    };
    let body_only = hash_generator(element, generator.as_deref(), compiler);
    let is_http = |p: &ElementRef<'_>| p.attr("type").is_some_and(|t| t.trim().eq_ignore_ascii_case("http"));
    let http = protocol.filter(is_http);
    let text = |name: &str| http.and_then(|p| p.child(name)).map(|child| child.text());
    let flag = |name: &str| text(name).is_some_and(|text| parse_boolean(Some(&text)));
    Some(Settings {
        methods: http.map_or_else(all, |http| methods(http, compiler)),
        codes: codes(http, compiler)?,
        headers: hashed(text("headersToIncludeInHash"), text("headersToExcludeInHash")),
        // Without an includeAgeHeader element MI forgets enableCacheControl.
        cache_control: flag("enableCacheControl") && text("includeAgeHeader").is_some(),
        age_header: flag("includeAgeHeader"),
        max_size,
        body_only,
    })
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn methods(http: ElementRef<'_>, compiler: &mut Compiler) -> Vec<String> {
    let Some(element) = http.child("methods") else { return all() };
    let text = element.text();
    if text.split(',').next().is_none_or(str::is_empty) {
        return all();
    }
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_uppercase()).collect();
    for word in words.iter().filter(|word| !METHODS.contains(&word.as_str())) {
        let message = format!("a method of <cache> is one of {}, found '{word}'", METHODS.join(", "));
        compiler.error(Code::BAD_VALUE, element.place(), message);
    }
    words
}

/// `Some(None)` keeps every status, `None` is a mistake.
fn codes(http: Option<ElementRef<'_>>, compiler: &mut Compiler) -> Option<Option<JavaRegex>> {
    let Some(element) = http.and_then(|p| p.child("responseCodes")) else { return Some(None) };
    let text = element.text();
    if text.is_empty() {
        return Some(None);
    }
    match JavaRegex::compile(&text) {
        Ok(regex) => Some(Some(regex)),
        Err(problem) => {
            let message = format!("<responseCodes> is no regular expression: {problem}");
            compiler.error(Code::BAD_REGEX, element.place(), message);
            None
        }
    }
}

/// The include list wins over the exclude list; `*` in first place stands for every header.
fn hashed(include: Option<String>, exclude: Option<String>) -> HashedHeaders {
    let list = |text: Option<String>| -> Vec<String> {
        let text = text.unwrap_or_default();
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let (include, exclude) = (list(include), list(exclude));
    let is_all = |names: &[String]| names.first().is_some_and(|name| name == "*");
    match (include.is_empty(), is_all(&include), is_all(&exclude)) {
        (false, true, _) => HashedHeaders::All,
        (false, false, _) => HashedHeaders::Only(include),
        (true, _, true) => HashedHeaders::None,
        (true, _, false) => HashedHeaders::AllBut(exclude),
    }
}

/// Reports a class that is none of the product's. `true` for the generator that reads bodies only.
fn hash_generator(element: ElementRef<'_>, class: Option<&str>, compiler: &mut Compiler) -> bool {
    let Some(class) = class.filter(|class| !class.is_empty()) else { return false };
    match class.strip_prefix(GENERATORS) {
        Some("HttpRequestHashGenerator" | "REQUESTHASHGenerator") => false,
        Some("DOMHASHGenerator") => true,
        _ => {
            let message = format!("the hash generator '{class}' is not known");
            compiler.error(Code::BAD_VALUE, element.place(), message);
            false
        }
    }
}
