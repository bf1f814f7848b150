//! Case files: a cluster, pods that wait in it, and what is expected of the policy's scores.
//!
//! What is read here is complete and consistent, so that a run can only fail for the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use netmarks_core::request::PendingPod;
use netmarks_engine::{ParameterValue, Stage};
use netmarks_sources::snapshot_file::SnapshotFile;

use crate::case_file::{File, FileCase, FileExpectation, FilePodSource, FileSnapshot, Group};
use crate::case_file_error::CaseFileError;
use crate::error::Error;
use crate::expected::{ExpectedError, Tolerance};
use crate::setting::Setting;

/// The cases of a file, ready to run.
#[derive(Clone, Debug)]
pub struct Cases {
    /// In the order of the file.
    pub(crate) cases: Vec<Case>,
}

/// One case, complete: its nodes and its pod are those of its snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) setting: Arc<Setting>,
    pub(crate) pod: PendingPod,
    /// A pod of the snapshot that is scored as if it did not run.
    pub(crate) taken_out: Option<String>,
    pub(crate) nodes: Vec<String>,
    pub(crate) parameters: BTreeMap<String, ParameterValue>,
    pub(crate) expected: Expected,
}

/// What a case expects.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Scores { order: Vec<Vec<String>>, scores: BTreeMap<String, f64>, tolerance: Tolerance },
    Error(ExpectedError),
}

impl Cases {
    /// Reads a case file, and the snapshot files that it names: those are beside it.
    ///
    /// # Errors
    /// If a file cannot be read, has unknown keys or makes no sense.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder)
            .map_err(|source| Error::CaseFile { path: path.to_owned(), source: Box::new(source) })
    }

    /// Reads cases from a text; snapshot files that it names are in `folder`.
    ///
    /// # Errors
    /// If it has unknown keys or makes no sense.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, CaseFileError> {
        // Or a node called `y` would be `true`.
        let options = serde_saphyr::options! { strict_booleans: true };
        let file: File = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| CaseFileError::Yaml(error.into()))?;
        let shared = file.snapshot.map(|snapshot| resolve(snapshot, folder)).transpose()?;
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for case in file.cases {
            if !names.insert(case.name.clone()) {
                return Err(CaseFileError::Repeated { name: case.name });
            }
            cases.push(complete(case, shared.as_ref(), folder)?);
        }
        if cases.is_empty() { Err(CaseFileError::Empty) } else { Ok(Self { cases }) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Never: a file without cases is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }
}

fn resolve(snapshot: FileSnapshot, folder: &Path) -> Result<Arc<Setting>, CaseFileError> {
    Ok(Arc::new(match snapshot {
        FileSnapshot::Path(path) => {
            let file = SnapshotFile::read(&folder.join(PathBuf::from(path)));
            file.map_err(CaseFileError::Snapshot)?.into()
        }
        FileSnapshot::Cluster(cluster) => cluster.checked()?,
    }))
}

fn complete(case: FileCase, shared: Option<&Arc<Setting>>, folder: &Path) -> Result<Case, CaseFileError> {
    let FileCase { name, snapshot, pod, nodes, parameters, expect } = case;
    let wrong = |problem: String| CaseFileError::Case { case: name.clone(), problem };
    let setting = match (snapshot, shared) {
        (Some(own), _) => resolve(own, folder)?,
        (None, Some(shared)) => shared.clone(),
        (None, None) => {
            return Err(wrong("it has no `snapshot`, and neither has the file".to_owned()));
        }
    };
    let (pod, taken_out) = match pod {
        FilePodSource::New(pod) => (pod.pending(setting.snapshot.identity), None),
        FilePodSource::Named(key) => {
            let found = setting.snapshot.pods.iter().find(|pod| pod.name == key);
            let found = found.ok_or_else(|| wrong(format!("the snapshot has no pod `{key}`")))?;
            (found.pending(), Some(key))
        }
    };
    let known: Vec<String> = setting.snapshot.nodes.iter().map(|node| node.name.clone()).collect();
    let nodes = nodes.unwrap_or_else(|| known.clone());
    if let Some(node) = nodes.iter().find(|node| !known.contains(node)) {
        return Err(wrong(format!("the snapshot has no node `{node}`")));
    }
    if nodes.is_empty() {
        return Err(wrong("there are no nodes to score".to_owned()));
    }
    let mut seen = BTreeSet::new();
    if let Some(node) = nodes.iter().find(|node| !seen.insert(*node)) {
        return Err(wrong(format!("the node `{node}` is listed twice")));
    }
    let expected = expectation(expect, &nodes).map_err(wrong)?;
    Ok(Case { name, setting, pod, taken_out, nodes, parameters, expected })
}

fn expectation(expect: FileExpectation, nodes: &[String]) -> Result<Expected, String> {
    let FileExpectation { order, scores, tolerance, error } = expect;
    if let Some(error) = error {
        if order.is_some() || scores.is_some() || tolerance.is_some() {
            return Err("it expects an error and scores; there can only be one".to_owned());
        }
        if error == ExpectedError::default() {
            return Err("the expected error needs a `stage`, `cause` or `message`".to_owned());
        }
        if let Some(stage) =
            error.stage.as_deref().filter(|stage| !STAGES.iter().any(|s| s.as_str() == *stage))
        {
            let known = STAGES.map(Stage::as_str).join(", ");
            return Err(format!("there is no stage `{stage}`; there are {known}"));
        }
        return Ok(Expected::Error(error));
    }
    let order: Vec<Vec<String>> = order.unwrap_or_default().into_iter().map(Group::into_nodes).collect();
    let scores = scores.unwrap_or_default();
    if order.is_empty() && scores.is_empty() {
        return Err("it expects nothing; give `order`, `scores` or `error`".to_owned());
    }
    if let Some(node) = order.iter().flatten().chain(scores.keys()).find(|node| !nodes.contains(node)) {
        return Err(format!("it expects something of `{node}`, which is not among the nodes to score"));
    }
    let mut seen = BTreeSet::new();
    if let Some(node) = order.iter().flatten().find(|node| !seen.insert(*node)) {
        return Err(format!("`order` has `{node}` twice"));
    }
    if let Some((node, score)) = scores.iter().find(|(_, score)| !score.is_finite()) {
        return Err(format!("the score {score} of `{node}` is not finite, which no policy may return"));
    }
    let tolerance = tolerance.unwrap_or_default();
    if [tolerance.relative, tolerance.absolute].iter().any(|number| !number.is_finite() || *number < 0.0) {
        return Err("a `tolerance` must be finite and not negative".to_owned());
    }
    Ok(Expected::Scores { order, scores, tolerance })
}

/// Every stage at which a policy can fail in a case.
const STAGES: [Stage; 6] =
    [Stage::Check, Stage::Link, Stage::Describe, Stage::Configure, Stage::Trial, Stage::Score];
