//! The policy under test: compiled once, loaded as often as parameters differ.
//!
//! A test wants one line, and a busy machine is not a policy's fault; so this policy wraps the engine's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use netmarks_core::request::{Candidates, PendingPod, gather};
use netmarks_core::snapshot::Snapshot;
use netmarks_engine::{
    Artefact, Cause, Compiled, Engine, EngineSettings, Grant, Limits, ParameterValue, PolicyError,
    RunSettings,
};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::pod::Pod;
use crate::scores::Scores;

/// A call that misses its deadline on a busy machine is made again; a policy that is too slow misses each.
const ATTEMPTS: usize = 3;

/// A policy to test.
///
/// ```no_run
/// # fn main() -> Result<(), netmarks_policy_testing::Error> {
/// use netmarks_policy_testing::Policy;
///
/// Policy::from_file("target/mine.wasm")?.cases("cases.yaml")?.conformance()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    bytes: Vec<u8>,
    engine: Engine,
    compiled: Compiled,
    settings: RunSettings,
}

impl Policy {
    /// Reads and compiles a component; it is called as its file.
    ///
    /// # Errors
    /// If the file cannot be read or does not compile.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self::from_bytes(&name, bytes)
    }

    /// Compiles a component that is in memory.
    ///
    /// # Errors
    /// If it does not compile.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let engine = engine()?;
        let settings = RunSettings::default();
        let compiled = Compiled::in_place(&engine, Artefact::new(name, &bytes), &settings.limits)?;
        Ok(Self { name: name.to_owned(), bytes, engine, compiled, settings })
    }

    /// Grants it something to import, as its operator would.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.settings.grants.insert(grant);
        self
    }

    /// Gives a parameter; the cases may give another value.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<ParameterValue>) -> Self {
        self.settings.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Sets what a call may use; by default what the host allows by default.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets all of how it runs.
    #[must_use]
    pub fn with_settings(mut self, settings: RunSettings) -> Self {
        self.settings = settings;
        self
    }

    /// What the tests call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size in bytes.
    #[must_use]
    pub fn artefact_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How it is run.
    #[must_use]
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Loads it as the host does: linked, described, configured and tried.
    ///
    /// # Errors
    /// The first stage that failed, and why.
    pub fn load(&self) -> Result<netmarks_engine::Policy, PolicyError> {
        self.load_with(&BTreeMap::new(), self.settings.limits)
    }

    /// The same with these parameters over those of the policy under test.
    pub(crate) fn load_with(
        &self,
        parameters: &BTreeMap<String, ParameterValue>,
        limits: Limits,
    ) -> Result<netmarks_engine::Policy, PolicyError> {
        let mut settings = RunSettings { limits, ..self.settings.clone() };
        settings.parameters.extend(parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
        let artefact = Artefact::new(&self.name, &self.bytes);
        patiently(|| {
            netmarks_engine::Policy::load_compiled(&self.engine, artefact, &self.compiled, &settings)
        })
    }

    /// Scores all nodes of a cluster for a pod: for a test that says in Rust what it expects.
    ///
    /// # Errors
    /// If the policy is refused or fails, or the cluster cannot be.
    pub fn score(&self, cluster: &Cluster, pod: &Pod) -> Result<Scores, Error> {
        let setting = cluster.checked().map_err(|error| Error::Cluster(Box::new(error)))?;
        let file = &setting.snapshot;
        let nodes: Vec<String> = file.nodes.iter().map(|node| node.name.clone()).collect();
        let policy = self.load()?;
        Ok(score(&policy, &setting.index(None).snapshot(), &pod.pending(file.identity), &nodes)?)
    }
}

/// Scores these nodes with what the host would hand over.
pub(crate) fn score(
    policy: &netmarks_engine::Policy,
    snapshot: &Snapshot,
    pod: &PendingPod,
    nodes: &[String],
) -> Result<Scores, PolicyError> {
    let names: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let request = gather(snapshot, pod, &Candidates::new(snapshot, &names), policy.needs(), &[]);
    let scores = patiently(|| policy.score(&request))?;
    Ok(Scores(nodes.iter().cloned().zip(scores).collect()))
}

/// Calls again if the deadline was missed.
pub(crate) fn patiently<T>(mut call: impl FnMut() -> Result<T, PolicyError>) -> Result<T, PolicyError> {
    let mut result = call();
    for _ in 1..ATTEMPTS {
        if !matches!(&result, Err(PolicyError { cause: Cause::Deadline(_), .. })) {
            break;
        }
        result = call();
    }
    result
}

/// One for the process: each has a thread and reserves address space.
fn engine() -> Result<Engine, Error> {
    static ENGINE: Mutex<Option<Engine>> = Mutex::new(None);
    let mut engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*engine {
        Some(engine) => Ok(engine.clone()),
        None => {
            let made = Engine::new(EngineSettings::default()).map_err(|error| Error::Engine(error.into()))?;
            Ok(engine.insert(made).clone())
        }
    }
}
