use crate::mediators::parts::testing::{run, verdicts, xml};

#[test]
fn verdict() {
    let rule = |action: &str| format!("<rewrite><rewriterule>{action}</rewriterule></rewrite>");
    verdicts(
        &[
            "<rewrite/>",
            &rule("<bogus/>"),
            &rule("<condition/><action value=''/>"),
            &rule(
                "<condition><equal source='a' value=''/></condition><action type='remove' fragment='host'/>",
            ),
            &rule("<action type='replace' regex='(a' value='x' fragment='path'/>"),
            &rule("<action type='remove-query-param' fragment='query' value='x'/>"),
        ],
        &[
            &rule("<action/>"),
            &rule("<action type='Set' value='x'/>"),
            &rule("<action type='' value='x'/>"),
            &rule("<action fragment='' value='x'/>"),
            &rule("<action fragment='bogus' value='x'/>"),
            &rule("<action type='replace' value='x'/>"),
            &rule("<action type='remove-query-param' fragment='path' value='x'/>"),
            &rule("<condition><bogus/></condition>"),
            &rule("<condition><equal source='a'/></condition>"),
            &rule("<condition><and><equal source='a' value='b'/></and></condition>"),
            &rule("<condition><equal type='' source='a' value='b'/></condition>"),
        ],
    );
}

async fn rewritten(from: &str, actions: &str) -> String {
    let mut message = xml("<a/>");
    message.addressing.to = Some(from.into());
    message.properties.set("p", "v");
    run(&format!("<rewrite><rewriterule>{actions}</rewriterule></rewrite>"), &mut message).await;
    match message.property("ERROR_MESSAGE") {
        Some(error) => format!("fault: {}", error.text()),
        None => message.addressing.to.map(|to| to.to_string()).unwrap_or_default(),
    }
}

#[tokio::test]
async fn actions() {
    let from = "http://h:81/a/b?x=1&y=2";
    for (action, to) in [
        ("<action value='http://other/p'/>", "http://other/p"),
        ("<action fragment='port' value='9'/>", "http://h:9/a/b?x=1&y=2"),
        ("<action fragment='port' type='remove'/>", "http://h/a/b?x=1&y=2"),
        ("<action fragment='path' type='append' value='/c'/>", "http://h:81/a/b/c?x=1&y=2"),
        ("<action fragment='path' type='prepend' value='/c'/>", "http://h:81/c/a/b?x=1&y=2"),
        ("<action fragment='path' type='replace' regex='/a' value='/z'/>", "http://h:81/z/b?x=1&y=2"),
        ("<action fragment='query' type='append' value='z=3'/>", "http://h:81/a/b?x=1&y=2&z=3"),
        ("<action fragment='query' type='remove-query-param' value='x'/>", "http://h:81/a/b?y=2"),
        ("<action fragment='query' type='remove'/>", "http://h:81/a/b"),
        ("<action fragment='protocol' value='https'/>", "https://h:81/a/b?x=1&y=2"),
        ("<action fragment='host' type='prepend' value='www.'/>", "http://www.h:81/a/b?x=1&y=2"),
        ("<action fragment='path' value='/{p}' resolve='true'/>", "http://h:81/v?x=1&y=2"),
        ("<action fragment='path' value='rel'/>", "fault: Error while constructing a URI from the fragments"),
        ("<action fragment='port' value='x'/>", "fault: <rewrite> sets the port to a number, found 'x'"),
    ] {
        assert_eq!(rewritten(from, action).await, to, "{action}");
    }
}

#[tokio::test]
async fn conditions_decide_and_properties_carry() {
    let no =
        "<condition><equal type='url' source='host' value='other'/></condition><action value='http://x/'/>";
    assert_eq!(rewritten("http://h/", no).await, "http://h/");
    let yes = "<condition><and><equal type='property' source='p' value='V'/><match type='url' regex='.*h.*'/></and></condition><action value='http://x/'/>";
    assert_eq!(rewritten("http://h/", yes).await, "http://x/");
    let mut message = xml("<a/>");
    message.properties.set("in", "http://in/a");
    run(
        "<rewrite inProperty='in' outProperty='out'><rewriterule><action fragment='path' value='/b'/></rewriterule></rewrite>",
        &mut message,
    )
    .await;
    assert_eq!(message.property("out").unwrap().text(), "http://in/b");
}
