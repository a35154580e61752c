//! Settings to a coordinator: `WSO2_COORDINATION_DB`, `[cluster_config]`, `[task_handling]`, MI's
//! environment variables, and our own `[coordination]` section. The coordination library's README has
//! the table of all keys.

use crate::settings::{DataSource, PORT_OFFSET, Settings, host_name};
use ::coordination::clock::SystemClock;
use ::coordination::placement::Placement;
use ::coordination::store::address::{Address, Kind};
use ::coordination::timing::Timing;
use ::coordination::{Config, Coordinator, Handle};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The datasource that switches coordination on in MI.
const DATASOURCE: &str = "WSO2_COORDINATION_DB";

/// Below this lease no time is left for a statement.
const SHORTEST_LEASE: Duration = Duration::from_millis(1500);

/// Keys of the section that are not lengths of time.
const KEYS: [&str; 9] =
    ["url", "username", "password", "enabled", "group", "node_id", "weight", "connections", "profile"];

/// Starts taking part, or gives a handle that is always allowed. The error says which setting is wrong.
pub(super) fn start(settings: &Settings, home: &Path) -> Result<Handle, String> {
    warn_of_unknown(settings);
    let node = node_id(settings);
    let clock = Arc::new(SystemClock);
    let enabled = section(settings, "enabled").is_none_or(|text| text != "false");
    let Some(source) = database(settings).filter(|_| enabled) else {
        return Ok(Coordinator::off(&node, clock));
    };
    let group = section(settings, "group").or(settings.of_process("localGroupId")).unwrap_or("default");
    let connections = number(settings, "connections")?.unwrap_or(4);
    let timing = timing(settings)?;
    let address = Address::parse(&source.url, source.username.as_deref(), source.password.as_deref());
    let store = address
        .and_then(|address| {
            let database = match address.kind {
                Kind::Sqlite => home.join(&address.database).to_string_lossy().into_owned(),
                _ => address.database.clone(),
            };
            Address { database, statement_limit: timing.statement, ..address }.open(group, connections)
        })
        .map_err(|error| format!("{}: {error}", origin(settings)))?;
    let config = Config {
        group: group.into(),
        weight: number(settings, "weight")?.unwrap_or(1),
        timing,
        placement: placement(settings),
        ..Config::new(&node)
    };
    let bound = config.timing.takeover_bound();
    let runtime = heartbeat().map_err(|error| format!("no thread for the heartbeat: {error}"))?;
    let handle =
        Coordinator::start_on(&runtime, config, store, clock).map_err(|problems| problems.join("; "))?;
    tracing::info!(
        "coordination is on: node '{node}', group '{group}', a lost node is replaced within {:.1} s",
        bound.as_secs_f64()
    );
    Ok(handle)
}

/// A thread for the heartbeat alone: a flow that computes for seconds, or a disk that hangs, must not
/// look like the death of this node. It lives as long as the process.
fn heartbeat() -> std::io::Result<tokio::runtime::Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("coordination".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

fn section<'s>(settings: &'s Settings, key: &str) -> Option<&'s str> {
    settings.coordination.get(key).map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn number(settings: &Settings, key: &str) -> Result<Option<u32>, String> {
    let parsed = section(settings, key).map(|text| {
        text.parse().map_err(|_| format!("[coordination] {key}: expected a number, found '{text}'"))
    });
    parsed.transpose()
}

fn warn_of_unknown(settings: &Settings) {
    let known = |key: &str| KEYS.contains(&key) || Timing::KNOBS.iter().any(|(name, _)| *name == key);
    for key in settings.coordination.keys().filter(|key| !known(key)) {
        let lengths = Timing::KNOBS.map(|(name, _)| name).join(", ");
        tracing::warn!(
            "[coordination] {key} is not known and has no effect; known: {}, {lengths}",
            KEYS.join(", ")
        );
    }
}

/// Where the address stands, for the error.
fn origin(settings: &Settings) -> &'static str {
    if section(settings, "url").is_some() { "[coordination] url" } else { DATASOURCE }
}

/// The section's own address, else MI's datasource.
fn database(settings: &Settings) -> Option<DataSource> {
    let own = section(settings, "url").map(|url| DataSource {
        url: url.to_owned(),
        username: section(settings, "username").map(str::to_owned),
        password: section(settings, "password").map(str::to_owned),
        ..DataSource::default()
    });
    own.or_else(|| settings.datasource(DATASOURCE).cloned())
}

