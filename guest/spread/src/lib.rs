//! Soft anti-affinity: put a pod where few pods of its own application run.
//!
//!     score(n) = 1 / (1 + own pods on n + zone-weight * own pods on the other candidates of n's zone)
//!
//! from 1 for a node and zone without any, downwards. The first replica on a node matters most, the tenth hardly.

use netmarks_policy_sdk::{Need, Parameter, Part, Policy, Request, export};

/// Spreads replicas over nodes, and less so over zones.
#[derive(Debug)]
pub struct Spread;

impl Policy for Spread {
    const NAME: &'static str = "spread";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Prefers nodes, and zones, that run few pods of the same application.";
    const NEEDS: &'static [Need] = &[Need::NodeOwnPods, Need::NodeZone];
    const PARAMETERS: &'static [Parameter] = &[Parameter::number(
        "zone-weight",
        "What an own pod elsewhere in the zone counts, as a share of one on the node.",
        0.1,
        0.0,
        1.0,
    )];

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let crowds = crowds(request)?;
        Ok(crowds.map(|(here, zone)| 1.0 / (1.0 + here + zone)).collect())
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let Some((here, zone)) = crowds(request)?.nth(node as usize) else {
            return Ok(Vec::new());
        };
        let alone_here = 1.0 / (1.0 + here);
        let parts = [
            ("no own pods", 1.0),
            ("own pods on the node", alone_here - 1.0),
            ("own pods in the zone", 1.0 / (1.0 + here + zone) - alone_here),
        ];
        let part = |(label, amount): (&str, f64)| Part { peer: None, label: label.to_owned(), amount };
        Ok(parts.into_iter().filter(|(_, amount)| *amount != 0.0).map(part).collect())
    }
}

/// Per candidate: own pods on it, and the weighted number of those on the other candidates of its zone.
fn crowds(request: &Request) -> Result<impl Iterator<Item = (f64, f64)>, String> {
    let weight = request.parameters().number("zone-weight")?;
    let own = request.indexes(Need::NodeOwnPods)?;
    let zones = request.indexes(Need::NodeZone)?;
    let most = zones.iter().copied().max().unwrap_or(0) as usize;
    let mut in_zone = vec![0.0; most + 1];
    for (zone, own) in zones.iter().zip(own) {
        if let Some(pods) = in_zone.get_mut(*zone as usize) {
            *pods += f64::from(*own);
        }
    }
    // Zone 0 is not a zone: nodes of unknown zones are not near each other.
    if let Some(unknown) = in_zone.first_mut() {
        *unknown = 0.0;
    }
    Ok(own.iter().zip(zones).take(request.candidates()).map(move |(own, zone)| {
        let here = f64::from(*own);
        let others = in_zone.get(*zone as usize).map_or(0.0, |pods| (pods - here).max(0.0));
        (here, weight * others)
    }))
}

export!(Spread);
