use crate::mediators::parts::testing::{run, verdicts, xml};

const YES: &str = "<condition><equal type='property' source='p' value='yes'/></condition>";

#[test]
fn verdict() {
    let route = |attributes: &str, inner: &str| {
        format!(
            "<conditionalRouter><conditionalRoute {attributes}>{inner}</conditionalRoute></conditionalRouter>"
        )
    };
    verdicts(
        &[
            "<conditionalRouter/>",
            "<conditionalRouter continueAfter=' TRUE '><bogus/></conditionalRouter>",
            &route("breakRoute='no' asynchronous='maybe'", &format!("{YES}<target/>")),
            &route(
                "",
                "<condition><not><match type='url' source='host' regex='a'/></not></condition><target/>",
            ),
        ],
        &[
            "<conditionalRouter continueAfter='maybe'/>",
            "<conditionalRouter continueAfter=''/>",
            &route("breakRoute='maybe'", &format!("{YES}<target/>")),
            &route("", YES),
            &route("", "<target/>"),
            &route("", "<condition/><target/>"),
            &route("", "<condition><match source='a'/></condition><target/>"),
            &route("", "<condition><match source='a' regex='(a'/></condition><target/>"),
            &route("", "<condition><match type='param' regex='a'/></condition><target/>"),
        ],
    );
}

async fn routed(router: &str) -> Vec<&'static str> {
    let mut message = xml("<a/>");
    message.properties.set("p", "yes");
    message.addressing.to = Some("http://h/".into());
    run(&format!("{router}<property name='after' value='1'/>"), &mut message).await;
    ["one", "two", "after"].into_iter().filter(|name| message.property(name).is_some()).collect()
}

#[tokio::test]
async fn routes_break_and_the_flow_stops_unless_told_otherwise() {
    let target =
        |name: &str| format!("<target><sequence><property name='{name}' value='1'/></sequence></target>");
    let route = |breaks: &str, name: &str| {
        format!("<conditionalRoute breakRoute='{breaks}'>{YES}{}</conditionalRoute>", target(name))
    };
    let both = |breaks: &str| format!("{}{}", route(breaks, "one"), route("true", "two"));
    assert_eq!(routed(&format!("<conditionalRouter>{}</conditionalRouter>", both("true"))).await, ["one"]);
    assert_eq!(
        routed(&format!("<conditionalRouter continueAfter='true'>{}</conditionalRouter>", both("false")))
            .await,
        ["one", "two", "after"]
    );
}
