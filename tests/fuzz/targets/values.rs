//! What a policy returns from `score` and `explain`: its memory is what the fuzzer makes up, so lists point anywhere, texts are not UTF-8,
//! and numbers are of every kind.
#![no_main]

#[path = "../shared/echo.rs"]
mod echo;
#[path = "../shared/returned.rs"]
mod returned;
#[path = "../shared/world.rs"]
mod world;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netmarks_core::request::{Peers, PolicyRequest};
use netmarks_engine::Policy;

static POLICY: LazyLock<Policy> = LazyLock::new(|| echo::policy(&world::engine(), &world::settings()));

fuzz_target!(|bytes: &[u8]| {
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    let peers = Peers { node: words, ..Peers::default() };
    let request = PolicyRequest { candidates: 4, nodes: 4, peers, ..PolicyRequest::default() };
    returned::check(&POLICY, &request);
});
