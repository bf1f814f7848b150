//! The whole cluster, or a part of it, as a picture needs it: zones, nodes, the heaviest flows between both, applications.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amounts::Amounts;
use crate::applications::{ApplicationList, ListQuery, Sort};
use crate::columns::{Chosen, NodeColumns, choose, columns, whole};
use crate::filter::Filter;
use crate::pairs;
use crate::scene::{Scene, number};
use crate::tally::Tally;
use crate::text::{escaped, shown, shown_zone};

/// Most zones that are shown; the smallest beyond are one.
const ZONES: usize = 64;

/// Most pairs of zones.
const ZONE_FLOWS: usize = 200;

/// Most pairs of nodes.
const NODE_FLOWS: usize = 600;

/// Most places of applications on nodes, bytes of their names, and bytes of the columns of nodes beside them.
const PLACEMENTS: usize = 3_000;
const PLACEMENT_BYTES: usize = 40_000;
const PLACED_NODE_BYTES: usize = 120_000;

/// Applications that come with a map, and bytes of their names.
const APPLICATIONS: usize = 50;
const APPLICATION_BYTES: usize = 10_000;

/// The zone that stands for those that are not shown.
const OTHERS: &str = "(other zones)";

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapQuery {
    pub filter: Filter,
    /// Only nodes of the zones of this name; the empty one stands for nodes without a zone.
    pub zone: Option<String>,
    /// Only these nodes; where the list is empty, all of them.
    pub nodes: Vec<String>,
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MapView {
    /// When the flows were measured, in seconds since the Unix epoch.
    #[schema(required)]
    pub at: Option<f64>,
    /// Of the flows that were asked for, wherever their nodes are.
    pub totals: Amounts,
    /// At most 64.
    pub zones: Vec<ZoneView>,
    /// The heaviest first, at most 200.
    pub zone_flows: Vec<ZoneFlow>,
    pub nodes: NodeColumns,
    pub node_flows: NodeFlows,
    /// Those with most traffic between nodes, at most 50.
    pub applications: ApplicationList,
    /// `null` where there would be too many; ask for fewer nodes then.
    #[schema(required)]
    pub placements: Option<Placements>,
}

/// One zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneView {
    /// `null` for the nodes that say nothing.
    #[schema(required)]
    pub name: Option<String>,
    #[schema(required)]
    pub region: Option<String>,
    pub nodes: u32,
    pub pods: u32,
    /// Bytes per second with both ends on one node.
    pub within_node: f64,
    /// Bytes per second between two nodes of the zone.
    pub within_zone: f64,
    /// Bytes per second with one end in another zone.
    pub beyond: f64,
}

/// What two zones exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneFlow {
    /// Indexes into `zones`, the lower first.
    pub zones: [u32; 2],
    /// Both directions.
    pub bytes_per_second: f64,
}

/// The pairs of nodes that exchange most, by column, heaviest first; at most 600.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeFlows {
    /// Indexes into the columns of `nodes`, the lower.
    pub from: Vec<u32>,
    /// The higher.
    pub to: Vec<u32>,
    /// Both directions.
    pub bytes_per_second: Vec<u64>,
    /// 1 within a zone, 2 across zones, 3 across regions.
    pub distance: Vec<u8>,
    /// How many pairs of the nodes exchange anything.
    pub pairs: usize,
    /// The share, 0 to 1, of the bytes between the nodes that these pairs carry; `null` where nothing goes between them.
    #[schema(required)]
    pub shown: Option<f64>,
}

/// How many pods of which application are on which node, by column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Placements {
    /// `namespace/name`; the empty one is of pods without an application.
    pub applications: Vec<String>,
    /// Indexes into `applications`.
    pub application: Vec<u32>,
    /// Indexes into the columns of `nodes`.
    pub node: Vec<u32>,
    pub pods: Vec<u32>,
}

impl MapView {
    /// What `scene` looks like to who asks for `query`.
    #[must_use]
    pub fn new(scene: &Scene, query: &MapQuery) -> Self {
        let MapQuery { filter, .. } = query;
        let (groups, mut zones) = zones(scene);
        let tally = Tally::new(scene, filter, &groups, zones.len());
        for (zone, sums) in zones.iter_mut().zip(&tally.zones) {
            zone.within_node = sums.within_node;
            zone.within_zone = sums.within_zone.max(0.0);
            zone.beyond = sums.beyond;
        }
        let pods = pods(scene, filter);
        for (node, pods) in scene.nodes.iter().zip(&pods) {
            let group = groups.get(node.zone as usize).copied().unwrap_or(0);
            zones.get_mut(group as usize).into_iter().for_each(|zone| zone.pods += pods);
        }
        let mut between: Vec<_> = tally.between.iter().collect();
        between.sort_by(|left, right| right.1.total_cmp(left.1).then(left.0.cmp(right.0)));
        let Chosen { nodes: chosen, left_out, bytes } =
            choose(scene, (query.zone.as_deref(), &query.nodes), &pods, &tally.nodes);
        let nodes = NodeColumns { left_out, ..columns(scene, &chosen, &groups, &pods, &tally.nodes) };
        let list = ListQuery { sort: Sort::Beyond, limit: APPLICATIONS, ..ListQuery::default() };
        let mut applications = ApplicationList::of(scene, filter, &list, &tally.applications);
        applications.shorten(APPLICATION_BYTES);
        Self {
            at: scene.at,
            totals: tally.totals,
            zone_flows: between
                .into_iter()
                .take(ZONE_FLOWS)
                .map(|((from, to), amount)| ZoneFlow { zones: [*from, *to], bytes_per_second: *amount })
                .collect(),
            zones,
            node_flows: node_flows(scene, filter, &chosen),
            placements: (bytes <= PLACED_NODE_BYTES).then(|| placements(scene, filter, &chosen)).flatten(),
            nodes,
            applications,
        }
    }
}

