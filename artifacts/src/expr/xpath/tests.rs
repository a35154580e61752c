use super::*;

fn refused(text: &str) -> SyntaxError {
    parse(text).expect_err(text)
}

fn call(text: &str) -> Vec<Expr> {
    match parse(text).unwrap().root {
        Expr::Call(_, arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

fn steps(text: &str) -> Vec<Step> {
    match parse(text).unwrap().root {
        Expr::Path(path) => path.steps,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_what_jaxen_reads() {
    for text in [
        "/",
        "*",
        ".",
        "..",
        " . ",
        "./.",
        "@*",
        "@p:*",
        "p:*",
        "a-b",
        "a.b",
        "é",
        "1 - - 1",
        "-- 5",
        ".5",
        "5.",
        "or or or",
        "div div div",
        "* and *",
        "//*[1]",
        "2 * foo",
        "1 and2",
        "1 or2",
        "concat('a',)",
        "$e/",
        "$e//",
        "f()/",
        "'a'[1]",
        "(1)[1]",
        "text()",
        "node()",
        "processing-instruction('x')",
        "self::node()",
        "$ctx:x",
        "$ ctx : x",
        "child :: a",
        "a/b//c[d/e = 'f' and g or h]/@i",
        "nobody:knows(1)",
        "zz:a",
        "get-property('x', \"y\")",
        "(//a)[1]/b",
        "a|b|c",
        "a | b = c",
        "ancestor-or-self::p:*[last()]",
        "..[b]/c",
        "a < b",
        "a <= b",
        "a != b",
        "a mod b",
    ] {
        assert!(parse(text).is_ok(), "refused: {text}: {:?}", parse(text));
    }
}

#[test]
fn refuses_what_jaxen_refuses() {
    for text in [
        "",
        "  ",
        "//",
        "a b",
        "1 2",
        "'a",
        "foo(",
        "foo(1",
        "foo(1,",
        "a[",
        "a]",
        "#",
        "!",
        "a!b",
        "a =< b",
        "$",
        "$a:",
        "$:a",
        "@",
        "@@a",
        "a/",
        "a//",
        "a::b",
        "child::",
        "child::a::b",
        "self::node(",
        "text(1)",
        "node('x')",
        "comment('x')",
        "*:foo",
        "a:b:c",
        "::a",
        "()",
        "(1",
        "1)",
        "...",
        ".a",
        "1a",
        "1e3",
        "'a'/b",
        "1 +",
        "//a[",
        "//{urn:x}a",
        "|a",
        "a|",
        "if (true()) then 1 else 2",
        "/ /",
        "${a}",
    ] {
        assert!(parse(text).is_err(), "accepted: {text}");
    }
}

#[test]
fn says_what_and_where() {
    assert_eq!(
        refused("//a["),
        SyntaxError::new(4, "expected an operand (a path, a value, a function or a variable), found the end")
    );
    assert_eq!(
        refused("a b c"),
        SyntaxError::new(2, "expected an operator or the end of the expression, found 'b'")
    );
    assert_eq!(refused("foo(1"), SyntaxError::new(5, "expected ')' or ',', found the end"));
    assert_eq!(refused("chil::a").offset, 0);
    assert!(refused("é = 'x").message.contains("expected ' to close"));
    assert_eq!(refused("é = 'x").offset, 5);
}

#[test]
fn precedence() {
    let Expr::Chain(first, rest) = parse("1 + 2 * 3 - 4").unwrap().root else { panic!() };
    assert_eq!(*first, Expr::Number(1.0));
    assert_eq!(rest.iter().map(|(op, _)| *op).collect::<Vec<_>>(), [BinaryOp::Add, BinaryOp::Subtract]);
    assert!(matches!(&rest[0].1, Expr::Chain(_, inner) if inner[0].0 == BinaryOp::Multiply));
    let Expr::Chain(_, rest) = parse("a or b and c = d").unwrap().root else { panic!() };
    assert_eq!(rest[0].0, BinaryOp::Or);
}

#[test]
fn a_union_takes_the_rest() {
    assert!(
        matches!(parse("a | b = c").unwrap().root, Expr::Union(parts) if matches!(parts[1], Expr::Chain(..)))
    );
    assert!(matches!(parse("c = a | b").unwrap().root, Expr::Chain(..)));
    assert!(matches!(parse_standard("a | b | c = d").unwrap().root, Expr::Chain(..)));
}

#[test]
fn abbreviations() {
    let found = steps("//a/@b");
    assert_eq!(found[0], Step { axis: Axis::DescendantOrSelf, test: NodeTest::Any, predicates: vec![] });
    assert_eq!((found[1].axis, found[2].axis), (Axis::Child, Axis::Attribute));
    assert_eq!(steps("..")[0].axis, Axis::Parent);
    assert_eq!(steps("text()")[0].test, NodeTest::Text);
    assert_eq!(call("f('a', \"it's\")")[1], Expr::Literal("it's".into()));
}

#[test]
fn depth_is_limited_but_length_is_not() {
    assert!(parse(&format!("{}1{}", "(".repeat(90), ")".repeat(90))).is_ok());
    assert!(refused(&"(".repeat(100_000)).message.contains("nested"));
    assert!(refused(&"a[".repeat(100_000)).message.contains("nested"));
    assert!(refused(&"a|".repeat(100_000)).message.contains("nested"));
    assert!(parse(&format!("{}1", "-".repeat(100_001))).is_ok());
    assert!(parse(&vec!["a"; 50_000].join(" or ")).is_ok());
    assert!(parse(&vec!["a"; 50_000].join("/")).is_ok());
}

#[test]
fn signs_cancel_but_stay_numbers() {
    assert!(matches!(parse("--a").unwrap().root, Expr::Negate(inner) if matches!(*inner, Expr::Negate(_))));
    assert_eq!(parse("---a").unwrap().root, parse("-a").unwrap().root);
    assert_eq!(parse("----a").unwrap().root, parse("--a").unwrap().root);
}

#[test]
fn namespaces_in_braces() {
    let (path, prefixes) = parse_braced("$body//{urn:a}b/{urn:c}d").unwrap();
    assert_eq!(&*path.text, "$body//rp0:b/rp1:d");
    assert_eq!(prefixes[1], ("rp1".into(), "urn:c".into()));
    assert_eq!(parse_braced("//{urn:a").unwrap_err().offset, 2);
    assert_eq!(parse_braced("//a").unwrap().1.len(), 0);
}

#[test]
fn content_awareness_looks_at_the_text() {
    for text in
        ["//a", "/a", "$body/*", "get-property('From')", "get-property('FAULT')", "concat('a/b', 'c')"]
    {
        assert!(reads_payload(text), "{text}");
    }
    for text in [
        "$body",
        "$trp:xxx",
        "$ctx:a//b",
        "$axis2:x/y",
        "count(a)",
        "get-property('To')",
        "get-property('SYSTEM_TIME')",
        "concat(get-property('transport', 'a/b'), //c)",
        "get-property( 'registry', 'conf:/x')",
        "'x'",
    ] {
        assert!(!reads_payload(text), "{text}");
    }
    assert!(reads_payload("get-property('axis2', 'a/b')"));
}

#[test]
fn no_text_makes_it_panic() {
    const PIECES: [&str; 32] = [
        "a", "é", "//", "/", "[", "]", "(", ")", "::", ":", "*", "@", "$", "'", "\"", "1", ".5", "..", ".",
        "|", "and", "or", "div", "-", "!=", "<", " ", ",", "node()", "child", "{", "\u{0}",
    ];
    let mut seed = 7u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize
    };
    let mut accepted = 0;
    for _ in 0..20_000 {
        let text: String = (0..next() % 8).map(|_| PIECES[next() % PIECES.len()]).collect();
        match parse(&text) {
            Ok(_) => accepted += 1,
            Err(error) => assert!(text.is_char_boundary(error.offset), "{text}"),
        }
        let braced = parse_braced(&text);
        assert!(text.contains('{') || braced.is_ok() == parse(&text).is_ok(), "{text}");
    }
    assert!(accepted > 500);
}
