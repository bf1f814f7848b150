//! Components of the contract's world, made here: the engine takes them as it takes those that people upload.

use netmarks_engine::{Engine, EngineSettings, Limits, RunSettings};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// The contract, and the world of a policy in it.
pub fn world() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let package =
        resolve.push_str("policy.wit", include_str!("../../../wit/policy.wit")).expect("our own contract");
    let world = resolve.select_world(&[package], Some("policy")).expect("its world");
    (resolve, world)
}

/// A component around a core module, where the module can be one of a policy.
pub fn component(mut module: Vec<u8>, (resolve, world): &(Resolve, WorldId)) -> Option<Vec<u8>> {
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

pub fn engine() -> Engine {
    Engine::new(EngineSettings { concurrent_calls: 1, ..EngineSettings::default() })
        .expect("this machine runs wasmtime")
}

/// Small limits: a guest that never ends costs a run of the fuzzer its deadline.
pub fn settings() -> RunSettings {
    let limits = Limits { memory_mib: 8, deadline_ms: 50, output_kib: 64, ..Limits::default() };
    RunSettings { limits, ..RunSettings::default() }
}
