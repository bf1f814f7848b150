//! The extender protocol as kube-scheduler speaks it: the body of `POST /prioritize` and its answer.
//!
//! Decoding borrows the node names from the body and skips whatever
//! scoring does not use; the answer is written by hand, since the names are already JSON.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use netmarks_core::application::{Application, Naming};
use netmarks_core::assumed::key_of_decision;
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::go_json::Text;
use netmarks_core::go_object;
use netmarks_core::pod::{PodSpec, PodStatus};
use netmarks_core::pod_identity::{Labels, Owner, PodIdentity};
use netmarks_core::request::PendingPod;
use netmarks_core::requests::pod_requests;
use netmarks_scoring::bounds::MOST_CANDIDATES;

use crate::node_names;

/// A longer id of a decision is not one of ours, in bytes; a uid has 36.
const MOST_OF_A_DECISION: usize = 128;

/// A decoded request: what `k8s.io/kube-scheduler/extender/v1.ExtenderArgs` holds for us.
#[derive(Debug)]
pub struct PrioritizeRequest<'a> {
    /// The pod that waits for a node.
    pub pod: PendingPod,
    /// The candidates, in the scheduler's order.
    pub nodes: Vec<&'a str>,
}

/// A body that is not a request.
#[derive(Debug, thiserror::Error)]
pub enum BadRequest {
    /// Not JSON, or JSON of another shape.
    #[error("the body is not an ExtenderArgs object: {0}")]
    Decode(#[from] serde_json::Error),
    /// Not even text.
    #[error("the body is not UTF-8: {0}")]
    NotText(#[from] std::str::Utf8Error),
    #[error("the body has no `Pod`")]
    NoPod,
    /// No candidates in either form.
    #[error(
        "the body has neither `NodeNames` (nodeCacheCapable: true) nor `Nodes` (nodeCacheCapable: false)"
    )]
    NoNodes,
}

/// Decodes a body and finds the pod's application.
///
/// # Errors
/// If the body is not what kube-scheduler sends; the message says what is missing.
pub fn decode(body: &[u8], naming: Naming) -> Result<PrioritizeRequest<'_>, BadRequest> {
    // Once for the whole body is several times faster than once per name.
    let body = std::str::from_utf8(body)?;
    if let Some((rest, nodes)) = node_names::split(body) {
        let arguments: ExtenderArgs<'_> = serde_json::from_str(&rest)?;
        let pod = arguments.pod.ok_or(BadRequest::NoPod)?;
        return Ok(PrioritizeRequest { pod: pod.pending(naming), nodes });
    }
    let arguments: ExtenderArgs<'_> = serde_json::from_str(body)?;
    let pod = arguments.pod.ok_or(BadRequest::NoPod)?;
    let nodes = match (arguments.node_names, arguments.nodes) {
        (Some(names), _) => names.0,
        (None, Some(nodes)) => nodes.items.into_iter().map(|node| node.metadata.name).collect(),
        (None, None) => return Err(BadRequest::NoNodes),
    };
    Ok(PrioritizeRequest { pod: pod.pending(naming), nodes })
}

/// Writes the answer: a `HostPriorityList` that names only hosts with a positive score.
///
/// Names are copied as they are: they were borrowed from JSON without a single escape, so they need none.
#[must_use]
pub fn encode(nodes: &[&str], scores: &[(u32, u32)]) -> Vec<u8> {
    let mut answer = Vec::with_capacity(2 + scores.len() * 48);
    answer.push(b'[');
    for (candidate, score) in scores {
        let Some(node) = nodes.get(*candidate as usize) else { continue };
        if answer.len() > 1 {
            answer.push(b',');
        }
        answer.extend_from_slice(b"{\"Host\":\"");
        answer.extend_from_slice(node.as_bytes());
        answer.extend_from_slice(b"\",\"Score\":");
        answer.extend_from_slice(itoa::Buffer::new().format(*score).as_bytes());
        answer.push(b'}');
    }
    answer.push(b']');
    answer
}

go_object! {
    struct ExtenderArgs<'a> {
        pod: Option<Pod<'a>> = "Pod",
        nodes: Option<NodeList<'a>> = "Nodes",
        node_names: Option<NodeNames<'a>> = "NodeNames",
    }
}

