//! The extender protocol as kube-scheduler speaks it: the body of `POST /prioritize` and its answer.
//!
//! Decoding borrows the node names from the body and skips whatever
//! scoring does not use; the answer is written by hand, since the names are already JSON.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use netmarks_core::application::{Application, Identity, Labels, PodIdentity};
use netmarks_core::pod::{PodSpec, PodStatus};
use netmarks_core::request::PendingPod;
use netmarks_core::requests::pod_requests;

use crate::bounds::MOST_CANDIDATES;
use crate::node_names;

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
pub fn decode(body: &[u8], identity: Identity) -> Result<PrioritizeRequest<'_>, BadRequest> {
    // Once for the whole body is several times faster than once per name.
    let body = std::str::from_utf8(body)?;
    if let Some((rest, nodes)) = node_names::split(body) {
        let arguments: ExtenderArgs<'_> = serde_json::from_str(&rest)?;
        let pod = arguments.pod.ok_or(BadRequest::NoPod)?;
        return Ok(PrioritizeRequest { pod: pod.pending(identity), nodes });
    }
    let arguments: ExtenderArgs<'_> = serde_json::from_str(body)?;
    let pod = arguments.pod.ok_or(BadRequest::NoPod)?;
    let nodes = match (arguments.node_names, arguments.nodes) {
        (Some(names), _) => names.0,
        (None, Some(nodes)) => nodes.items.into_iter().map(|node| node.metadata.name).collect(),
        (None, None) => return Err(BadRequest::NoNodes),
    };
    Ok(PrioritizeRequest { pod: pod.pending(identity), nodes })
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

#[derive(Deserialize)]
struct ExtenderArgs<'a> {
    #[serde(rename = "Pod", borrow)]
    pod: Option<Pod<'a>>,
    #[serde(rename = "Nodes", borrow)]
    nodes: Option<NodeList<'a>>,
    #[serde(rename = "NodeNames", borrow)]
    node_names: Option<NodeNames<'a>>,
}

#[derive(Deserialize)]
struct NodeList<'a> {
    #[serde(borrow)]
    items: Vec<Node<'a>>,
}

#[derive(Deserialize)]
struct Node<'a> {
    #[serde(borrow)]
    metadata: NodeMetadata<'a>,
}

#[derive(Deserialize)]
struct NodeMetadata<'a> {
    name: &'a str,
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
                while let Some(name) = names.next_element()? {
                    if all.len() >= MOST_CANDIDATES {
                        return Err(serde::de::Error::custom(format_args!(
                            "more than {MOST_CANDIDATES} node names"
                        )));
                    }
                    all.push(name);
                }
                Ok(NodeNames(all))
            }
        }
        deserializer.deserialize_seq(Names(PhantomData))
    }
}

#[derive(Deserialize)]
struct Pod<'a> {
    #[serde(borrow)]
    metadata: PodMetadata<'a>,
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Deserialize)]
struct PodMetadata<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow, default, rename = "ownerReferences")]
    owners: Vec<Owner<'a>>,
    #[serde(borrow, default)]
    labels: PodLabels<'a>,
}

#[derive(Deserialize)]
struct Owner<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    controller: bool,
}

#[derive(Debug, Default)]
struct PodLabels<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Labels for PodLabels<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
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

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(PodLabels::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut labels: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((Text(key), Text(value))) = labels.next_entry()? {
                    all.push((key, value));
                }
                Ok(PodLabels(all))
            }
        }
        deserializer.deserialize_any(Pairs(PhantomData))
    }
}

/// A text that is borrowed where it can be; `Cow` on its own always copies inside collections.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Pod<'_> {
    fn pending(self, identity: Identity) -> PendingPod {
        let metadata = self.metadata;
        let controller = metadata.owners.iter().find(|owner| owner.controller);
        let application = identity
            .name(PodIdentity {
                name: &metadata.name,
                labels: &metadata.labels,
                controller: controller.map(|owner| (&*owner.kind, &*owner.name)),
            })
            .map(|name| Application::new(&metadata.namespace, name));
        PendingPod {
            key: format!("{}/{}", metadata.namespace, metadata.name),
            application,
            labels: metadata
                .labels
                .0
                .into_iter()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
            // A pod that waits has no status yet.
            requests: pod_requests(&self.spec, &PodStatus::default()),
        }
    }
}
