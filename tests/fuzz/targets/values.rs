//! What a policy returns from `score` and `explain`: its memory is what the fuzzer makes up, so lists point anywhere, texts are not UTF-8,
//! and numbers are of every kind.
#![no_main]

#[path = "../shared/world.rs"]
mod world;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netmarks_core::request::{Peers, PolicyRequest};
use netmarks_engine::{Artefact, Policy};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let module = wat::parse_str(include_str!("../shared/echo.wat")).expect("our own module");
    let component = world::component(module, &world::world()).expect("it has the contract's shape");
    Policy::load(&world::engine(), Artefact::new("echo", &component), &world::settings())
        .expect("it answers the trial")
});

fuzz_target!(|bytes: &[u8]| {
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    let peers = Peers { node: words, ..Peers::default() };
    let request = PolicyRequest { candidates: 4, nodes: 4, peers, ..PolicyRequest::default() };
    if let Ok(scores) = POLICY.score(&request) {
        assert!(scores.len() == 4 && scores.iter().all(|score| score.is_finite()));
    }
    if let Ok(parts) = POLICY.explain(&request, 1) {
        assert!(
            parts.len() <= 256 && parts.iter().all(|part| part.amount.is_finite() && part.label.len() <= 128)
        );
    }
});
