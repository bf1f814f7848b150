//! Prefers nodes that run peers, then nodes with idle CPU: the example to change into a policy of your own.

use netmarks_policy_sdk::{Need, Parameter, Part, Policy, Request, export};

#[derive(Debug)]
struct NearPeers;

impl Policy for NearPeers {
    const NAME: &'static str = "{{name}}";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Prefers nodes that run peers, then nodes with idle CPU.";

    // What the host tells the policy: see `needs` in wit/policy.wit for all there is.
    const NEEDS: &'static [Need] = &[Need::Peers, Need::NodeCpuAllocatable, Need::NodeCpuRequested];

    // What an operator may set.
    const PARAMETERS: &'static [Parameter] = &[Parameter::number(
        "idle-core",
        "What an idle core is worth, in bytes per second.",
        100.0,
        0.0,
        1e9,
    )];

    // One number per candidate, higher is better, in any unit; here bytes per second.
    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let worth = request.parameters().number("idle-core")?;
        let mut scores: Vec<f64> = idle_cores(request)?.map(|cores| worth * cores).collect();
        for peer in request.peers() {
            for (node, pods) in peer.placements() {
                if let Some(score) = scores.get_mut(node as usize) {
                    *score += peer.traffic() * f64::from(pods);
                }
            }
        }
        Ok(scores)
    }

    // What one node's score is made of, for people who ask why.
    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let worth = request.parameters().number("idle-core")?;
        let cores = idle_cores(request)?.nth(node as usize).unwrap_or(0.0);
        let idle = Part { peer: None, label: "idle cores".to_owned(), amount: worth * cores };
        let peers = (0..).zip(request.peers()).filter(|(_, peer)| peer.pods_on(node) > 0);
        let traffic = peers.map(|(index, peer)| Part {
            peer: Some(index),
            label: "traffic".to_owned(),
            amount: peer.traffic() * f64::from(peer.pods_on(node)),
        });
        Ok(std::iter::once(idle).chain(traffic).take(256).collect())
    }
}

fn idle_cores(request: &Request) -> Result<impl Iterator<Item = f64>, String> {
    let allocatable = request.numbers(Need::NodeCpuAllocatable)?;
    let requested = request.numbers(Need::NodeCpuRequested)?;
    Ok(allocatable.iter().zip(requested).map(|(all, used)| all - used).take(request.candidates()))
}

export!(NearPeers);

#[cfg(test)]
mod tests {
    use netmarks_policy_sdk::testing::RequestBuilder;

    use super::*;

    #[test]
    fn a_node_scores_by_its_peers_and_its_idle_cores() {
        let request = RequestBuilder::new::<NearPeers>(2)
            .peer(1000.0, 500.0, &[(1, 2)])
            .numbers(Need::NodeCpuAllocatable, &[4.0, 8.0])
            .numbers(Need::NodeCpuRequested, &[1.0, 2.0])
            .number("idle-core", 10.0)
            .build();
        assert_eq!(NearPeers::score(&request), Ok(vec![30.0, 3060.0]));
    }
}
