//! The conformance suite and a small cluster against real databases.
//!
//! SQLite always runs. PostgreSQL and MariaDB (or MySQL) run when `GANGLION_TEST_POSTGRES` and
//! `GANGLION_TEST_MARIADB` hold an address such as `jdbc:postgresql://127.0.0.1:5432/test?user=..`;
//! otherwise each test says on stdout that it was left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coordination::clock::SystemClock;
use coordination::conformance::{self, Stores};
use coordination::lease::Key;
use coordination::store::address::Address;
use coordination::store::{Store, StoreError};
use coordination::timing::Timing;
use coordination::{Activation, Config, Coordinator, Guard, Handle, Registration};
use sqlx::Connection as _;

const POSTGRES: &str = "GANGLION_TEST_POSTGRES";
const MARIADB: &str = "GANGLION_TEST_MARIADB";

/// The address in this variable, or a clear line that the test was left out.
fn url(variable: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods)]
    let Ok(url) = std::env::var(variable) else {
        println!("LEFT OUT: {variable} is not set, nothing was tested against this database");
        return None;
    };
    Some(url)
}

fn address(variable: &str) -> Option<Address> {
    let address = |url: String| Address::parse(&url, None, None);
    url(variable).map(|url| address(url).expect("the address in the variable can be read"))
}

fn sqlite(dir: &tempfile::TempDir) -> Address {
    let path = dir.path().join("coordination.db");
    Address::parse(&format!("sqlite:{}", path.display()), None, None).unwrap()
}

fn fresh_group() -> String {
    format!("test-{}", uuid::Uuid::new_v4().simple())
}

