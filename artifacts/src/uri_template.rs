//! URI templates of API resources: a path against a template, with captures.
//!
//! Not RFC 6570 in reverse: MI has a parser of its own, and its rules are kept. A simple variable
//! stops at reserved characters, `{+var}` does not, a `*` at the end takes any rest. Variables take as
//! little as they can, and nothing where more follows or where they stand in a query.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriTemplate {
    text: String,
    parts: Vec<Part>,
    has_query: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `*` at the end.
    Rest,
    Expression {
        operator: Operator,
        variables: Vec<Variable>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: String,
    /// `{v:3}`: exactly this many characters.
    length: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Simple,
    Reserved,
    Fragment,
    Label,
    Segment,
}

impl Operator {
    /// Text before the first value and between values.
    fn joints(self) -> (&'static str, char) {
        match self {
            Operator::Simple | Operator::Reserved => ("", ','),
            Operator::Fragment => ("#", ','),
            Operator::Label => (".", '.'),
            Operator::Segment => ("/", '/'),
        }
    }

    fn takes(self, c: char) -> bool {
        match self {
            Operator::Reserved | Operator::Fragment => true,
            Operator::Label => c != '.' && !is_reserved(c),
            Operator::Simple | Operator::Segment => !is_reserved(c),
        }
    }
}

fn is_reserved(c: char) -> bool {
    ":/?#[]@!$&'()*+,;=".contains(c)
}

impl UriTemplate {
    /// Parses a template; `Err` says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = match text.strip_suffix('/') {
            Some(rest) if !rest.is_empty() => rest,
            _ => text,
        };
        Ok(Self { text: text.to_owned(), parts: parts(trimmed)?, has_query: text.contains('?') })
    }

    /// The template as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Variables of a path with query (`/a/b?c=d`), percent-decoded; `None` when it does not match. A
    /// query that the template does not speak of is ignored, and so is one `/` at the very end.
    pub fn matches(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut captures = Vec::new();
        if self.walk(&self.parts, path, &mut captures) {
            return Some(decoded(captures));
        }
        let shorter = path.strip_suffix('/').filter(|rest| !rest.is_empty())?;
        captures.clear();
        self.walk(&self.parts, shorter, &mut captures).then(|| decoded(captures))
    }

    fn walk<'t, 'p>(&'t self, parts: &'t [Part], rest: &'p str, captures: &mut Captures<'t, 'p>) -> bool {
        let Some((part, further)) = parts.split_first() else {
            return rest.is_empty() || !self.has_query && rest.starts_with('?');
        };
        match part {
            Part::Literal(text) => {
                rest.strip_prefix(text.as_str()).is_some_and(|rest| self.walk(further, rest, captures))
            }
            Part::Rest => true,
            Part::Expression { operator, variables } => {
                let (first, _) = operator.joints();
                if let Some(after) = rest.strip_prefix(first)
                    && self.variables(*operator, variables, after, further, captures)
                {
                    return true;
                }
                // An expression with an operator of its own may be absent altogether.
                !first.is_empty() && self.walk(further, rest, captures)
            }
        }
    }

    /// Shortest values first, more characters when what follows does not fit; `{+var}` at the end takes
    /// everything, and `{var}*` all that the variable may hold.
    fn variables<'t, 'p>(
        &'t self,
        operator: Operator,
        variables: &'t [Variable],
        rest: &'p str,
        further: &'t [Part],
        captures: &mut Captures<'t, 'p>,
    ) -> bool {
        let Some((variable, others)) = variables.split_first() else {
            return self.walk(further, rest, captures);
        };
        let is_last = others.is_empty() && further.is_empty();
        let stop = rest.find(|c: char| !operator.takes(c)).unwrap_or(rest.len());
        let taken = rest.get(..stop).unwrap_or("");
        let ends = taken.char_indices().map(|(at, _)| at).chain([stop]);
        let before_rest = others.is_empty() && further == [Part::Rest];
        let greedy = before_rest || is_last && matches!(operator, Operator::Reserved | Operator::Fragment);
        for end in ends.filter(|end| !greedy || *end == stop) {
            let (value, after) = rest.split_at(end);
            if value.is_empty() && is_last && !self.has_query || !fits(variable, value, captures) {
                continue;
            }
            let mark = captures.len();
            captures.push((&variable.name, value));
            let joint = operator.joints().1;
            let done = if others.is_empty() {
                self.walk(further, after, captures)
            } else {
                after
                    .strip_prefix(joint)
                    .is_some_and(|after| self.variables(operator, others, after, further, captures))
                    || self.walk(further, after, captures)
            };
            if done {
                return true;
            }
            captures.truncate(mark);
        }
        false
    }
}

