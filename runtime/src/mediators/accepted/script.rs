//! Scripts. MI compiles inline JavaScript when it deploys, so what is no JavaScript is refused; here a
//! scanner finds what scripts in artifacts get wrong: XML literals and descendant operators of the old
//! E4X extension, unbalanced brackets, words without an operator between them.

use super::key;
use crate::compile::Compiler;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const LANGUAGES: [&str; 10] =
    ["js", "nashornJs", "rhinoJs", "groovy", "rb", "ruby", "py", "python", "jython", "jruby"];

pub(super) fn check(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.required(element, "language");
    let language = compiler.word(element, "language", &LANGUAGES);
    let has_key = element.attr("key").is_some();
    if !has_key && element.attr("function").is_some() {
        let message = "'function' of <script> needs 'key'";
        compiler.error(Code::CONFLICT, element.place_of("function"), message);
    }
    element.children_named("include").for_each(|include| key(include, "key", compiler));
    if has_key {
        compiler.dynamic(element, "key");
    } else if matches!(language, Some("js" | "nashornJs"))
        && let Err(problem) = scan(&element.text())
    {
        let message = format!("the inline script cannot be compiled: {problem}");
        compiler.error(Code::BAD_EXPRESSION, element.place(), message);
    }
}

/// What stood before: an operand, or something that wants one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The start, an operator, an open bracket, a keyword such as `return`.
    Operator,
    /// A word that is no keyword.
    Word,
    /// A literal or a closed bracket.
    Operand,
}

/// Words that an operand may follow.
const KEYWORDS: [&str; 38] = [
    "return",
    "var",
    "let",
    "const",
    "new",
    "typeof",
    "in",
    "of",
    "instanceof",
    "function",
    "else",
    "case",
    "do",
    "delete",
    "void",
    "throw",
    "if",
    "for",
    "while",
    "switch",
    "try",
    "catch",
    "finally",
    "default",
    "class",
    "extends",
    "async",
    "await",
    "yield",
    "static",
    "get",
    "set",
    "import",
    "export",
    "from",
    "as",
    "break",
    "continue",
];

fn scan(text: &str) -> Result<(), String> {
    let mut scanner =
        Scanner { rest: text, line: 1, before: Before::Operator, word_line: 0, open: Vec::new() };
    while scanner.step()? {}
    match scanner.open.last() {
        Some((bracket, line)) => Err(format!("'{bracket}' of line {line} is never closed")),
        None => Ok(()),
    }
}

struct Scanner<'t> {
    rest: &'t str,
    line: usize,
    before: Before,
    word_line: usize,
    open: Vec<(char, usize)>,
}

impl Scanner<'_> {
    fn skip(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    /// One token; `false` at the end.
    fn step(&mut self) -> Result<bool, String> {
        let Some(c) = self.rest.chars().next() else { return Ok(false) };
        if c.is_whitespace() || c == '\u{feff}' {
            self.skip(c.len_utf8());
        } else if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            let end = self.rest.find("*/").ok_or("a comment is never closed")?;
            self.skip(end + 2);
        } else if c == '"' || c == '\'' || c == '`' {
            self.string(c)?;
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            self.word()?;
        } else {
            self.punctuation(c)?;
        }
        Ok(true)
    }

    fn string(&mut self, quote: char) -> Result<(), String> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' if quote != '`' => break,
                _ if c == quote => {
                    self.skip(at + 1);
                    self.before = Before::Operand;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(format!("a text in line {} is never closed", self.line))
    }

    fn word(&mut self) -> Result<(), String> {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or("");
        if self.before == Before::Word && self.word_line == self.line && !KEYWORDS.contains(&word) {
            return Err(format!("expected ';' in line {} but found '{word}'", self.line));
        }
        self.before = match KEYWORDS.contains(&word) {
            true => Before::Operator,
            false => Before::Word,
        };
        self.word_line = self.line;
        self.skip(end);
        Ok(())
    }

    fn punctuation(&mut self, c: char) -> Result<(), String> {
        let wants_operand = self.before == Before::Operator;
        match c {
            '(' | '[' | '{' => self.open.push((c, self.line)),
            ')' | ']' | '}' => self.close(c)?,
            '<' if wants_operand => {
                return Err(format!("expected an operand in line {} but found '<'", self.line));
            }
            '/' if wants_operand => return self.regex(),
            '.' if self.rest.starts_with("...") => {
                self.skip(3);
                self.before = Before::Operator;
                return Ok(());
            }
            '.' if self.rest.starts_with("..") => {
                return Err(format!("expected a name in line {} but found '.'", self.line));
            }
            ':' if self.rest.starts_with("::") => {
                return Err(format!("expected an operand in line {} but found ':'", self.line));
            }
            '+' | '-' if self.rest.starts_with("++") || self.rest.starts_with("--") => {
                // `a++` leaves an operand, `++a` waits for one: what stood before stays true.
                self.skip(2);
                return Ok(());
            }
            _ => {}
        }
        self.before = match c {
            ')' | ']' => Before::Operand,
            _ => Before::Operator,
        };
        self.skip(c.len_utf8());
        Ok(())
    }

    fn close(&mut self, c: char) -> Result<(), String> {
        let wanted = match c {
            ')' => '(',
            ']' => '[',
            _ => '{',
        };
        match self.open.pop() {
            Some((open, _)) if open == wanted => Ok(()),
            _ => Err(format!("'{c}' in line {} closes nothing", self.line)),
        }
    }

    fn regex(&mut self) -> Result<(), String> {
        let (mut escaped, mut class) = (false, false);
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    self.skip(at + 1);
                    self.before = Before::Operand;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(format!("a regular expression in line {} is never closed", self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn javascript_passes() {
        for text in [
            "var a = mc.getPayloadJSON(); mc.setProperty('x', a.b < 3 ? \"<a>\" : `<${a}>`);",
            "for (var i = 0; i < list.length; i++) { if (a < b && c > d) { log.info('x'); } }\n// <a/>\n/* <b> */",
            "function f(x) { return /<[^/]+>/.test(x) }\nvar y = f('a') / 2 / 3;",
            "mc.setPayloadXML(new XML('<a/>'))\nvar z = [...list]; x = -y--;",
            "try { a() } catch (e) { throw e } finally { b() }",
            "var o = {get: 1, 'b': c}; do x(); while (y)",
            "",
        ] {
            assert_eq!(scan(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_old_xml_extension_is_refused() {
        for text in [
            "mc.setPayloadXML(<a>{x}</a>);",
            "var s = mc.getPayloadXML()..*::Code.toString();",
            "return <a/>",
            "var a = (1;",
            "a)",
            "java stray Thread.sleep(120)",
            "var s = 'abc",
        ] {
            assert!(scan(text).is_err(), "{text}");
        }
    }
}
