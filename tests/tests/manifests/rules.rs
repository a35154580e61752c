//! The rules for one manifest file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use fancy_regex::Regex;
use harness::pods::{Given, Manifests, Pod, list};
use runtime::artifacts::diagnostics::Diagnostics;
use runtime::artifacts::kinds::Kind;
use runtime::artifacts::source::Source;
use runtime::check;
use runtime::settings::{Environment, Settings};
use serde_json::{Value, json};

/// What a file is for.
pub(crate) struct Pattern {
    /// More than one replica of each Deployment.
    pub(crate) several: bool,
    /// Scheduled work is shared through a database.
    pub(crate) coordination: bool,
    /// Number of Deployments.
    pub(crate) sets: usize,
}

const GIVEN: Given<'static> = Given { pod: "orders-7d9f-x2", secret: "from-the-secret" };

/// Everything that is wrong with a manifest file, each as a sentence.
pub(crate) fn problems(text: &str, pattern: &Pattern) -> Vec<String> {
    let mut found = secret_literals(text);
    let manifests = match Manifests::parse(text) {
        Ok(manifests) => manifests,
        Err(why) => return vec![why],
    };
    if manifests.of("Secret").next().is_some() {
        found.push("a secret literal: a Secret is part of the file".to_owned());
    }
    let deployments: Vec<&Value> = manifests.of("Deployment").collect();
    if deployments.len() != pattern.sets {
        found.push(format!("{} Deployments, expected {}", deployments.len(), pattern.sets));
    }
    let mut taken = BTreeSet::new();
    for deployment in deployments {
        let mut work = Work { manifests: &manifests, deployment, found: &mut found };
        work.judge(pattern, &mut taken);
    }
    found
}

/// Passwords and their like that are written out, in YAML or in settings.
pub(crate) fn secret_literals(text: &str) -> Vec<String> {
    let forms = [
        // A key of deployment.toml or of YAML whose value does not come from outside.
        r#"(?i)(password|secret|token)\w*"?\s*=\s*"?(?!"?\$)\S+"#,
        r#"(?i)(password|secret|token)\w*"?:[ \t]+(?!["']?\$\{)(?!false|true)[^\s{]+"#,
        // A variable of a container that is named so and has a value.
        r"(?i)name:\s*\S*(password|secret|token)\S*\s*\n?\s*,?\s*value:\s*\S+",
        r"://[^/@\s]+:[^/@\s]+@",
    ];
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let text = lines.join("\n");
    let matches = |form: &&str| Regex::new(form).unwrap().find(&text).unwrap().map(|m| m.as_str().to_owned());
    forms.iter().filter_map(matches).map(|literal| format!("a secret literal: {literal}")).collect()
}

/// One Deployment under judgement.
struct Work<'w> {
    manifests: &'w Manifests,
    deployment: &'w Value,
    found: &'w mut Vec<String>,
}