go_object! {
    struct NodeList<'a> {
        items: Vec<Node<'a>> = "items",
    }
}

go_object! {
    struct Node<'a> {
        metadata: NodeMetadata<'a> = "metadata",
    }
}

go_object! {
    struct NodeMetadata<'a> {
        name: &'a str = "name",
    }
}

/// Thousands of names: reserved generously, so that they are not copied about while they are read.
struct NodeNames<'a>(Vec<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for NodeNames<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Names<'a> {
            type Value = NodeNames<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of node names")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(512);
                while let Some(name) = names.next_element::<Option<&str>>()? {
                    if all.len() >= MOST_CANDIDATES {
                        return Err(serde::de::Error::custom(format_args!(
                            "more than {MOST_CANDIDATES} node names"
                        )));
                    }
                    all.push(name.unwrap_or_default());
                }
                Ok(NodeNames(all))
            }
        }
        deserializer.deserialize_seq(Names(PhantomData))
    }
}

go_object! {
    struct Pod<'a> {
        metadata: PodMetadata<'a> = "metadata",
        spec: PodSpec = "spec",
    }
}

go_object! {
    struct PodMetadata<'a> {
        name: Cow<'a, str> as Text<'a> = "name",
        generate_name: Cow<'a, str> as Text<'a> = "generateName",
        namespace: Cow<'a, str> as Text<'a> = "namespace",
        owners: Vec<OwnerReference<'a>> = "ownerReferences",
        labels: PodLabels<'a> = "labels",
        annotations: PodAnnotations<'a> = "annotations",
    }
}

go_object! {
    /// Those that are read.
    struct PodAnnotations<'a> {
        expected_traffic: Cow<'a, str> as Text<'a> = "netmarks.dev/expected-traffic",
        decision: Cow<'a, str> as Text<'a> = "netmarks.dev/decision",
    }
}

go_object! {
    struct OwnerReference<'a> {
        api_version: Cow<'a, str> as Text<'a> = "apiVersion",
        kind: Cow<'a, str> as Text<'a> = "kind",
        name: Cow<'a, str> as Text<'a> = "name",
        controller: bool = "controller",
    }
}

#[derive(Debug, Default)]
struct PodLabels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Labels for PodLabels<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rfind(|(name, _)| name == key).map(|(_, value)| &**value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PodLabels<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Pairs<'a> {
            type Value = PodLabels<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((Text(key), value)) = labels.next_entry::<_, Option<Text<'_>>>()? {
                    all.push((key, value.unwrap_or_default().0));
                }
                Ok(PodLabels(all))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<'a> From<OwnerReference<'a>> for Owner<'a> {
    fn from(owner: OwnerReference<'a>) -> Self {
        let OwnerReference { api_version, kind, name, controller } = owner;
        Self { api_version, kind, name, controller }
    }
}

impl Pod<'_> {
    fn pending(self, naming: Naming) -> PendingPod {
        let metadata = self.metadata;
        let owners: Vec<Owner<'_>> = metadata.owners.into_iter().map(Owner::from).collect();
        let application = naming
            .name(PodIdentity {
                name: &metadata.name,
                generated: !metadata.generate_name.is_empty(),
                labels: &metadata.labels,
                owners: &owners,
            })
            .map(|name| Application::new(&metadata.namespace, name));
        PendingPod {
            assumed_as: Some(&*metadata.annotations.decision)
                .filter(|decision| (1..=MOST_OF_A_DECISION).contains(&decision.len()))
                .map(|decision| key_of_decision(&metadata.namespace, decision)),
            group: self.spec.group().map(|group| format!("{}/{group}", metadata.namespace)),
            key: format!("{}/{}", metadata.namespace, metadata.name),
            application,
            labels: metadata
                .labels
                .0
                .into_iter()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
            expected: ExpectedTraffic::read(&metadata.annotations.expected_traffic, &metadata.namespace),
            // A pod that waits has no status yet.
            requests: pod_requests(&self.spec, &PodStatus::default()),
        }
    }
}
