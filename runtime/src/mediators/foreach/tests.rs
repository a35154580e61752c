use crate::mediators::parts::testing::{run, verdicts, xml};

#[test]
fn verdict_of_the_first_form() {
    verdicts(
        &[
            "<foreach expression='//a'/>",
            "<foreach expression='//a' sequence='s' id='' continueLoopOnFailure='maybe' bogus='1'/>",
            "<foreach expression='//a' collection=' '><sequence/><bogus/></foreach>",
            "<foreach expression='//a'><sequence><log/></sequence></foreach>",
            "<foreach expression='//a'><sequence><filter xpath='//b'><call/></filter></sequence></foreach>",
        ],
        &[
            "<foreach/>",
            "<foreach><sequence/></foreach>",
            "<foreach expression='//a' sequence=''/>",
            "<foreach expression='//a'><sequence><call/></sequence></foreach>",
            "<foreach expression='//a'><sequence><log/><send/></sequence></foreach>",
            "<foreach expression='//a'><sequence><bogus/></sequence></foreach>",
        ],
    );
}

#[test]
fn verdict_of_the_second_form() {
    let foreach = |attributes: &str| {
        format!("<foreach collection='${{payload.a}}' {attributes}><sequence><call/></sequence></foreach>")
    };
    verdicts(
        &[
            &foreach(""),
            &foreach("parallel-execution='false' counter-variable='i'"),
            &foreach("counter-variable=' '"),
            &foreach("update-original='false' target-variable='v' result-content-type='JSON'"),
            &foreach(
                "update-original='false' target-variable='v' result-content-type='XML' result-enclosing-element='r'",
            ),
            &foreach("update-original='maybe'"),
            &foreach("continue-without-aggregation='TRUE' update-original='false'"),
        ],
        &[
            "<foreach collection='${payload.a}'/>",
            &foreach("counter-variable='i'"),
            &foreach("update-original='false'"),
            &foreach("update-original='false' target-variable='v'"),
            &foreach("update-original='false' target-variable='v' result-content-type='json'"),
            &foreach("update-original='false' target-variable='v' result-content-type='XML'"),
        ],
    );
}

#[tokio::test]
async fn without_steps_the_first_part_is_a_fault_and_nothing_found_is_none() {
    let mut message = xml("<r/>");
    run("<foreach expression='//none' id='f'/>", &mut message).await;
    assert!(message.property("ERROR_MESSAGE").is_none());
    assert_eq!(message.property("f_FOREACH_COUNTER").unwrap().text(), "0");
    assert!(message.property("f_FOREACH_ORIGINAL_MESSAGE").is_some());
}
