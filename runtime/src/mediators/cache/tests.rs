use super::HashedHeaders;
use crate::flow::{Context, Mediator as _, Next, StepKind};
use crate::mediators::parts::testing::{body, compile, json, verdicts};
use crate::message::{Message, Value};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn grammar() {
    verdicts(
        &[
            "<cache collector='true' timeout='x'/>",
            "<cache collector='false' timeout=' 7 ' maxMessageSize='-5' scope='any'/>",
            "<cache collector='false'><onCacheHit sequence='s'><bogus/></onCacheHit><bogus/></cache>",
            "<cache collector='false'><protocol type='http'><methods>get, POST</methods><responseCodes/><hashGenerator/></protocol></cache>",
            "<cache collector='false'><protocol><methods>bogus</methods><hashGenerator>bogus</hashGenerator></protocol></cache>",
        ],
        &[
            "<cache/>",
            "<cache collector='TRUE'/>",
            "<cache collector=''/>",
            "<cache collector='false' timeout=''/>",
            "<cache collector='false' timeout='10s'/>",
            "<cache collector='false' maxMessageSize='99999999999'/>",
            "<cache collector='false'><implementation maxSize='1.5'/></cache>",
            "<cache collector='false'><protocol type='HTTP'><methods>stray POST</methods></protocol></cache>",
            "<cache collector='false'><protocol type='HTTP'><responseCodes>(2</responseCodes></protocol></cache>",
            "<cache collector='false'><protocol type='HTTP'><hashGenerator>a.B</hashGenerator></protocol></cache>",
            "<cache collector='false'><onCacheHit><bogus/></onCacheHit></cache>",
        ],
    );
}

#[test]
fn the_include_list_wins() {
    let hashed = |include: &str, exclude: &str| super::hashed(Some(include.into()), Some(exclude.into()));
    assert_eq!(hashed("", ""), HashedHeaders::AllBut(vec![]));
    assert_eq!(hashed("", "*"), HashedHeaders::None);
    assert_eq!(hashed("", "A, B"), HashedHeaders::AllBut(vec!["A".into(), "B".into()]));
    assert_eq!(hashed("A", "*"), HashedHeaders::Only(vec!["A".into()]));
    assert_eq!(hashed("*", "A"), HashedHeaders::All);
}

/// A finder and a collector behind each other.
struct Pair {
    finder: Vec<crate::flow::Step>,
    collector: Vec<crate::flow::Step>,
    cx: Context,
}

impl Pair {
    fn new(finder: &str) -> Self {
        let cx = Context::new(Arc::default(), Arc::default());
        Self { finder: compile(finder).0, collector: compile("<cache collector='true'/>").0, cx }
    }

    fn step(cx: &mut Context, steps: &[crate::flow::Step], message: &mut Message) -> Next {
        let StepKind::Now(step) = &steps[0].kind else { panic!("a step that waits") };
        step.mediate(message, cx).unwrap()
    }

    /// Asks; a miss is answered with `answer` and status 200, and collected.
    fn ask(&mut self, mut message: Message, answer: &str) -> (bool, String) {
        let next = Self::step(&mut self.cx, &self.finder, &mut message);
        if matches!(next, Next::Reply) {
            return (true, body(&message));
        }
        let mut response = json(answer);
        response.response = true;
        response.properties = message.properties.clone();
        response.axis2.set("HTTP_SC", Value::Integer(200));
        response.headers.set("X-Backend", answer);
        Self::step(&mut self.cx, &self.collector, &mut response);
        (false, body(&response))
    }
}

fn request(to: &str, text: &str) -> Message {
    let mut message = json(text);
    message.addressing.to = Some(to.into());
    message.axis2.set("HTTP_METHOD", "POST");
    message
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_answered_from_memory_until_the_timeout() {
    let mut pair = Pair::new("<cache collector='false' timeout='2'/>");
    assert_eq!(pair.ask(request("/a", "{}"), "1"), (false, "1".into()));
    assert_eq!(pair.ask(request("/a", "{}"), "2"), (true, "1".into()));
    assert_eq!(pair.ask(request("/b", "{}"), "3"), (false, "3".into()));
    assert_eq!(pair.ask(request("/a", "{\"x\":1}"), "4"), (false, "4".into()));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(pair.ask(request("/a", "{}"), "5"), (false, "5".into()));
}

#[tokio::test]
async fn headers_count_unless_excluded() {
    let mut pair = Pair::new(
        "<cache collector='false'><protocol type='HTTP'><headersToExcludeInHash>x-b</headersToExcludeInHash></protocol></cache>",
    );
    let with = |name: &str, value: &str| {
        let mut message = request("/a", "{}");
        message.headers.set(name, value);
        message
    };
    assert!(!pair.ask(with("X-A", "1"), "1").0);
    assert!(!pair.ask(with("X-A", "2"), "2").0);
    assert!(!pair.ask(with("X-B", "1"), "3").0);
    assert_eq!(pair.ask(with("X-B", "2"), "4"), (true, "3".into()));
}

#[tokio::test]
async fn methods_and_size_limit_what_is_kept() {
    let mut pair = Pair::new(
        "<cache collector='false' maxMessageSize='3'><protocol type='HTTP'><methods>POST</methods></protocol></cache>",
    );
    assert!(!pair.ask(request("/a", "{}"), "12345").0);
    assert!(!pair.ask(request("/a", "{}"), "123").0);
    assert!(pair.ask(request("/a", "{}"), "1").0);
    let mut get = request("/c", "{}");
    get.axis2.set("HTTP_METHOD", "PUT");
    assert!(!pair.ask(get, "1").0);
    let mut get = request("/c", "{}");
    get.axis2.set("HTTP_METHOD", "PUT");
    assert!(!pair.ask(get, "1").0);
}

#[tokio::test(start_paused = true)]
async fn the_entry_unused_for_longest_goes() {
    let mut pair = Pair::new("<cache collector='false'><implementation maxSize='2'/></cache>");
    for (path, hit) in
        [("/1", false), ("/2", false), ("/3", false), ("/3", true), ("/2", true), ("/1", false)]
    {
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(pair.ask(request(path, "{}"), "x").0, hit, "{path}");
    }
}

#[tokio::test]
async fn the_wrong_direction_is_a_fault() {
    let (collector, mut cx) = (super::run::Collector, Context::new(Arc::default(), Arc::default()));
    let fault = collector.mediate(&mut Message::new(), &mut cx).unwrap_err();
    assert_eq!(fault.message, "Request messages cannot be handled in a collector cache");
}
