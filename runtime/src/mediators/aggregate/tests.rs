use crate::mediators::parts::testing::{run, verdicts, xml};

#[test]
fn verdict() {
    verdicts(
        &[
            "<aggregate/>",
            "<aggregate id=''><bogus/><onComplete/></aggregate>",
            "<aggregate><completeCondition timeout='5'><messageCount min='10s' max='99999999999999999999'/></completeCondition><onComplete expression='//a'/></aggregate>",
            "<aggregate><correlateOn/><completeCondition><bogus/></completeCondition></aggregate>",
            "<aggregate><onComplete aggregateElementType='bogus' sequence=''/></aggregate>",
        ],
        &[
            "<aggregate><completeCondition timeout='5s'/></aggregate>",
            "<aggregate><completeCondition timeout=''/></aggregate>",
            "<aggregate><onComplete><bogus/></onComplete></aggregate>",
        ],
    );
}

#[tokio::test]
async fn a_message_without_correlation_passes() {
    let mut message = xml("<a/>");
    run(
        "<aggregate><onComplete><drop/></onComplete></aggregate><property name='after' value='1'/>",
        &mut message,
    )
    .await;
    assert!(message.property("after").is_some());
}

#[tokio::test]
async fn an_incomplete_group_stops_its_messages() {
    let mut message = xml("<a/>");
    run(
        "<property name='aggregateCorelation' value='c'/><property name='messageSequence' value='0/2'/>\
         <aggregate><onComplete/></aggregate><property name='after' value='1'/>",
        &mut message,
    )
    .await;
    assert!(message.property("after").is_none());
}

#[tokio::test]
async fn bad_counts_are_faults() {
    let mut message = xml("<a/>");
    run(
        "<property name='aggregateCorelation' value='c'/>\
         <aggregate><completeCondition><messageCount min='x'/></completeCondition></aggregate>",
        &mut message,
    )
    .await;
    assert!(message.property("ERROR_MESSAGE").unwrap().text().contains("found 'x'"));
}
