use super::*;

fn names(text: &str) -> Vec<Token> {
    parse(text).unwrap().tokens
}

fn name(text: &str) -> Token {
    Token::Properties(vec![text.to_owned()])
}

#[test]
fn members_and_positions() {
    assert_eq!(names("$.a.b"), [name("a"), name("b")]);
    assert_eq!(names("a.b"), [name("a"), name("b")]);
    assert_eq!(names("$['a b'][\"c\"]"), [name("a b"), name("c")]);
    assert_eq!(names("$['it\\'s']"), [name("it's")]);
    assert_eq!(names("$.a[1,-2]"), [name("a"), Token::Indexes(vec![1, -2])]);
    assert_eq!(names("$[1:3:2]"), [Token::Slice(Some(1), Some(3))]);
    assert_eq!(names("$..a[*]"), [Token::Scan, name("a"), Token::Wildcard]);
    assert_eq!(names(".a"), [Token::Scan, name("a")]);
    assert!(names("$").is_empty());
}

#[test]
fn as_lax_as_jayway() {
    assert_eq!(names("$.a["), [name("a")]);
    assert_eq!(names("$.a "), [name("a")]);
    assert!(parse("@.a").is_ok_and(|path| !path.at_document));
}

#[test]
fn refuses() {
    for text in [
        "",
        " ",
        "a b",
        "$..",
        "$.",
        "$.a[?(@.b)",
        "$[",
        "$.a[]",
        "$. a",
        " $.a",
        "$x",
        "$.a..",
        "$[:]",
        "$['a",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse("$.a[b]").is_err_and(|error| error.offset == 3));
    assert!(parse(&format!("$.a[?({}@.b{})]", "(".repeat(5_000), ")".repeat(5_000))).is_err());
}

#[test]
fn filters() {
    let Token::Filter(filter) = &names("$.a[?(@.b > 1 && (@.c == 'x' || !@.d))]")[1] else { panic!() };
    let Filter::And(parts) = filter else { panic!("{filter:?}") };
    assert!(
        matches!(&parts[0], Filter::Relation(Operand::Path(_), Operator::Gt, Operand::Number(n)) if n == "1")
    );
    let Filter::Or(parts) = &parts[1] else { panic!("{parts:?}") };
    assert!(matches!(&parts[1], Filter::Exists(path, false) if path.tokens == [name("d")]));
    assert!(matches!(&names("$[?(@ =~ /a.*/i)]")[0],
        Token::Filter(Filter::Relation(_, Operator::Regex, Operand::Pattern(p, f))) if p == "a.*" && f == "i"));
    assert!(parse("$[?(@.a == 1 + 1)]").is_err());
    assert!(parse("$[?(@.a==1and@.b==2)]").is_err());
}

#[test]
fn functions() {
    assert_eq!(names("$.a.length()")[1], Token::Function("length".into(), vec![]));
    let Token::Function(name, parameters) = &names("$.concat('x', $.a, \"b\")")[0] else { panic!() };
    assert!(name == "concat" && parameters.len() == 2);
    assert!(matches!(&names("$..a.max()")[0], Token::Function(_, arguments) if arguments.len() == 1));
}

#[test]
fn definite() {
    for (text, definite) in [
        ("$.a[0]", true),
        ("$..a", false),
        ("$['a','b']", true),
        ("$['a','b'].c", false),
        ("$.a[0,1]", false),
    ] {
        assert_eq!(parse(text).unwrap().is_definite(), definite, "{text}");
    }
}
