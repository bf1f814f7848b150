//! What is seen of pods and nodes: as much as deciding needs.
//!
//! Of each pod of the namespaces in the plan some 200 bytes are kept, so memory grows with what the cluster runs there.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::watcher::Event;
use serde::{Deserialize, Serialize};

/// Who replaces a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    pub uid: String,
    /// Its group and version, such as `apps/v1`.
    pub api_version: String,
    /// Such as `ReplicaSet`.
    pub kind: String,
    pub name: String,
}

/// A pod that has not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSeen {
    pub uid: String,
    /// The owner that is its controller.
    pub controller: Option<Controller>,
    /// The node it was bound to.
    pub node: Option<String>,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// How long it may take to end, in seconds.
    pub grace_seconds: u64,
    /// Why kube-scheduler found no node for it.
    pub unschedulable: Option<String>,
}

/// Without a period of its own, the API server gives each pod so many seconds.
const DEFAULT_GRACE_SECONDS: i64 = 30;

impl PodSeen {
    fn new(pod: &Pod) -> Option<(String, Self)> {
        let metadata = &pod.metadata;
        let spec = pod.spec.as_ref();
        let conditions = || pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let condition = |kind: &str| conditions().find(|condition| condition.type_ == kind);
        let mut owners = metadata.owner_references.iter().flatten();
        let controller = owners.find(|owner| owner.controller == Some(true)).map(|owner| Controller {
            uid: owner.uid.clone(),
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            name: owner.name.clone(),
        });
        let unscheduled = condition("PodScheduled")
            .filter(|condition| condition.reason.as_deref() == Some("Unschedulable"));
        let grace = metadata.deletion_grace_period_seconds;
        let grace = grace.or(spec.and_then(|spec| spec.termination_grace_period_seconds));
        let seen = Self {
            uid: metadata.uid.clone()?,
            controller,
            node: spec.and_then(|spec| spec.node_name.clone()).filter(|node| !node.is_empty()),
            ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
            terminating: metadata.deletion_timestamp.is_some(),
            grace_seconds: grace.unwrap_or(DEFAULT_GRACE_SECONDS).try_into().unwrap_or(0),
            unschedulable: unscheduled.map(|condition| condition.message.clone().unwrap_or_default()),
        };
        Some((metadata.name.clone()?, seen))
    }
}

/// Pods by namespace and name, as the watches tell them.
#[derive(Debug, Default)]
pub struct Pods {
    namespaces: HashMap<String, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    pods: HashMap<String, PodSeen>,
    /// The list that is coming in; what is known stays until it is complete.
    coming: HashMap<String, PodSeen>,
    listed: bool,
}

impl Pods {
    /// Takes an event of a namespace's watch.
    pub fn take(&mut self, namespace: &str, event: Event<Pod>) {
        let known = self.namespaces.entry(namespace.to_owned()).or_default();
        match event {
            Event::Init => known.coming.clear(),
            Event::InitApply(pod) => known.coming.extend(PodSeen::new(&pod)),
            Event::InitDone => {
                known.pods = std::mem::take(&mut known.coming);
                known.listed = true;
            }
            Event::Apply(pod) => known.pods.extend(PodSeen::new(&pod)),
            Event::Delete(pod) => {
                // A pod of the same name may have come before the old one's end was told.
                let name = pod.metadata.name.unwrap_or_default();
                if known.pods.get(&name).is_some_and(|seen| Some(&seen.uid) == pod.metadata.uid.as_ref()) {
                    known.pods.remove(&name);
                }
            }
        }
    }

    /// Whether the pods of this namespace were listed.
    #[must_use]
    pub fn is_listed(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|known| known.listed)
    }

    /// The pod `namespace/name`.
    #[must_use]
    pub fn get(&self, pod: &str) -> Option<&PodSeen> {
        let (namespace, name) = pod.split_once('/')?;
        self.namespaces.get(namespace)?.pods.get(name)
    }

    /// All pods of a controller, which is of this namespace, with their names.
    pub fn of<'a>(
        &'a self,
        namespace: &str,
        controller_uid: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a PodSeen)> {
        let pods = self.namespaces.get(namespace).into_iter().flat_map(|known| &known.pods);
        pods.filter(move |(_, seen)| {
            seen.controller.as_ref().is_some_and(|controller| controller.uid == controller_uid)
        })
        .map(|(name, seen)| (name.as_str(), seen))
    }

    /// Puts a pod there, or removes it: for tests of what is decided.
    #[cfg(test)]
    pub(crate) fn set(&mut self, pod: &str, seen: Option<PodSeen>) {
        let (namespace, name) = pod.split_once('/').unwrap();
        let known = self.namespaces.entry(namespace.to_owned()).or_default();
        known.listed = true;
        match seen {
            Some(seen) => drop(known.pods.insert(name.to_owned(), seen)),
            None => drop(known.pods.remove(name)),
        }
    }
}

