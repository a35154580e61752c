//! What Kubernetes' schemas cannot say about the manifests in `docker/kubernetes`, and the same basics
//! for `docker/compose.yaml`. Every rule is tried on a manifest that breaks it.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod compose;
mod rules;

use std::path::Path;

use rules::{Pattern, problems};

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

const SINGLE: &str = "kubernetes/1-single.yaml";
const REPLICAS: &str = "kubernetes/2-replicas.yaml";
const COORDINATION: &str = "kubernetes/3-coordination.yaml";
const SETS: &str = "kubernetes/4-per-artifact-set.yaml";

const PATTERNS: [(&str, Pattern); 4] = [
    (SINGLE, Pattern { several: false, coordination: false, sets: 1 }),
    (REPLICAS, Pattern { several: true, coordination: false, sets: 1 }),
    (COORDINATION, Pattern { several: true, coordination: true, sets: 1 }),
    (SETS, Pattern { several: true, coordination: true, sets: 2 }),
];

#[test]
fn manifests_keep_every_rule() {
    for (name, pattern) in PATTERNS {
        let found = problems(&text(name), &pattern);
        assert!(found.is_empty(), "{name}:\n  {}", found.join("\n  "));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/kubernetes");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), PATTERNS.len(), "a manifest without a pattern");
}

#[test]
fn compose_keeps_every_rule() {
    let found = compose::problems(&text("compose.yaml"), &text("balancer.conf"), &text("deployment.toml"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A file, what is replaced in it and by what, and a word of the problem that must be told.
type Damage = (&'static str, &'static str, &'static str, &'static str);

const DAMAGES: &[Damage] = &[
    (SINGLE, "/healthz, port: internal", "/liveness, port: internal", "readinessProbe"),
    (SINGLE, "containerPort: 9201", "containerPort: 9164", "port 'internal'"),
    (SINGLE, "containerPort: 8290", "containerPort: 8280", "port 'http'"),
    (SINGLE, "containerPort: 8253", "containerPort: 8243", "port 'https'"),
    (
        SINGLE,
        "httpGet: { path: /liveness, port: internal }\n            periodSeconds: 10",
        "tcpSocket: { port: internal }",
        "livenessProbe",
    ),
    (SINGLE, "startupProbe:", "otherProbe:", "startupProbe"),
    (SINGLE, "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"),
    (SINGLE, "runAsUser: 10802", "runAsUser: 0", "runAsUser"),
    (SINGLE, "type: RuntimeDefault", "type: Unconfined", "seccompProfile"),
    (SINGLE, "automountServiceAccountToken: false", "automountServiceAccountToken: true", "automount"),
    (SINGLE, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem"),
    (SINGLE, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation"),
    (SINGLE, "drop: [ALL]", "drop: [NET_RAW]", "capabilities"),
    (SINGLE, "cpu: 50m, ", "", "requests/cpu"),
    (SINGLE, "memory: 32Mi", "", "requests/memory"),
    (SINGLE, "limits: { memory: 256Mi }", "limits: {}", "limits/memory"),
    (
        SINGLE,
        "terminationGracePeriodSeconds: 40",
        "terminationGracePeriodSeconds: 25",
        "terminationGracePeriodSeconds",
    ),
    (SINGLE, "terminationGracePeriodSeconds: 40", "restartPolicy: Always", "terminationGracePeriodSeconds"),
    (
        SINGLE,
        "graceful_shutdown_timeout = 20000",
        "graceful_shutdown_timeout = 60000",
        "terminationGracePeriodSeconds",
    ),
    (SINGLE, "preStop: { sleep: { seconds: 5 } }", "{}", "preStop"),
    (SINGLE, "type: Recreate", "type: RollingUpdate", "strategy"),
    (SINGLE, "replicas: 1", "replicas: 2", "replicas"),
    (SINGLE, "mountPath: /artifacts, readOnly: true", "mountPath: /artifacts", "readOnly"),
    (SINGLE, "configMap: { name: orders-artifacts }", "configMap: { name: other }", "no ConfigMap other"),
    (SINGLE, "\"/config/deployment.toml\"", "\"/settings/deployment.toml\"", "settings"),
    (SINGLE, "graceful_shutdown_timeout = 20000", "graceful_shutdown_timeout = soon", "deployment.toml"),
    (SINGLE, "graceful_shutdown_timeout = 20000", "graceful_shutdown_timeout = \"soon\"", "deployment.toml"),
    (SINGLE, "<respond/>", "<respnd/>", "artifacts"),
    (SINGLE, "image: ganglion:0.1.0", "image: ganglion:latest", "image"),
    (SINGLE, "targetPort: http", "targetPort: web", "Service"),
    (SINGLE, "selector: { app.kubernetes.io/name: orders }", "selector: { app: orders }", "Service"),
    (SINGLE, "matchLabels: { app.kubernetes.io/name: orders }", "matchLabels: { app: orders }", "selector"),
    (REPLICAS, "maxUnavailable: 0", "maxUnavailable: 1", "strategy"),
    (REPLICAS, "replicas: 3", "replicas: 1", "replicas"),
    (REPLICAS, "kind: PodDisruptionBudget", "kind: Budget", "PodDisruptionBudget"),
    (REPLICAS, "minAvailable: 1", "minAvailable: 3", "PodDisruptionBudget"),
    (REPLICAS, "topologyKey: kubernetes.io/hostname", "topologyKey: kubernetes.io/os", "topologySpread"),
    (
        REPLICAS,
        "  api.xml: |",
        "  task.xml: |\n    <task xmlns=\"http://ws.apache.org/ns/synapse\" name=\"t\" class=\"org.apache.synapse.startup.tasks.MessageInjector\"><trigger interval=\"5\"/></task>\n  api.xml: |",
        "coordinate",
    ),
    (COORDINATION, "fieldPath: metadata.name", "fieldPath: spec.nodeName", "NODE_ID"),
    (COORDINATION, "node_id = \"$env{NODE_ID}\"", "node_id = \"node-1\"", "node_id"),
    (
        COORDINATION,
        "valueFrom: { secretKeyRef: { name: ganglion-database, key: password } }",
        "value: hunter2",
        "secret literal",
    ),
    (COORDINATION, "password = \"$env{DB_PASSWORD}\"", "password = \"hunter2\"", "secret literal"),
    (COORDINATION, "password = \"$env{DB_PASSWORD}\"", "", "Secret"),
    (COORDINATION, "//database:5432", "//ganglion:hunter2@database:5432", "secret literal"),
    (COORDINATION, "kind: Service\n", "kind: Secret\n", "secret literal"),
    (COORDINATION, "id = \"WSO2_COORDINATION_DB\"", "id = \"OTHER_DB\"", "database"),
    (COORDINATION, "kind: PodDisruptionBudget", "kind: Budget", "PodDisruptionBudget"),
    (COORDINATION, "<task ", "<other ", "artifacts"),
    (SETS, "name=\"invoices\"", "name=\"prices\"", "two sets"),
    (SETS, "name=\"Bills\" context=\"/bills\"", "name=\"Hello\" context=\"/hello\"", "two sets"),
];

#[test]
fn every_rule_can_be_broken() {
    for (file, from, to, expected) in DAMAGES {
        let whole = text(file);
        let damaged = whole.replace(from, to);
        assert_ne!(whole, damaged, "{file} does not hold {from}");
        let pattern = &PATTERNS.iter().find(|(name, _)| name == file).unwrap().1;
        let found = problems(&damaged, pattern);
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{file} with {from} -> {to}: no problem with '{expected}' among {found:#?}"
        );
    }
}

#[test]
fn every_rule_for_compose_can_be_broken() {
    let damages = [
        ("read_only: true", "read_only: false", "read_only"),
        ("cap_drop: [ALL]", "cap_drop: []", "cap_drop"),
        ("no-new-privileges:true", "no-new-privileges:false", "privileges"),
        ("stop_grace_period: 40s", "stop_grace_period: 10s", "stop_grace_period"),
        ("/artifacts:ro", "/artifacts", "/artifacts"),
        ("NODE_ID: node-2", "NODE_ID: node-1", "NODE_ID"),
        ("${POSTGRES_PASSWORD:?choose a password}", "hunter2", "secret literal"),
        ("depends_on: [node-1, node-2, node-3]", "depends_on: [node-1]", "balancer"),
        ("condition: service_healthy", "condition: service_started", "service_healthy"),
        ("pg_isready -U ganglion", "true", "database"),
        ("http://$$node:9201/healthz", "http://$$node:8290/", "balancer"),
        ("127.0.0.1:8290:8290", "0.0.0.0:8290:8290", "balancer"),
        ("  node-3:", "  other-3:", "three replicas"),
    ];
    for (from, to, expected) in damages {
        let whole = text("compose.yaml");
        let damaged = whole.replace(from, to);
        assert_ne!(whole, damaged, "compose.yaml does not hold {from}");
        let found = compose::problems(&damaged, &text("balancer.conf"), &text("deployment.toml"));
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{from} -> {to}: no problem with '{expected}' among {found:#?}"
        );
    }
    let lame = text("balancer.conf").replace("server node-3:8290;", "");
    let found = compose::problems(&text("compose.yaml"), &lame, &text("deployment.toml"));
    assert!(found.iter().any(|problem| problem.contains("balancer")), "{found:?}");
}
