//! Pace, attempts and switching off with paused time; whole processors on a small deployment.

mod settings;

use super::deliver::{Attempt, Courier, Delivering};
use super::*;
use crate::activation::ActivationSet;
use crate::compile;
use crate::program::Program;
use crate::services::Services;
use crate::stores::MessageStore;
use artifacts::kinds::{self, Artifact};
use artifacts::source::Source;
use artifacts::xml::SYNAPSE;
use coordination::clock::SystemClock;
use coordination::lease::{Key, Policy};
use coordination::{Activation, Coordinator, Registration};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;

const FORWARDING: &str =
    "org.apache.synapse.message.processor.impl.forwarder.ScheduledMessageForwardingProcessor";
const FAILOVER: &str =
    "org.apache.synapse.message.processor.impl.failover.FailoverScheduledMessageForwardingProcessor";
const SAMPLING: &str = "org.apache.synapse.message.processor.impl.sampler.SamplingProcessor";

fn artifacts(texts: &[String]) -> Vec<Artifact> {
    let read = |text: &String| {
        let text = text.replacen('>', &format!(" xmlns='{SYNAPSE}'>"), 1);
        let (found, diagnostics) = kinds::read(&Source::new("a.xml", text), None);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render());
        found
    };
    texts.iter().flat_map(read).collect()
}

fn processor(class: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, text)| format!("<parameter name='{name}'>{text}</parameter>"))
        .collect();
    format!(
        "<messageProcessor name='P' class='{class}' messageStore='S'><description/>{parameters}</messageProcessor>"
    )
}

fn program(texts: &[String]) -> Program {
    let (program, diagnostics) = compile::compile(&artifacts(texts), &compile::Options::default());
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render());
    program
}

const STORE: &str = "<messageStore name='S'><description/></messageStore>";
const OTHER: &str = "<messageStore name='T'><description/></messageStore>";

/// A small deployment, and a slot of its processor.
struct Bench {
    engine: Arc<Engine>,
    activations: ActivationSet,
    handle: Handle,
    term: Term,
    /// Withdrawn when it is dropped.
    _offer: Registration,
}

impl Bench {
    async fn new(texts: &[&str]) -> Self {
        let texts: Vec<String> = std::iter::once(&STORE).chain(texts).map(|t| (*t).to_owned()).collect();
        let program = program(&texts);
        let activations = ActivationSet::of(&artifacts(&texts), &program, "n", Path::new(""));
        let engine = Engine::new(Arc::new(program), Arc::new(Services::default()));
        let handle = Coordinator::off("n", Arc::new(SystemClock));
        let activation =
            Activation { key: Key::new("processor/P"), policy: Policy::Slots(1), definition: "".into() };
        let mut offer = handle.register(&activation);
        let guard = offer.next().await.unwrap();
        let term = Term::new(guard, Arc::new(Switch::new(&"P".into(), true)));
        Self { engine, activations, handle, term, _offer: offer }
    }

    fn store(&self, name: &str) -> Arc<dyn MessageStore> {
        let spec = self.engine.program().stores.get(name).unwrap().clone();
        self.engine.services().stores.open(&spec).unwrap()
    }

    async fn put(&self, ids: &[&str]) {
        for id in ids {
            let mut message = Message::new();
            message.set_id(*id);
            self.store("S").put(message).await.unwrap();
        }
    }

    async fn left(&self, name: &str) -> usize {
        self.store(name).len().await.unwrap().unwrap()
    }

    /// Id of the first message that nobody holds.
    async fn first(&self) -> String {
        self.store("S").peek().await.unwrap().unwrap().1.id().to_string()
    }

    /// Lets attempts with these outcomes, then successful ones, handle the first message. When each
    /// began, in milliseconds.
    async fn deliver(&self, plan: Delivery, outcomes: Vec<Attempt>) -> Vec<u128> {
        let script =
            Script { outcomes: Mutex::new(outcomes.into()), made: Made::default(), began: Instant::now() };
        let made = script.made.clone();
        let job = Delivering::new(self.engine.clone(), "P".into(), plan, Box::new(script));
        job.handle(Taken::take(self.store("S")).await.unwrap().unwrap(), &self.term).await;
        made.lock().unwrap().clone()
    }

