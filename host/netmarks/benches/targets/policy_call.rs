//! Row 2: what WebAssembly adds to the score, what a policy pays for what it does not ask, and what the recommended policy costs
//! more than the plain one.

use std::hint::black_box;
use std::time::Instant;

use netmarks_core::application::Application;
use netmarks_core::native::netmarks_score;
use netmarks_core::request::{Candidates, PendingPod, PolicyRequest, gather};
use netmarks_engine::{Artefact, Engine, EngineSettings, Policy, RunSettings};

use crate::report::{Figure, Times};
use crate::synthetic::{MEASURED, Size, index, node_name};

/// Nodes on which the target placement has pods of the measured application.
const TARGET_NODES: u32 = 20;

fn load(engine: &Engine, name: &str) -> Policy {
    let path = format!("{}/../../target/guests/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    let bytes =
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; run `cargo xtask guests`"));
    Policy::load(engine, Artefact::new(name, &bytes), &RunSettings::default()).unwrap()
}

pub fn figures(size: Size, repetitions: usize) -> Vec<Figure> {
    let engine = Engine::new(EngineSettings::default()).unwrap();
    let [netmarks, recommended, empty, no_needs] =
        ["netmarks", "look-ahead", "empty", "no-needs"].map(|name| load(&engine, name));
    let mut index = index(size);
    let target = (0..TARGET_NODES).map(|node| (node_name(node), 2)).collect();
    index.replace_target([&(Application::new("bench", MEASURED), target)]);
    let snapshot = index.snapshot();
    let mut figures = Vec::new();
    for candidates in [100, 500, 5_000] {
        let names: Vec<String> = (0..candidates).map(node_name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let looked_up = Candidates::new(&snapshot, &names);
        let pod = PendingPod {
            key: "bench/pod".to_owned(),
            application: Some(Application::new("bench", MEASURED)),
            ..PendingPod::default()
        };
        let request = gather(&snapshot, &pod, &looked_up, netmarks.needs(), &[]);
        let bare = PolicyRequest { candidates, nodes: candidates, ..PolicyRequest::default() };
        let one = PolicyRequest { candidates: 1, nodes: 1, ..PolicyRequest::default() };
        assert_eq!(netmarks.score(&request).unwrap(), netmarks_score(&request));

        let decide = |policy: &Policy| {
            policy.score(&gather(&snapshot, &pod, &looked_up, policy.needs(), &[])).unwrap()
        };
        let [mut call, mut native, mut instantiation, mut unasked, mut gathering, mut plain, mut better] =
            std::array::from_fn(|_| Times::default());
        for _ in 0..repetitions {
            time(&mut call, || netmarks.score(&request).unwrap());
            time(&mut native, || netmarks_score(&request));
            time(&mut instantiation, || empty.score(&one).unwrap());
            time(&mut unasked, || no_needs.score(&bare).unwrap());
            time(&mut gathering, || gather(&snapshot, &pod, &looked_up, no_needs.needs(), &[]));
            time(&mut plain, || decide(&netmarks));
            time(&mut better, || decide(&recommended));
        }
        let (call, native, instantiation) = (call.p50(), native.p50(), instantiation.p50());
        let detail = format!("call {call:.1} us, native {native:.1} us, empty guest {instantiation:.1} us");
        let without = format!("call {:.1} us, gathering {:.2} us", unasked.p50(), gathering.p50());
        let (plain, better) = (plain.p50(), better.p50());
        let both = format!("gathered and called: {better:.1} us, plain NetMARKS {plain:.1} us");
        let unasked = (unasked.p50() + gathering.p50()) / instantiation;
        for (name, value, unit, detail) in [
            ("policy call minus native", call - native, "us", detail.clone()),
            ("policy call against an empty guest", call / instantiation, "x", detail),
            ("policy without needs against an empty guest", unasked, "x", without),
            ("the recommended policy minus plain NetMARKS", better - plain, "us", both),
        ] {
            let name = format!("{name}, {candidates} candidates, p50");
            figures.push(Figure { row: "2", name, value, unit, detail });
        }
    }
    figures
}

fn time<T>(times: &mut Times, work: impl FnOnce() -> T) {
    let started = Instant::now();
    black_box(work());
    times.push(started.elapsed());
}
