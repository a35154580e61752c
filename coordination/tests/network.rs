//! A network between a node and its database that delays, cuts and counts.
//!
//! Runs against PostgreSQL and MariaDB (or MySQL) as `stores.rs` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use coordination::clock::SystemClock;
use coordination::lease::{Claim, Epoch, Key};
use coordination::member::{End, MemberId, MemberInfo};
use coordination::status::Phase;
use coordination::store::Store;
use coordination::store::address::Address;
use coordination::timing::Timing;
use coordination::{Activation, Config, Coordinator, Handle};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The addresses in the variables that are set, or a clear line for each that is not.
fn servers() -> Vec<String> {
    let variables = ["GANGLION_TEST_POSTGRES", "GANGLION_TEST_MARIADB"];
    #[allow(clippy::disallowed_methods)]
    let read = |name: &str| {
        let url = std::env::var(name).ok();
        if url.is_none() {
            println!("LEFT OUT: {name} is not set, nothing was tested against this database");
        }
        url
    };
    variables.into_iter().filter_map(read).collect()
}

fn fresh_group() -> String {
    format!("net-{}", uuid::Uuid::new_v4().simple())
}

/// What happens to the bytes.
struct Network {
    /// Milliseconds in each direction.
    latency: AtomicU64,
    /// While `true`, nothing is passed on; afterwards everything is.
    held: watch::Sender<bool>,
    /// Connections with a lower number lose every byte without a word.
    cut_below: AtomicUsize,
    accepted: AtomicUsize,
}

/// A stretch of network before one server.
struct Proxy {
    network: Arc<Network>,
    /// The server's address with the proxy in its place.
    url: String,
}

impl Proxy {
    async fn before(url: &str) -> Self {
        let at = url.rfind('@').unwrap() + 1;
        let end = url[at..].find('/').unwrap() + at;
        let server = url[at..end].to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(Network {
            latency: AtomicU64::new(0),
            held: watch::Sender::new(false),
            cut_below: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        });
        let shared = network.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let _no_delay = (client.set_nodelay(true), server.set_nodelay(true));
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pump(from_client, to_server, number, shared.clone()));
                tokio::spawn(pump(from_server, to_client, number, shared.clone()));
            }
        });
        Self { network, url: format!("{}127.0.0.1:{port}{}", &url[..at], &url[end..]) }
    }

    fn address(&self) -> Address {
        Address::parse(&self.url, None, None).unwrap()
    }

    fn set_latency(&self, each_way: u64) {
        self.network.latency.store(each_way, Ordering::Relaxed);
    }

    fn accepted(&self) -> usize {
        self.network.accepted.load(Ordering::Relaxed)
    }

    /// Those that are open now are forgotten by the network; new ones work.
    fn cut(&self) {
        self.network.cut_below.store(self.accepted(), Ordering::Relaxed);
    }
}

