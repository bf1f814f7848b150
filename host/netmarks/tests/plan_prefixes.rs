//! Plans of a generated cluster, followed move by move: wherever one is stopped, no less stays within nodes than before it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do; JSON without a key is null"
)]

use std::collections::{BTreeMap, BTreeSet};

use netmarks_core::application::Application;
use netmarks_placement::{Flow, Goal, Inventory, Node, Occupancy, Placement, Pod, gained_bytes};
use netmarks_snapshots::generate::generate;
use netmarks_snapshots::generate::shape::Shape;
use netmarks_sources::snapshot_file::SnapshotFile;
use serde_json::Value;

use crate::support::binary::{netmarks, success};

/// Most pods: where each would go is asked many times.
const PODS: usize = 250;

/// Share (of 1) of the CPU that they request.
const USED: f64 = 0.8;

/// What a sum in another order may differ by, as a share of all traffic.
const ROUNDING: f64 = 1e-9;

/// The applications with most traffic of a large company's shape, on as many of its machines as they need, each pod where most CPU is left.
fn cluster(seed: u64) -> SnapshotFile {
    let mut file = generate(Shape::Company, seed, 1);
    let mut sizes = BTreeMap::<Application, usize>::new();
    for application in file.pods.iter().filter_map(|pod| pod.application.clone()) {
        *sizes.entry(application).or_default() += 1;
    }
    file.flows.sort_by(|one, other| other.bytes_per_second.total_cmp(&one.bytes_per_second));
    let (mut kept, mut pods) = (BTreeSet::<Application>::new(), 0);
    for flow in &file.flows {
        let ends = [&flow.source, &flow.destination].into_iter();
        let new: Vec<&Application> = ends.filter(|of| !kept.contains(*of)).collect();
        let more: usize = new.iter().map(|of| sizes[*of]).sum();
        if pods + more <= PODS {
            pods += more;
            kept.extend(new.into_iter().cloned());
        }
    }
    file.flows.retain(|flow| kept.contains(&flow.source) && kept.contains(&flow.destination));
    file.pods.retain(|pod| pod.application.as_ref().is_some_and(|of| kept.contains(of)));
    let requested: f64 = file.pods.iter().map(|pod| pod.cpu_request_cores).sum();
    let mut offered = 0.0;
    file.nodes.retain(|node| {
        let needed = offered * USED < requested;
        offered += if needed { node.allocatable_cpu_cores } else { 0.0 };
        needed
    });

    let left = file.nodes.iter().map(|node| (node.name.clone(), node.allocatable()));
    let mut left: Vec<(String, u64, u64)> =
        left.map(|(name, all)| (name, all.cpu_millicores, all.memory_bytes)).collect();
    let mut order: Vec<usize> = (0..file.pods.len()).collect();
    // The largest first, so that each finds room.
    order.sort_by_key(|index| std::cmp::Reverse(file.pods[*index].requests().cpu_millicores));
    for index in order {
        let requests = file.pods[index].requests();
        let open = left
            .iter_mut()
            .filter(|(_, cpu, memory)| *cpu >= requests.cpu_millicores && *memory >= requests.memory_bytes);
        let (name, cpu, memory) = open.max_by_key(|(_, cpu, _)| *cpu).unwrap();
        *cpu -= requests.cpu_millicores;
        *memory -= requests.memory_bytes;
        file.pods[index].node = Some(name.clone());
    }
    file.check().unwrap();
    file
}

/// The cluster as the figures count it.
fn inventory(file: &SnapshotFile) -> Inventory {
    let applications: BTreeSet<&Application> =
        file.pods.iter().filter_map(|pod| pod.application.as_ref()).collect();
    let number = |name: &Application| applications.iter().position(|known| *known == name).unwrap();
    let node_number = |name: &String| file.nodes.iter().position(|node| node.name == *name).unwrap();
    let node = file.nodes.iter().map(|node| Node {
        name: node.name.clone(),
        cpu_millicores: node.allocatable().cpu_millicores,
        memory_bytes: node.allocatable().memory_bytes,
        max_pods: u32::try_from(node.model().allocatable.pods).unwrap(),
        ..Node::default()
    });
    let pod = file.pods.iter().map(|pod| Pod {
        name: pod.name.clone(),
        application: pod.application.as_ref().map(number),
        cpu_millicores: pod.requests().cpu_millicores,
        memory_bytes: pod.requests().memory_bytes,
        node: pod.node.as_ref().map(node_number),
        ..Pod::default()
    });
    let flow = file.flows.iter().map(|flow| Flow {
        source: number(&flow.source),
        destination: number(&flow.destination),
        bytes_per_second: flow.bytes_per_second,
        calls_per_second: 0.0,
    });
    Inventory {
        nodes: node.collect(),
        applications: applications.iter().map(ToString::to_string).collect(),
        pods: pod.collect(),
        flows: flow.collect(),
    }
}