    /// The processor of the deployment at work; ends with the handle.
    fn start(&self) {
        let runner = ProcessorRunner {
            processor: self.activations.processors.first().unwrap().clone(),
            engine: self.engine.clone(),
            handle: self.handle.clone(),
            switch: self.term.switch.clone(),
        };
        let guard = self.term.held().guard().clone();
        tokio::spawn(async move { runner.run(guard).await });
    }
}

type Made = Arc<Mutex<Vec<u128>>>;

/// Plays back outcomes, and writes down when it was asked.
struct Script {
    outcomes: Mutex<VecDeque<Attempt>>,
    made: Made,
    began: Instant,
}

impl Courier for Script {
    fn attempt<'a>(&'a self, _message: &'a mut Message, _held: &'a Arc<Held>) -> BoxFuture<'a, Attempt> {
        self.made.lock().unwrap().push(self.began.elapsed().as_millis());
        let next = self.outcomes.lock().unwrap().pop_front();
        Box::pin(std::future::ready(next.unwrap_or(Attempt::Delivered)))
    }
}

fn plan(attempts: Option<u32>) -> Delivery {
    let retry = Duration::from_millis(300);
    Delivery { attempts, retry, drop: false, fail_store: None, fault: None, deactivate: None }
}

fn failed(times: usize) -> Vec<Attempt> {
    (0..times).map(|_| Attempt::Failed).collect()
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_and_leaves_when_delivered() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1", "2"]).await;
    assert_eq!(bench.deliver(plan(Some(4)), failed(2)).await, [0, 300, 600]);
    assert_eq!(bench.first().await, "2");
    assert!(!bench.term.is_over());
}

#[tokio::test(start_paused = true)]
async fn exhausted_it_stays_first_and_the_processor_is_off() {
    let bench = Bench::new(&[OTHER, "<sequence name='off'><store messageStore='T'/></sequence>"]).await;
    bench.put(&["1", "2"]).await;
    let plan = Delivery { deactivate: Some("off".into()), ..plan(Some(2)) };
    assert_eq!(bench.deliver(plan, failed(9)).await, [0, 300]);
    assert_eq!(bench.first().await, "1");
    assert!(bench.term.is_over());
    assert_eq!(bench.left("T").await, 1, "the deactivate sequence has run");
}

#[tokio::test(start_paused = true)]
async fn exhausted_it_is_dropped_when_asked_to() {
    let bench = Bench::new(&[OTHER]).await;
    bench.put(&["1"]).await;
    let plan = Delivery { drop: true, fail_store: Some("T".into()), ..plan(Some(1)) };
    bench.deliver(plan, failed(9)).await;
    assert_eq!((bench.left("S").await, bench.left("T").await), (0, 0));
    assert!(!bench.term.is_over());
}

#[tokio::test(start_paused = true)]
async fn exhausted_it_goes_into_the_fail_store() {
    let bench = Bench::new(&[OTHER]).await;
    bench.put(&["1"]).await;
    bench.deliver(Delivery { fail_store: Some("T".into()), ..plan(Some(1)) }, failed(9)).await;
    assert_eq!((bench.left("S").await, bench.left("T").await), (0, 1));
    assert!(!bench.term.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_fail_store_that_is_not_there_deactivates() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1"]).await;
    bench.deliver(Delivery { fail_store: Some("T".into()), ..plan(Some(1)) }, failed(9)).await;
    assert_eq!(bench.first().await, "1");
    assert!(bench.term.is_over());
}

#[tokio::test(start_paused = true)]
async fn what_is_hopeless_is_tried_once() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1"]).await;
    assert_eq!(bench.deliver(plan(None), vec![Attempt::Hopeless("no endpoint".into())]).await, [0]);
    assert_eq!(bench.first().await, "1");
    assert!(bench.term.is_over());
}

struct Panics;