/// One direction. Bytes keep their distance in time, as on a long line.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: usize, network: Arc<Network>) {
    let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(10_000);
    let line = network.clone();
    tokio::spawn(async move {
        while let Some((due, chunk)) = chunks.recv().await {
            sleep_until(due).await;
            let mut held = line.held.subscribe();
            if held.wait_for(|held| !held).await.is_err() {
                return;
            }
            let lost = number < line.cut_below.load(Ordering::Relaxed);
            if !lost && to.write_all(&chunk).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(n) = from.read(&mut buffer).await {
        let due = Instant::now() + Duration::from_millis(network.latency.load(Ordering::Relaxed));
        if n == 0 || sender.send((due, buffer[..n].to_vec())).await.is_err() {
            return;
        }
    }
}

fn node(address: &Address, group: &str, name: &str) -> Handle {
    let store: Arc<dyn Store> = address.open(group, 4).unwrap();
    let config = Config { timing: Timing::default(), group: group.into(), ..Config::new(name) };
    Coordinator::start(config, store, Arc::new(SystemClock)).unwrap()
}

async fn until(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(limit, wait).await.is_ok(), "{what}");
}

/// The counter of this node's member as the node itself last read it.
fn beats(node: &Handle) -> i64 {
    let status = node.status();
    status.view.member(status.member).map_or(0, |member| member.seq)
}

fn errors(node: &Handle) -> u64 {
    node.counters().database_errors.load(Ordering::Relaxed)
}

const PATIENCE: Duration = Duration::from_secs(20);

/// 100 ms each way, the default timing, and one statement that is not answered in time. Another node
/// stands by to end the first one if it stays silent for its lease length.
async fn stays_a_member(url: &str, trouble: impl AsyncFn(&Proxy, &Handle)) -> Handle {
    let proxy = Proxy::before(url).await;
    let group = fresh_group();
    let watching = node(&Address::parse(url, None, None).unwrap(), &group, "watching");
    let far = node(&proxy.address(), &group, "far");
    let mut task = far.register(&Activation::exclusive("task", "d"));
    until("both see each other", PATIENCE, || {
        [&watching, &far].iter().all(|n| n.status().view.members.len() == 2)
    })
    .await;
    proxy.set_latency(100);
    let before = beats(&far);
    until("it beats over the long line", PATIENCE, || beats(&far) > before + 2).await;
    let member = far.status().member;
    assert_eq!(errors(&far), 0, "nothing is late at a fifth of a second");
    trouble(&proxy, &far).await;
    let before = beats(&far);
    until("it beats again", PATIENCE, || beats(&far) > before + 2).await;
    let status = far.status();
    assert_eq!((status.phase, status.member), (Phase::Member, member), "it was not ended");
    assert_eq!(far.counters().expelled.load(Ordering::Relaxed), 0);
    drop(timeout(PATIENCE, task.next()).await);
    watching.shutdown(Duration::from_secs(1)).await;
    far
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_over_a_long_line_costs_nothing() {
    for url in servers() {
        let far = stays_a_member(&url, async |proxy: &Proxy, far: &Handle| {
            proxy.network.held.send_replace(true);
            until("a statement is late", PATIENCE, || errors(far) > 0).await;
            proxy.network.held.send_replace(false);
        })
        .await;
        assert_eq!(far.counters().fenced.load(Ordering::Relaxed), 0, "{url}: not even a fence");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_cut_of_a_long_line_does_not_end_a_member() {
    for url in servers() {
        stays_a_member(&url, async |proxy: &Proxy, far: &Handle| {
            proxy.cut();
            until("a statement is late", PATIENCE, || errors(far) > 0).await;
        })
        .await;
    }
}

/// Somebody holds a row for long. Callers give up after 0.8 s and come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_flooded() {
    for url in servers() {
        let proxy = Proxy::before(&url).await;
        let group = fresh_group();
        let store = proxy.address().open(&group, 4).unwrap();
        let (me, key) = (member(), Key::new("held"));
        assert!(store.join(&me).await.unwrap());
        store.create(std::slice::from_ref(&key)).await.unwrap();
        let _row = hold_row(&url, &group).await;
        let claim =
            Claim { key, member: me.id, seen_owner: None, seen_epoch: Epoch(0), floor: Epoch(0), def: None };
        let begun = Instant::now();
        let refused = timeout(Duration::from_secs(4), store.claim(&claim)).await;
        let refused = refused.expect("the server gives the statement up").unwrap_err();
        assert!(!refused.is_unknown(), "{refused}");
        println!("the server gave up after {:?}: {refused}", begun.elapsed());
        let (before, begun) = (proxy.accepted(), Instant::now());
        let caller = async || {
            while begun.elapsed() < Duration::from_secs(6) {
                let _late = timeout(Duration::from_millis(800), store.claim(&claim)).await;
                sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::join!(caller(), caller(), caller(), caller());
        let opened = proxy.accepted() - before;
        println!("{opened} connections in 6 s");
        assert!(opened <= 18, "{opened} connections in 6 s, without a pause 28");
    }
}

fn member() -> MemberInfo {
    MemberInfo {
        id: MemberId(uuid::Uuid::new_v4().as_u128()),
        node: "n".into(),
        lease: Duration::from_secs(5),
        weight: 1,
        version: "t".into(),
    }
}

/// Locks the group's leases until the result is dropped.
async fn hold_row(url: &str, group: &str) -> Box<dyn std::any::Any> {
    let text = format!("SELECT runs FROM ganglion_lease WHERE grp = '{group}' FOR UPDATE");
    let text = sqlx::AssertSqlSafe(format!("BEGIN; {text}"));
    if url.starts_with("mysql") {
        let mut held = sqlx::MySqlConnection::connect(url).await.unwrap();
        assert_eq!(sqlx::raw_sql(text).fetch_all(&mut held).await.unwrap().len(), 1);
        Box::new(held)
    } else {
        let mut held = sqlx::PgConnection::connect(url).await.unwrap();
        assert_eq!(sqlx::raw_sql(text).fetch_all(&mut held).await.unwrap().len(), 1);
        Box::new(held)
    }
}

/// The listening connection was cut without a word; a late heartbeat makes it listen anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_are_heard_again_after_a_silent_cut() {
    for url in servers().into_iter().filter(|url| url.starts_with("postgres")) {
        let proxy = Proxy::before(&url).await;
        let group = fresh_group();
        let hearing = proxy.address().open(&group, 1).unwrap();
        let telling = Address::parse(&url, None, None).unwrap().open(&group, 1).unwrap();
        let announce = async || {
            loop {
                let info = member();
                assert!(telling.join(&info).await.unwrap());
                assert!(telling.end(info.id, End::Leave).await.unwrap());
                sleep(Duration::from_millis(200)).await;
            }
        };
        let heard = async || {
            tokio::select! {
                () = hearing.changed() => true,
                () = announce() => false,
                () = sleep(PATIENCE) => false,
            }
        };
        hearing.observe().await.unwrap();
        assert!(heard().await, "an open ear");
        proxy.cut();
        let late = async {
            while timeout(Duration::from_millis(300), hearing.observe()).await.is_ok() {}
            std::future::pending().await
        };
        let again = tokio::select! {
            heard = heard() => heard,
            () = late => false,
        };
        assert!(again, "deaf after a cut");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_host_is_tried_when_one_does_not_answer() {
    for url in servers() {
        let (who, place) = url.rsplit_once('@').unwrap();
        let address = Address::parse(&format!("{who}@127.0.0.1:1,{place}"), None, None).unwrap();
        let store = address.open(&fresh_group(), 1).unwrap();
        timeout(PATIENCE, store.observe()).await.expect("it answers").unwrap();
    }
}
