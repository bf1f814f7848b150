//! Row 9: requests at a steady rate while policies are swapped every second, and while large ones are being accepted.
//!
//! Requests are sent on a schedule, whether or not the one before was answered in time, and their times count from
//! when they were due: a stall is seen by every request that it delays.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring;
use netmarks_engine::{CompileLimits, Compiler};
use netmarks_policies::{Actor, Compiling, Mode, Origin, Registry, Settings, Signature, Submission};
use netmarks_server::{Listener, Stop};
use netmarks_state::ClusterState;
use tokio_util::sync::CancellationToken;

use crate::report::{Row, Times};
use crate::synthetic::{LARGE, body, index};

/// Requests per second over all connections, and how many connections share them.
const RATE: u32 = 2_000;
const CONNECTIONS: u32 = 8;

const CANDIDATES: u32 = 500;

pub fn rows(quick: bool) -> Vec<Row> {
    let seconds = |full: u64| Duration::from_secs(if quick { 2 } else { full });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut tasks = Tasks::default();
    let mut config = Config::default();
    config.scoring.assume_seconds = 0.0;
    let state = Arc::new(ClusterState::fixed(index(LARGE)));
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

    // What either policy answers on its own: nothing else may ever be seen.
    let mut known = Vec::new();
    for policy in [Policy::Spread, Policy::Netmarks] {
        runtime.block_on(swap(&registry, policy, 1.0));
        known.push(ask_once(address));
    }
    assert_ne!(known[0], known[1], "the two policies answer differently");
    let known = Arc::new(known);

    load(address, seconds(2), &known, || {});
    let mut steady = load(address, seconds(20), &known, || {});
    let mut swaps = 0_u32;
    let mut swapping = load(address, seconds(60), &known, || {
        let started = Instant::now();
        let policy = if swaps.is_multiple_of(2) { Policy::Spread } else { Policy::Netmarks };
        // Another weight is another revision: checked, compiled and tried.
        runtime.block_on(swap(&registry, policy, 2.0 + f64::from(swaps)));
        swaps += 1;
        std::thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
    });
    let (large, bomb) = (large_artefact(50 << 20), bomb());
    let mut refusals = 0_u32;
    let mut accepting = load(address, seconds(20), &known, || {
        for bytes in [&large, &bomb] {
            let refused =
                runtime.block_on(submit(&registry, "large", bytes.clone(), Settings::default(), Mode::Ready));
            assert!(refused.is_err(), "it is not a policy");
            refusals += 1;
        }
    });
    stop.cancel();
    runtime.block_on(serving).unwrap();
    tasks.shutdown.cancel();

    let base = steady.times.p99();
    let row = |what: String, phase: &mut Phase| {
        let (p50, p99) = (phase.times.p50(), phase.times.p99());
        let detail = format!(
            "p50 {p50:.0} us, p99 {p99:.0} us against {base:.0} us; {} requests, {} failed, {} of no one generation",
            phase.requests, phase.failed, phase.mixed
        );
        assert_eq!((phase.failed, phase.mixed), (0, 0), "{detail}");
        Row { target: 9, what, value: p99 / base, unit: "x", at_most: Some(1.5), detail }
    };
    vec![
        row(format!("p99 at {RATE}/s with a swap every second ({swaps} swaps)"), &mut swapping),
        row(
            format!("p99 at {RATE}/s while 50 MiB and a compile bomb are refused ({refusals})"),
            &mut accepting,
        ),
    ]
}

#[derive(Clone, Copy)]
enum Policy {
    Netmarks,
    Spread,
}

async fn swap(registry: &Registry, policy: Policy, weight: f64) {
    let bytes: &[u8] = match policy {
        Policy::Netmarks => include_bytes!("../../../../policies/netmarks.wasm"),
        Policy::Spread => include_bytes!("../../../../policies/spread.wasm"),
    };
    let settings = Settings { weight, ..Settings::default() };
    // Under the name of the configuration's policy, whose place it takes.
    submit(registry, "netmarks", bytes.to_vec(), settings, Mode::Active).await.unwrap();
}

