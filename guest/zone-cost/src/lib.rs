//! The bill: put a pod where carrying its traffic costs least.
//!
//! An application's traffic to a peer is taken to be spread evenly over the peer's pods. A byte costs by how far it
//! goes: to the same node, zone or region, or further. The score is what a node saves against everything being far
//! away, per 30 days, in the currency of the prices:
//!
//!     score(n) = sum over peers X, nodes m of T(X) * (share of X's pods on m) * (far - price(n, m))
//!
//! Where round-trip times are measured and `millisecond` is a price, a byte also costs by the time to its zone and back, and is taken
//! to take the longest of them where its own is unknown.

use netmarks_policy_sdk::{Need, Parameter, Parameters, Part, Peer, Policy, Request, RoundTrips, export};

/// Seconds in 30 days, over the bytes in a gigabyte: turns bytes per second and prices per gigabyte into amounts.
const GIGABYTES_A_MONTH: f64 = 30.0 * 86_400.0 / 1e9;

/// Most addends that the contract allows.
const MOST_PARTS: usize = 256;

const fn price(name: &'static str, summary: &'static str, default: f64) -> Parameter {
    Parameter::number(name, summary, default, 0.0, 1_000.0)
}

/// Saves what traffic costs between nodes, zones and regions.
#[derive(Debug)]
pub struct ZoneCost;

impl Policy for ZoneCost {
    const NAME: &'static str = "zone-cost";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Prefers nodes from which traffic to its peers costs least, by your prices.";
    const NEEDS: &'static [Need] =
        &[Need::Peers, Need::OtherNodes, Need::NodeZone, Need::NodeRegion, Need::ZoneRoundTrips];
    const PARAMETERS: &'static [Parameter] = &[
        price("same-node", "Price of a gigabyte that stays on its node.", 0.0),
        price("same-zone", "Price of a gigabyte to another node of the zone.", 0.001),
        price("same-region", "Price of a gigabyte to another zone of the region.", 0.02),
        price("far", "Price of a gigabyte to another region, or to where is unknown.", 0.04),
        price("millisecond", "Price of a gigabyte for each measured millisecond to its zone and back.", 0.0),
    ];

    fn check(parameters: &Parameters<'_>) -> Result<(), String> {
        let Prices { node, zone, region, far, .. } = Prices::read(parameters)?;
        if node <= zone && zone <= region && region <= far {
            Ok(())
        } else {
            Err("prices must not fall with distance: same-node <= same-zone <= same-region <= far".to_owned())
        }
    }

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let prices = Prices::read(&request.parameters())?;
        let map = Map::read(request)?;
        let mut all = Near::none(&map);
        for peer in request.peers() {
            all.add(&peer, &map);
        }
        let time = all.time(&map, &prices);
        Ok((0..request.candidates()).map(|node| all.saved(node, &map, &prices, &time)).collect())
    }

    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let prices = Prices::read(&request.parameters())?;
        let map = Map::read(request)?;
        let parts = (0..).zip(request.peers()).filter_map(|(index, peer)| {
            let mut near = Near::none(&map);
            near.add(&peer, &map);
            let amount = near.saved(node as usize, &map, &prices, &near.time(&map, &prices));
            (amount > 0.0).then(|| Part { peer: Some(index), label: "saved in 30 days".to_owned(), amount })
        });
        Ok(parts.take(MOST_PARTS).collect())
    }
}

/// Per gigabyte, by distance.
struct Prices {
    node: f64,
    zone: f64,
    region: f64,
    far: f64,
    millisecond: f64,
}

impl Prices {
    fn read(parameters: &Parameters<'_>) -> Result<Self, String> {
        Ok(Self {
            node: parameters.number("same-node")?,
            zone: parameters.number("same-zone")?,
            region: parameters.number("same-region")?,
            far: parameters.number("far")?,
            millisecond: parameters.number("millisecond")?,
        })
    }
}

/// Where the nodes are; 0 is unknown.
struct Map<'a> {
    zones: &'a [u32],
    regions: Vec<u32>,
    trips: RoundTrips<'a>,
}

