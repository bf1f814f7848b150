//! What a call costs in policies of other languages: `cargo bench --workspace --bench languages -- FILE.wasm ...`.
//!
//! Each is loaded and called as in the extender, with every fact that it asks for, and the files take turns.
#![allow(clippy::print_stdout, reason = "prints its results")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails as a test does")]

use std::time::{Duration, Instant};

use netmarks_core::application::Application;
use netmarks_core::needs::{ColumnNeed, Needs};
use netmarks_core::request::{Column, Peers, PolicyRequest};
use netmarks_engine::{Artefact, Engine, EngineSettings, Grant, Limits, Policy, RunSettings};

const SIZES: [u32; 3] = [100, 500, 5_000];
const PEERS: u32 = 20;
const PODS: u32 = 50;

fn request(needs: &Needs, nodes: u32) -> PolicyRequest {
    let mut peers = Peers::default();
    let mut peer_names = Vec::new();
    if needs.peers {
        peers.first.push(0);
        for peer in 0..PEERS {
            peers.outbound.push(f64::from(peer) * 1e3);
            peers.inbound.push(f64::from(peer) * 2e3);
            for pod in 0..PODS {
                peers.node.push((peer * 97 + pod * 31) % nodes);
                peers.pods.push(1);
            }
            peers.first.push(u32::try_from(peers.node.len()).unwrap());
            peer_names.push(Application::new("shop", &format!("peer-{peer}")));
        }
    }
    let numbers = |from: f64| Column::Numbers((0..nodes).map(|node| from + f64::from(node % 7)).collect());
    let columns = needs.columns.iter().map(|need| match need {
        ColumnNeed::NodeName => {
            Column::Texts((0..nodes).map(|node| format!("node-{node:04}.example")).collect())
        }
        ColumnNeed::NodeZone | ColumnNeed::NodeRegion => {
            Column::Indexes((0..nodes).map(|node| 1 + node % 3).collect())
        }
        ColumnNeed::NodeOwnPods => Column::Indexes((0..nodes).map(|node| node % 4).collect()),
        ColumnNeed::NodeCpuAllocatable => numbers(32.0),
        ColumnNeed::NodeCpuRequested => numbers(4.0),
        ColumnNeed::NodeMemoryAllocatable => numbers(64e9),
        ColumnNeed::NodeMemoryRequested => numbers(8e9),
        ColumnNeed::PeerName => Column::Texts(peer_names.iter().map(ToString::to_string).collect()),
        ColumnNeed::PeerPods => Column::Indexes(vec![PODS; peer_names.len()]),
        ColumnNeed::PodName => Column::Texts(vec!["shop/web-0".to_owned()]),
        ColumnNeed::PodLabels => Column::Texts(vec!["app".to_owned(), "web".to_owned()]),
        ColumnNeed::PodCpuRequest => Column::Numbers(vec![0.5]),
        ColumnNeed::PodMemoryRequest => Column::Numbers(vec![1e9]),
    });
    let columns = columns.collect();
    PolicyRequest { candidates: nodes, nodes, peers, columns, peer_names }
}

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|file| file.ends_with(".wasm")).collect();
    let engine = Engine::new(EngineSettings::default()).unwrap();
    println!(
        "{:<40} {:>9} {:>8} {:>6} {:>9} {:>9} {:>5}",
        "policy", "bytes", "load s", "nodes", "p50 us", "p99 us", "calls"
    );
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let settings = RunSettings {
            limits: Limits { deadline_ms: 5_000, ..Limits::default() },
            grants: [Grant::Wasi].into(),
            ..RunSettings::default()
        };
        let begun = Instant::now();
        let policy = Policy::load(&engine, Artefact { name: &file, bytes: &bytes }, &settings);
        let policy = match policy {
            Ok(policy) => policy,
            Err(error) => {
                println!("{file}: {}", netmarks_core::errors::chain(&error));
                continue;
            }
        };
        let load = begun.elapsed();
        for nodes in SIZES {
            let request = request(policy.needs(), nodes);
            let mut times: Vec<Duration> = Vec::new();
            let begun = Instant::now();
            while times.len() < 2_000 && (begun.elapsed() < Duration::from_secs(3) || times.len() < 20) {
                let call = Instant::now();
                policy.score(&request).unwrap();
                times.push(call.elapsed());
            }
            times.sort();
            let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
            let name = file.rsplit('/').next().unwrap_or(&file);
            println!(
                "{name:<40} {:>9} {:>8.2} {nodes:>6} {:>9.1} {:>9.1} {:>5}",
                bytes.len(),
                load.as_secs_f64(),
                at(50),
                at(99),
                times.len()
            );
        }
    }
}
