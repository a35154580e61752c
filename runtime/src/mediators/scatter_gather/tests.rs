use crate::mediators::parts::testing::verdicts;

#[test]
fn verdict() {
    let sg = |attributes: &str, inner: &str| format!("<scatter-gather {attributes}>{inner}</scatter-gather>");
    let json = "target='body' result-content-type='JSON'";
    let inner = "<aggregation expression='${payload}'/><sequence/>";
    verdicts(
        &[
            &sg(json, inner),
            &sg(
                "target='Variable' target-variable='v' result-content-type='XML' result-enclosing-element='r' parallel-execution='x'",
                inner,
            ),
            &sg(
                json,
                "<sequence/><aggregation expression='//a' condition='//b' timeout='5' min-messages='x' max-messages='{//c}'/><bogus/>",
            ),
        ],
        &[
            &sg("target='body'", inner),
            &sg("target='' result-content-type='JSON'", inner),
            &sg("target='bogus' result-content-type='JSON'", inner),
            &sg("target='body' result-content-type='json'", inner),
            &sg("target='body' result-content-type='XML'", inner),
            &sg("target='variable' result-content-type='JSON'", inner),
            &sg(json, "<aggregation expression='//a'/>"),
            &sg(json, "<sequence/>"),
            &sg(json, "<aggregation/><sequence/>"),
            &sg(json, "<aggregation expression='//a' timeout='5s'/><sequence/>"),
        ],
    );
}