/// Makes the moves one after the other. Returns how many there are.
fn follow(inventory: &Inventory, plan: &Value, told: &str) -> usize {
    let moves = plan["moves"].as_array().unwrap();
    let gained = |now: &Placement| gained_bytes(inventory, &Occupancy::new(inventory, now), &Goal::default());
    let rounding = inventory.bytes_per_second() * ROUNDING;
    let number = |name: &Value| inventory.nodes.iter().position(|node| *name == node.name.as_str()).unwrap();
    let mut now = inventory.initial();
    let begin = gained(&now);
    let (mut before, mut at_last_end, mut waiting) = (begin, begin, 0);
    for (step, planned) in moves.iter().enumerate() {
        let told = format!("{told}, move {step}: {planned}");
        let pod = inventory.pods.iter().position(|pod| planned["pod"] == pod.name.as_str()).unwrap();
        let to = number(&planned["to"]);
        assert_eq!(now[pod], Some(number(&planned["from"])), "{told}");
        now[pod] = Some(to);
        let here = inventory.pods.iter().zip(&now).filter(|(_, node)| **node == Some(to));
        let (pods, cpu, memory) = here.fold((0, 0, 0), |(pods, cpu, memory), (pod, _)| {
            (pods + 1, cpu + pod.cpu_millicores, memory + pod.memory_bytes)
        });
        let node = &inventory.nodes[to];
        assert!(pods <= node.max_pods, "{told}: {pods} pods");
        assert!(cpu <= node.cpu_millicores && memory <= node.memory_bytes, "{told}: {cpu}, {memory}");

        let after = gained(&now);
        let says = planned["gain"]["within_nodes_bytes_per_second"].as_f64().unwrap();
        assert!((after - before - says).abs() <= rounding, "{told}: it gains {}", after - before);
        assert!(after >= begin - rounding, "{told}: {begin} at first, {after} now");
        let mut risks = planned["risks"].as_array().into_iter().flatten();
        waiting = risks.find_map(|risk| risk["with-next"]["moves"].as_u64()).unwrap_or(0);
        if waiting == 0 {
            assert!(after > at_last_end, "{told}: {at_last_end} before what ends here, {after} after it");
            at_last_end = after;
        }
        before = after;
    }
    assert_eq!(waiting, 0, "{told}: the last move waits for others");
    for (key, value) in [("before", begin), ("after", before)] {
        let says = plan["report"][key]["within_nodes"].as_f64().unwrap();
        assert!((says - value).abs() <= rounding, "{told}: {key} is {says}, not {value}");
    }
    moves.len()
}

#[test]
fn no_beginning_of_a_plan_is_worse_than_no_plan() {
    let folder = tempfile::tempdir().unwrap();
    let file = cluster(1);
    let inventory = inventory(&file);
    let path = folder.path().join("cluster.json");
    file.write(&path).unwrap();
    let path = path.display().to_string();
    let all = ["--stop-at", "1", "--most-on-node", "1", "--singletons"];
    let cut = ["--moves", "20", "--singletons"];
    for (policy, limits) in [("netmarks", &all[..]), ("recommended", &all[..]), ("recommended", &cut[..])] {
        let arguments = [
            &["plan", "--snapshot", &path, "--policy", policy, "--routing", "same-node", "-o", "json"],
            &["--steps", "100000"][..],
            limits,
        ];
        let output = netmarks(&arguments.concat()).unwrap();
        let plan: Value = serde_json::from_str(&success(&output).unwrap()).unwrap();
        let told = format!("{policy} {limits:?}");
        let moves = follow(&inventory, &plan, &told);
        assert!(moves > 0, "{told}: {plan}");
    }
}