impl Courier for Panics {
    fn attempt<'a>(&'a self, _message: &'a mut Message, _held: &'a Arc<Held>) -> BoxFuture<'a, Attempt> {
        panic!("the courier is broken")
    }
}

#[tokio::test]
async fn a_panic_switches_off_and_loses_nothing() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1"]).await;
    let job = Delivering::new(bench.engine.clone(), "P".into(), plan(None), Box::new(Panics));
    job.handle(Taken::take(bench.store("S")).await.unwrap().unwrap(), &bench.term).await;
    assert_eq!(bench.first().await, "1");
    assert!(bench.term.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_polite_end_gives_the_message_back() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1"]).await;
    let hour = Delivery { retry: Duration::from_secs(3_600), ..plan(None) };
    let end = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.handle.shutdown(Duration::ZERO).await;
    };
    let (made, ()) = tokio::join!(bench.deliver(hour, failed(9)), end);
    assert_eq!(made, [0]);
    assert_eq!(bench.first().await, "1");
}

#[tokio::test]
async fn an_abandoned_message_goes_back() {
    let bench = Bench::new(&[]).await;
    bench.put(&["1"]).await;
    drop(Taken::take(bench.store("S")).await.unwrap().unwrap());
    while bench.store("S").peek().await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ticks_keep_their_phase() {
    let bench = Bench::new(&[]).await;
    let trigger = Trigger::Every(Duration::from_millis(100));
    let (mut pace, began) = (Pace::new(&trigger), Instant::now());
    let mut at = Vec::new();
    for _ in 0..3 {
        assert!(pace.next(&bench.handle, &bench.term).await);
        at.push(began.elapsed().as_millis());
    }
    assert_eq!(at, [0, 1_000, 2_000], "not more often than once in a second");
    bench.term.switch_off("enough");
    assert!(!pace.next(&bench.handle, &bench.term).await);
}

/// Waits until the store `T` has a message that was put there by a sequence; how many it has then.
async fn arrived(bench: &Bench) -> usize {
    let first = async {
        while bench.left("T").await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), first).await.unwrap();
    bench.left("T").await
}

#[tokio::test(start_paused = true)]
async fn sampling_takes_so_many_in_a_tick() {
    let sampling = processor(SAMPLING, &[("sequence", "s"), ("concurrency", "2")]);
    let bench =
        Bench::new(&[OTHER, "<sequence name='s'><store messageStore='T'/></sequence>", &sampling]).await;
    bench.put(&["1", "2", "3"]).await;
    bench.start();
    assert_eq!((arrived(&bench).await, bench.left("S").await), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn sampling_keeps_what_it_has_no_sequence_for() {
    let bench = Bench::new(&[OTHER, &processor(SAMPLING, &[("sequence", "gone")])]).await;
    bench.put(&["1"]).await;
    bench.start();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.left("S").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_interval_takes_several_in_a_second() {
    let moving = processor(FAILOVER, &[("interval", "400"), ("message.target.store.name", "T")]);
    let bench = Bench::new(&[OTHER, &moving]).await;
    bench.put(&["1", "2", "3", "4"]).await;
    bench.start();
    tokio::time::sleep(Duration::from_millis(990)).await;
    assert_eq!((bench.left("S").await, bench.left("T").await), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_there_deactivates() {
    let bench = Bench::new(&[&processor(FORWARDING, &[("target.endpoint", "gone")])]).await;
    bench.put(&["1"]).await;
    bench.start();
    bench.term.over().await;
    assert_eq!(bench.left("S").await, 1);
}

#[tokio::test]
async fn a_switch_outlives_its_redeployment_only() {
    let (switches, name) = (Switches::default(), Arc::from("P"));
    let bench = Bench::new(&[]).await;
    Term::new(bench.term.held().guard().clone(), switches.of(&name, true)).switch_off("a test");
    switches.keep_only(&[name.clone()].into());
    let is_off = |switch| Term::new(bench.term.held().guard().clone(), switch).is_over();
    assert!(is_off(switches.of(&name, true)));
    switches.keep_only(&[].into());
    assert!(!is_off(switches.of(&name, true)));
}
