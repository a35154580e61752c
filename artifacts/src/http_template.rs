//! URI templates of HTTP endpoints (RFC 6570 as MI's library reads it): parsing and expansion.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Expression { operator: Option<char>, variables: Vec<Variable> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    prefix: Option<usize>,
}

impl HttpTemplate {
    /// Parses a template; `Err` says what is wrong.
    ///
    /// A template that begins with `{` and not `{+` is read as `{+`, so that a whole address can come
    /// from one variable.
    pub fn parse(text: &str) -> Result<Self, String> {
        let opened = match text.strip_prefix('{') {
            Some(rest) if !rest.starts_with('+') => format!("{{+{rest}"),
            _ => text.to_owned(),
        };
        Ok(Self { text: text.to_owned(), parts: parts(&opened)? })
    }

    /// The template as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of all variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Literal(_) => &[][..],
                Part::Expression { variables, .. } => variables.as_slice(),
            })
            .map(|variable| &*variable.name)
    }

    /// Fills in variables; undefined ones vanish.
    pub fn expand<'v>(&self, value: impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>) -> String {
        let mut out = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Expression { operator, variables } => {
                    expand_expression(*operator, variables, &value, &mut out);
                }
            }
        }
        out
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        let position = text.len() - from.len();
        let Some(inner) = from.strip_prefix('{') else {
            return Err(format!("'}}' at position {position} closes nothing"));
        };
        let end = inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}'));
        let end = end.ok_or_else(|| format!("the expression at position {position} is never closed"))?;
        let (body, after) = inner.split_at(end);
        parts.push(expression(body)?);
        rest = after.get(1..).unwrap_or("");
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Ok(parts)
}

fn expression(body: &str) -> Result<Part, String> {
    let operator = body.chars().next().filter(|c| "+#./;?&".contains(*c));
    let list = operator.map_or(body, |c| body.get(c.len_utf8()..).unwrap_or(""));
    if list.is_empty() {
        return Err("an expression names no variable".to_owned());
    }
    let variables = list.split(',').map(variable).collect::<Result<_, _>>()?;
    Ok(Part::Expression { operator, variables })
}

fn variable(text: &str) -> Result<Variable, String> {
    let text = text.trim();
    let (name, prefix) = match text.split_once(':') {
        Some((name, length)) => {
            let length = length.parse().map_err(|_| format!("the prefix of '{text}' is no number"))?;
            (name, Some(length))
        }
        None => (text.strip_suffix('*').unwrap_or(text), None),
    };
    let legal =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '%' | '~' | '$' | '@' | '+' | '!');
    if name.is_empty() || !name.chars().all(legal) {
        return Err(format!("the variable name '{name}' contains invalid characters"));
    }
    Ok(Variable { name: name.to_owned(), prefix })
}

struct Style {
    first: &'static str,
    separator: &'static str,
    named: bool,
    reserved: bool,
    empty: &'static str,
}

fn style(operator: Option<char>) -> Style {
    let style = |first, separator, named, reserved, empty| Style { first, separator, named, reserved, empty };
    match operator {
        Some('+') => style("", ",", false, true, ""),
        Some('#') => style("#", ",", false, true, ""),
        Some('.') => style(".", ".", false, false, ""),
        Some('/') => style("/", "/", false, false, ""),
        Some(';') => style(";", ";", true, false, ""),
        Some('?') => style("?", "&", true, false, "="),
        Some('&') => style("&", "&", true, false, "="),
        _ => style("", ",", false, false, ""),
    }
}

fn expand_expression<'v>(
    operator: Option<char>,
    variables: &[Variable],
    value: &impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>,
    out: &mut String,
) {
    let style = style(operator);
    let mut first = true;
    for variable in variables {
        let Some(text) = value(&variable.name) else { continue };
        out.push_str(if first { style.first } else { style.separator });
        first = false;
        if style.named {
            out.push_str(&variable.name);
            out.push_str(if text.is_empty() { style.empty } else { "=" });
        }
        match variable.prefix {
            Some(length) => encode(&text.chars().take(length).collect::<String>(), style.reserved, out),
            None => encode(&text, style.reserved, out),
        }
    }
}

/// Percent-encodes all but unreserved characters; with `reserved`, reserved ones and complete
/// escapes stay too.
fn encode(text: &str, reserved: bool, out: &mut String) {
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let kept = reserved
            && (b":/?#[]@!$&'()*+,;=".contains(byte)
                || *byte == b'%'
                    && bytes.get(at + 1..at + 3).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)));
        if plain || kept {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str) -> String {
        let value = |name: &str| match name {
            "uri.var.id" => Some("a b/c".into()),
            "host" => Some("http://h:1/p".into()),
            "empty" => Some("".into()),
            "q" => Some("1&2".into()),
            _ => None,
        };
        HttpTemplate::parse(template).unwrap().expand(value)
    }

    #[test]
    fn expansion() {
        assert_eq!(expand("http://h/{uri.var.id}?q={q}&x={none}"), "http://h/a%20b%2Fc?q=1%262&x=");
        assert_eq!(expand("http://h/{+uri.var.id}"), "http://h/a%20b/c");
        assert_eq!(expand("{host}/x"), "http://h:1/p/x");
        assert_eq!(expand("http://h/{uri.var.id:3}"), "http://h/a%20b");
        assert_eq!(expand("http://h{?q,empty,none}"), "http://h?q=1%262&empty=");
        assert_eq!(expand("http://h{/q,none}"), "http://h/1%262");
        assert_eq!(expand("http://h/plain"), "http://h/plain");
    }

    #[test]
    fn refusals() {
        for bad in ["/a?b={", "/a}", "/{a b}", "/{a", "/{a}/{", "/{}", "{", "/{a{b}}"] {
            assert!(HttpTemplate::parse(bad).is_err(), "{bad}");
        }
        for good in ["*", "/*/x", "//", "/a b", "noslash", "", "{+host}", "/{a*}"] {
            assert!(HttpTemplate::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn names() {
        let template = HttpTemplate::parse("/{a}/{+b,c}").unwrap();
        assert_eq!(template.variables().collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
