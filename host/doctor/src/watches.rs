//! Do lists and watches come through? Rights are not enough: a proxy may hold events back, a webhook may be slow.

use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use kube::api::{ListParams, WatchParams};
use kube::{Api, Client};
use netmarks_sources::kubernetes::trimmed::{TrimmedNode, TrimmedPod};
use netmarks_sources::kubernetes::workloads::{TrimmedDeployment, TrimmedService, TrimmedStatefulSet};
use serde::de::DeserializeOwned;

use super::{Finding, PATIENCE, brief, count, patient};

/// The check of lists and watches.
pub const CHECK: &str = "watches";

/// What came of a list and a watch of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Watched {
    Works {
        /// Objects there are, as far as the API server says.
        objects: usize,
        /// From the list's request to the watch's first event.
        took: Duration,
    },
    /// The list failed.
    NoList(String),
    /// The list worked, and the watch failed.
    NoWatch(String),
    /// The watch was opened, and the event that must come did not.
    Silent,
}

/// Lists and watches everything that the extender does.
pub(super) async fn fetch(client: &Client) -> Vec<(&'static str, Watched)> {
    let pods = watched::<TrimmedPod>(Api::all(client.clone()));
    let nodes = watched::<TrimmedNode>(Api::all(client.clone()));
    let deployments = watched::<TrimmedDeployment>(Api::all(client.clone()));
    let stateful_sets = watched::<TrimmedStatefulSet>(Api::all(client.clone()));
    let services = watched::<TrimmedService>(Api::all(client.clone()));
    let (pods, nodes, deployments, stateful_sets, services) =
        Box::pin(futures::future::join5(pods, nodes, deployments, stateful_sets, services)).await;
    vec![
        ("pods", pods),
        ("nodes", nodes),
        ("deployments", deployments),
        ("statefulsets", stateful_sets),
        ("services", services),
    ]
}

/// A watch of one object without a version begins with an event that says that it is there.
async fn watched<K>(api: Api<K>) -> Watched
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let started = Instant::now();
    let list = match patient(api.list(&ListParams::default().limit(1))).await {
        Err(reason) => return Watched::NoList(reason),
        Ok(list) => list,
    };
    let more = usize::try_from(list.metadata.remaining_item_count.unwrap_or(0)).unwrap_or(0);
    let objects = list.items.len() + more;
    let name = list.items.first().and_then(|object| object.meta().name.clone());
    let version = list.metadata.resource_version.unwrap_or_default();
    let (params, version) = match &name {
        Some(name) => (WatchParams::default().fields(&format!("metadata.name={name}")), "0"),
        None => (WatchParams::default(), version.as_str()),
    };
    let mut events = match patient(api.watch(&params, version)).await {
        Err(reason) => return Watched::NoWatch(reason),
        Ok(events) => Box::pin(events),
    };
    // Where there is nothing, nothing need come: that it was opened is all there is to see.
    if name.is_none() {
        return Watched::Works { objects, took: started.elapsed() };
    }
    match tokio::time::timeout(PATIENCE, events.try_next()).await {
        Err(_) | Ok(Ok(None)) => Watched::Silent,
        Ok(Err(error)) => Watched::NoWatch(brief(&error)),
        Ok(Ok(Some(_))) => Watched::Works { objects, took: started.elapsed() },
    }
}

/// How many nodes there are, if they could be listed.
pub(super) fn nodes(watched: &[(&'static str, Watched)]) -> Option<usize> {
    watched.iter().find_map(|(what, watched)| match watched {
        Watched::Works { objects, .. } if *what == "nodes" => Some(*objects),
        _ => None,
    })
}

/// One finding for each kind that does not work, or one for both.
pub(super) fn findings_of(watched: &[(&'static str, Watched)]) -> Vec<Finding> {
    let mut broken = Vec::new();
    let mut works = Vec::new();
    for (what, watched) in watched {
        let (found, advice) = match watched {
            Watched::Works { objects, took } => {
                works.push(format!(
                    "{} after {} ms",
                    count(*objects, what.trim_end_matches('s')),
                    took.as_millis()
                ));
                continue;
            }
            Watched::NoList(reason) => (
                format!("{what} cannot be listed: {reason}"),
                "see the rights above, then whether the API server is overloaded",
            ),
            Watched::NoWatch(reason) => (
                format!("{what} can be listed, but not watched: {reason}"),
                "see the rights above, then whether a proxy before the API server cuts long requests off",
            ),
            Watched::Silent => (
                format!("the watch of {what} was opened, and no event came within {PATIENCE:?}"),
                "a proxy before the API server holds the events back: have it pass responses on as they come",
            ),
        };
        broken.push(Finding::problem(CHECK, found, advice));
    }
    if broken.is_empty() {
        broken.push(Finding::ok(CHECK, format!("lists and watches come through: {}", works.join(", "))));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn each_way_to_fail_has_its_own_advice() {
        let works = Watched::Works { objects: 3, took: Duration::from_millis(7) };
        let fine = findings_of(&[("pods", works.clone()), ("nodes", works.clone())]);
        assert_eq!(
            fine,
            [Finding::ok(CHECK, "lists and watches come through: 3 pods after 7 ms, 3 nodes after 7 ms")]
        );
        let broken =
            [Watched::NoList("forbidden".into()), Watched::NoWatch("forbidden".into()), Watched::Silent];
        let mut advice = Vec::new();
        for watched in broken {
            let [finding] = &findings_of(&[("pods", watched), ("nodes", works.clone())])[..] else {
                panic!("one")
            };
            assert_eq!(finding.status, Status::Problem);
            assert!(finding.found.contains("pods"), "{finding:?}");
            advice.push(finding.advice.clone());
        }
        advice.dedup();
        assert_eq!(advice.len(), 3);
    }
}
