//! How guards become work.

use super::*;
use crate::compile;
use crate::program::Program;
use artifacts::kinds::task::MESSAGE_INJECTOR;
use artifacts::kinds::{self, Artifact};
use artifacts::source::Source;
use artifacts::xml::SYNAPSE;
use std::path::Path;
use tokio::sync::{Barrier, Notify, mpsc};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn handle() -> Handle {
    Coordinator::off("n", Arc::new(SystemClock))
}

fn slots(count: u32) -> Activation {
    Activation { key: Key::new("processor/p"), policy: Policy::Slots(count), definition: "".into() }
}

/// Comes back only when as many terms run as the barrier wants.
struct Meet(Arc<Barrier>, mpsc::Sender<Key>);

impl Activated for Meet {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.wait().await;
            self.1.send(guard.key().clone()).await.ok();
            guard.ended().await;
        })
    }
}

#[tokio::test]
async fn all_slots_run_at_the_same_time() {
    let (met, mut keys) = mpsc::channel(3);
    let running =
        tokio::spawn(run(handle().register(&slots(3)), Arc::new(Meet(Arc::new(Barrier::new(3)), met))));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(timeout(SOON, keys.recv()).await.unwrap().unwrap());
    }
    seen.sort();
    assert_eq!(seen, (0..3).map(|i| Key::new("processor/p").slot(i)).collect::<Vec<_>>());
    running.abort();
}

/// Tells when it starts and when it is asked to end; finishes when it is allowed to.
struct Slow {
    name: &'static str,
    told: mpsc::Sender<String>,
    finish: Arc<Notify>,
}

impl Activated for Slow {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.told.send(format!("{} starts", self.name)).await.ok();
            guard.ended().await;
            self.told.send(format!("{} is asked", self.name)).await.ok();
            self.finish.notified().await;
            self.told.send(format!("{} has finished", self.name)).await.ok();
        })
    }
}

#[tokio::test]
async fn a_replaced_registration_finishes_its_run_before_the_next_begins() {
    let handle = handle();
    let (told, mut news) = mpsc::channel(10);
    let finish = Arc::new(Notify::new());
    let work = |name| Arc::new(Slow { name, told: told.clone(), finish: finish.clone() });
    let old = tokio::spawn(run(handle.register(&slots(1)), work("old")));
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "old starts");
    let new = tokio::spawn(run(handle.register(&slots(1)), work("new")));
    old.abort();
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "old is asked");
    assert!(news.try_recv().is_err());
    finish.notify_one();
    for expected in ["old has finished", "new starts"] {
        assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), expected);
    }
    new.abort();
    finish.notify_one();
    assert_eq!(timeout(SOON, news.recv()).await.unwrap().unwrap(), "new is asked");
}

fn artifacts(texts: &[String]) -> Vec<Artifact> {
    let read = |text: &String| {
        let text = text.replacen(' ', &format!(" xmlns='{SYNAPSE}' "), 1);
        kinds::read(&Source::new("a.xml", text), None).0
    };
    texts.iter().flat_map(read).collect()
}

fn task(name: &str, trigger: &str, more: &str) -> String {
    format!("<task name='{name}' class='{MESSAGE_INJECTOR}' {more}><trigger {trigger}/></task>")
}

fn tasks(triggers: &[(&str, &str)]) -> ActivationSet {
    let texts: Vec<_> = triggers.iter().map(|(name, trigger)| task(name, trigger, "")).collect();
    ActivationSet::of(&artifacts(&texts), &Program::default(), "n", Path::new(""))
}

