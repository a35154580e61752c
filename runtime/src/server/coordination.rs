//! Settings to a coordinator: `WSO2_COORDINATION_DB`, `[cluster_config]`, `[task_handling]`, and our
//! own `[coordination]` section.
//!
//! ```toml
//! [coordination]                 # every key is optional
//! url = "jdbc:postgresql://db:5432/mi"   # else the datasource WSO2_COORDINATION_DB; none: off
//! username = "mi"                #       "sqlite:FILE" serves several processes of one machine
//! password = "$env{DB_PASSWORD}"
//! enabled = true                 # false switches coordination off although there is a database
//! group = "default"              # only nodes of one group see each other
//! node_id = "pod-1"              # else cluster_config.node_id, else the host name
//! profile = "default"            # default | fast | cautious
//! heartbeat_ms = 1000            # H    (profile default)
//! lease_ms = 5000                # L    (profile default)
//! weight = 1                     # share of the work
//! connections = 4                # to the database, at most
//! ```

use crate::settings::{DataSource, Settings};
use ::coordination::clock::SystemClock;
use ::coordination::placement::{Placement, Spread};
use ::coordination::store::address::Address;
use ::coordination::timing::Timing;
use ::coordination::{Config, Coordinator, Handle};
use std::sync::Arc;
use std::time::Duration;

/// The datasource that switches coordination on in MI.
const DATASOURCE: &str = "WSO2_COORDINATION_DB";

/// Starts taking part, or gives a handle that is always allowed. The error says which setting is wrong.
pub(super) fn start(settings: &Settings) -> Result<Handle, String> {
    let section =
        |key: &str| settings.coordination.get(key).map(|text| text.trim()).filter(|t| !t.is_empty());
    let node = section("node_id").map(str::to_owned).or_else(|| settings.cluster.node_id.clone());
    let node = node.unwrap_or_else(host_name);
    let clock = Arc::new(SystemClock);
    let source = section("url").map(|url| DataSource {
        url: url.to_owned(),
        username: section("username").map(str::to_owned),
        password: section("password").map(str::to_owned),
        ..DataSource::default()
    });
    let source = source.or_else(|| settings.datasource(DATASOURCE).cloned());
    let enabled = section("enabled").is_none_or(|text| text != "false");
    let Some(source) = source.filter(|_| enabled) else { return Ok(Coordinator::off(&node, clock)) };
    let group = section("group").unwrap_or("default");
    let connections = number(section("connections"), "connections")?.unwrap_or(4);
    let address = Address::parse(&source.url, source.username.as_deref(), source.password.as_deref());
    let store =
        address.and_then(|address| address.open(group, connections)).map_err(|error| error.to_string())?;
    let config = Config {
        group: group.into(),
        weight: number(section("weight"), "weight")?.unwrap_or(1),
        timing: timing(section("profile"), section("heartbeat_ms"), section("lease_ms"))?,
        placement: placement(settings),
        ..Config::new(&node)
    };
    let bound = config.timing.takeover_bound();
    let handle = Coordinator::start(config, store, clock).map_err(|problems| problems.join("; "))?;
    tracing::info!(
        "coordination is on: node '{node}', group '{group}', a lost node is replaced within {:.1} s",
        bound.as_secs_f64()
    );
    Ok(handle)
}

fn number(text: Option<&str>, key: &str) -> Result<Option<u32>, String> {
    let parsed = text.map(|text| {
        text.parse().map_err(|_| format!("[coordination] {key}: expected a number, found '{text}'"))
    });
    parsed.transpose()
}

fn timing(profile: Option<&str>, heartbeat: Option<&str>, lease: Option<&str>) -> Result<Timing, String> {
    let base = match profile {
        None | Some("default") => Timing::default(),
        Some("fast") => Timing::fast(),
        Some("cautious") => Timing::cautious(),
        Some(other) => {
            return Err(format!(
                "[coordination] profile: expected default, fast or cautious, found '{other}'"
            ));
        }
    };
    let (heartbeat, lease) = (number(heartbeat, "heartbeat_ms")?, number(lease, "lease_ms")?);
    if heartbeat.is_none() && lease.is_none() {
        return Ok(base);
    }
    let ms = |n: u32| Duration::from_millis(u64::from(n));
    Ok(Timing::of(heartbeat.map_or(base.heartbeat, ms), lease.map_or(base.lease, ms)))
}

/// MI's resolvers. Without one, work is balanced over all nodes.
fn placement(settings: &Settings) -> Placement {
    let tasks = &settings.task_handling;
    let class = tasks.resolver_class.as_deref().unwrap_or_default();
    let spread = if class.ends_with("ActivePassiveResolver") { Spread::OneNode } else { Spread::Balanced };
    let only = (class.ends_with("TaskNodeResolver") && !tasks.task_nodes.is_empty())
        .then(|| tasks.task_nodes.iter().map(|node| node.as_str().into()).collect());
    Placement { spread, quorum: tasks.task_server_count.unwrap_or(0), only }
}

/// Name of this machine or pod, for a node without a name of its own.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_own_lengths() {
        assert_eq!(timing(None, None, None), Ok(Timing::default()));
        assert_eq!(timing(Some("fast"), None, None), Ok(Timing::fast()));
        assert!(timing(Some("quick"), None, None).is_err());
        let own = timing(None, Some("500"), Some("4000")).unwrap();
        assert_eq!((own.heartbeat, own.lease), (Duration::from_millis(500), Duration::from_millis(4000)));
        assert!(timing(None, Some("x"), None).is_err());
    }

    #[test]
    fn off_without_a_database() {
        assert!(!start(&Settings::default()).unwrap().is_on());
    }
}
