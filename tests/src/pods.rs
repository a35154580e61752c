//! Kubernetes manifests as data, and one of their pods laid out on this machine: its volumes as
//! folders, its arguments and its environment as the manifest gives them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The documents of one file.
#[derive(Debug, Clone)]
pub struct Manifests(Vec<Value>);

/// Names of pods and values of Secrets, which no manifest holds.
#[derive(Debug, Clone)]
pub struct Given<'g> {
    /// `metadata.name` of the pod.
    pub pod: &'g str,
    /// What every Secret key holds.
    pub secret: &'g str,
}

/// A pod that can be started as a process of this machine.
#[derive(Debug)]
pub struct Pod {
    /// Arguments of the container; mount paths lead to the folder of the pod.
    pub args: Vec<String>,
    /// Environment of the container, and nothing else.
    pub env: BTreeMap<String, String>,
    /// Folder of each mount, by its path in the container.
    pub mounts: BTreeMap<String, PathBuf>,
}

impl Manifests {
    /// Reads a text of several YAML documents. `Err` is a sentence.
    pub fn parse(text: &str) -> Result<Manifests, String> {
        let documents = serde_yaml_ng::Deserializer::from_str(text);
        let read = |document: serde_yaml_ng::Deserializer<'_>| {
            <Value as serde::Deserialize>::deserialize(document).map_err(|e| e.to_string())
        };
        let all: Result<Vec<Value>, String> = documents.map(read).collect();
        // A comment before the first separator is a document of its own, and empty.
        Ok(Manifests(all?.into_iter().filter(|document| !document.is_null()).collect()))
    }

    /// All of one kind.
    pub fn of<'m>(&'m self, kind: &'m str) -> impl Iterator<Item = &'m Value> {
        self.0.iter().filter(move |document| document["kind"] == kind)
    }

    /// The data of a ConfigMap by its name.
    pub fn config_map(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let map = self.of("ConfigMap").find(|map| map["metadata"]["name"] == name)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(map["data"].as_object()?.iter().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    /// Lays out one pod of a Deployment below `root`. `Err` names what the manifest lacks.
    pub fn pod(&self, deployment: &Value, given: &Given<'_>, root: &Path) -> Result<Pod, String> {
        let spec = &deployment["spec"]["template"]["spec"];
        let container = spec["containers"].get(0).ok_or("no container")?;
        let mut mounts = BTreeMap::new();
        for mount in list(&container["volumeMounts"]) {
            let path = mount["mountPath"].as_str().ok_or("a mount without a path")?;
            let folder = root.join(path.trim_start_matches('/'));
            self.mount(spec, mount, &folder)?;
            mounts.insert(path.to_owned(), folder);
        }
        let args = list(&container["args"]).iter().filter_map(Value::as_str);
        let args = args.map(|word| on_this_machine(word, &mounts)).collect();
        let env = list(&container["env"]).iter().map(|entry| variable(entry, given));
        Ok(Pod { args, env: env.collect::<Result<_, String>>()?, mounts })
    }

    fn mount(&self, spec: &Value, mount: &Value, folder: &Path) -> Result<(), String> {
        let name = &mount["name"];
        let volume = list(&spec["volumes"]).iter().find(|volume| volume["name"] == *name);
        let volume = volume.ok_or_else(|| format!("no volume {name} for a mount"))?;
        let told = |e: io::Error| format!("{}: {e}", folder.display());
        fs::create_dir_all(folder).map_err(told)?;
        if let Some(map) = volume["configMap"]["name"].as_str() {
            let data = self.config_map(map).ok_or_else(|| format!("no ConfigMap {map} in this file"))?;
            return write_volume(folder, "1", &data).map_err(told);
        }
        volume["emptyDir"].is_object().then_some(()).ok_or_else(|| format!("volume {name} has no content"))
    }
}

/// The elements of an array; none for anything else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn on_this_machine(word: &str, mounts: &BTreeMap<String, PathBuf>) -> String {
    let inside = mounts.iter().find_map(|(path, folder)| {
        let rest = word.strip_prefix(path.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", folder.display()))
    });
    inside.unwrap_or_else(|| word.to_owned())
}

fn variable(entry: &Value, given: &Given<'_>) -> Result<(String, String), String> {
    let name = entry["name"].as_str().ok_or("a variable without a name")?;
    let from = &entry["valueFrom"];
    let value = if from["fieldRef"]["fieldPath"] == "metadata.name" {
        given.pod
    } else if from["secretKeyRef"]["key"].is_string() {
        given.secret
    } else {
        entry["value"].as_str().ok_or_else(|| format!("variable {name} has no value"))?
    };
    Ok((name.to_owned(), value.to_owned()))
}

/// Writes a ConfigMap volume as the kubelet does: the files are in a folder with a name of their own,
/// `..data` is a link to it and every file one into `..data`. A new `version` replaces all files at
/// once, by renaming a new link over `..data`.
pub fn write_volume(folder: &Path, version: &str, data: &BTreeMap<String, String>) -> io::Result<()> {
    let content = format!("..2026_01_01_00_00_00.{version}");
    fs::create_dir_all(folder.join(&content))?;
    for (name, text) in data {
        fs::write(folder.join(&content).join(name), text)?;
    }
    let before = fs::read_link(folder.join("..data")).ok();
    symlink(&content, folder.join("..data_tmp"))?;
    fs::rename(folder.join("..data_tmp"), folder.join("..data"))?;
    for name in data.keys().filter(|name| !folder.join(name).is_symlink()) {
        symlink(Path::new("..data").join(name), folder.join(name))?;
    }
    before.map_or(Ok(()), |old| fs::remove_dir_all(folder.join(old)))
}