#[test]
fn a_set_has_what_runs_on_this_server() {
    let inbound = |name: &str, protocol: &str, parameter: &str| {
        format!(
            "<inboundEndpoint name='{name}' protocol='{protocol}' sequence='s' onError='s' suspend='false'>\
             <parameters><parameter name='interval'>1000</parameter><parameter {parameter}</parameters>\
             </inboundEndpoint>"
        )
    };
    let texts = [
        task("here", "once='true'", "pinnedServers='m n'"),
        task("elsewhere", "once='true'", "pinnedServers='m'"),
        inbound("files", "file", "name='transport.vfs.FileURI' key='folder'/>"),
        inbound("web", "http", "name='inbound.http.port'>8085</parameter>"),
        "<localEntry key='folder'>file:///in</localEntry>".to_owned(),
    ];
    let artifacts = artifacts(&texts);
    let (program, _) = compile::compile(&artifacts, &compile::Options::default());
    let set = ActivationSet::of(&artifacts, &program, "n", Path::new("/"));
    let names =
        |all: &mut dyn Iterator<Item = &Arc<str>>| all.map(|name| &**name).collect::<Vec<_>>().join(" ");
    assert_eq!(names(&mut set.tasks.iter().map(|task| &task.name)), "here");
    assert_eq!(names(&mut set.inbounds.iter().map(|source| &source.name)), "files");
    assert!(program.http_inbound("web").is_some());
}

#[test]
fn a_set_has_the_proxy_services_that_listen() {
    let proxy = |name: &str, attributes: &str, parameters: &[(&str, &str)]| {
        let parameter = |(name, text): &(&str, &str)| {
            format!("<parameter name='transport.vfs.{name}'>{text}</parameter>")
        };
        let parameters: String = parameters.iter().map(parameter).collect();
        format!(
            "<proxy name='{name}' {attributes}><target><inSequence><drop/></inSequence></target>{parameters}</proxy>"
        )
    };
    let folder = [("FileURI", "file:///in"), ("ContentType", "text/plain")];
    let texts = [
        proxy("listed", "transports='http vfs jms'", &folder),
        proxy("implied", "", &folder),
        proxy("other", "transports='http'", &folder),
        proxy("none", "", &[]),
        proxy("inactive", "transports='vfs' startOnLoad='false'", &folder),
        proxy("elsewhere", "transports='vfs' pinnedServers='m'", &folder),
        proxy("damaged", "transports='vfs'", &folder[..1]),
        proxy("remote", "transports='vfs'", &[("FileURI", "ftp://h/in"), ("ContentType", "text/plain")]),
    ];
    let artifacts = artifacts(&texts);
    let (program, _) = compile::compile(&artifacts, &compile::Options::default());
    let set = ActivationSet::of(&artifacts, &program, "n", Path::new("/"));
    let keys: Vec<_> = set.inbounds.iter().map(|source| source.key().to_string()).collect();
    assert_eq!(keys, ["vfs/listed", "vfs/implied"]);
}

#[tokio::test]
async fn a_redeployment_leaves_alone_what_has_not_changed() {
    let first = tasks(&[("same", "interval='3600'"), ("other", "interval='3600'"), ("gone", "once='true'")]);
    let engine = Engine::new(Arc::default(), Arc::default());
    let activations = Activations::new(engine, handle());
    let running = || {
        let offers = activations.offers.lock().unwrap();
        offers.iter().map(|(key, offer)| (key.to_string(), offer.running.id())).collect::<BTreeMap<_, _>>()
    };
    activations.apply(&first);
    let before = running();
    activations.apply(&tasks(&[
        ("same", "interval='3600'"),
        ("other", "interval='60'"),
        ("new", "once='true'"),
    ]));
    let after = running();
    assert_eq!(after.keys().collect::<Vec<_>>(), ["task/new", "task/other", "task/same"]);
    assert_eq!(before.get("task/same"), after.get("task/same"));
    assert_ne!(before.get("task/other"), after.get("task/other"));
}

/// Panics at its first run, and tells of the second.
struct Falls(Mutex<bool>, mpsc::Sender<String>);

impl Activated for Falls {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let first = std::mem::replace(&mut *self.0.lock().unwrap(), false);
            assert!(!first, "a bug");
            self.1.send("runs again".to_owned()).await.ok();
            guard.ended().await;
        })
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_falls_is_taken_up_again() {
    let (told, mut news) = mpsc::channel(1);
    tokio::spawn(run(handle().register(&slots(1)), Arc::new(Falls(Mutex::new(true), told))));
    assert_eq!(news.recv().await.unwrap(), "runs again");
}
