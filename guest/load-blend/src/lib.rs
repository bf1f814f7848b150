//! Traffic against headroom: put a pod near its peers, unless those nodes are full.
//!
//!     score(n) = traffic-weight * traffic(n) / most traffic of any candidate
//!              + cpu-weight     * share of n's CPU that is left once the pod runs there
//!              + memory-weight  * share of n's memory that is left
//!
//! All three are between 0 and 1, so the weights say what matters how much. Traffic is the NetMARKS score.

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
    const SUMMARY: &'static str =
        "Weighs traffic to its peers against the CPU and memory that a node has left.";
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
        weight("traffic-weight", "What traffic counts; a number, against the other two.", 1.0),
        weight("cpu-weight", "What CPU that is left counts; a number, against the other two.", 0.5),
        weight("memory-weight", "What memory that is left counts; a number, against the other two.", 0.5),
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
        let labels = ["traffic", "CPU left", "memory left"];
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

    fn parts(&self, node: usize) -> [f64; 3] {
        let traffic = self.traffic.get(node).copied().unwrap_or(0.0);
        let [of_traffic, of_cpu, of_memory] = self.weights;
        [
            // Nobody's traffic is everybody's zero, not a division by it.
            if self.most > 0.0 { of_traffic * (traffic / self.most) } else { 0.0 },
            of_cpu * self.cpu.left(node),
            of_memory * self.memory.left(node),
        ]
    }
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
