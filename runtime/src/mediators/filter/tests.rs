use super::super::parts::testing::verdicts;
use super::super::testing::Flow;
use crate::message::Message;

#[test]
fn grammar() {
    verdicts(
        &[
            "<filter xpath='//a'><log/></filter>",
            "<filter xpath='//a'/>",
            "<filter source='//a' regex='b'><then/></filter>",
            "<filter xpath='//a' regex='(bad'><then sequence='s'><bogus/></then><else sequence='t'/></filter>",
            "<filter xpath='//a'><then><log/></then><bogus/></filter>",
            "<filter xpath='//a'><description>d</description><log/></filter>",
        ],
        &[
            "<filter><then/></filter>",
            "<filter xpath=' '><then/></filter>",
            "<filter source='//a'><then/></filter>",
            "<filter source='' regex='a'/>",
            "<filter source='//a' regex=' '/>",
            "<filter source='//a' regex='(a'/>",
            "<filter xpath='//a'><log/><else/></filter>",
            "<filter xpath='//a'><bogus/></filter>",
            "<filter xpath='//a'><then><bogus/></then></filter>",
            "<filter xpath='//a'><then/><else><bogus/></else></filter>",
        ],
    );
}

#[tokio::test]
async fn a_branch_may_name_a_missing_sequence() {
    let flow =
        Flow::new("<filter source='\"x\"' regex='zz'><then/><else sequence='Nope'/></filter>").fault("");
    let outcome = flow.run(Message::new()).await;
    let text = "Couldn't find the referred else sequence with key : Nope";
    assert_eq!(outcome.property("ERROR_MESSAGE").as_deref(), Some(text));
}

#[tokio::test]
async fn each_dialect_has_its_own_truth() {
    for (condition, holds) in [
        ("//v", true),
        ("//none", false),
        ("'false'", true),
        ("$ctx:none", false),
        ("json-eval($.a.v)", true),
        ("json-eval($.a)", false),
        ("${payload.a.v == 'true'}", true),
        ("${payload.none}", false),
    ] {
        let flow = Flow::new(&format!(
            "<filter xpath=\"{condition}\"><then><property name='r' value='then'/></then><else><property name='r' value='else'/></else></filter>"
        ));
        let outcome = flow.run(crate::mediators::parts::testing::json("{\"a\":{\"v\":\"true\"}}")).await;
        let expected = if holds { "then" } else { "else" };
        assert_eq!(outcome.property("r").as_deref(), Some(expected), "{condition}");
    }
}

#[tokio::test]
async fn a_regex_matches_the_whole_text() {
    let xml = |regex: &str| {
        format!(
            "<filter source=\"json-eval($.v)\" regex=\"{regex}\"><property name='r' value='yes'/></filter>"
        )
    };
    for (regex, matches) in [("cat|dog", true), ("do", false), (".*", true), ("(?i)DOG", true)] {
        let outcome =
            Flow::new(&xml(regex)).run(crate::mediators::parts::testing::json("{\"v\":\"dog\"}")).await;
        assert_eq!(outcome.property("r").is_some(), matches, "{regex}");
    }
}