async fn conforms(address: &Address) {
    let group = fresh_group();
    let open = |group: &str| address.open(group, 4).unwrap();
    let stores =
        Stores { one: open(&group), two: open(&group), other_group: open(&format!("{group}-other")) };
    conformance::run(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conforms(&sqlite(&dir)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_conforms() {
    if let Some(address) = address(POSTGRES) {
        conforms(&address).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_conforms() {
    if let Some(address) = address(MARIADB) {
        conforms(&address).await;
    }
}

/// Encrypted: refused without the server's certificate, and a whole conformance run with it.
#[cfg(feature = "tls")]
async fn encrypted(server: &str, certificate: &str) {
    #[allow(clippy::disallowed_methods)]
    let (Ok(url), Ok(file)) = (std::env::var(server), std::env::var(certificate)) else {
        println!("LEFT OUT: {server} or {certificate} is not set, no encryption was tried");
        return;
    };
    let strict = Address::parse(&format!("{url}?sslmode=verify-full"), None, None).unwrap();
    let error = strict.open("g", 1).unwrap().observe().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let known = format!("{url}?sslmode=verify-full&sslrootcert={file}");
    conforms(&Address::parse(&known, None, None).unwrap()).await;
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_conforms_encrypted() {
    encrypted(POSTGRES, "GANGLION_TEST_POSTGRES_CERTIFICATE").await;
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_conforms_encrypted() {
    encrypted(MARIADB, "GANGLION_TEST_MARIADB_CERTIFICATE").await;
}

#[tokio::test]
async fn an_unreachable_server_is_an_unknown_outcome() {
    let address = Address::parse("postgres://u:p@127.0.0.1:1/db", None, None).unwrap();
    let error = address.open("g", 1).unwrap().observe().await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
}

// ---- tables that others made, and tables that are gone -------------------------------------------

/// Runs a text on a connection of its own.
async fn administer(url: &str, text: String) {
    let text = sqlx::AssertSqlSafe(text);
    if url.starts_with("mysql") {
        let mut admin = sqlx::MySqlConnection::connect(url).await.unwrap();
        sqlx::raw_sql(text).execute(&mut admin).await.unwrap();
    } else if url.starts_with("sqlite") {
        let mut admin = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(text).execute(&mut admin).await.unwrap();
    } else {
        let mut admin = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(text).execute(&mut admin).await.unwrap();
    }
}

/// The user may not make tables: told so while they are missing, content once they are there.
async fn least_privilege(url: &str, name: &str, address: &str, [begin, grant, end]: [&str; 3], script: &str) {
    let fill = |text: &str| text.replace("NAME", name);
    administer(url, fill(begin)).await;
    let address = Address::parse(address, Some(name), Some("secret")).unwrap();
    let error = address.open("g", 1).unwrap().observe().await.unwrap_err();
    assert!(matches!(error, StoreError::Setup(_)) && error.to_string().contains("src/schema/"), "{error}");
    administer(url, fill(&grant.replace("SCRIPT; ", script))).await;
    conforms(&address).await;
    administer(url, fill(end)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_needs_no_right_to_make_tables() {
    let Some(url) = url(POSTGRES) else { return };
    let name = fresh_group().replace('-', "_");
    let statements = [
        "CREATE SCHEMA NAME; CREATE ROLE NAME LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA NAME TO NAME",
        "SET search_path TO NAME; SCRIPT; GRANT SELECT ON ganglion_meta TO NAME; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ganglion_member, ganglion_lease TO NAME",
        "DROP SCHEMA NAME CASCADE; DROP ROLE NAME",
    ];
    let place = url.rsplit_once('@').unwrap().1;
    let address = format!("postgres://{place}?currentSchema={name}");
    least_privilege(&url, &name, &address, statements, include_str!("../src/schema/postgres.sql")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_needs_no_right_to_make_tables() {
    let Some(url) = url(MARIADB) else { return };
    let name = fresh_group().replace('-', "_");
    // A user that may do nothing sees no database at all.
    let statements = [
        "CREATE DATABASE NAME; CREATE USER NAME@'127.0.0.1' IDENTIFIED BY 'secret'; \
         GRANT SELECT ON NAME.* TO NAME@'127.0.0.1'",
        "USE NAME; SCRIPT; GRANT INSERT, UPDATE, DELETE ON NAME.ganglion_member TO NAME@'127.0.0.1'; \
         GRANT INSERT, UPDATE, DELETE ON NAME.ganglion_lease TO NAME@'127.0.0.1'",
        "DROP DATABASE NAME; DROP USER NAME@'127.0.0.1'",
    ];
    let (place, _) = url.rsplit_once('@').unwrap().1.split_once('/').unwrap();
    let address = format!("mysql://{place}/{name}");
    least_privilege(&url, &name, &address, statements, include_str!("../src/schema/mysql.sql")).await;
}

#[tokio::test]
async fn a_dropped_table_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = sqlite(&dir).open("g", 1).unwrap();
    store.create(&[Key::new("a")]).await.unwrap();
    let url = format!("sqlite:{}", dir.path().join("coordination.db").display());
    administer(&url, "DROP TABLE ganglion_lease".into()).await;
    let error = store.create(&[Key::new("a")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Setup(_)), "{error}");
    store.create(&[Key::new("a")]).await.unwrap();
    assert_eq!(store.observe().await.unwrap().leases.len(), 1);
}

// ---- a small cluster ---------------------------------------------------------------------------

struct Node {
    handle: Handle,
    task: Registration,
}

async fn node(address: &Address, group: &str, name: &str) -> Node {
    let store: Arc<dyn Store> = address.open(group, 4).unwrap();
    let config = Config { timing: Timing::fast(), group: group.into(), ..Config::new(name) };
    let handle = Coordinator::start(config, store, Arc::new(SystemClock)).unwrap();
    let task = handle.register(&Activation::exclusive("task", "d"));
    Node { handle, task }
}

async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, what).await.expect("took too long")
}

/// Two nodes; the owner leaves gracefully; the successor continues with a higher epoch.
async fn hands_over(address: &Address) -> Duration {
    let group = fresh_group();
    let mut a = node(address, &group, "a").await;
    let guard: Guard = within(Duration::from_secs(5), a.task.next()).await.unwrap();
    let mut b = node(address, &group, "b").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let due = a.handle.now().0;
    assert_eq!(guard.claim_fire(due, None).await.map(|f| f.run), Ok(1));
    let first = guard.epoch();
    let leaving = a.handle.clone();
    let stop = tokio::spawn(async move { leaving.shutdown(Duration::from_secs(5)).await });
    guard.ended().await;
    drop(guard);
    stop.await.unwrap();
    let begun = Instant::now();
    let next = within(Duration::from_millis(1200), b.task.next()).await.unwrap();
    let gap = begun.elapsed();
    assert!(next.epoch() > first && next.holds());
    assert_eq!((next.runs(), next.last_fire()), (1, Some(due)));
    assert!(next.claim_fire(due, None).await.is_err(), "one instant, one start");
    let owners = b.handle.status().owners();
    assert_eq!(owners.iter().find(|o| o.key == Key::new("task")).unwrap().node.as_deref(), Some("b"));
    gap
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_hands_over() {
    let dir = tempfile::tempdir().unwrap();
    println!("sqlite: handed over in {:?}", hands_over(&sqlite(&dir)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_hands_over() {
    if let Some(address) = address(POSTGRES) {
        println!("postgres: handed over in {:?}", hands_over(&address).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_hands_over() {
    if let Some(address) = address(MARIADB) {
        println!("mariadb: handed over in {:?}", hands_over(&address).await);
    }
}

/// A member whose process is gone is known by its file lock at once: no lease length passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_proves_a_death_by_the_file_lock() {
    use coordination::member::{MemberId, MemberInfo};
    let dir = tempfile::tempdir().unwrap();
    let group = fresh_group();
    let (dying, watching) = (sqlite(&dir).open(&group, 1).unwrap(), sqlite(&dir).open(&group, 1).unwrap());
    let info = MemberInfo {
        id: MemberId(uuid::Uuid::new_v4().as_u128()),
        node: "a".into(),
        lease: Duration::from_secs(5),
        weight: 1,
        version: "t".into(),
    };
    assert!(dying.join(&info).await.unwrap());
    assert!(!watching.observe().await.unwrap().members[0].proven_dead);
    drop(dying);
    assert!(watching.observe().await.unwrap().members[0].proven_dead);
}

/// A fresh file is switched to its journal by whoever comes first, and SQLite turns others away at
/// that moment without waiting: nobody may hear of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_is_opened_by_many_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let group = fresh_group();
        let begun = Arc::new(tokio::sync::Barrier::new(12));
        let looks: Vec<_> = (0..12)
            .map(|_| {
                let (store, begun) = (sqlite(&dir).open(&group, 1).unwrap(), begun.clone());
                tokio::spawn(async move {
                    begun.wait().await;
                    store.observe().await
                })
            })
            .collect();
        for look in looks {
            look.await.unwrap().unwrap();
        }
    }
}

/// Members and activations of one database stay within the promised number of statements.
async fn fires_per_second(address: &Address) -> f64 {
    let group = fresh_group();
    let store = address.open(&group, 8).unwrap();
    let config = Config { timing: Timing::default(), group: group.as_str().into(), ..Config::new("bench") };
    let handle = Coordinator::start(config, store, Arc::new(SystemClock)).unwrap();
    let mut workers = Vec::new();
    for i in 0..16 {
        let mut task = handle.register(&Activation::exclusive(&format!("t{i}"), "d"));
        workers.push(tokio::spawn(async move {
            let guard = task.next().await.unwrap();
            let until = Instant::now() + Duration::from_secs(2);
            let mut fires = 0_u32;
            while Instant::now() < until {
                guard.claim_fire(i64::from(fires) + 1, None).await.unwrap();
                fires += 1;
            }
            (fires, task, guard)
        }));
    }
    let mut total = 0;
    for worker in workers {
        total += worker.await.unwrap().0;
    }
    f64::from(total) / 2.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_claims_fires_quickly() {
    if let Some(address) = address(POSTGRES) {
        let rate = fires_per_second(&address).await;
        println!("postgres: {rate:.0} claimed fires per second in a test build");
        assert!(rate > 200.0);
    }
}

/// How long one read of a thousand activations takes: every node makes one per heartbeat.
async fn view_time(address: &Address) -> Duration {
    let group = fresh_group();
    let store = address.open(&group, 4).unwrap();
    let keys: Vec<Key> = (0..1000).map(|i| Key::new(&format!("ScheduledTask-number-{i}"))).collect();
    store.create(&keys).await.unwrap();
    assert_eq!(store.observe().await.unwrap().leases.len(), 1000);
    let begun = Instant::now();
    for _ in 0..20 {
        store.observe().await.unwrap();
    }
    begun.elapsed() / 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_of_a_thousand_rows_is_read_quickly() {
    let dir = tempfile::tempdir().unwrap();
    println!("sqlite: {:?} for a view of 1,000 activations", view_time(&sqlite(&dir)).await);
    for (name, variable) in [("postgres", POSTGRES), ("mariadb", MARIADB)] {
        if let Some(address) = address(variable) {
            let time = view_time(&address).await;
            println!("{name}: {time:?} for a view of 1,000 activations");
            assert!(time < Duration::from_millis(200));
        }
    }
}

// ---- a thousand tasks --------------------------------------------------------------------------

struct Busy {
    handle: Handle,
    held: Arc<AtomicUsize>,
}

/// A node that runs whatever it is given of a thousand tasks.
fn busy(address: &Address, group: &str, name: &str) -> Busy {
    let store = address.open(group, 4).unwrap();
    let timing = Timing {
        rebalance_after: Duration::from_secs(2),
        rebalance_pace: Duration::from_millis(500),
        ..Timing::default()
    };
    let config = Config { timing, group: group.into(), ..Config::new(name) };
    let handle = Coordinator::start(config, store, Arc::new(SystemClock)).unwrap();
    let held = Arc::new(AtomicUsize::new(0));
    for i in 0..1000 {
        let mut task = handle.register(&Activation::exclusive(&format!("task-{i}"), "d"));
        let held = held.clone();
        tokio::spawn(async move {
            while let Some(guard) = task.next().await {
                held.fetch_add(1, Ordering::Relaxed);
                guard.ended().await;
                held.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }
    Busy { handle, held }
}

/// Waits until all tasks are held and no node is more than a quarter off its share.
async fn balanced(nodes: &[Busy], limit: Duration) -> Duration {
    let begun = Instant::now();
    loop {
        let held: Vec<usize> = nodes.iter().map(|n| n.held.load(Ordering::Relaxed)).collect();
        let share = 1000 / nodes.len();
        let even = held.iter().all(|n| (share * 3 / 4..=share * 5 / 4).contains(n));
        if even && held.iter().sum::<usize>() == 1000 {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < limit, "{held:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_thousand_tasks(name: &str, address: &Address) {
    let group = fresh_group();
    let mut nodes: Vec<Busy> = ["a", "b", "c"].iter().map(|n| busy(address, &group, n)).collect();
    println!(
        "{name}: 1,000 tasks balanced over 3 nodes in {:?}",
        balanced(&nodes, Duration::from_secs(60)).await
    );
    let count = |n: &Busy| n.handle.counters().statements.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let before: Vec<u64> = nodes.iter().map(count).collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let spent: Vec<u64> = nodes.iter().zip(before).map(|(n, b)| count(n) - b).collect();
    println!("{name}: {spent:?} statements in 5 s");
    assert!(spent.iter().all(|n| *n <= 14), "one renewal and one read per heartbeat: {spent:?}");
    let leaving = nodes.remove(0);
    leaving.handle.shutdown(Duration::from_secs(5)).await;
    println!(
        "{name}: a third moved after a shutdown in {:?}",
        balanced(&nodes, Duration::from_secs(30)).await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_holds_a_thousand_tasks() {
    let dir = tempfile::tempdir().unwrap();
    a_thousand_tasks("sqlite", &sqlite(&dir)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_hold_a_thousand_tasks() {
    for (name, variable) in [("postgres", POSTGRES), ("mariadb", MARIADB)] {
        if let Some(address) = address(variable) {
            a_thousand_tasks(name, &address).await;
        }
    }
}