/// For each zone the number of the one that it is shown as, and those.
fn zones(scene: &Scene) -> (Vec<u32>, Vec<ZoneView>) {
    let mut counts = vec![0u32; scene.zones.len()];
    for node in &scene.nodes {
        counts.get_mut(node.zone as usize).into_iter().for_each(|count| *count += 1);
    }
    let mut largest: Vec<usize> = (0..scene.zones.len()).collect();
    if largest.len() > ZONES {
        largest.sort_by_key(|zone| std::cmp::Reverse(counts.get(*zone).copied()));
        largest.truncate(ZONES - 1);
        largest.sort_unstable();
    }
    let mut views = Vec::with_capacity(largest.len() + 1);
    let mut groups = vec![u32::MAX; scene.zones.len()];
    for zone in largest {
        groups.get_mut(zone).into_iter().for_each(|group| *group = number(views.len()));
        let named = scene.zones.get(zone);
        views.push(ZoneView {
            name: shown_zone(named.and_then(|zone| zone.name.as_deref())),
            region: shown_zone(named.and_then(|zone| zone.region.as_deref())),
            ..ZoneView::default()
        });
    }
    let others = number(views.len());
    if groups.contains(&u32::MAX) {
        views.push(ZoneView { name: Some(OTHERS.to_owned()), ..ZoneView::default() });
    }
    for (group, count) in groups.iter_mut().zip(counts) {
        *group = (*group).min(others);
        views.get_mut(*group as usize).into_iter().for_each(|view| view.nodes += count);
    }
    (groups, views)
}

/// Pods by node, of the namespace that is asked for.
fn pods(scene: &Scene, filter: &Filter) -> Vec<u32> {
    if filter.namespace.is_none() {
        return scene.nodes.iter().map(|node| node.pods).collect();
    }
    let mut pods = vec![0; scene.nodes.len()];
    for (index, application) in scene.applications.iter().enumerate() {
        if filter.has(scene, number(index)) {
            for placed in &application.placement {
                pods.get_mut(placed.node as usize).into_iter().for_each(|pods| *pods += placed.pods);
            }
        }
    }
    pods
}

fn node_flows(scene: &Scene, filter: &Filter, chosen: &[u32]) -> NodeFlows {
    let mut position = vec![u32::MAX; scene.nodes.len()];
    let mut among = vec![false; scene.nodes.len()];
    for (place, node) in chosen.iter().enumerate() {
        position.get_mut(*node as usize).into_iter().for_each(|slot| *slot = number(place));
        among.get_mut(*node as usize).into_iter().for_each(|slot| *slot = true);
    }
    let pairs = pairs::pairs(scene, filter, &among, NODE_FLOWS);
    let place = |node: u32| position.get(node as usize).copied().unwrap_or(0);
    let shown: f64 = pairs.heaviest.iter().map(|pair| pair.bytes_per_second).sum();
    let mut flows = NodeFlows {
        pairs: pairs.count,
        shown: (pairs.bytes_per_second > 0.0).then(|| (shown / pairs.bytes_per_second).min(1.0)),
        ..NodeFlows::default()
    };
    for pair in &pairs.heaviest {
        let (from, to) = pair.nodes;
        flows.from.push(place(from));
        flows.to.push(place(to));
        flows.bytes_per_second.push(whole(pair.bytes_per_second));
        flows.distance.push(scene.distance(from, to).number());
    }
    flows
}

fn placements(scene: &Scene, filter: &Filter, chosen: &[u32]) -> Option<Placements> {
    let mut entries: Vec<(usize, u32, u32)> = Vec::new();
    let mut without: Vec<u32> = scene.nodes.iter().map(|node| node.pods).collect();
    let mut placements = Placements::default();
    let mut bytes = 0;
    for (index, application) in scene.applications.iter().enumerate() {
        let is_shown = filter.has(scene, number(index));
        let before = entries.len();
        for placed in &application.placement {
            let rest = without.get_mut(placed.node as usize);
            rest.into_iter().for_each(|rest| *rest = rest.saturating_sub(placed.pods));
            if let Ok(place) = chosen.binary_search(&placed.node)
                && is_shown
            {
                entries.push((place, number(placements.applications.len()), placed.pods));
            }
        }
        if entries.len() > before {
            let name = shown(application.name.as_str());
            bytes += escaped(&name);
            placements.applications.push(name);
        }
        if entries.len() > PLACEMENTS || bytes > PLACEMENT_BYTES {
            return None;
        }
    }
    if filter.namespace.is_none() {
        let nobody = number(placements.applications.len());
        let before = entries.len();
        for (place, node) in chosen.iter().enumerate() {
            let pods = without.get(*node as usize).copied().unwrap_or(0);
            if pods > 0 {
                entries.push((place, nobody, pods));
            }
        }
        if entries.len() > before {
            placements.applications.push(String::new());
        }
    }
    if entries.len() > PLACEMENTS {
        return None;
    }
    entries.sort_unstable();
    for (node, application, pods) in entries {
        placements.node.push(number(node));
        placements.application.push(application);
        placements.pods.push(pods);
    }
    Some(placements)
}