/// Name of this node. Without one in the settings it is the host's (in Kubernetes the pod's); servers
/// that share a host are told apart by their port offset.
fn node_id(settings: &Settings) -> String {
    let said = section(settings, "node_id").or(settings.cluster.node_id.as_deref());
    if let Some(said) = said {
        return said.to_owned();
    }
    let host = host_name();
    match settings.server.offset {
        PORT_OFFSET => host,
        offset => format!("{host}-{offset}"),
    }
}

fn timing(settings: &Settings) -> Result<Timing, String> {
    let profile = section(settings, "profile");
    let base = match profile {
        None => of_the_peer(settings).unwrap_or_default(),
        Some(name) => Timing::named(name).ok_or_else(|| {
            format!("[coordination] profile: expected default, fast or cautious, found '{name}'")
        })?,
    };
    let (heartbeat, lease) = (number(settings, "heartbeat_ms")?, number(settings, "lease_ms")?);
    let mut timing = if heartbeat.is_none() && lease.is_none() {
        base
    } else {
        let ms = |n: u32| Duration::from_millis(u64::from(n));
        Timing::of(heartbeat.map_or(base.heartbeat, ms), lease.map_or(base.lease, ms))
    };
    for (key, _) in Timing::KNOBS {
        if let Some(value) = number(settings, key)? {
            timing.set(key, value);
        }
    }
    Ok(timing)
}

/// MI's two numbers, if one of them is set. MI takes any pair: a heartbeat too slow for its lease is made
/// faster (see [`Timing::of`]), a lease too short for any database longer.
fn of_the_peer(settings: &Settings) -> Option<Timing> {
    let read = |name: &str, default: u64| {
        let text = settings.of_process(name)?;
        Some(text.parse().ok().filter(|n| *n > 0).unwrap_or_else(|| {
            tracing::warn!("{name}: expected a number above zero, found '{text}'; MI's {default} is used");
            default
        }))
    };
    let (interval, retries) = (read("heartBeatInterval", 5_000), read("heartbeatMaxRetry", 3));
    if interval.is_none() && retries.is_none() {
        return None;
    }
    let interval = Duration::from_millis(interval.unwrap_or(5_000));
    let wished = interval.saturating_mul(u32::try_from(retries.unwrap_or(3)).unwrap_or(u32::MAX));
    let timing = Timing::of(interval.max(SHORTEST_LEASE / 5), wished.max(SHORTEST_LEASE));
    if (timing.heartbeat, timing.lease) != (interval, wished) {
        tracing::info!(
            "a heartbeat of {interval:?} does not fit a lease of {wished:?}; {:?} and {:?} are used",
            timing.heartbeat,
            timing.lease
        );
    }
    Some(timing)
}

