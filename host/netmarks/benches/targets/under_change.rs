//! Row 9: requests at a steady rate while policies are swapped every second, and while large ones are being accepted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring;
use netmarks_engine::{CompileLimits, Compiler, Limits};
use netmarks_policies::{
    Actor, Compiling, Incoming, Mode, Origin, PolicyBytes, Registry, Settings, Signature, StateFolder,
    Submission,
};
use netmarks_server::{Listener, Stop};
use netmarks_state::ClusterState;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, post};
use crate::load::{Load, Phase, Verdict};
use crate::report::Figure;
use crate::synthetic::{Size, be_patient, body, index};

/// Requests per second over all connections, and how many connections share them.
const RATE: u32 = 2_000;
const CONNECTIONS: u32 = 8;

const CANDIDATES: u32 = 500;

pub fn figures(size: Size, quick: bool) -> Vec<Figure> {
    let seconds = |full: u64| Duration::from_secs(if quick { 2 } else { full });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut tasks = Tasks::default();
    let mut config = Config::default();
    config.scoring.assume_seconds = 0.0;
    if quick {
        be_patient(&mut config);
    }
    let limits = config.policy.limits;
    let state = Arc::new(ClusterState::fixed(index(size)));
    let command = vec![PathBuf::from(env!("CARGO_BIN_EXE_netmarks")), netmarks::policies::COMPILE.into()];
    let compiling = Compiling::Elsewhere(Compiler { command, limits: CompileLimits::default(), cache: None });
    let engine = wiring::engine(&config).unwrap();
    let scoring = runtime.block_on(wiring::scoring(engine, &config, state, compiling, &mut tasks)).unwrap();
    let registry = scoring.registry.clone();
    let router = scoring.extender(&config).router();
    let listener = Listener::bind_plain("bench", ([127, 0, 0, 1], 0).into());
    let listener = runtime.block_on(listener).unwrap();
    let address = listener.address();
    let stop = CancellationToken::new();
    let end = Stop { begun: stop.clone(), closing: stop.clone(), drain: Duration::ZERO };
    let serving = runtime.spawn(listener.serve(move |_| router.clone(), end));

    let request = Arc::new(post("/prioritize", &body(CANDIDATES)));
    // What either policy answers on its own: nothing else may ever be seen.
    let mut known = Vec::new();
    for policy in [Policy::Spread, Policy::Netmarks] {
        runtime.block_on(swap(&registry, policy, 1.0, limits));
        known.push(Connection::open(address).unwrap().ask(&request).unwrap().body.to_vec());
    }
    assert_ne!(known[0], known[1], "the two policies answer differently");
    let known = Arc::new(known);
    let judge = move |answer: &[u8]| match answer {
        b"[]" => Verdict::Empty,
        answer if known.iter().any(|known| known == answer) => Verdict::Scored,
        _ => Verdict::Wrong,
    };
    let load = Load { address, request, rate: RATE, connections: CONNECTIONS };
    load.run(seconds(2), judge.clone(), || {});
    let base = load.run(seconds(20), judge.clone(), || {}).times().p99();
    let mut swaps = 0_u32;
    let swapping = load.run(seconds(60), judge.clone(), || {
        let started = Instant::now();
        let policy = if swaps.is_multiple_of(2) { Policy::Spread } else { Policy::Netmarks };
        // Another weight is another revision: checked, compiled and tried.
        runtime.block_on(swap(&registry, policy, 2.0 + f64::from(swaps), limits));
        swaps += 1;
        std::thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
    });
    // As an upload is taken: piece by piece, into the state folder. The registry has none, so that machine code is not kept, and each bomb
    // goes off.
    let folder = tempfile::tempdir().unwrap();
    let uploads = Arc::new(StateFolder::open(folder.path()).unwrap());
    // The compiler gets what the requests leave of the machine, which may be little: a quick run does not wait for a whole one.
    let (large, bomb) = (large_artefact(50 << 20), bomb(if quick { 1_000 } else { 20_000 }));
    let mut refusals = 0_u32;
    let accepting = load.run(seconds(20), judge, || {
        for bytes in [&large, &bomb] {
            let refused = runtime.block_on(async {
                let bytes = upload(&uploads, bytes).await;
                submit(&registry, "large", bytes, Settings::default(), Mode::Ready).await
            });
            assert!(refused.is_err(), "it is not a policy");
            refusals += 1;
        }
    });
    stop.cancel();
    runtime.block_on(serving).unwrap();
    tasks.shutdown.cancel();

    let figure = |name: &str, during: String, phase: &Phase| {
        let mut times = phase.times();
        let (p50, p99) = (times.p50(), times.p99());
        let (empty, wrong) = (phase.count(Verdict::Empty), phase.count(Verdict::Wrong));
        let detail = format!(
            "{during}; p50 {p50:.0} us, p99 {p99:.0} us against {base:.0} us; {} requests, {} failed, {empty} empty, {wrong} of no one generation",
            phase.answers.len(),
            phase.failed
        );
        assert_eq!((phase.failed, wrong), (0, 0), "{detail}");
        // A machine that is busy with other things may be too slow for the rate.
        assert!(quick || empty == 0, "{detail}");
        Figure { row: "9", name: name.to_owned(), value: p99 / base, unit: "x", detail }
    };
    vec![
        figure(
            "p99 with a swap every second against steady",
            format!("{swaps} swaps at {RATE}/s"),
            &swapping,
        ),
        figure(
            "p99 with 50 MiB and a compile bomb refused against steady",
            format!("{refusals} refused at {RATE}/s"),
            &accepting,
        ),
    ]
}

