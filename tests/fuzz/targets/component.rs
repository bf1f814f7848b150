//! Uploads: what each lists of itself, and why it is refused. Loading one goes through the compiler and a first call, in a small sandbox.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netmarks_engine::{Artefact, Engine, EngineSettings, Inspection, RunSettings};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::new(EngineSettings { concurrent_calls: 1, ..EngineSettings::default() })
        .expect("this machine runs wasmtime")
});

fuzz_target!(|bytes: &[u8]| {
    let seen = Inspection::of(&ENGINE, Artefact::new("fuzz", bytes), &RunSettings::default());
    assert!(seen.description.is_some() || seen.refused.is_some());
});
