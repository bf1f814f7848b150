//! How many nodes are looked at, and where the search begins.

use netmarks_scheduler_model::{Cluster, Node, Scheduler, SchedulerOptions};
use serde_json::json;

use crate::support::{ZONE, node, pod, zones};

fn numbered(count: usize) -> Vec<Node> {
    (0..count).map(|index| node(&format!("n{index}"), &[])).collect()
}

fn found(nodes: usize, percentage: Option<u32>) -> usize {
    let mut cluster = Cluster::new(numbered(nodes));
    let template = cluster.template(&pod("new", json!({})));
    let options =
        SchedulerOptions { percentage_of_nodes_to_score: percentage, ..SchedulerOptions::default() };
    Scheduler::new(options).decide(&cluster, template, None).candidates.len()
}

#[test]
fn as_many_nodes_are_compared_as_kube_scheduler_would() {
    let table = [
        (99, None, 99),
        (100, None, 100),
        // (50 - 500 / 125) % of 500.
        (500, None, 230),
        (500, Some(0), 230),
        // 10 %, as there are 5,000.
        (5_000, None, 500),
        // Never fewer than 5 %.
        (8_000, None, 400),
        (500, Some(100), 500),
        (500, Some(30), 150),
        // Never fewer than 100.
        (500, Some(1), 100),
    ];
    for (nodes, percentage, expected) in table {
        assert_eq!(found(nodes, percentage), expected, "{nodes} nodes, {percentage:?}");
    }
}

#[test]
fn each_search_begins_where_the_last_one_ended() {
    let mut nodes = numbered(250);
    nodes[1].unschedulable = true;
    let mut cluster = Cluster::new(nodes);
    let template = cluster.template(&pod("new", json!({})));
    let mut scheduler = Scheduler::new(SchedulerOptions {
        percentage_of_nodes_to_score: Some(40),
        ..SchedulerOptions::default()
    });
    let mut ends = || {
        let decision = scheduler.decide(&cluster, template, None);
        (decision.candidates.len(), decision.candidates[0], decision.candidates[99])
    };
    assert_eq!(ends(), (100, 0, 100), "one node on the way is cordoned");
    assert_eq!(ends(), (100, 101, 200));
    assert_eq!(ends(), (100, 201, 51));
}

#[test]
fn zones_are_visited_by_turns() {
    let mut nodes = zones(&["x", "y"]);
    nodes.push(node("x2", &[(ZONE, "x")]));
    let mut cluster = Cluster::new(nodes);
    let template = cluster.template(&pod("new", json!({})));
    let decision = Scheduler::default().decide(&cluster, template, None);
    let names: Vec<_> = decision.candidates.iter().map(|node| cluster.nodes()[*node].name.as_str()).collect();
    assert_eq!(names, ["x0", "y0", "x1", "y1", "x2"]);
}

#[test]
fn a_pod_that_names_its_node_is_looked_for_there_alone() {
    let mut cluster = Cluster::new(numbered(300));
    let names = json!({"key": "metadata.name", "operator": "In", "values": ["n7"]});
    let terms = json!({"nodeSelectorTerms": [{"matchFields": [names]}]});
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    let template = cluster.template(&pod("agent", json!({"affinity": affinity})));
    let decision = Scheduler::default().decide(&cluster, template, None);
    assert_eq!((decision.candidates, decision.totals, decision.best), (vec![7], vec![0], vec![7]));
}

#[test]
fn without_a_node_that_fits_nothing_is_best() {
    let mut cluster = Cluster::new(numbered(3));
    let template = cluster.template(&pod("big", json!({"requests": {"cpu": "5"}})));
    let mut asked = false;
    let mut extender = |_: &[usize], _: &mut Vec<i64>| asked = true;
    let decision = Scheduler::default().decide(&cluster, template, Some(&mut extender));
    assert!(decision.candidates.is_empty() && decision.best.is_empty() && !asked);
    let mut nothing = Cluster::new(Vec::new());
    let template = nothing.template(&pod("any", json!({})));
    assert!(Scheduler::default().decide(&nothing, template, None).best.is_empty());
}
