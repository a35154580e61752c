//! `<log>`: writes a line to the log of the runtime.
//!
//! ```xml
//! <log level="custom" category="INFO" separator=", ">
//!   <message>order ${payload.id}</message>
//!   <property name="id" expression="json-eval($.id)"/>
//! </log>
//! ```

mod run;
#[cfg(test)]
mod tests;

pub(super) use run::origin;

use super::parts::reading::{NamedSetting, named_settings, parse_boolean};
use crate::compile::Compiler;
use crate::eval::InlineTemplate;
use crate::flow::Step;
use artifacts::diagnostics::{Code, nearest};
use artifacts::xml::ElementRef;

/// What is written besides message and properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// `<message>` without a level: as custom, and the line names the request.
    Message,
    Custom,
    Simple,
    Headers,
    Full,
}

/// Severity of the line. `FATAL` is written as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Category {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug)]
struct Log {
    level: Level,
    category: Category,
    separator: String,
    with_message_id: bool,
    message: Option<InlineTemplate>,
    properties: Vec<NamedSetting>,
}

const CATEGORIES: &[(&str, Category)] = &[
    ("INFO", Category::Info),
    ("TRACE", Category::Trace),
    ("DEBUG", Category::Debug),
    ("WARN", Category::Warn),
    ("ERROR", Category::Error),
    ("FATAL", Category::Error),
];

/// `level`, `category`, `separator`, `logMessageID`, `logFullPayload`, a `message` and properties.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    read(element, compiler).map(Step::now)
}

fn read(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Log> {
    let message = element.child("message");
    let template = match message {
        Some(message) => {
            let text = unescape(&message.text());
            compiler.inline_text(message, message.place(), &text).map(Some)
        }
        None => Some(None),
    };
    let level = level(element, message.is_some(), compiler);
    let category = category(element, compiler);
    let properties = named_settings(element, compiler);
    Some(Log {
        level,
        category: category?,
        separator: element.attr("separator").map_or_else(|| ", ".to_owned(), unescape),
        with_message_id: parse_boolean(element.attr("logMessageID")),
        message: template?,
        properties,
    })
}

fn level(element: ElementRef<'_>, has_message: bool, compiler: &mut Compiler) -> Level {
    if parse_boolean(element.attr("logFullPayload")) {
        return Level::Full;
    }
    match compiler.word(element, "level", &["simple", "headers", "full", "custom"]) {
        Some("headers") => Level::Headers,
        Some("full") => Level::Full,
        Some("custom") => Level::Custom,
        None if has_message && element.attr("level").is_none() => Level::Message,
        _ => Level::Simple,
    }
}

/// Letter case and blanks around the word do not matter, here only.
fn category(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Category> {
    let Some(text) = element.attr("category") else { return Some(Category::Info) };
    let word = text.trim().to_uppercase();
    if let Some((_, category)) = CATEGORIES.iter().find(|(name, _)| *name == word) {
        return Some(*category);
    }
    let words: Vec<&str> = CATEGORIES.iter().map(|(name, _)| *name).collect();
    let message = format!("'category' of <log> is one of {}, found '{text}'", words.join(", "));
    let diagnostic = compiler.error(Code::BAD_VALUE, element.place_of("category"), message);
    diagnostic.hint = nearest(&word, words).map(|word| format!("did you mean '{word}'?"));
    None
}

/// The two-character sequences `\n` and `\t`.
fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t")
}