type Captures<'t, 'p> = Vec<(&'t str, &'p str)>;

fn fits(variable: &Variable, value: &str, captures: &Captures<'_, '_>) -> bool {
    variable.length.is_none_or(|length| value.chars().count() == length)
        && captures.iter().all(|(name, known)| *name != variable.name || *known == value)
}

fn decoded(captures: Captures<'_, '_>) -> Vec<(String, String)> {
    captures.into_iter().map(|(name, value)| (name.to_owned(), percent_decode(value))).collect()
}

/// UTF-8 percent-decoding; `+` stays, incomplete escapes stay.
pub fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = hex.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        let Some(inner) = from.strip_prefix('{') else {
            return Err(format!("'}}' at position {} closes nothing", text.len() - from.len()));
        };
        let end = inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}'));
        let end = end.ok_or_else(|| "an expression is never closed".to_owned())?;
        let (body, after) = inner.split_at(end);
        parts.push(expression(body)?);
        rest = after.get(1..).unwrap_or("");
    }
    match rest.strip_suffix('*') {
        Some(before) => {
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            parts.push(Part::Rest);
        }
        None if !rest.is_empty() => parts.push(Part::Literal(rest.to_owned())),
        None => {}
    }
    Ok(parts)
}

fn expression(body: &str) -> Result<Part, String> {
    let unsupported = || format!("the template expression '{{{body}}}' is not supported");
    let (operator, list) = match body.chars().next() {
        None => return Err("an expression names no variable".to_owned()),
        Some('+') => (Operator::Reserved, &body[1..]),
        Some('#') => (Operator::Fragment, &body[1..]),
        Some('.') => (Operator::Label, &body[1..]),
        Some('/') => (Operator::Segment, &body[1..]),
        Some(';' | '?' | '&' | '=' | '!' | '@' | '|') => return Err(unsupported()),
        Some(_) => (Operator::Simple, body),
    };
    let variables = list.split(',').map(|text| {
        let (name, length) = match text.split_once(':') {
            Some((name, length)) => (name, Some(length.parse().map_err(|_| unsupported())?)),
            None => (text, None),
        };
        let legal = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '%' | '~');
        if name.is_empty() || !name.chars().all(legal) {
            return Err(unsupported());
        }
        Ok(Variable { name: name.to_owned(), length })
    });
    Ok(Part::Expression { operator, variables: variables.collect::<Result<_, String>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        UriTemplate::parse(template).unwrap().matches(path)
    }

    fn text(template: &str, path: &str) -> String {
        match captures(template, path) {
            None => "no".to_owned(),
            Some(list) => list.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn simple_variables() {
        assert_eq!(text("/{id}", "/7"), "id=7");
        assert_eq!(text("/{id}", "/7/"), "id=7");
        assert_eq!(text("/{id}", "/7/8"), "no");
        assert_eq!(text("/{id}", "/"), "no");
        assert_eq!(text("/{id}", "/a%20b+c"), "no");
        assert_eq!(text("/{id}", "/a;b=1"), "no");
        assert_eq!(text("/{id}", "/a%20b?x=1"), "id=a b");
        assert_eq!(text("/{id}", "/1/?q=2"), "no");
        assert_eq!(text("/{id}", "/1?"), "id=1");
        assert_eq!(text("/a/{x}/b/{y}", "/a/1/b/2"), "x=1 y=2");
        assert_eq!(text("/{x}/{x}", "/1/2"), "no");
        assert_eq!(text("/{x}/{x}", "/1/1"), "x=1 x=1");
    }

    #[test]
    fn values_are_short_and_may_be_empty_inside() {
        assert_eq!(text("/pre-{a}.{b}-post", "/pre-1.2.3-post"), "a=1 b=2.3");
        assert_eq!(text("/pre-{a}.{b}-post", "/pre-.-post"), "a= b=");
        assert_eq!(text("/pre-{a}.{b}-post", "/pre--post"), "no");
        assert_eq!(text("/{a}/lit/{b}", "//lit/2"), "a= b=2");
        assert_eq!(text("/{a}/lit/{b}", "/1/lit/"), "no");
        assert_eq!(text("/{a}/lit/{b}", "/1/lit/2/"), "a=1 b=2");
    }

    #[test]
    fn operators() {
        assert_eq!(text("/{+rest}", "/a/b/c"), "rest=a/b/c");
        assert_eq!(text("/{+rest}", "/a?q=1"), "rest=a?q=1");
        assert_eq!(text("/{+rest}", "/"), "no");
        assert_eq!(text("/f{.ext}", "/f.json"), "ext=json");
        assert_eq!(text("/f{/a,b}", "/f/1/2"), "a=1 b=2");
        assert_eq!(text("/{a,b}", "/1,2"), "a=1 b=2");
        assert_eq!(text("/{v:3}", "/abc"), "v=abc");
        assert_eq!(text("/{v:3}", "/ab"), "no");
    }

    #[test]
    fn wildcard_and_slashes() {
        assert_eq!(text("/foo/*", "/foo/a/b?c=d"), "");
        assert_eq!(text("/foo/*", "/foo/"), "");
        assert_eq!(text("/o/{id}?*", "/o/1?x=2"), "id=1");
        assert_eq!(text("/{a},{b}*", "/1,2?x=2"), "a=1 b=2");
        assert_eq!(text("/{a}*", "/1/2"), "a=1");
        assert_eq!(text("/*", "/"), "");
        assert_eq!(text("/", "/"), "");
        assert_eq!(text("/a/", "/a"), "");
        assert_eq!(text("/a", "/A"), "no");
    }

    #[test]
    fn query_in_the_written_order() {
        assert_eq!(text("/a?b={b}&c={c}", "/a?b=1&c=2"), "b=1 c=2");
        assert_eq!(text("/a?b={b}&c={c}", "/a?c=2&b=1"), "no");
        assert_eq!(text("/a?b={b}&c={c}", "/a?b=1&c=2&d=3"), "no");
        assert_eq!(text("/a?b={b}&c={c}", "/a?b=&c="), "b= c=");
        assert_eq!(text("/a?b={+b}&c={+c}", "/a?b=1&c"), "no");
        assert_eq!(text("/a?b={b}", "/a?b=x%20y"), "b=x y");
        assert_eq!(text("/a?b={b}", "/a?b=x+y"), "no");
        assert_eq!(text("/a", "/a?b=1"), "");
    }

    #[test]
    fn refusals() {
        for bad in [
            "/a?b={", "/a}", "/{a b}", "/{a", "/{a}/{", "/{}", "{", "/{&a}", "/{;a}", "/{=a}", "/{?a}",
            "/{a*}",
        ] {
            assert!(UriTemplate::parse(bad).is_err(), "{bad}");
        }
        for good in ["/a?b={b}&c={c}", "/{a,b}", "/{a-b}", "/{a.b}", "/{a:3}", "x", "*", "//", "/a b"] {
            assert!(UriTemplate::parse(good).is_ok(), "{good}");
        }
    }
}
