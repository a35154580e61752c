//! The ElementTree path language: `name`, `{ns}name`, `{*}name`, `*`, `.`, `..`, `//`, and the
//! predicates `[@a]`, `[@a='v']`, `[name]`, `[name='v']`, `[.='v']`, `[2]`, `[last()]`, `[last()-1]`.

use super::{HOLDER, Id, ROOT, Tree, local, namespace};

#[derive(Debug, PartialEq)]
enum Move {
    Stay,
    Up,
    Child(String),
    Below(String),
}

#[derive(Debug, PartialEq)]
enum Test {
    /// Attribute present, or equal (`true`) or unequal (`false`) to a value.
    Attribute(String, Option<(bool, String)>),
    /// A child of that name, or one whose text compares; `.` is the element itself.
    Content(String, Option<(bool, String)>),
    /// Position among the siblings of the same tag: from the front, or from the back.
    Front(usize),
    Back(usize),
}

#[derive(Debug, PartialEq)]
struct Step {
    to: Move,
    tests: Vec<Test>,
}

/// Elements that a path selects, starting at the root; `.` is the root, `.//` includes the root.
pub fn find_all(tree: &Tree, path: &str) -> Result<Vec<Id>, String> {
    if path == "." {
        return Ok(vec![ROOT]);
    }
    let start = if path.starts_with(".//") { HOLDER } else { ROOT };
    let mut found = vec![start];
    for step in parse(path)? {
        found = found.into_iter().flat_map(|id| advance(tree, id, &step.to)).collect();
        if step.to == Move::Up {
            let mut seen = Vec::new();
            found.retain(|id| {
                !seen.contains(id) && {
                    seen.push(*id);
                    true
                }
            });
        }
        found.retain(|id| step.tests.iter().all(|t| holds(tree, *id, t)));
    }
    Ok(found)
}

fn advance(tree: &Tree, id: Id, to: &Move) -> Vec<Id> {
    match to {
        Move::Stay => vec![id],
        Move::Up => tree.node(id).parent.into_iter().collect(),
        Move::Child(name) => {
            tree.node(id).children.iter().copied().filter(|c| fits(tree, *c, name)).collect()
        }
        Move::Below(name) => tree.descend(id).into_iter().skip(1).filter(|c| fits(tree, *c, name)).collect(),
    }
}

fn fits(tree: &Tree, id: Id, name: &str) -> bool {
    let tag = &tree.node(id).tag;
    match name.strip_prefix('{').and_then(|n| n.split_once('}')) {
        _ if name == "*" => true,
        Some((space, n)) => (space == "*" || space == namespace(tag)) && (n == "*" || n == local(tag)),
        None => tag == name,
    }
}

fn holds(tree: &Tree, id: Id, test: &Test) -> bool {
    let node = tree.node(id);
    match test {
        Test::Attribute(name, want) => {
            let value = node.attributes.iter().find(|(k, _)| k == name).map(|(_, v)| v);
            match (value, want) {
                (Some(v), Some((equal, w))) => (v == w) == *equal,
                (value, None) => value.is_some(),
                (None, Some(_)) => false,
            }
        }
        Test::Content(name, None) => node.children.iter().any(|c| fits(tree, *c, name)),
        Test::Content(name, Some((equal, w))) if name == "." => (tree.inner_text(id) == *w) == *equal,
        Test::Content(name, Some((equal, w))) => {
            node.children.iter().any(|c| fits(tree, *c, name) && (tree.inner_text(*c) == *w) == *equal)
        }
        Test::Front(n) => siblings(tree, id).get(*n) == Some(&id),
        Test::Back(n) => siblings(tree, id).iter().rev().nth(*n) == Some(&id),
    }
}

fn siblings(tree: &Tree, id: Id) -> Vec<Id> {
    let tag = &tree.node(id).tag;
    let parent = tree.node(id).parent.unwrap_or(HOLDER);
    tree.node(parent).children.iter().copied().filter(|c| tree.node(*c).tag == *tag).collect()
}

fn parse(path: &str) -> Result<Vec<Step>, String> {
    if path.starts_with('/') {
        return Err(format!("path {path}: an absolute path cannot be used here"));
    }
    let mut steps = Vec::new();
    let mut rest = path;
    let mut below = false;
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix("//") {
            (rest, below) = (r, true);
        } else if let Some(r) = rest.strip_prefix('/') {
            rest = r;
        }
        let end = name_end(rest);
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(format!("path {path}: a name is missing before {rest:?}"));
        }
        let to = match name {
            "." => Move::Stay,
            ".." => Move::Up,
            n if below => Move::Below(n.to_owned()),
            n => Move::Child(n.to_owned()),
        };
        below = false;
        let (tests, after) =
            predicates(after).ok_or_else(|| format!("path {path}: predicate not understood"))?;
        steps.push(Step { to, tests });
        rest = after;
    }
    Ok(steps)
}

