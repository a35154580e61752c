use super::super::parts::testing::{json, verdicts};
use super::super::testing::Flow;
use crate::message::Message;

#[test]
fn grammar() {
    verdicts(
        &[
            "<switch source='//a'/>",
            "<switch source='//a'><case regex=''><log/></case><default/><default><log/></default><bogus/></switch>",
        ],
        &[
            "<switch><case regex='a'/></switch>",
            "<switch source='//a'><case/></switch>",
            "<switch source='//a'><case regex='(a'/></switch>",
            "<switch source='//a'><case regex='a'><bogus/></case></switch>",
            "<switch source='//a'><default><x xmlns='urn:o'/></default></switch>",
            "<in><bogus/></in>",
            "<out><bogus/></out>",
        ],
    );
}

#[tokio::test]
async fn the_first_matching_case_runs() {
    let xml = "<switch source='json-eval($.v)'><case regex='5|x+'><property name='r' value='a'/></case>
        <case regex='x.*'><property name='r' value='b'/></case><case regex=''><property name='r' value='empty'/></case>
        <default><property name='r' value='default'/></default></switch>";
    for (body, branch) in
        [("5", "a"), ("\"xx\"", "a"), ("\"xy\"", "b"), ("null", "default"), ("[1]", "default")]
    {
        let outcome = Flow::new(xml).run(json(&format!("{{\"v\":{body}}}"))).await;
        assert_eq!(outcome.property("r").as_deref(), Some(branch), "{body}");
    }
    assert_eq!(Flow::new(xml).run(json("{}")).await.property("r").as_deref(), Some("empty"));
}

#[tokio::test]
async fn in_and_out_look_at_the_direction() {
    let xml = "<in><property name='i' value='1'/></in><out><property name='o' value='1'/></out>";
    let request = Flow::new(xml).run(Message::new()).await;
    assert!(request.property("i").is_some() && request.property("o").is_none());
    let mut message = Message::new();
    message.response = true;
    let response = Flow::new(xml).run(message).await;
    assert!(response.property("i").is_none() && response.property("o").is_some());
}
