//! Traffic against contention: put a pod near its peers, unless it would wait for a CPU there.
//!
//!     left(n)  = (share of n's CPU that is left once the pod runs there) ^ cpu-weight
//!              * (share of n's memory that is left) ^ memory-weight
//!     score(n) = left(n) * (1 + traffic-weight * traffic(n) / most traffic of any candidate)
//!
//! Work waits in inverse proportion to the CPU that is left, as in a queue with one server. With weights of 1, being beside all of its traffic
//! is worth a node on which work waits twice as long, and no more. Traffic is the NetMARKS score.

use netmarks_policy_sdk::{Need, Parameter, Parameters, Part, Policy, Request, export};

const fn weight(name: &'static str, summary: &'static str, default: f64) -> Parameter {
    Parameter::number(name, summary, default, 0.0, 100.0)
}

/// Balances locality and load.
#[derive(Debug)]
pub struct LoadBlend;

impl Policy for LoadBlend {
    const NAME: &'static str = "load-blend";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Puts a pod near its peers, unless it would wait for a CPU there.";
    const NEEDS: &'static [Need] = &[
        Need::Peers,
        Need::NodeCpuAllocatable,
        Need::NodeCpuRequested,
        Need::NodeMemoryAllocatable,
        Need::NodeMemoryRequested,
        Need::PodCpuRequest,
        Need::PodMemoryRequest,
    ];
    const PARAMETERS: &'static [Parameter] = &[
        weight("traffic-weight", "How many times an idle node a node is worth that has all traffic.", 1.0),
        weight("cpu-weight", "Power of the share of CPU that is left; 0 leaves CPU out of account.", 1.0),
        weight(
            "memory-weight",
            "Power of the share of memory that is left; 0 leaves memory out of account.",
            0.0,
        ),
    ];

    fn check(parameters: &Parameters<'_>) -> Result<(), String> {
        let total: f64 = Blend::weights(parameters)?.iter().sum();
        if total > 0.0 { Ok(()) } else { Err("all three weights are 0; give one a value".to_owned()) }
    }

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let blend = Blend::read(request)?;
        Ok((0..request.candidates()).map(|node| blend.parts(node).iter().sum()).collect())
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let amounts = Blend::read(request)?.parts(node as usize);
        let labels = ["room", "traffic beside it"];
        let part = |(label, amount): (&str, f64)| Part { peer: None, label: label.to_owned(), amount };
        Ok(labels.into_iter().zip(amounts).filter(|(_, amount)| *amount != 0.0).map(part).collect())
    }
}

/// The three ingredients.
struct Blend<'a> {
    weights: [f64; 3],
    traffic: Vec<f64>,
    most: f64,
    cpu: Resource<'a>,
    memory: Resource<'a>,
}

impl<'a> Blend<'a> {
    fn weights(parameters: &Parameters<'_>) -> Result<[f64; 3], String> {
        Ok([
            parameters.number("traffic-weight")?,
            parameters.number("cpu-weight")?,
            parameters.number("memory-weight")?,
        ])
    }

    fn read(request: &'a Request) -> Result<Self, String> {
        let mut traffic = vec![0.0; request.candidates()];
        for peer in request.peers() {
            for (node, pods) in peer.placements() {
                if let Some(sum) = traffic.get_mut(node as usize) {
                    *sum += peer.traffic() * f64::from(pods);
                }
            }
        }
        let resource = |allocatable, requested, pod| -> Result<Resource<'a>, String> {
            Ok(Resource {
                allocatable: request.numbers(allocatable)?,
                requested: request.numbers(requested)?,
                pod: request.number(pod)?,
            })
        };
        Ok(Self {
            weights: Self::weights(&request.parameters())?,
            most: traffic.iter().copied().fold(0.0, f64::max),
            traffic,
            cpu: resource(Need::NodeCpuAllocatable, Need::NodeCpuRequested, Need::PodCpuRequest)?,
            memory: resource(Need::NodeMemoryAllocatable, Need::NodeMemoryRequested, Need::PodMemoryRequest)?,
        })
    }

    /// What the room is worth, and what traffic adds to it.
    fn parts(&self, node: usize) -> [f64; 2] {
        let traffic = self.traffic.get(node).copied().unwrap_or(0.0);
        let [of_traffic, of_cpu, of_memory] = self.weights;
        let room = power(self.cpu.left(node), of_cpu) * power(self.memory.left(node), of_memory);
        // Nobody's traffic is everybody's zero, not a division by it.
        let beside = if self.most > 0.0 { of_traffic * (traffic / self.most) } else { 0.0 };
        [room, room * beside]
    }
}

/// The usual power is 1, and `powf` is slow.
fn power(share: f64, weight: f64) -> f64 {
    if (weight - 1.0).abs() < f64::EPSILON { share } else { share.powf(weight) }
}

struct Resource<'a> {
    allocatable: &'a [f64],
    requested: &'a [f64],
    pod: f64,
}

impl Resource<'_> {
    /// The share of the node that is left once the pod runs there: 0 for a node that is full, or unknown.
    fn left(&self, node: usize) -> f64 {
        match (self.allocatable.get(node), self.requested.get(node)) {
            (Some(all), Some(used)) if *all > 0.0 => ((all - used - self.pod) / all).clamp(0.0, 1.0),
            _ => 0.0,
        }
    }
}

export!(LoadBlend);