/// How many pods a controller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerSeen {
    Gone,
    Wants(u32),
    /// It cannot be looked at.
    Unknown {
        why: String,
    },
}

/// Whether a node takes pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSeen {
    Gone,
    Cordoned,
    NotReady,
    Ready,
}

impl NodeSeen {
    /// Of the node as it is, if there is one.
    #[must_use]
    pub fn of(node: Option<&Node>) -> Self {
        let Some(node) = node else { return Self::Gone };
        if node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true)) {
            return Self::Cordoned;
        }
        let mut conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
        if ready { Self::Ready } else { Self::NotReady }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str, more: &serde_json::Value) -> Pod {
        let mut pod = json!({"metadata": {"name": "cart-0", "namespace": "shop", "uid": uid}});
        for (key, value) in more.as_object().unwrap() {
            let part = pod.as_object_mut().unwrap().entry(key).or_insert_with(|| json!({}));
            part.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn what_counts_of_a_pod() {
        let mut pods = Pods::default();
        pods.take("shop", Event::Apply(pod("1", &json!({
            "metadata": {"ownerReferences": [
                {"apiVersion": "v1", "kind": "Backup", "name": "b", "uid": "7"},
                {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "cart", "uid": "8", "controller": true}]},
            "spec": {"nodeName": "", "containers": [], "terminationGracePeriodSeconds": 5},
            "status": {"conditions": [
                {"type": "Ready", "status": "False"},
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]},
        }))));
        let seen = pods.get("shop/cart-0").unwrap();
        let controller = Controller {
            uid: "8".to_owned(),
            api_version: "apps/v1".to_owned(),
            kind: "StatefulSet".to_owned(),
            name: "cart".to_owned(),
        };
        assert_eq!(
            seen,
            &PodSeen {
                uid: "1".to_owned(),
                controller: Some(controller),
                grace_seconds: 5,
                unschedulable: Some("0/3 nodes".to_owned()),
                ..PodSeen::default()
            }
        );
        assert_eq!(pods.of("shop", "8").count(), 1);
        assert_eq!(pods.of("shop", "7").count() + pods.of("bank", "8").count(), 0);
    }

    #[test]
    fn a_list_counts_when_it_is_complete_and_an_old_end_removes_no_new_pod() {
        let mut pods = Pods::default();
        pods.take("shop", Event::Init);
        pods.take("shop", Event::InitApply(pod("1", &json!({}))));
        assert!(!pods.is_listed("shop") && pods.get("shop/cart-0").is_none());
        pods.take("shop", Event::InitDone);
        assert!(pods.is_listed("shop") && pods.get("shop/cart-0").is_some());
        pods.take("shop", Event::Apply(pod("2", &json!({}))));
        pods.take("shop", Event::Delete(pod("1", &json!({}))));
        assert_eq!(pods.get("shop/cart-0").unwrap().uid, "2");
        pods.take("shop", Event::Init);
        assert!(pods.get("shop/cart-0").is_some(), "until the new list is complete");
        pods.take("shop", Event::InitDone);
        assert!(pods.get("shop/cart-0").is_none());
    }

    #[test]
    fn a_node_takes_pods_when_it_is_ready_and_not_cordoned() {
        let node = |unschedulable: bool, ready: &str| -> Node {
            let conditions = json!([{"type": "Ready", "status": ready}]);
            let node = json!({"metadata": {}, "spec": {"unschedulable": unschedulable}, "status": {"conditions": conditions}});
            serde_json::from_value(node).unwrap()
        };
        assert_eq!(NodeSeen::of(None), NodeSeen::Gone);
        assert_eq!(NodeSeen::of(Some(&node(true, "True"))), NodeSeen::Cordoned);
        assert_eq!(NodeSeen::of(Some(&node(false, "Unknown"))), NodeSeen::NotReady);
        assert_eq!(NodeSeen::of(Some(&node(false, "True"))), NodeSeen::Ready);
    }
}
