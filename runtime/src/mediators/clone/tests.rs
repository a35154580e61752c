use crate::mediators::parts::testing::{run, verdicts, xml};
use crate::message::Value;

#[test]
fn verdict() {
    verdicts(
        &[
            "<clone/>",
            "<clone bogus='1'><target/><bogus/></clone>",
            "<clone continueParent='maybe' id=''><target sequence=''/></clone>",
            "<clone iterations='3'><target/></clone>",
            "<clone iterations='x'><target/></clone>",
            "<clone><target xmlns=''/></clone>",
        ],
        &[
            "<clone iterations='3'><target/><target/></clone>",
            "<clone><target><sequence><bogus/></sequence></target></clone>",
        ],
    );
}

#[tokio::test]
async fn the_parent_stops_unless_told_to_go_on() {
    let after = "<property name='after' value='1'/>";
    let mut message = xml("<a/>");
    let (_, cx) = run(&format!("<clone><target/></clone>{after}"), &mut message).await;
    assert!(message.property("after").is_none() && cx.exchange.expects_reply());
    let mut message = xml("<a/>");
    let (_, cx) = run(&format!("<clone continueParent='YES'><target/></clone>{after}"), &mut message).await;
    assert!(message.property("after").is_some() && !cx.exchange.expects_reply());
}

#[tokio::test]
async fn copies_do_not_share_properties() {
    let mut message = xml("<a/>");
    run(
        "<clone continueParent='true' sequential='true'><target><sequence><property name='p' value='x'/></sequence></target></clone>",
        &mut message,
    )
    .await;
    assert!(message.property("p").is_none());
}

#[tokio::test]
async fn iterations_count_from_one() {
    let mut message = xml("<a/>");
    run("<clone continueParent='true' iterations=' 3 '><target/></clone>", &mut message).await;
    assert!(matches!(message.property("CLONED_ITERATION_INDEX"), Some(Value::Integer(3))));
    run("<clone iterations='x'><target/></clone>", &mut message).await;
    assert!(message.property("ERROR_MESSAGE").unwrap().text().contains("iterations number"));
}

#[tokio::test]
async fn a_failing_sequential_target_fails_the_parent() {
    let mut message = xml("<a/>");
    run(
        "<clone continueParent='true' sequential='true'><target><sequence><throwError/></sequence></target></clone>\
         <property name='after' value='1'/>",
        &mut message,
    )
    .await;
    assert!(message.property("after").is_none());
    assert!(message.property("ERROR_MESSAGE").unwrap().text().contains("java.lang.Boolean"));
}

#[tokio::test]
async fn a_missing_sequence_is_a_fault_of_the_parent() {
    let mut message = xml("<a/>");
    run("<clone><target sequence='none'/></clone>", &mut message).await;
    let text = message.property("ERROR_MESSAGE").unwrap();
    assert_eq!(text.text(), "Couldn't find the sequence named : none");
}
