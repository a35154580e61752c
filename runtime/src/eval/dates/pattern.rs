//! Pattern texts to elements.

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(super) elements: Vec<Element>,
    /// `SimpleDateFormat` rather than `DateTimeFormatter`.
    pub(super) simple: bool,
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

const SIMPLE_LETTERS: &str = "GyYMLwWDdFEuaHkKhmsSzZX";
const MODERN_LETTERS: &str = "GuyDMLdQqYwWEecFaBhKkHmsSAnNVvzOXxZ";

impl Pattern {
    /// `DateTimeFormatter.ofPattern`.
    pub(crate) fn modern(text: &str) -> Result<Self, PatternError> {
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
                    let count = 1 + run(&mut chars, c);
                    if !MODERN_LETTERS.contains(c) || count > most(c) {
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
        Ok(Self { elements: stack.pop().unwrap_or_default(), simple: false })
    }

    /// `new SimpleDateFormat`.
    pub(crate) fn simple(text: &str) -> Result<Self, PatternError> {
        let mut elements = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            elements.push(match c {
                '\'' => match quoted(&mut chars) {
                    Some(text) => Element::Text(text),
                    None => return Err(PatternError(format!("a quote is not closed in '{text}'"))),
                },
                c if c.is_ascii_alphabetic() => {
                    if !SIMPLE_LETTERS.contains(c) {
                        return Err(PatternError(format!("the letter '{c}' in the date pattern '{text}'")));
                    }
                    Element::Field(c, 1 + run(&mut chars, c))
                }
                other => Element::Text(other.to_string()),
            });
        }
        Ok(Self { elements, simple: true })
    }
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

fn run(chars: &mut Chars<'_>, letter: char) -> usize {
    std::iter::from_fn(|| chars.next_if_eq(&letter)).count()
}

/// Text up to the closing quote; two quotes stand for one.
fn quoted(chars: &mut Chars<'_>) -> Option<String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Some("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\'' => {
                if chars.next_if_eq(&'\'').is_none() {
                    return Some(text);
                }
                text.push('\'');
            }
            c => text.push(c),
        }
    }
}

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
