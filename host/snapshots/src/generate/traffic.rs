//! Who talks to whom: one large component around a hub, a few pairs beside it, and traffic that a few edges carry most of.

use std::collections::HashSet;

use fastrand::Rng;
use netmarks_sources::snapshot_file::FileFlow;

use super::random::float;
use super::services::Generated;
use super::shape::Published;

/// All traffic of a cluster for each edge, in bytes per second. The unit is of no importance: only shares were published.
const PER_EDGE: f64 = 5e6;

/// Of so many services with traffic, one talks to one other alone.
const PAIRED: usize = 16;

type Edge = (usize, usize);

pub(super) fn flows(shape: &Published, services: &[Generated], random: &mut Rng) -> Vec<FileFlow> {
    let pairs = shape.talking / PAIRED;
    let component = shape.talking - 2 * pairs;
    let mut edges = connected(component, shape.edges - pairs, shape.degree, random);
    random.shuffle(&mut edges);
    let heavy = shares(edges.len(), shape.top, shape.top_share / shape.component);
    let heavy = edges.into_iter().zip(heavy.into_iter().map(|share| share * shape.component));
    let light = (1.0 - shape.component) / float(pairs as u64);
    let light = (0..pairs).map(|pair| ((component + 2 * pair, component + 2 * pair + 1), light));
    let total = PER_EDGE * float(shape.edges as u64);
    let all: Vec<(Edge, f64)> = heavy.chain(light).collect();
    all.into_iter()
        .filter_map(|((one, other), share)| {
            let (source, destination) = if random.bool() { (one, other) } else { (other, one) };
            Some(FileFlow {
                source: services.get(source)?.application(),
                destination: services.get(destination)?.application(),
                bytes_per_second: share * total,
                calls_per_second: 0.0,
            })
        })
        .collect()
}

/// A connected graph in which node 0 has `degree` edges and every other node fewer: nodes that have many edges get more.
fn connected(nodes: usize, edges: usize, degree: usize, random: &mut Rng) -> Vec<Edge> {
    let mut graph = Graph { edges: Vec::new(), known: HashSet::new(), degrees: vec![0; nodes] };
    for node in 1..nodes {
        if node <= degree {
            graph.add(0, node);
            continue;
        }
        // Attach it to the component: to one end of an edge, so that a node is as likely as it has edges.
        while !graph.add(graph.by_degree(random, degree), node) {}
    }
    while graph.edges.len() < edges {
        let one = graph.by_degree(random, degree);
        let other = random.usize(1..nodes);
        if graph.degrees.get(other).is_some_and(|has| has + 1 < degree) {
            graph.add(one, other);
        }
    }
    graph.edges
}

struct Graph {
    edges: Vec<Edge>,
    /// The same, the smaller number first.
    known: HashSet<Edge>,
    degrees: Vec<usize>,
}

impl Graph {
    fn add(&mut self, one: usize, other: usize) -> bool {
        if one == other || !self.known.insert((one.min(other), one.max(other))) {
            return false;
        }
        for node in [one, other] {
            if let Some(degree) = self.degrees.get_mut(node) {
                *degree += 1;
            }
        }
        self.edges.push((one, other));
        true
    }

    /// A node other than the hub that may have one more edge; more likely the more it has.
    fn by_degree(&self, random: &mut Rng, most: usize) -> usize {
        loop {
            let edge = self.edges.get(random.usize(0..self.edges.len().max(1)));
            let (one, other) = edge.copied().unwrap_or((1, 1));
            let node = if one == 0 || random.bool() { other } else { one };
            if node != 0 && self.degrees.get(node).is_some_and(|has| has + 1 < most) {
                return node;
            }
        }
    }
}

/// Shares of a sum of 1, the largest first, by Zipf's law with the exponent for which the first `top` have `share`.
fn shares(count: usize, top: usize, share: f64) -> Vec<f64> {
    let by =
        |exponent: f64| -> Vec<f64> { (1..=count).map(|rank| float(rank as u64).powf(-exponent)).collect() };
    let reached = |exponent: f64| {
        let weights = by(exponent);
        weights.iter().take(top).sum::<f64>() / weights.iter().sum::<f64>()
    };
    let (mut low, mut high) = (0.0, 6.0);
    // The share grows with the exponent; 60 halvings exhaust the digits of a number.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if reached(middle) < share { low = middle } else { high = middle }
    }
    let weights = by(low);
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}
