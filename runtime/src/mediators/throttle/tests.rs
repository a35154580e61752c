use super::policy::{Access, Kind, Policy};
use crate::mediators::parts::testing::{compile, verdicts};
use crate::message::Message;
use artifacts::xml::{ElementRef, parse};
use std::time::Duration;

fn policy(rules: &str) -> String {
    format!(
        "<wsp:Policy xmlns:wsp='http://schemas.xmlsoap.org/ws/2004/09/policy' xmlns:t='http://www.wso2.org/products/wso2commons/throttle'>
         <t:MediatorThrottleAssertion>{rules}</t:MediatorThrottleAssertion></wsp:Policy>"
    )
}

fn limit(id: &str, count: u64, unit: u64, prohibit: u64) -> String {
    format!(
        "<wsp:Policy><t:ID t:type='IP'>{id}</t:ID><wsp:Policy><t:Control><wsp:Policy>
         <t:MaximumCount>{count}</t:MaximumCount><t:UnitTime>{unit}</t:UnitTime>
         <t:ProhibitTimePeriod wsp:Optional='true'>{prohibit}</t:ProhibitTimePeriod>
         </wsp:Policy></t:Control></wsp:Policy></wsp:Policy>"
    )
}

fn read(rules: &str) -> Policy {
    let document = parse(&policy(rules)).unwrap();
    Policy::read(ElementRef { document: &document, id: document.root_element().unwrap() })
}

#[test]
fn grammar() {
    verdicts(
        &[
            "<throttle id='t'/>",
            "<throttle id='t' onReject='r'><onReject><bogus/></onReject></throttle>",
            "<throttle id='t'><policy key='k'/><bogus/></throttle>",
            "<throttle id='t'><policy><x/></policy></throttle>",
        ],
        &[
            "<throttle/>",
            "<throttle id=''/>",
            "<throttle id='t'><policy key=''/></throttle>",
            "<throttle id='t'><onAccept><bogus/></onAccept></throttle>",
        ],
    );
}

#[test]
fn the_closest_rule_counts() {
    let deny = "<wsp:Policy><t:ID t:type='IP'>10.0.0.9</t:ID><wsp:Policy><t:Deny/></wsp:Policy></wsp:Policy>";
    let allow = "<wsp:Policy><t:ID t:type='IP'>10.0.0.1-10.0.0.20</t:ID><wsp:Policy><t:Allow/></wsp:Policy></wsp:Policy>";
    let policy = read(&format!(
        "<t:MaximumConcurrentAccess>5</t:MaximumConcurrentAccess>{}{allow}{deny}",
        limit("other", 2, 1000, 0)
    ));
    let access = |caller| policy.rule(Kind::Ip, caller).map(|(rule, group)| (rule.access, group));
    assert_eq!(access("10.0.0.9"), Some((Access::Deny, "10.0.0.9")));
    assert_eq!(access("10.0.0.10"), Some((Access::Allow, "10.0.0.1-10.0.0.20")));
    let limited = Access::Limit { count: 2, unit: Duration::from_secs(1), prohibit: Duration::ZERO };
    assert_eq!(access("192.0.2.1"), Some((limited, "other")));
    assert!(policy.rule(Kind::Domain, "a.example").is_none());
    assert_eq!(policy.concurrent, Some(5));
}

/// Accepted and rejected requests, one after the other, pausing before each.
async fn outcomes(rules: &str, pauses: &[u64]) -> String {
    let xml = format!("<throttle id='t'><policy>{}</policy></throttle>", policy(rules));
    let (steps, _) = compile(&xml);
    let crate::flow::StepKind::Now(throttle) = &steps[0].kind else { panic!("a step that waits") };
    let mut seen = String::new();
    for pause in pauses {
        tokio::time::advance(Duration::from_millis(*pause)).await;
        let mut message = Message::new();
        message.headers.set("X-Forwarded-For", "192.0.2.1, 10.0.0.1");
        let mut cx = crate::flow::Context::new(Default::default(), Default::default());
        let next = throttle.mediate(&mut message, &mut cx).unwrap();
        seen.push(if matches!(next, crate::flow::Next::Continue) { '+' } else { '-' });
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_unit_of_time_lets_so_many_through() {
    assert_eq!(outcomes(&limit("other", 2, 1000, 0), &[0, 0, 0, 999, 1, 0, 0]).await, "++--++-");
}

#[tokio::test(start_paused = true)]
async fn the_prohibited_time_counts_from_the_first_rejection() {
    assert_eq!(outcomes(&limit("192.0.2.1", 1, 100, 5000), &[0, 50, 4999, 1, 0]).await, "+--+-");
}

#[tokio::test]
async fn places_are_given_back_with_the_answer() {
    let xml = format!(
        "<throttle id='t'><policy>{}</policy></throttle>",
        policy("<t:MaximumConcurrentAccess>1</t:MaximumConcurrentAccess>")
    );
    let (steps, _) = compile(&xml);
    let crate::flow::StepKind::Now(throttle) = &steps[0].kind else { panic!("a step that waits") };
    let context = || crate::flow::Context::new(Default::default(), Default::default());
    let (mut first, mut second, mut third) = (context(), context(), context());
    let allowed = |cx: &mut crate::flow::Context| {
        matches!(throttle.mediate(&mut Message::new(), cx).unwrap(), crate::flow::Next::Continue)
    };
    assert!(allowed(&mut first));
    assert!(!allowed(&mut second));
    first.reply(&mut Message::new());
    assert!(allowed(&mut third));
    drop(third);
    assert!(allowed(&mut second));
}
