//! Every policy of `guest/`: its cases and all properties, on the committed component and on the one built just now.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use crate::support::{built, committed};
use netmarks_core::facts::Resources;
use netmarks_policy_testing::{Cluster, Error, Node, Pod, Policy, Scores};
use netmarks_test_tools::repository;

fn both(name: &str) -> Result<[Policy; 2], Error> {
    let policies = [committed(name)?, built(name)?];
    for policy in &policies {
        policy.cases(repository(&format!("guest/{name}/cases.yaml")))?.conformance()?;
    }
    Ok(policies)
}

fn near(got: Option<f64>, expected: f64) -> bool {
    got.is_some_and(|got| (got - expected).abs() < 1e-9)
}

fn scored(policies: &[Policy; 2], cluster: &Cluster, pod: &Pod) -> Result<Scores, Error> {
    let [committed, built] = policies;
    let scores = committed.score(cluster, pod)?;
    assert_eq!(scores, built.score(cluster, pod)?);
    Ok(scores)
}

#[test]
fn netmarks() -> Result<(), Error> {
    let cluster = Cluster::default()
        .node("a", Node::default())
        .node("b", Node::default())
        .pods("shop/cart", &[("b", 2)])
        .flow("shop/web", "shop/cart", 100.0);
    let scores = scored(&both("netmarks")?, &cluster, &Pod::of("shop/web"))?;
    assert_eq!(scores.order(), [["b"], ["a"]]);
    assert_eq!(scores.of("b"), Some(200.0));
    Ok(())
}

#[test]
fn spread() -> Result<(), Error> {
    let cluster = Cluster::default()
        .node("a", Node::default())
        .node("b", Node::default())
        .node("c", Node::default())
        .pods("shop/web", &[("b", 3)]);
    let scores = scored(&both("spread")?, &cluster, &Pod::default().namespace("shop").label("app", "web"))?;
    assert_eq!(scores.order(), [vec!["a", "c"], vec!["b"]]);
    assert_eq!(scores.of("b"), Some(0.25));
    Ok(())
}

#[test]
fn zone_cost() -> Result<(), Error> {
    let node = |zone: &str, region: &str| Node::default().zone(zone).region(region);
    let cluster = Cluster::default()
        .node("here", node("a", "west"))
        .node("beside", node("a", "west"))
        .node("over", node("b", "west"))
        .node("away", node("c", "east"))
        .pods("shop/cart", &[("here", 4)])
        .flow("shop/web", "shop/cart", 1e9);
    let policies = both("zone-cost")?.map(|policy| policy.parameter("far", 1.0));
    let scores = scored(&policies, &cluster, &Pod::of("shop/web"))?;
    assert_eq!(scores.order(), [["here"], ["beside"], ["over"], ["away"]]);
    assert!(near(scores.of("here"), 30.0 * 86_400.0), "{scores:?}");
    Ok(())
}

#[test]
fn replica_aware() -> Result<(), Error> {
    let cluster = Cluster::default()
        .node("a", Node::default())
        .node("b", Node::default())
        .pods("shop/cart", &[("b", 1)])
        .replicas("shop/cart", 4, Resources::default())
        .flow("shop/web", "shop/cart", 100.0);
    let scores = scored(&both("replica-aware")?, &cluster, &Pod::of("shop/web"))?;
    assert_eq!(scores.order(), [["b"], ["a"]]);
    assert_eq!(scores.of("b"), Some(25.0), "one of four");
    Ok(())
}

#[test]
fn look_ahead() -> Result<(), Error> {
    let cluster = Cluster::default()
        .node("a", Node::default().cores(4.0))
        .node("b", Node::default().cores(4.0))
        .pods("shop/cart", &[("b", 2)])
        .flow("shop/web", "shop/cart", 100.0)
        .target("shop/web", &[("a", 1)]);
    let scores = scored(&both("look-ahead")?, &cluster, &Pod::of("shop/web").cores(1.0))?;
    assert_eq!(scores.order(), [["a"], ["b"]], "whatever runs on the other");
    assert_eq!(scores.of("a"), Some(1.0));
    Ok(())
}

#[test]
fn load_blend() -> Result<(), Error> {
    let cluster = Cluster::default()
        .node("large", Node::default().cores(64.0).memory_bytes(64 << 30))
        .node("small", Node::default().cores(2.0).memory_bytes(2 << 30));
    let pod = Pod::of("shop/web").cores(1.0).memory_bytes(1 << 30);
    let scores = scored(&both("load-blend")?, &cluster, &pod)?;
    assert!(near(scores.of("large"), 63.0 / 64.0) && near(scores.of("small"), 0.5), "{scores:?}");
    Ok(())
}
