//! Loads the fixtures that `cargo xtask test --only guests` builds.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use netmarks_core::application::Application;
use netmarks_core::request::{Peers, PolicyRequest};
use netmarks_engine::{
    Artefact, Cause, Engine, EngineSettings, Limits, ParameterValue, Policy, PolicyError, RunSettings,
};
use netmarks_test_tools::repository;

/// One engine for all tests of a binary, with a real ticker.
pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(EngineSettings::default()).unwrap());

/// The machine that runs the tests also compiles: only a policy that never ends misses this deadline.
pub fn patient() -> Limits {
    Limits { deadline_ms: 10_000, ..Limits::default() }
}

/// A component built for the tests.
pub fn guest(name: &str) -> Vec<u8> {
    repository::guest(name).unwrap()
}

/// A component, or a module, written as text.
pub fn text(name: &str) -> Vec<u8> {
    wat::parse_file(repository::text_file(name)).unwrap()
}

pub fn load(name: &str, bytes: &[u8]) -> Result<Policy, PolicyError> {
    load_with(name, bytes, &[], patient())
}

pub fn load_with(
    name: &str,
    bytes: &[u8],
    parameters: &[(&str, ParameterValue)],
    limits: Limits,
) -> Result<Policy, PolicyError> {
    let parameters: BTreeMap<String, ParameterValue> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Policy::load(
        &ENGINE,
        Artefact::new(name, bytes),
        &RunSettings { parameters, limits, ..RunSettings::default() },
    )
}

pub fn word(text: &str) -> ParameterValue {
    ParameterValue::Text(text.to_owned())
}

pub fn kind(error: &PolicyError) -> (&'static str, &'static str) {
    (error.stage.as_str(), Cause::kind(&error.cause))
}

/// The worked example of the paper's restatement: peers F, W, S on nodes 0, 1, 2; node 3 is empty.
pub fn worked_example() -> PolicyRequest {
    PolicyRequest {
        candidates: 4,
        nodes: 4,
        peers: Peers {
            outbound: vec![100.0, 40.0, 30.0],
            inbound: vec![60.0, 70.0, 50.0],
            first: vec![0, 1, 2, 3],
            node: vec![2, 1, 0],
            pods: vec![1, 1, 1],
        },
        columns: Vec::new(),
        peer_names: ["s", "w", "f"].map(|name| Application::new("default", name)).into(),
    }
}