async fn submit(
    registry: &Registry,
    name: &str,
    bytes: Vec<u8>,
    settings: Settings,
    mode: Mode,
) -> Result<netmarks_policies::ChangeOutcome, netmarks_policies::Refusal> {
    let actor = Actor::own("bench", "here");
    let (name, bytes) = (name.parse().unwrap(), bytes.into());
    let (origin, signature) = (Origin::Upload, Signature::NoTrustedKeys);
    registry.submit(Submission { name, bytes, settings, mode, origin, signature, actor }).await
}

/// What a stretch of time saw.
struct Phase {
    times: Times,
    requests: u64,
    failed: u64,
    mixed: u64,
}

/// Sends requests for `length` while `change` is called over and over.
fn load(address: SocketAddr, length: Duration, known: &Arc<Vec<Vec<u8>>>, mut change: impl FnMut()) -> Phase {
    let over = Arc::new(AtomicBool::new(false));
    let (failed, mixed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let begin = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (over, failed, mixed, known) = (over.clone(), failed.clone(), mixed.clone(), known.clone());
            std::thread::spawn(move || {
                let mut connection = Connection::open(address);
                let period = Duration::from_secs(1) * CONNECTIONS / RATE;
                let mut due = begin + period * client / CONNECTIONS;
                let mut times = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    match connection.ask() {
                        Some(answer) if known.contains(&answer) => {}
                        Some(_) => drop(mixed.fetch_add(1, Ordering::Relaxed)),
                        None => drop(failed.fetch_add(1, Ordering::Relaxed)),
                    }
                    times.push(due.elapsed());
                    due += period;
                }
                times
            })
        })
        .collect();
    while begin.elapsed() < length {
        change();
        std::thread::sleep(Duration::from_millis(1));
    }
    over.store(true, Ordering::Relaxed);
    let mut times = Times::default();
    let mut requests = 0;
    for client in clients {
        for time in client.join().unwrap() {
            times.push(time);
            requests += 1;
        }
    }
    Phase { times, requests, failed: failed.load(Ordering::Relaxed), mixed: mixed.load(Ordering::Relaxed) }
}

fn ask_once(address: SocketAddr) -> Vec<u8> {
    Connection::open(address).ask().unwrap()
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let body = body(CANDIDATES);
        let mut request =
            format!("POST /prioritize HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len())
                .into_bytes();
        request.extend(body);
        Self { stream, request }
    }

    /// The body of a 200; `None` for anything else, and for an answer without scores.
    fn ask(&mut self) -> Option<Vec<u8>> {
        self.stream.write_all(&self.request).ok()?;
        let (mut received, mut chunk) = (Vec::new(), [0; 32 * 1024]);
        loop {
            let read = self.stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
            received.extend_from_slice(&chunk[..read]);
            let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&received[..end]).ok()?.to_ascii_lowercase();
            let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
            if received.len() == end + 4 + length {
                let body = received.split_off(end + 4);
                return (head.starts_with("http/1.1 200") && body.len() > 2).then_some(body);
            }
        }
    }
}

/// A component that is nearly all data.
fn large_artefact(bytes: usize) -> Vec<u8> {
    component(&format!("(memory 1000) (data (i32.const 0) \"{}\")", "x".repeat(bytes)))
}

/// A component of some hundred kB that takes the compiler many seconds: few functions, each one long expression.
fn bomb() -> Vec<u8> {
    let expression = "local.get 0 i32.const 7 i32.mul local.get 1 i32.xor local.set 0 local.get 0 local.get 1 i32.add local.set 1 ";
    let function = format!("(func (param i32 i32) (result i32) {} local.get 0)", expression.repeat(20_000));
    component(&function.repeat(4))
}

fn component(module: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (core module {module}))")).unwrap()
}