/// What the container must say whatever the pattern is: path below it and value.
fn always() -> [(&'static str, Value); 9] {
    [
        ("/startupProbe/httpGet/path", json!("/liveness")),
        ("/startupProbe/httpGet/port", json!("internal")),
        ("/readinessProbe/httpGet/path", json!("/healthz")),
        ("/readinessProbe/httpGet/port", json!("internal")),
        ("/livenessProbe/httpGet/path", json!("/liveness")),
        ("/livenessProbe/httpGet/port", json!("internal")),
        ("/securityContext/allowPrivilegeEscalation", json!(false)),
        ("/securityContext/readOnlyRootFilesystem", json!(true)),
        ("/securityContext/capabilities", json!({"drop": ["ALL"]})),
    ]
}

impl Work<'_> {
    fn judge(&mut self, pattern: &Pattern, taken: &mut BTreeSet<String>) {
        self.pod_security();
        self.container();
        self.replicas(pattern);
        self.labels();
        let root = tempfile::tempdir().unwrap();
        match self.manifests.pod(self.deployment, &GIVEN, root.path()) {
            Ok(pod) => self.inside(&pod, pattern, taken),
            Err(why) => self.told(why),
        }
    }

    fn told(&mut self, problem: impl Into<String>) {
        let name = self.deployment["metadata"]["name"].as_str().unwrap_or("?");
        self.found.push(format!("{name}: {}", problem.into()));
    }

    fn expect(&mut self, holds: bool, problem: impl Into<String>) {
        if !holds {
            self.told(problem);
        }
    }

    fn same(&mut self, place: &Value, below: &str, expected: &Value) {
        let is = place.pointer(below).unwrap_or(&Value::Null);
        self.expect(is == expected, format!("{below} is {is}, expected {expected}"));
    }

    fn spec(&self) -> Value {
        self.deployment["spec"]["template"]["spec"].clone()
    }

    fn pod_security(&mut self) {
        let spec = self.spec();
        self.same(&spec, "/automountServiceAccountToken", &json!(false));
        self.same(&spec, "/securityContext/runAsNonRoot", &json!(true));
        self.same(&spec, "/securityContext/seccompProfile/type", &json!("RuntimeDefault"));
        let user = spec["securityContext"]["runAsUser"].as_u64();
        self.expect(user.is_some_and(|user| user > 0), "runAsUser names no user, or root");
    }

    fn container(&mut self) {
        let container = self.spec()["containers"][0].clone();
        for (place, expected) in always() {
            self.same(&container, place, &expected);
        }
        for place in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
            self.expect(container.pointer(place).is_some_and(Value::is_string), format!("no {place}"));
        }
        let image = container["image"].as_str().unwrap_or_default();
        let tag = image.rsplit_once(':').map(|(_, tag)| tag);
        self.expect(tag.is_some_and(|tag| tag != "latest"), format!("the image {image} has no version"));
        for mount in list(&container["volumeMounts"]).iter().filter(|mount| mount["mountPath"] != "/tmp") {
            self.expect(mount["readOnly"] == true, format!("{} is not readOnly", mount["mountPath"]));
        }
    }

    fn replicas(&mut self, pattern: &Pattern) {
        let spec = self.deployment["spec"].clone();
        let replicas = spec["replicas"].as_u64().unwrap_or_default();
        self.expect((replicas > 1) == pattern.several && replicas > 0, format!("{replicas} replicas"));
        if !pattern.several {
            // With both pods at once, scheduled work would run twice.
            return self.same(&spec, "/strategy", &json!({"type": "Recreate"}));
        }
        let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        self.same(&spec, "/strategy", &rolling);
        let labels = spec["template"]["metadata"]["labels"].clone();
        let spread = &list(&spec["template"]["spec"]["topologySpreadConstraints"]);
        let spread = spread.iter().any(|rule| {
            rule["topologyKey"] == "kubernetes.io/hostname" && rule["labelSelector"]["matchLabels"] == labels
        });
        self.expect(spread, "no topologySpreadConstraints over machines");
        let budget = self
            .manifests
            .of("PodDisruptionBudget")
            .find(|budget| budget["spec"]["selector"]["matchLabels"] == labels);
        let least = budget.and_then(|budget| budget["spec"]["minAvailable"].as_u64());
        let leaves_room = least.is_some_and(|least| (1..replicas).contains(&least));
        self.expect(leaves_room, "no PodDisruptionBudget that keeps one replica and lets one go");
    }

    fn labels(&mut self) {
        let spec = &self.deployment["spec"];
        let labels = spec["template"]["metadata"]["labels"].clone();
        self.same(spec, "/selector/matchLabels", &labels);
        let ports = spec["template"]["spec"]["containers"][0]["ports"].clone();
        let known = |target: &Value| list(&ports).iter().any(|port| port["name"] == *target);
        let mut services =
            self.manifests.of("Service").filter(|service| service["spec"]["selector"] == labels);
        let reached = services.next().is_some_and(|service| {
            let targets: Vec<&Value> =
                list(&service["spec"]["ports"]).iter().map(|port| &port["targetPort"]).collect();
            targets.iter().all(|target| known(target)) && targets.contains(&&json!("http"))
        });
        self.expect(reached, "no Service that leads to its HTTP port");
    }

    /// What the server in the pod will read.
    fn inside(&mut self, pod: &Pod, pattern: &Pattern, taken: &mut BTreeSet<String>) {
        let environment =
            Environment::of(pod.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let config = pod.args.iter().position(|word| word == "--config").and_then(|at| pod.args.get(at + 1));
        let Some(config) = config else { return self.told("no settings: --config is not given") };
        let (settings, findings) = Settings::load(Path::new("/"), Some(Path::new(config)), environment);
        self.clean("deployment.toml", &findings);
        self.ports(&settings);
        self.grace(&settings);
        self.database(&settings, pod, pattern);
        self.artifacts(pod, pattern, taken);
    }

    fn clean(&mut self, what: &str, findings: &Diagnostics) {
        self.expect(findings.is_empty(), format!("{what} has findings:\n{}", findings.render()));
    }

    fn ports(&mut self, settings: &Settings) {
        let ports = self.spec()["containers"][0]["ports"].clone();
        let listeners = [
            ("http", settings.port(settings.http.listener.port)),
            ("https", settings.port(settings.http.secured_listener.port)),
            ("internal", settings.port(settings.mediation.internal_http_port)),
        ];
        for (name, port) in listeners {
            let declared = list(&ports).iter().find(|declared| declared["name"] == name);
            let same = declared.is_some_and(|declared| declared["containerPort"] == port);
            self.expect(same, format!("port '{name}' is not {port}, where the server listens"));
        }
    }

    fn grace(&mut self, settings: &Settings) {
        let spec = self.spec();
        let pause = spec.pointer("/containers/0/lifecycle/preStop/sleep/seconds").and_then(Value::as_u64);
        self.expect(pause.is_some_and(|pause| pause > 0), "no preStop pause before the listeners close");
        // Kubernetes waits 30 s where nothing is said.
        let period = spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        let drain =
            settings.server.graceful_shutdown_timeout + Duration::from_secs(pause.unwrap_or_default());
        let problem = format!(
            "terminationGracePeriodSeconds is {period}, not longer than pause and drain ({drain:?}) by 5 s"
        );
        let said = spec["terminationGracePeriodSeconds"].is_u64();
        self.expect(said && Duration::from_secs(period) >= drain + Duration::from_secs(5), problem);
    }

    fn database(&mut self, settings: &Settings, pod: &Pod, pattern: &Pattern) {
        let source = settings.datasource("WSO2_COORDINATION_DB");
        self.expect(source.is_some() == pattern.coordination, "the coordination database does not fit");
        if !pattern.coordination {
            return;
        }
        let node = pod.env.get("NODE_ID").map(String::as_str);
        self.expect(node == Some(GIVEN.pod), "NODE_ID is not the name of the pod");
        let named = settings.cluster.node_id.as_deref();
        self.expect(named == Some(GIVEN.pod), format!("node_id is {named:?}, not the name of the pod"));
        let password = source.and_then(|source| source.password.as_deref());
        self.expect(password == Some(GIVEN.secret), "the database password is not that of the Secret");
    }

    fn artifacts(&mut self, pod: &Pod, pattern: &Pattern, taken: &mut BTreeSet<String>) {
        let Some(folder) = pod.mounts.get("/artifacts") else { return self.told("no /artifacts") };
        let report = check::check_paths(std::slice::from_ref(folder), Environment::default());
        self.clean("the artifacts", &report.diagnostics);
        let mut kinds = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.starts_with("..") {
                continue;
            }
            let source = Source::new(name, std::fs::read_to_string(entry.path()).unwrap());
            for artifact in runtime::artifacts::kinds::read(&source, None).0 {
                *kinds.entry(artifact.kind().word()).or_insert(0) += 1;
                let own = format!("{} '{}'", artifact.kind().word(), artifact.name());
                // A sequence serves its own set; the others have a name or address that others see.
                let new = artifact.kind() == Kind::Sequence || taken.insert(own.clone());
                self.expect(new, format!("the {own} is in two sets"));
            }
        }
        let total: usize = kinds.values().sum();
        self.expect(report.artifacts == total, format!("{} of {total} artifacts", report.artifacts));
        self.expect(kinds.contains_key("api"), "the artifacts have no api");
        let gated =
            ["task", "message-processor", "inbound-endpoint"].iter().any(|kind| kinds.contains_key(kind));
        let fits = gated == (pattern.coordination || !pattern.several);
        self.expect(fits, "the artifacts have work to coordinate without a database, or none for it");
    }
}
