use super::*;

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

fn number(text: &str) -> Expr {
    Expr::Number(text.into())
}

#[test]
fn precedence() {
    let one = || number("1");
    assert_eq!(
        parse("1 == 1 and true").unwrap(),
        binary(Operator::Equal, one(), binary(Operator::And, one(), Expr::Bool(true)))
    );
    assert_eq!(
        parse("true and false or true").unwrap(),
        binary(Operator::And, Expr::Bool(true), binary(Operator::Or, Expr::Bool(false), Expr::Bool(true)))
    );
    assert_eq!(
        parse("1 + 1 * 1").unwrap(),
        binary(Operator::Add, one(), binary(Operator::Multiply, one(), one()))
    );
}

#[test]
fn unknown_characters_are_dropped() {
    for text in ["`5`", "#5", "5;", "{5}", "\u{feff}5", "5=5"] {
        assert_eq!(parse(text).unwrap(), number("5"), "{text}");
    }
    assert!(parse("5 = 5").is_err());
}

#[test]
fn refuses() {
    for text in [
        "",
        " ",
        "foo.bar",
        "nofunc(payload.a)",
        "payload.a ++",
        "payload.a} tail",
        "payload.",
        "payload.a[",
        "5-3",
        "5.",
        "-(5)",
        "1 ** 2",
        "true ? 1",
        "payload.a.in",
        "payload..length",
        "payload.a[]",
        "vars.*",
        "headers",
        "headers[vars.s]",
        "props.name",
        "'a\"",
        "payload.a[?(@.b[0] == 1)]",
        "payload.a[?(@.b == null)]",
        "length()",
        "object('x').property('y')",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse(&"(".repeat(10_000)).is_err());
    assert!(parse(&"payload[".repeat(50)).is_err());
    assert_eq!(parse("payload.a +").unwrap_err().offset, 11);
}

fn access(text: &str) -> Access {
    match parse(text).unwrap() {
        Expr::Access(access) => access,
        other => panic!("{other:?}"),
    }
}

#[test]
fn paths_keep_their_text_without_blanks() {
    assert_eq!(access("payload .a [ 1 ]").text, "payload.a[1]");
    assert_eq!(access("$..b.length()").text, "$..b.length()");
    let filter = access("payload.a[?(@.id == vars.x && @.t =~ /T.*/)].b");
    assert!(matches!(&filter.indexes[0], (text, Index::Filter(inner, parts))
        if text == "?(@.id==vars.x&&@.t=~/T.*/)" && inner == "@.id==vars.x&&@.t=~/T.*/" && parts.len() == 1));
    assert!(matches!(&access("vars.a[-2:]").indexes[0].1, Index::List(':', parts) if parts.len() == 2));
    assert!(matches!(&access("payload[::2]").indexes[0].1, Index::List(':', parts) if parts.len() == 1));
    assert!(access("payload.a[*]").indexes.is_empty());
}

#[test]
fn calls() {
    assert_eq!(
        parse("registry('a').property('b')").unwrap(),
        Expr::Call("registry".into(), vec![Expr::Text("'a'".into()), Expr::Text("'b'".into())])
    );
    assert!(matches!(parse("length('a').x").unwrap(), Expr::Call(..)));
    assert!(matches!(parse("object(vars.a).b[1]").unwrap(), Expr::Access(a) if a.text == ".b[1]"));
    assert_eq!(parse("headers['X-Y']").unwrap(), Expr::Member(Scope::Header, "X-Y".into()));
    assert_eq!(parse("params.queryParams.length").unwrap(), Expr::Member(Scope::QueryParam, "length".into()));
}