/// End of a step's name; a slash inside `{...}` belongs to the name.
fn name_end(text: &str) -> usize {
    let mut inside = false;
    for (i, c) in text.char_indices() {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            '/' | '[' if !inside => return i,
            _ => {}
        }
    }
    text.len()
}

fn predicates(mut rest: &str) -> Option<(Vec<Test>, &str)> {
    let mut tests = Vec::new();
    while let Some(r) = rest.strip_prefix('[') {
        let end = predicate_end(r)?;
        tests.push(predicate(r.get(..end)?.trim())?);
        rest = r.get(end + 1..)?;
    }
    Some((tests, rest))
}

fn predicate_end(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(i, c)| match (quote, c) {
        (Some(q), c) if q == c => {
            quote = None;
            None
        }
        (None, '"' | '\'') => {
            quote = Some(c);
            None
        }
        (None, ']') => Some(i),
        _ => None,
    })
}

fn predicate(text: &str) -> Option<Test> {
    if let Ok(n) = text.parse::<usize>() {
        return Some(Test::Front(n.checked_sub(1)?));
    }
    if let Some(back) = text.strip_prefix("last()") {
        let back = back.trim();
        return Some(Test::Back(if back.is_empty() {
            0
        } else {
            back.strip_prefix('-')?.trim().parse().ok()?
        }));
    }
    let (name, want) = match text.split_once('=') {
        None => (text, None),
        Some((left, right)) => {
            let (left, equal) = match left.strip_suffix('!') {
                Some(l) => (l, false),
                None => (left, true),
            };
            let right = right.trim();
            let quote = right.chars().next().filter(|q| *q == '"' || *q == '\'')?;
            let value = right.strip_prefix(quote)?.strip_suffix(quote)?;
            (left.trim(), Some((equal, value.to_owned())))
        }
    };
    Some(match name.strip_prefix('@') {
        Some(attribute) => Test::Attribute(attribute.to_owned(), want),
        None => Test::Content(name.to_owned(), want),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = "<e:E xmlns:e='http://a/b'><e:B><r xmlns='u'><i k='1'>one</i><i k='2'>two</i>\
                       <o><i>three</i></o></r></e:B></e:E>";

    fn texts(path: &str) -> Vec<String> {
        let tree = Tree::from_text(DOC).unwrap();
        find_all(&tree, path).unwrap().into_iter().map(|id| tree.inner_text(id)).collect()
    }

    #[test]
    fn names_namespaces_and_depth() {
        assert_eq!(texts(".//{u}i"), ["one", "two", "three"]);
        assert_eq!(texts(".//{*}i"), ["one", "two", "three"]);
        assert_eq!(texts(".//i"), Vec::<String>::new());
        assert_eq!(texts("./{http://a/b}B/{u}r/{u}i"), ["one", "two"]);
        assert_eq!(texts("{http://a/b}B/*/*").len(), 3);
        assert_eq!(texts(".//{u}o/{u}i"), ["three"]);
        assert_eq!(texts("."), ["onetwothree"]);
        assert_eq!(texts(".//{http://a/b}E"), ["onetwothree"]);
    }

    #[test]
    fn predicates_narrow() {
        assert_eq!(texts(".//{u}i[@k='2']"), ["two"]);
        assert_eq!(texts(".//{u}i[@k!='2']"), ["one"]);
        assert_eq!(texts(".//{u}i[@k]"), ["one", "two"]);
        assert_eq!(texts(".//{u}i[.='three']"), ["three"]);
        assert_eq!(texts(".//{*}r[{u}i='two']").len(), 1);
        assert_eq!(texts(".//{u}i[1]"), ["one", "three"]);
        assert_eq!(texts(".//{u}r/{u}i[last()]"), ["two"]);
        assert_eq!(texts(".//{u}r/{u}i[last()-1]"), ["one"]);
        assert_eq!(texts(".//{u}i[.='three']/.."), ["three"]);
    }

    #[test]
    fn paths_that_cannot_be_read_are_errors() {
        let tree = Tree::from_text(DOC).unwrap();
        for path in ["/a", ".//", "a//", "a[", "a[b=c]"] {
            assert!(find_all(&tree, path).is_err(), "{path}");
        }
    }
}
