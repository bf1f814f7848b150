//! The one snapshot file: nodes, pods and flows at one instant, as JSON.
//!
//! The demo, tests, bug reports and simulations all use it. Every number names its unit. A file that says something
//! impossible is refused with what to fix, since most are edited by hand sooner or later.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::io;
use std::path::{Path, PathBuf};

use netmarks_core::application::{Application, Identity};
use netmarks_core::facts::{NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_core::request::PendingPod;
use netmarks_files::AtomicWrite;
use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// A snapshot as it stands in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFile {
    /// Of this format: [`VERSION`].
    pub version: u64,
    /// When it was taken, in seconds since the Unix epoch.
    pub taken_at: f64,
    /// What counts as one application in it.
    pub identity: Identity,
    pub nodes: Vec<FileNode>,
    /// All pods that run, start or wait.
    pub pods: Vec<FilePod>,
    /// When the flows were measured, in seconds since the Unix epoch; null when they never were.
    #[serde(default)]
    pub flows_at: Option<f64>,
    /// All flows, each edge once.
    pub flows: Vec<FileFlow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNode {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What its pods may request together, in cores.
    #[serde(default)]
    pub allocatable_cpu_cores: f64,
    /// What its pods may request together, in bytes.
    #[serde(default)]
    pub allocatable_memory_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePod {
    /// `namespace/name`.
    pub name: String,
    /// `namespace/name` of its application; null for a pod that has none.
    #[serde(default)]
    pub application: Option<Application>,
    /// The node it runs or starts on; null while it is pending.
    #[serde(default)]
    pub node: Option<String>,
    /// Its labels. Only pending pods need them, for policies that ask; a live cluster's are not kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What kube-scheduler counts for it, in cores.
    #[serde(default)]
    pub cpu_request_cores: f64,
    /// What kube-scheduler counts for it, in bytes.
    #[serde(default)]
    pub memory_request_bytes: u64,
}

/// A flow: what one application's calls to another move, requests and responses together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFlow {
    /// Who calls, as `namespace/name`.
    pub source: Application,
    /// Who is called, as `namespace/name`.
    pub destination: Application,
    /// In bytes per second.
    pub bytes_per_second: f64,
}

/// A snapshot file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} snapshot {}", path.display())]
pub struct SnapshotFileError {
    /// What was tried.
    action: &'static str,
    /// The file, or `-` for a text that is not in one.
    path: PathBuf,
    source: Kind,
}

/// Why a snapshot file could not be used.
#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("the file cannot be opened, read or written")]
    Io(#[source] std::io::Error),
    #[error("it is not JSON of this format")]
    Json(#[source] serde_json::Error),
    #[error(
        "it has version {found}, and this program reads version {VERSION}; write it again with this program"
    )]
    Version { found: u64 },
    #[error(transparent)]
    Content(ContentError),
}

/// Something impossible in a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Two entries of one name.
    #[error("{what} `{name}` is listed twice; remove one of them")]
    Repeated {
        /// Node, pod or flow.
        what: &'static str,
        name: String,
    },
    /// A number that cannot be.
    #[error("`{field}` of `{name}` is {value}; it must be a finite number of at least 0")]
    Number {
        field: &'static str,
        /// Whose it is.
        name: String,
        /// As it stands.
        value: f64,
    },
    /// A pod whose name lacks its namespace.
    #[error("pod `{name}` must be named as namespace/name")]
    PodName {
        /// As it stands.
        name: String,
    },
    /// A name that is empty.
    #[error("a node has an empty name")]
    NodeName,
}

impl SnapshotFile {
    /// Reads a file.
    ///
    /// # Errors
    /// For a file that cannot be read, is not of this format and version, or says something impossible.
    pub fn read(path: &Path) -> Result<Self, SnapshotFileError> {
        let wrap = |source| SnapshotFileError { action: "read", path: path.to_owned(), source };
        let text = std::fs::read(path).map_err(Kind::Io).map_err(wrap)?;
        parse(&text).map_err(wrap)
    }

