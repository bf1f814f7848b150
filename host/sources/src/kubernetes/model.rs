//! Pods and nodes as the scheduler's model takes them, which is more of them than scoring does.
//!
//! Watches of their own, so that an extender alone neither decodes nor keeps it. Of each object only what the model reads is kept.

use k8s_openapi::api::core::v1 as api;
use kube::Client;
use kube::runtime::watcher::{Config, Event};
use netmarks_scheduler_model::{LiveCluster, Node, Pod};
use netmarks_state::WatchHealth;
use tokio_util::sync::CancellationToken;

use super::fold::Outcome;
use super::watch::{PAGE_SIZE, UNFINISHED, events, follow};

/// What follows the watches.
pub trait Follower: Sync {
    /// Changes the cluster by a whole batch. Where there are two of it, each is changed.
    fn update(&self, change: &mut dyn FnMut(&mut LiveCluster));

    /// A pod that came or changed, or is `gone`; after the cluster knows it.
    fn see(&self, pod: &api::Pod, gone: bool);
}

/// Keeps a model as the API server tells it, until `shutdown`; errors are retried and logged as those of [`super::watch::run`], but counted
/// nowhere.
///
/// Cancel safe, as that is.
pub async fn run(client: Client, follower: impl Follower, shutdown: CancellationToken) {
    let health = [WatchHealth::default(), WatchHealth::default()];
    let [of_pods, of_nodes] = &health;
    let pods = follow(
        "pods",
        || events::<api::Pod>(&client, Config::default().fields(UNFINISHED).page_size(PAGE_SIZE)),
        of_pods,
        |events| take_pods(&follower, &events),
    );
    let nodes = follow(
        "nodes",
        || events::<api::Node>(&client, Config::default().page_size(PAGE_SIZE)),
        of_nodes,
        |events| take_nodes(&follower, &events),
    );
    let both = Box::pin(futures::future::join(pods, nodes));
    shutdown.run_until_cancelled(both).await;
}

/// Applies events of pods, then tells who they were about.
pub fn take_pods(follower: &impl Follower, events: &[Event<api::Pod>]) -> Outcome {
    follower.update(&mut |cluster| {
        for event in events {
            match event {
                Event::Init => cluster.begin_pod_list(),
                Event::InitApply(pod) | Event::Apply(pod) if is_finished(pod) => delete(cluster, pod),
                Event::InitApply(pod) | Event::Apply(pod) => cluster.apply_pod(Pod::from_api(pod, |_| None)),
                Event::Delete(pod) => delete(cluster, pod),
                Event::InitDone => cluster.end_pod_list(),
            }
        }
    });
    for event in events {
        match event {
            Event::InitApply(pod) | Event::Apply(pod) => follower.see(pod, is_finished(pod)),
            Event::Delete(pod) => follower.see(pod, true),
            Event::Init | Event::InitDone => {}
        }
    }
    lists(events)
}

/// Applies events of nodes.
pub fn take_nodes(follower: &impl Follower, events: &[Event<api::Node>]) -> Outcome {
    follower.update(&mut |cluster| {
        for event in events {
            match event {
                Event::Init => cluster.begin_node_list(),
                Event::InitApply(node) | Event::Apply(node) => cluster.apply_node(Node::from(node)),
                Event::Delete(node) => {
                    cluster.delete_node(node.metadata.name.as_deref().unwrap_or_default());
                }
                Event::InitDone => cluster.end_node_list(),
            }
        }
    });
    lists(events)
}

fn lists<K>(events: &[Event<K>]) -> Outcome {
    let mut outcome = Outcome::default();
    for event in events {
        match event {
            Event::Init => outcome.lists_begun += 1,
            Event::InitDone => outcome.lists_ended += 1,
            _ => {}
        }
    }
    outcome
}

fn delete(cluster: &mut LiveCluster, pod: &api::Pod) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    cluster.delete_pod(&format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name)));
}

fn is_finished(pod: &api::Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, from_value, json};

    use super::*;

    #[derive(Default)]
    struct Recorded {
        cluster: Mutex<LiveCluster>,
        seen: Mutex<Vec<(String, bool)>>,
    }

    impl Follower for Recorded {
        fn update(&self, change: &mut dyn FnMut(&mut LiveCluster)) {
            change(&mut self.cluster.lock().unwrap());
        }

        fn see(&self, pod: &api::Pod, gone: bool) {
            self.seen.lock().unwrap().push((pod.metadata.name.clone().unwrap(), gone));
        }
    }

    fn pod(name: &str, node: Option<&str>, phase: &str) -> api::Pod {
        let requests = json!({"requests": {"cpu": "3"}});
        let containers = json!([{"name": "c", "resources": requests}]);
        let metadata = json!({"namespace": "shop", "name": name});
        let spec = json!({"nodeName": node, "containers": containers});
        from_value(json!({"metadata": metadata, "spec": spec, "status": {"phase": phase}})).unwrap()
    }

    fn node(name: &str) -> Value {
        json!({"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}}})
    }

    #[test]
    fn a_pod_takes_room_until_it_is_finished_or_deleted_and_everyone_is_told() {
        let follower = Recorded::default();
        let nodes = ["a", "b"].map(|name| Event::InitApply(from_value(node(name)).unwrap()));
        take_nodes(&follower, &[vec![Event::Init], nodes.to_vec(), vec![Event::InitDone]].concat());
        let web = |phase: &str| pod("web", Some("a"), phase);
        take_pods(&follower, &[Event::Init, Event::InitApply(web("Running")), Event::InitDone]);
        let next = Pod::from_api(&pod("next", None, "Pending"), |_| None);
        let free = || {
            let mut cluster = follower.cluster.lock().unwrap();
            cluster.feasible(&next).nodes().map(|node| node.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(free(), ["b"]);
        assert!(follower.cluster.lock().unwrap().is_complete());
        take_pods(&follower, &[Event::Apply(pod("late", Some("b"), "Pending"))]);
        assert!(free().is_empty());
        take_pods(&follower, &[Event::Apply(web("Succeeded"))]);
        assert_eq!(free(), ["a"]);
        take_pods(&follower, &[Event::Delete(pod("late", Some("b"), "Running"))]);
        assert_eq!(free(), ["a", "b"]);
        let seen = [("web", false), ("late", false), ("web", true), ("late", true)];
        assert_eq!(*follower.seen.lock().unwrap(), seen.map(|(name, gone)| (name.to_owned(), gone)));
    }
}