/// MI's resolvers. Without one, work is balanced over all nodes.
fn placement(settings: &Settings) -> Placement {
    let tasks = &settings.task_handling;
    Placement::of_resolver(&tasks.resolver_class, &tasks.resolver).unwrap_or_else(|problem| {
        tracing::warn!("[task_handling] {problem}; work is balanced over all nodes");
        Placement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Environment;
    use ::coordination::placement::Spread;
    use artifacts::diagnostics::Diagnostics;
    use artifacts::source::Source;

    fn settings_in(toml: &str, environment: Environment) -> Settings {
        Settings::read(&Source::new("deployment.toml", toml), environment, &mut Diagnostics::new())
    }

    fn settings(toml: &str) -> Settings {
        settings_in(toml, Environment::default())
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn profiles_and_own_lengths() {
        assert_eq!(timing(&settings("")), Ok(Timing::default()));
        assert_eq!(timing(&settings("[coordination]\nprofile = 'fast'")), Ok(Timing::fast()));
        assert!(timing(&settings("[coordination]\nprofile = 'quick'")).is_err());
        let own = timing(&settings("[coordination]\nheartbeat_ms = 500\nlease_ms = 4000")).unwrap();
        assert_eq!((own.heartbeat, own.lease), (ms(500), ms(4000)));
        assert!(timing(&settings("[coordination]\nheartbeat_ms = 'x'")).is_err());
    }

    #[test]
    fn what_is_written_wins_over_what_is_derived() {
        let own =
            timing(&settings("[coordination]\nlease_ms = 6000\nfence_ms = 3000\nretry_ms = 9")).unwrap();
        assert_eq!((own.fence, own.retry, own.heartbeat), (ms(3000), ms(9), ms(1000)));
    }

    #[test]
    fn the_documented_lengths_are_the_profiles() {
        let table = include_str!("../../../coordination/README.md").lines().filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`'));
            let key = cells.next()?.to_owned();
            let numbers: Vec<u32> = cells.take(3).filter_map(|cell| cell.parse().ok()).collect();
            Some((key, numbers)).filter(|(_, numbers)| numbers.len() == 3)
        });
        let rows: Vec<(String, Vec<u32>)> = table.collect();
        assert_eq!(rows.len(), Timing::KNOBS.len());
        for (column, name) in ["default", "fast", "cautious"].into_iter().enumerate() {
            let mut written = Timing::default();
            rows.iter().for_each(|(key, numbers)| assert!(written.set(key, numbers[column]), "{key}"));
            assert_eq!(Some(written), Timing::named(name));
        }
    }

    #[test]
    fn mis_variables_stand_for_heartbeat_and_lease() {
        let of = |pairs: &[(&str, &str)]| timing(&settings_in("", Environment::of(pairs.iter().copied())));
        let both = of(&[("heartBeatInterval", "2000"), ("heartbeatMaxRetry", "4")]).unwrap();
        assert_eq!((both.heartbeat, both.lease), (ms(2000), ms(8000)));
        let nonsense = of(&[("heartBeatInterval", "soon")]).unwrap();
        assert_eq!((nonsense.heartbeat, nonsense.lease), (ms(5000), ms(15_000)));
        // MI takes a single try, which leaves no room for a late renewal.
        let tight = of(&[("heartbeatMaxRetry", "1")]).unwrap();
        assert_eq!((tight.heartbeat, tight.lease, tight.problems()), (ms(1000), ms(5000), Vec::new()));
        for (interval, retries) in [("1000", "3"), ("100", "2"), ("18446744073709551615", "4294967295")] {
            let any = of(&[("heartBeatInterval", interval), ("heartbeatMaxRetry", retries)]).unwrap();
            assert_eq!(any.problems(), Vec::<String>::new(), "{interval} {retries}");
        }
        let environment = Environment::of([("heartBeatInterval", "2000")]);
        assert_eq!(timing(&settings_in("[coordination]\nprofile = 'fast'", environment)), Ok(Timing::fast()));
    }

    #[test]
    fn mis_resolvers_are_understood() {
        let class = "org.wso2.micro.integrator.ntask.coordination.task.resolver";
        let of = |name: &str, more: &str| {
            placement(&settings(&format!("[task_handling]\nresolver_class = '{class}.{name}'\n{more}")))
        };
        assert_eq!(of("ActivePassiveResolver", "").spread, Spread::OneNode);
        assert_eq!(of("RoundRobinResolver", "[[task_resolver]]\ntask_server_count = '3'").quorum, 3);
        let only = of("TaskNodeResolver", "[[task_resolver]]\ntask_nodes = 'a, b'").only.unwrap();
        assert_eq!(only.len(), 2);
        assert_eq!(of("OwnResolver", ""), Placement::default());
    }

    #[test]
    fn a_node_has_a_name_of_its_own() {
        assert_eq!(node_id(&settings("[cluster_config]\nnode_id = 'a'")), "a");
        assert_eq!(node_id(&settings("[cluster_config]\nnode_id = 'a'\n[coordination]\nnode_id = 'b'")), "b");
        let two = [node_id(&settings("")), node_id(&settings("[server]\noffset = 20"))];
        assert_ne!(two[0], two[1]);
    }

    #[test]
    fn off_without_a_database() {
        assert!(!start(&Settings::default(), Path::new("/")).unwrap().is_on());
    }

    #[tokio::test]
    async fn a_relative_file_is_below_the_home() {
        let home = tempfile::tempdir().unwrap();
        let handle = start(&settings("[coordination]\nurl = 'sqlite:own.db'"), home.path()).unwrap();
        let file = home.path().join("own.db");
        assert_eq!(&*handle.status().store, format!("sqlite {}", file.display()));
        handle.shutdown(Duration::from_secs(5)).await;
    }

    #[tokio::test]
    async fn an_address_that_is_not_understood_is_named() {
        let error = start(&settings("[coordination]\nurl = 'jdbc:oracle:thin:@h:1521/x'"), Path::new("/"));
        assert!(error.unwrap_err().starts_with("[coordination] url: "));
    }
}