    /// Reads a text that is not in a file: one that is built in, or the standard input.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_json(text: &[u8]) -> Result<Self, SnapshotFileError> {
        parse(text).map_err(|source| SnapshotFileError { action: "read", path: "-".into(), source })
    }

    /// The snapshot of a live cluster.
    #[must_use]
    pub fn from_index(index: &Index, identity: Identity, taken_at: f64) -> Self {
        let snapshot = index.snapshot();
        let mut nodes: Vec<FileNode> = index.nodes().map(file_node).collect();
        let mut pods: Vec<FilePod> = index
            .pods()
            .map(|pod| FilePod {
                name: pod.key.to_owned(),
                application: pod.application.cloned(),
                node: pod.node.map(str::to_owned),
                labels: BTreeMap::new(),
                cpu_request_cores: pod.requests.cores(),
                memory_request_bytes: pod.requests.memory_bytes,
            })
            .collect();
        let mut flows: Vec<FileFlow> = snapshot
            .flows()
            .flows()
            .filter_map(|(source, destination, bytes_per_second)| {
                Some(FileFlow {
                    source: snapshot.application_name(source)?.clone(),
                    destination: snapshot.application_name(destination)?.clone(),
                    bytes_per_second,
                })
            })
            .collect();
        // In order of name, so that two snapshots can be compared line by line.
        nodes.sort_by(|left, right| left.name.cmp(&right.name));
        pods.sort_by(|left, right| left.name.cmp(&right.name));
        flows.sort_by(|left, right| {
            (&left.source, &left.destination).cmp(&(&right.source, &right.destination))
        });
        Self { version: VERSION, taken_at, identity, nodes, pods, flows_at: snapshot.flows_at(), flows }
    }

    /// The cluster it describes. Flows of one that was never measured are none.
    #[must_use]
    pub fn to_index(&self) -> Index {
        let mut index = Index::default();
        for node in &self.nodes {
            index.apply_node(&NodeFacts {
                name: node.name.clone(),
                zone: node.zone.clone(),
                region: node.region.clone(),
                allocatable: Resources::from_cores(node.allocatable_cpu_cores, node.allocatable_memory_bytes),
            });
        }
        for pod in &self.pods {
            index.apply_pod(&PodFacts {
                key: pod.name.clone(),
                application: pod.application.clone(),
                node: pod.node.clone(),
                gone: false,
                requests: pod.requests(),
            });
        }
        if self.flows_at.is_some() || !self.flows.is_empty() {
            let flows = self.flows.iter().map(|flow| Flow {
                source: flow.source.clone(),
                destination: flow.destination.clone(),
                bytes_per_second: flow.bytes_per_second,
            });
            index.replace_flows(self.flows_at.unwrap_or(self.taken_at), flows);
        }
        index
    }

    /// Writes it to a file that either is complete or does not change: a temporary file beside it takes its name.
    ///
    /// # Errors
    /// For a folder or file that cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), SnapshotFileError> {
        let wrap = |source| SnapshotFileError { action: "write", path: path.to_owned(), source };
        let json = self.to_json().map_err(Kind::Json).map_err(wrap)?;
        AtomicWrite::to(path).write(json.as_bytes()).map_err(|error| wrap(Kind::Io(error.error)))
    }

    /// Its text: indented, so that people can read, compare and edit it.
    ///
    /// # Errors
    /// None for a snapshot that was read or taken.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        Ok(json)
    }

    /// Writes [`Self::to_json`] to `to` without holding it as a whole.
    ///
    /// # Errors
    /// If `to` takes no more.
    pub fn write_json(&self, mut to: impl io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut to, self)?;
        to.write_all(b"\n")
    }

    /// Checks what the format itself cannot rule out.
    ///
    /// # Errors
    /// For names that are missing or listed twice, and for numbers that cannot be.
    pub fn check(&self) -> Result<(), ContentError> {
        let number = |field, name: &dyn std::fmt::Display, value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(ContentError::Number { field, name: name.to_string(), value })
            }
        };
        number("taken_at", &"the snapshot", self.taken_at)?;
        number("flows_at", &"the snapshot", self.flows_at.unwrap_or(0.0))?;
        once("node", self.nodes.iter().map(|node| node.name.as_str()))?;
        once("pod", self.pods.iter().map(|pod| pod.name.as_str()))?;
        for node in &self.nodes {
            if node.name.is_empty() {
                return Err(ContentError::NodeName);
            }
            number("allocatable_cpu_cores", &node.name, node.allocatable_cpu_cores)?;
        }
        for pod in &self.pods {
            if !pod.name.split_once('/').is_some_and(|(namespace, name)| {
                !namespace.is_empty() && !name.is_empty() && !name.contains('/')
            }) {
                return Err(ContentError::PodName { name: pod.name.clone() });
            }
            number("cpu_request_cores", &pod.name, pod.cpu_request_cores)?;
        }
        let mut edges = HashSet::new();
        for flow in &self.flows {
            let name = format!("{} -> {}", flow.source, flow.destination);
            number("bytes_per_second", &name, flow.bytes_per_second)?;
            if !edges.insert((&flow.source, &flow.destination)) {
                return Err(ContentError::Repeated { what: "flow", name });
            }
        }
        Ok(())
    }
}

impl FilePod {
    /// As the pod that waits for a node.
    #[must_use]
    pub fn pending(&self) -> PendingPod {
        PendingPod {
            group: None,
            key: self.name.clone(),
            application: self.application.clone(),
            labels: self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            requests: self.requests(),
        }
    }

    /// What kube-scheduler counts for it.
    #[must_use]
    pub fn requests(&self) -> Resources {
        Resources::from_cores(self.cpu_request_cores, self.memory_request_bytes)
    }
}

fn parse(text: &[u8]) -> Result<SnapshotFile, Kind> {
    /// Read first: another version may have other fields.
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    let Head { version } = serde_json::from_slice(text).map_err(Kind::Json)?;
    if version != VERSION {
        return Err(Kind::Version { found: version });
    }
    let file: SnapshotFile = serde_json::from_slice(text).map_err(Kind::Json)?;
    file.check().map_err(Kind::Content)?;
    Ok(file)
}

fn once<T: Hash + Eq + std::fmt::Display>(
    what: &'static str,
    names: impl Iterator<Item = T>,
) -> Result<(), ContentError> {
    let mut seen = HashSet::new();
    for name in names {
        if let Some(name) = seen.replace(name) {
            return Err(ContentError::Repeated { what, name: name.to_string() });
        }
    }
    Ok(())
}

fn file_node(node: NodeFacts) -> FileNode {
    FileNode {
        allocatable_cpu_cores: node.allocatable.cores(),
        allocatable_memory_bytes: node.allocatable.memory_bytes,
        name: node.name,
        zone: node.zone,
        region: node.region,
    }
}

#[cfg(test)]
mod tests;
