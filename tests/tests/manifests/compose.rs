//! The rules for `docker/compose.yaml`.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::pods::list;
use runtime::artifacts::diagnostics::Diagnostics;
use runtime::artifacts::source::Source;
use runtime::settings::{Environment, Settings};
use serde_json::Value;

use crate::rules::secret_literals;

/// Everything that is wrong with the composition, its balancer and the settings of its replicas.
pub(crate) fn problems(text: &str, balancer: &str, toml: &str) -> Vec<String> {
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).unwrap();
    value.apply_merge().unwrap();
    let services = serde_json::to_value(&value).unwrap()["services"].clone();
    let mut found = secret_literals(text);
    let mut expect = |holds: bool, problem: String| {
        if !holds {
            found.push(problem);
        }
    };
    let nodes = ["node-1", "node-2", "node-3"];
    expect(nodes.iter().all(|node| services[node].is_object()), "there are not three replicas".to_owned());
    let names: BTreeSet<&str> =
        nodes.iter().filter_map(|node| services[node]["environment"]["NODE_ID"].as_str()).collect();
    expect(names.len() == nodes.len(), format!("NODE_ID does not differ: {names:?}"));
    for node in nodes {
        for (holds, what) in replica(&services[node], toml) {
            expect(holds, format!("{node}: {what}"));
        }
    }
    let check = services["database"]["healthcheck"]["test"].to_string();
    expect(check.contains("pg_isready"), "the database is not asked whether it is ready".to_owned());
    for (holds, what) in in_front(&services["balancer"], balancer, &nodes) {
        expect(holds, format!("the balancer {what}"));
    }
    found
}

fn replica(service: &Value, toml: &str) -> Vec<(bool, String)> {
    let password = service["environment"]["DB_PASSWORD"].as_str().unwrap_or_default();
    let variables = [("NODE_ID", "node"), ("DB_PASSWORD", password)];
    let mut findings = Diagnostics::new();
    let settings =
        Settings::read(&Source::new("deployment.toml", toml), Environment::of(variables), &mut findings);
    let source = settings.datasource("WSO2_COORDINATION_DB");
    let grace = service["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('s')?.parse().ok());
    let grace = Duration::from_secs(grace.unwrap_or_default());
    let mounts = |place: &str| {
        let bound = format!("{place}:ro");
        list(&service["volumes"]).iter().any(|volume| volume.as_str().is_some_and(|v| v.ends_with(&bound)))
    };
    let database = &service["depends_on"]["database"]["condition"];
    vec![
        (findings.is_empty(), format!("deployment.toml has findings: {}", findings.render())),
        (source.is_some_and(|source| source.password.as_deref() == Some(password)), "no database".into()),
        (settings.cluster.node_id.as_deref() == Some("node"), "NODE_ID is not its name in the group".into()),
        (service["read_only"] == true, "not read_only".into()),
        (service["cap_drop"] == serde_json::json!(["ALL"]), "cap_drop is not ALL".into()),
        (
            list(&service["security_opt"]).contains(&"no-new-privileges:true".into()),
            "may gain privileges".into(),
        ),
        (
            grace >= settings.server.graceful_shutdown_timeout + Duration::from_secs(5),
            format!("stop_grace_period {grace:?} is not longer than the drain"),
        ),
        (mounts("/artifacts"), "/artifacts is not mounted read-only".into()),
        (mounts("/config/deployment.toml"), "the settings are not mounted read-only".into()),
        (database == "service_healthy", "does not wait until the database is service_healthy".into()),
        (service["ports"].is_null(), "is reached beside the balancer".into()),
    ]
}

fn in_front(service: &Value, conf: &str, nodes: &[&str]) -> Vec<(bool, String)> {
    let asked = service["healthcheck"]["test"].to_string();
    let waits = list(&service["depends_on"]);
    let all = |holds: &dyn Fn(&&str) -> bool| nodes.iter().all(holds);
    vec![
        (all(&|node| conf.contains(&format!("server {node}:8290;"))), "does not know all replicas".into()),
        (all(&|node| waits.contains(&(*node).into())), "does not wait for all replicas".into()),
        (
            asked.contains(":9201/healthz") && all(&|node| asked.contains(node)),
            "is healthy without ready replicas".into(),
        ),
        (
            service["ports"] == serde_json::json!(["127.0.0.1:8290:8290"]),
            "is not published on this machine alone".into(),
        ),
    ]
}
