//! The folder of one process: artifacts whose runs report to the sink, and its settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file source, and of its activity at the sink.
pub const FILES: &str = "files";

/// How often a process looks for changed artifacts.
pub const SCAN_SECONDS: u64 = 2;

/// Something that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artifact {
    /// Every so many seconds; `count` runs, or without end.
    Interval { name: String, seconds: u32, count: Option<i64> },
    /// At every full second.
    Cron { name: String },
    /// A file source over a folder, named [`FILES`].
    Files { folder: PathBuf },
}

impl Artifact {
    /// A task that runs each second, without end.
    pub fn each_second(name: &str) -> Artifact {
        Artifact::Interval { name: name.to_owned(), seconds: 1, count: None }
    }

    /// Its name, under which its runs report.
    pub fn name(&self) -> &str {
        match self {
            Artifact::Interval { name, .. } | Artifact::Cron { name } => name,
            Artifact::Files { .. } => FILES,
        }
    }

    /// Whether it starts at least once a second for ever.
    pub fn is_steady(&self) -> bool {
        matches!(self, Artifact::Interval { seconds: 1, count: None, .. } | Artifact::Cron { .. })
    }

    fn folder(&self) -> &'static str {
        if matches!(self, Artifact::Files { .. }) { "inbound-endpoints" } else { "tasks" }
    }

    fn xml(&self) -> String {
        match self {
            Artifact::Interval { name, seconds, count } => {
                let count = count.map(|n| format!(" count=\"{n}\"")).unwrap_or_default();
                task(name, &format!("<trigger interval=\"{seconds}\"{count}/>"))
            }
            Artifact::Cron { name } => task(name, "<trigger cron=\"* * * * * ?\"/>"),
            Artifact::Files { folder } => file_source(folder),
        }
    }
}

fn task(name: &str, trigger: &str) -> String {
    format!(
        r#"<task xmlns="http://ws.apache.org/ns/synapse" name="{name}" class="org.apache.synapse.startup.tasks.MessageInjector" group="synapse.simple.quartz">
  {trigger}
  <property name="injectTo" value="sequence"/><property name="sequenceName" value="Task"/>
  <property name="message"><m xmlns=""/></property>
</task>
"#
    )
}

/// A lock that a killed owner left is removed after a second; a living owner alone polls.
fn file_source(folder: &Path) -> String {
    let parameters = [
        ("interval", "200".to_owned()),
        ("sequential", "true".to_owned()),
        ("coordination", "true".to_owned()),
        ("transport.vfs.FileURI", format!("file://{}", folder.display())),
        ("transport.vfs.ContentType", "text/plain".to_owned()),
        ("transport.vfs.ActionAfterProcess", "DELETE".to_owned()),
        ("transport.vfs.AutoLockRelease", "true".to_owned()),
        ("transport.vfs.AutoLockReleaseInterval", "1000".to_owned()),
    ];
    let lines =
        parameters.map(|(name, value)| format!("    <parameter name=\"{name}\">{value}</parameter>\n"));
    format!(
        "<inboundEndpoint xmlns=\"http://ws.apache.org/ns/synapse\" name=\"{FILES}\" protocol=\"file\" \
         sequence=\"File\" onError=\"File\" suspend=\"false\">\n  <parameters>\n{}  </parameters>\n</inboundEndpoint>\n",
        lines.concat()
    )
}

/// Sequences that make a run of a task, or of a file, three calls to the sink.
fn sequences(process: &str, sink: u16) -> [(&'static str, String); 3] {
    let set = |name: &str, expression: &str| {
        format!("  <property name=\"uri.var.{name}\" expression=\"{expression}\"/>\n")
    };
    let epoch = set("epoch", "get-property('coordination.epoch')");
    let task = set("task", "get-property('task.name')")
        + &epoch
        + &set("fire", "get-property('coordination.fire')")
        + &set("run", "get-property('coordination.run')");
    let file = format!("  <property name=\"uri.var.task\" value=\"{FILES}\"/>\n{epoch}")
        + &set("fire", "get-property('transport', 'FILE_NAME')")
        + "  <property name=\"uri.var.run\" value=\"0\"/>\n";
    let call = |phase: &str| {
        format!(
            "  <call><endpoint><http method=\"get\" uri-template=\"http://127.0.0.1:{sink}/{process}/{phase}/\
             {{uri.var.task}}/{{uri.var.epoch}}/{{uri.var.fire}}/{{uri.var.run}}\"/></endpoint></call>\n"
        )
    };
    let sequence = |name: &str, body: String| {
        format!("<sequence xmlns=\"http://ws.apache.org/ns/synapse\" name=\"{name}\">\n{body}</sequence>\n")
    };
    let report = "  <sequence key=\"Report\"/>\n";
    [
        ("Report", sequence("Report", ["start", "effect", "end"].map(call).concat())),
        ("Task", sequence("Task", task + report)),
        ("File", sequence("File", file + report)),
    ]
}

/// Writes the home of one process. Its name stands in the addresses that its runs call.
pub fn write(home: &Path, process: &str, sink: u16, artifacts: &[Artifact]) -> io::Result<()> {
    for folder in ["conf", "sequences", "tasks", "inbound-endpoints"] {
        fs::create_dir_all(home.join(folder))?;
    }
    let seconds = format!("<DeploymentUpdateInterval>{SCAN_SECONDS}</DeploymentUpdateInterval>");
    fs::write(
        home.join("conf/carbon.xml"),
        format!("<Server><Axis2Config>{seconds}</Axis2Config></Server>"),
    )?;
    for (name, text) in sequences(process, sink) {
        fs::write(home.join(format!("sequences/{name}.xml")), text)?;
    }
    artifacts.iter().try_for_each(|artifact| deploy(home, artifact))
}

/// Adds or replaces one artifact.
pub fn deploy(home: &Path, artifact: &Artifact) -> io::Result<()> {
    fs::write(home.join(format!("{}/{}.xml", artifact.folder(), artifact.name())), artifact.xml())
}

/// The settings of one process.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Address of the database, through the node's proxy.
    pub url: &'a str,
    /// The group it takes part in.
    pub group: &'a str,
    /// Its node id.
    pub node: &'a str,
    /// Name of its time settings: `default` or `fast`.
    pub profile: &'a str,
}

impl Settings<'_> {
    /// As `deployment.toml`. Nobody calls the nodes, so the listener for messages is off.
    pub fn toml(&self) -> String {
        let Settings { url, group, node, profile } = self;
        format!(
            "[transport.http.listener]\nenable = false\n\n[coordination]\nurl = \"{url}\"\ngroup = \"{group}\"\n\
             node_id = \"{node}\"\nprofile = \"{profile}\"\nconnections = 2\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The server's own check finds nothing to complain about.
    #[test]
    fn what_is_written_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = [
            Artifact::each_second("a"),
            Artifact::Interval { name: "b".into(), seconds: 5, count: Some(3) },
            Artifact::Cron { name: "c".into() },
            Artifact::Files { folder: dir.path().join("in") },
        ];
        write(dir.path(), "n1.0", 1, &artifacts).unwrap();
        let binary = crate::binary::server().unwrap();
        let out = Command::new(binary).arg("check").arg(dir.path()).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success() && text.contains("0 errors, 0 warnings"), "{text}");
    }
}