impl<'a> Map<'a> {
    /// A zone is in one region, so that a node of a known zone needs no region of its own.
    fn read(request: &'a Request) -> Result<Self, String> {
        let zones = request.indexes(Need::NodeZone)?;
        let mut regions = request.indexes(Need::NodeRegion)?.to_vec();
        let mut of_zone = vec![0; size(zones)];
        for (zone, region) in zones.iter().zip(&regions) {
            if let Some(known) = of_zone.get_mut(*zone as usize) {
                *known = (*known).max(*region);
            }
        }
        for (zone, region) in zones.iter().zip(&mut regions) {
            match of_zone.get(*zone as usize) {
                Some(known) if *zone != 0 => *region = *known,
                _ => {}
            }
        }
        Ok(Self { zones, regions, trips: request.round_trips()? })
    }

    fn place(&self, node: usize) -> (usize, usize) {
        let number = |column: &[u32]| column.get(node).map_or(0, |number| *number as usize);
        (number(self.zones), number(&self.regions))
    }
}

/// Bytes per second that end on each node, in each zone and in each region.
struct Near {
    nodes: Vec<f64>,
    zones: Vec<f64>,
    regions: Vec<f64>,
}

impl Near {
    fn none(map: &Map<'_>) -> Self {
        Self {
            nodes: vec![0.0; map.zones.len()],
            zones: vec![0.0; size(map.zones)],
            regions: vec![0.0; size(&map.regions)],
        }
    }

    fn add(&mut self, peer: &Peer<'_>, map: &Map<'_>) {
        let pods: f64 = peer.pods.iter().map(|pods| f64::from(*pods)).sum();
        for (node, here) in peer.placements() {
            let rate = peer.traffic() * f64::from(here) / pods;
            let (zone, region) = map.place(node as usize);
            let sums =
                [(&mut self.nodes, node as usize), (&mut self.zones, zone), (&mut self.regions, region)];
            for (sums, position) in sums {
                if let Some(sum) = sums.get_mut(position) {
                    *sum += rate;
                }
            }
        }
    }

    /// What the time to all peers saves by zone, against the longest time to each; empty where time costs nothing or is not measured.
    fn time(&self, map: &Map<'_>, prices: &Prices) -> Vec<Time> {
        let Some(longest) = map.trips.longest().filter(|_| prices.millisecond > 0.0) else {
            return Vec::new();
        };
        let price = prices.millisecond * 1_000.0;
        let zones = 0..u32::try_from(self.zones.len()).unwrap_or(u32::MAX);
        let of_zone = |zone| {
            let seconds = |other| map.trips.seconds(zone, other).unwrap_or(longest);
            let saved = |(other, bytes): (u32, &f64)| bytes * (longest - seconds(other));
            Time {
                zone: price * zones.clone().zip(&self.zones).map(saved).sum::<f64>(),
                node: price * seconds(zone),
            }
        };
        zones.clone().map(of_zone).collect()
    }

    /// Distances are nested, so each step nearer saves its own difference.
    fn saved(&self, node: usize, map: &Map<'_>, prices: &Prices, time: &[Time]) -> f64 {
        let (zone, region) = map.place(node);
        let known = |sums: &[f64], position: usize, otherwise: f64| match sums.get(position) {
            Some(sum) if position != 0 => *sum,
            _ => otherwise,
        };
        let on_node = self.nodes.get(node).copied().unwrap_or(0.0);
        let in_zone = known(&self.zones, zone, on_node);
        let in_region = known(&self.regions, region, in_zone);
        GIGABYTES_A_MONTH
            * (in_region * (prices.far - prices.region)
                + in_zone * (prices.region - prices.zone)
                + on_node * (prices.zone - prices.node)
                + time.get(zone).map_or(0.0, |time| time.zone + on_node * time.node))
    }
}

/// What time saves at a node of one zone, in prices of a gigabyte.
struct Time {
    /// By where the peers' zones are.
    zone: f64,
    /// Of a byte that stays on the node and so takes no time.
    node: f64,
}

/// Entries of a table by these numbers.
fn size(numbers: &[u32]) -> usize {
    numbers.iter().copied().max().unwrap_or(0) as usize + 1
}

export!(ZoneCost);
