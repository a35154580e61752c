use crate::mediators::parts::testing::{accepts, verdicts};

#[test]
fn verdict() {
    let target = "<target><sequence/></target>";
    verdicts(
        &[
            &format!("<iterate expression='//a'>{target}</iterate>"),
            &format!(
                "<iterate expression='//a' continueParent='maybe' id='' sequential='TRUE'>{target}<bogus/>text</iterate>"
            ),
            &format!("<iterate expression='//a' preservePayload='TRUE' attachPath='//b'>{target}</iterate>"),
            "<iterate expression='json-eval($.a)'><target sequence=''/></iterate>",
        ],
        &[
            &format!("<iterate>{target}</iterate>"),
            "<iterate expression='//a'/>",
            "<iterate expression='//a'><target xmlns=''/></iterate>",
            &format!("<iterate expression='//a' attachPath='//b'>{target}</iterate>"),
            &format!("<iterate expression='//a' attachPath='//b' preservePayload='maybe'>{target}</iterate>"),
        ],
    );
}

#[test]
fn both_paths_are_of_one_language() {
    let mixed =
        "<iterate expression='json-eval($.a)' preservePayload='true' attachPath='//b'><target/></iterate>";
    let same = "<iterate expression='json-eval($.a)' preservePayload='true' attachPath='json-eval($.b)'><target/></iterate>";
    assert!(accepts(same));
    if crate::eval::Expr::compile("json-eval($)", &[], crate::eval::Dialects::Any).unwrap().dialect()
        == crate::eval::Dialect::JsonPath
    {
        assert!(!accepts(mixed));
    }
}
