//! What is made up has the figures that were published.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use netmarks_snapshots::generate::figures::{Figures, figures};
use netmarks_snapshots::generate::generate;
use netmarks_snapshots::generate::shape::Shape;

fn near(value: f64, published: f64, by: f64) -> bool {
    (value - published).abs() <= by
}

fn is_as_published(seed: u64, times: u32) {
    let published = Shape::Company.published().times(times);
    let file = generate(Shape::Company, seed, times);
    file.check().unwrap();
    let Figures {
        applications,
        pods,
        pending,
        nodes,
        node_shapes,
        cpu,
        memory,
        edges,
        talking,
        component,
        top,
        degree,
        hub_pods,
    } = figures(&file, published.top);
    let counts = (applications, pods, nodes, node_shapes, edges, talking, degree, hub_pods);
    let factor = times as usize;
    let expected = (547 * factor, 3_485 * factor, 96 * factor, 10, 344 * factor, 161 * factor, 34, 153);
    assert_eq!(counts, expected, "seed {seed}");
    assert_eq!(pending, 0, "every pod has a node, seed {seed}");
    assert!(near(cpu, 0.88, 0.005) && near(memory, 0.28, 0.005), "{cpu} of CPU, {memory} of memory");
    assert!(
        near(component, 0.99, 0.001) && near(top, 0.72, 0.005),
        "{component} in one component, {top} on top"
    );
}

#[test]
fn the_shape_is_the_published_one() {
    for seed in 1..=5 {
        is_as_published(seed, 1);
    }
}

#[test]
fn ten_times_as_large_it_has_the_same_shares() {
    is_as_published(1, 10);
}

#[test]
fn a_seed_is_a_file() {
    let text = |seed| generate(Shape::Company, seed, 1).to_json().unwrap();
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn no_machine_is_overfull_and_every_service_has_fewer_pods_than_the_hub() {
    let file = generate(Shape::Company, 3, 1);
    let mut used = std::collections::HashMap::new();
    let mut sizes = std::collections::HashMap::new();
    for pod in &file.pods {
        let requests = pod.requests();
        let node: &mut (u64, u64, u64) = used.entry(pod.node.clone().unwrap()).or_default();
        *node = (node.0 + requests.cpu_millicores, node.1 + requests.memory_bytes, node.2 + 1);
        *sizes.entry(pod.application.clone().unwrap()).or_insert(0) += 1;
    }
    for node in &file.nodes {
        let (cpu, memory, pods) = used[&node.name];
        let offered = node.model().allocatable;
        let fits = cpu <= offered.cpu_millicores && memory <= offered.memory_bytes && pods <= offered.pods;
        assert!(fits, "{}: {cpu} {memory} {pods}", node.name);
    }
    let mut sizes: Vec<i32> = sizes.into_values().collect();
    sizes.sort_unstable();
    assert_eq!(sizes.last(), Some(&153));
    assert!(sizes[sizes.len() - 2] < 153 && sizes[0] >= 1, "{sizes:?}");
    // Uneven: the median service is much smaller than the mean of 6.4.
    assert!(sizes[sizes.len() / 2] <= 4, "{sizes:?}");
}
