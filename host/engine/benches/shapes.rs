//! What the shape of the contract costs: one score handed to a guest in three ways, `cargo xtask bench`.
//!
//! The guest is `tests/guests/examples/shapes.rs`. Every call gets a fresh store with the limits of a policy, in the
//! engine that policies run in, and the shapes take turns, so that whatever else the machine does hits all three. What
//! the host lends to a call is made beforehand: only instantiation, the way in, the score and the way out are timed.
#![allow(clippy::print_stdout, reason = "prints its results")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails as a test does"
)]
#![allow(clippy::cast_precision_loss, reason = "small whole numbers")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netmarks_engine::{Engine, EngineSettings, Limits};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder};

use bindings::bench::shapes::cluster;
use bindings::exports::bench::shapes::{push_columns, push_records};
use bindings::{Shapes, ShapesPre};

#[allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../tests/guests/shapes/wit",
        world: "shapes",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

const PEERS: u32 = 20;
const PODS_PER_PEER: u32 = 50;

/// Names of the shapes, the one of `netmarks:policy` first.
const SHAPES: [&str; 3] = ["push-columns", "push-records", "pull"];

/// Far more epochs than a call takes: the checks are compiled in and paid for, but never fire.
const EPOCHS: u64 = 1_000_000;

/// One cluster as the host holds it: everything that the shapes lend from.
struct Cluster {
    names: Vec<String>,
    peers: Vec<String>,
    outbound: Vec<f64>,
    inbound: Vec<f64>,
    first: Vec<u32>,
    node: Vec<u32>,
    pods: Vec<u32>,
}

impl Cluster {
    /// All pods of the peers run on candidates, at random places that are the same in every run.
    fn new(candidates: u32) -> Self {
        let mut random = Random(42);
        let mut cluster = Self {
            names: (0..candidates).map(|node| format!("node-{node:06}")).collect(),
            peers: (0..PEERS).map(|peer| format!("bench/peer-{peer:02}")).collect(),
            outbound: Vec::new(),
            inbound: Vec::new(),
            first: vec![0],
            node: Vec::new(),
            pods: Vec::new(),
        };
        for _ in 0..PEERS {
            cluster.outbound.push(f64::from(1 + random.below(1_000_000)));
            cluster.inbound.push(f64::from(1 + random.below(1_000_000)));
            let mut placed = std::collections::BTreeMap::<u32, u32>::new();
            for _ in 0..PODS_PER_PEER {
                *placed.entry(random.below(candidates)).or_default() += 1;
            }
            cluster.node.extend(placed.keys());
            cluster.pods.extend(placed.values());
            cluster.first.push(u32::try_from(cluster.node.len()).unwrap());
        }
        cluster
    }

    fn candidates(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap()
    }

    /// Number of a peer, and where its entries are.
    fn rows(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        self.first.windows(2).map(|row| row[0] as usize..row[1] as usize).enumerate()
    }

    fn columns(&self) -> push_columns::Request<'_> {
        push_columns::Request {
            candidates: self.candidates(),
            outbound: &self.outbound,
            inbound: &self.inbound,
            first: &self.first,
            node: &self.node,
            pods: &self.pods,
        }
    }

    fn placements(&self) -> Vec<Vec<push_records::Placement<'_>>> {
        let placement = |entry: usize| push_records::Placement {
            node: &self.names[self.node[entry] as usize],
            pods: self.pods[entry],
        };
        self.rows().map(|(_, row)| row.map(placement).collect()).collect()
    }

    fn peers<'a>(
        &'a self,
        placements: &'a [Vec<push_records::Placement<'a>>],
    ) -> Vec<push_records::Peer<'a>> {
        let peer = |(peer, placements): (usize, &'a Vec<push_records::Placement<'a>>)| push_records::Peer {
            name: &self.peers[peer],
            outbound: self.outbound[peer],
            inbound: self.inbound[peer],
            placements,
        };
        placements.iter().enumerate().map(peer).collect()
    }

    fn pulled(&self) -> Vec<cluster::Peer> {
        let peer = |(peer, row): (usize, std::ops::Range<usize>)| cluster::Peer {
            outbound: self.outbound[peer],
            inbound: self.inbound[peer],
            node: self.node[row.clone()].to_vec(),
            pods: self.pods[row].to_vec(),
        };
        self.rows().map(peer).collect()
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((value ^ (value >> 31)) % u64::from(bound)).unwrap()
    }
}