#[derive(Clone, Copy)]
enum Policy {
    Netmarks,
    Spread,
}

async fn swap(registry: &Registry, policy: Policy, weight: f64, limits: Limits) {
    let bytes: &[u8] = match policy {
        Policy::Netmarks => include_bytes!("../../../../policies/netmarks.wasm"),
        Policy::Spread => include_bytes!("../../../../policies/spread.wasm"),
    };
    let settings = Settings { weight, limits, ..Settings::default() };
    // Under the name of the configuration's policy, whose place it takes.
    submit(registry, "netmarks", bytes.to_vec().into(), settings, Mode::Active).await.unwrap();
}

/// What a listener does with a body, in pieces as they come over a socket.
async fn upload(folder: &Arc<StateFolder>, content: &[u8]) -> PolicyBytes {
    let mut incoming = Incoming::new(Some(folder.clone()));
    for piece in content.chunks(64 << 10) {
        incoming.push(piece).await.unwrap();
    }
    incoming.finish().await.unwrap()
}

async fn submit(
    registry: &Registry,
    name: &str,
    bytes: PolicyBytes,
    settings: Settings,
    mode: Mode,
) -> Result<netmarks_policies::ChangeOutcome, netmarks_policies::Refusal> {
    let actor = Actor::own("bench", "here");
    let name = name.parse().unwrap();
    let (origin, signature) = (Origin::Upload, Signature::NoTrustedKeys);
    registry.submit(Submission { name, bytes, settings, mode, origin, signature, actor }).await
}

/// A component that is nearly all data.
fn large_artefact(bytes: usize) -> Vec<u8> {
    component(&format!("(memory 1000) (data (i32.const 0) \"{}\")", "x".repeat(bytes)))
}

/// A component of few functions, each a long expression of so many terms: with 20,000 it has some hundred kB and takes the compiler
/// many seconds.
fn bomb(terms: usize) -> Vec<u8> {
    let expression = "local.get 0 i32.const 7 i32.mul local.get 1 i32.xor local.set 0 local.get 0 local.get 1 i32.add local.set 1 ";
    let function = format!("(func (param i32 i32) (result i32) {} local.get 0)", expression.repeat(terms));
    component(&function.repeat(4))
}

fn component(module: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (core module {module}))")).unwrap()
}
