//! Pattern texts to elements.

use artifacts::dates::quoted;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(super) elements: Vec<Element>,
}

/// Why a pattern is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternError(pub(crate) String);

/// A piece of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Element {
    /// Literal text.
    Text(String),
    /// A letter and how often it stands there.
    Field(char, usize),
    /// `[...]`
    Optional(Vec<Element>),
}

const LETTERS: &str = "GuyDMLdQqYwWEecFaBhKkHmsSAnNVvzOXxZ";

impl Pattern {
    /// `DateTimeFormatter.ofPattern`.
    pub(crate) fn compile(text: &str) -> Result<Self, PatternError> {
        let mut stack = vec![Vec::new()];
        let fail = |message: String| Err(PatternError(format!("{message} in the date pattern '{text}'")));
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let element = match c {
                '\'' => match quoted(&mut chars) {
                    Some(text) => Element::Text(text),
                    None => return fail("a quote is not closed".to_owned()),
                },
                '[' => {
                    stack.push(Vec::new());
                    continue;
                }
                ']' => match stack.pop() {
                    Some(inner) if !stack.is_empty() => Element::Optional(inner),
                    _ => return fail("']' without '['".to_owned()),
                },
                '{' | '}' | '#' => return fail(format!("the reserved character '{c}'")),
                c if c.is_ascii_alphabetic() => {
                    let count = 1 + std::iter::from_fn(|| chars.next_if_eq(&c)).count();
                    if !LETTERS.contains(c) || count > most(c) {
                        return fail(format!("{count} times the letter '{c}'"));
                    }
                    Element::Field(c, count)
                }
                other => Element::Text(other.to_string()),
            };
            if let Some(top) = stack.last_mut() {
                top.push(element);
            }
        }
        while stack.len() > 1 {
            // An open '[' is closed by the end.
            if let (Some(inner), Some(outer)) = (stack.pop(), stack.last_mut()) {
                outer.push(Element::Optional(inner));
            }
        }
        Ok(Self { elements: stack.pop().unwrap_or_default() })
    }
}

/// How often a letter may stand in a row.
fn most(letter: char) -> usize {
    match letter {
        'u' | 'y' | 'Y' | 'A' | 'n' | 'N' => 19,
        'G' | 'M' | 'L' | 'Q' | 'q' | 'E' | 'e' | 'c' | 'X' | 'x' | 'Z' | 'B' => 5,
        'd' | 'h' | 'K' | 'k' | 'H' | 'm' | 's' | 'w' | 'V' => 2,
        'D' => 3,
        'S' => 9,
        'v' | 'z' | 'O' => 4,
        _ => 1,
    }
}