/// What one call can reach.
struct CallState {
    limits: StoreLimits,
    peers: Arc<[cluster::Peer]>,
}

impl cluster::Host for CallState {
    fn get_peer(&mut self, index: u32) -> cluster::Peer {
        self.peers[index as usize].clone()
    }
}

/// The guest, ready to be instantiated.
struct Guest {
    engine: Engine,
    instances: ShapesPre<CallState>,
}

impl Guest {
    fn load() -> Self {
        let engine = Engine::new(EngineSettings::default()).unwrap();
        let path = format!("{}/../../target/guests/shapes.wasm", env!("CARGO_MANIFEST_DIR"));
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; run `cargo xtask guests`"));
        let component = Component::new(engine.wasmtime(), bytes).unwrap();
        let mut linker: Linker<CallState> = Linker::new(engine.wasmtime());
        Shapes::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).unwrap();
        let instances = ShapesPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        Self { engine, instances }
    }

    /// One call in a store of its own, as the engine makes them, and how long all of it took.
    fn call(
        &self,
        peers: &Arc<[cluster::Peer]>,
        call: impl FnOnce(&Shapes, &mut Store<CallState>) -> wasmtime::Result<Vec<f64>>,
    ) -> (Vec<f64>, Duration) {
        let limits = Limits::default();
        let started = Instant::now();
        let scores = {
            let state = CallState {
                limits: StoreLimitsBuilder::new().memory_size(limits.memory_bytes()).build(),
                peers: Arc::clone(peers),
            };
            let mut store = Store::new(self.engine.wasmtime(), state);
            store.limiter(|state| &mut state.limits);
            store.set_epoch_deadline(EPOCHS);
            store.set_hostcall_fuel(limits.output_bytes());
            let instance = self.instances.instantiate(&mut store).unwrap();
            black_box(call(&instance, &mut store).unwrap())
        };
        (scores, started.elapsed())
    }
}

/// Medians in microseconds, in the order of [`SHAPES`].
fn measure(guest: &Guest, candidates: u32, repetitions: usize) -> [f64; 3] {
    let cluster = Cluster::new(candidates);
    let names: Vec<&str> = cluster.names.iter().map(String::as_str).collect();
    let placements = cluster.placements();
    let peers = cluster.peers(&placements);
    let pulled: Arc<[cluster::Peer]> = cluster.pulled().into();

    let mut times = [const { Vec::new() }; 3];
    // The first tenth warms up.
    let warm_up = repetitions / 10;
    for repetition in 0..repetitions + warm_up {
        let results = [
            guest.call(&pulled, |guest, store| {
                guest.bench_shapes_push_columns().call_score(store, cluster.columns())
            }),
            guest.call(&pulled, |guest, store| {
                guest
                    .bench_shapes_push_records()
                    .call_score(store, push_records::Request { nodes: &names, peers: &peers })
            }),
            guest
                .call(&pulled, |guest, store| guest.bench_shapes_pull().call_score(store, candidates, PEERS)),
        ];
        let [expected, others @ ..] = results.each_ref().map(|(scores, _)| scores);
        assert_eq!(expected.len(), candidates as usize);
        assert!(expected.iter().sum::<f64>() > 0.0, "pods of peers run on candidates");
        assert!(others.iter().all(|scores| *scores == expected), "the shapes disagree");
        if repetition >= warm_up {
            for (times, (_, time)) in times.iter_mut().zip(results) {
                times.push(time);
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    })
}

fn main() {
    let mut repetitions = 4_000;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            // Shows that it runs, not what it measures.
            "--quick" => repetitions = 50,
            // Passed by `cargo bench`.
            "--bench" => {}
            other => panic!("unknown argument {other}; there is `--quick`"),
        }
    }
    let guest = Guest::load();
    println!(
        "contract shapes, {PEERS} peers of {PODS_PER_PEER} pods, p50 of {repetitions} calls, fresh instance each"
    );
    println!("{:>10}  {:<14}{:>10}{:>20}", "candidates", "shape", "us", "against columns");
    for candidates in [100, 500, 5_000] {
        let medians = measure(&guest, candidates, repetitions);
        for (shape, median) in SHAPES.iter().zip(medians) {
            println!("{candidates:>10}  {shape:<14}{median:>10.1}{:>19.2}x", median / medians[0]);
        }
    }
}
