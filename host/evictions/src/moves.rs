//! A move, as whoever planned it hands it over.

use netmarks_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::event::Skip;
use crate::seen::NodeSeen;

/// One pod that should run on another node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// `namespace/name`.
    pub pod: String,
    /// The pod's uid, where the plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The application that the pod is of; empty where it is not known.
    #[serde(skip)]
    pub application: String,
    /// The node that it is on.
    pub from: String,
    /// The node that its replacement should be on.
    pub to: String,
    /// Nodes that are as good: kube-scheduler may choose one of them instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<String>,
    /// What that saves, in bytes per second; below zero for one that pays only with those after it.
    #[serde(default)]
    pub gain: f64,
}

impl Move {
    /// The pod's namespace, and its name in it.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.pod.split_once('/').unwrap_or(("", &self.pod))
    }

    /// Whether a replacement on this node is where the plan wants it.
    #[must_use]
    pub fn is_there(&self, node: &str) -> bool {
        self.to == node || self.or.iter().any(|other| other == node)
    }

    /// Why the target takes no pod, if neither it nor a node that is as good does.
    ///
    /// # Errors
    /// With the node that has to be looked at first.
    pub(crate) fn closed(&self, seen: impl Fn(&str) -> Option<NodeSeen>) -> Result<Option<Skip>, &str> {
        let mut closed = None;
        for node in std::iter::once(&self.to).chain(&self.or) {
            match Skip::of_target(seen(node).ok_or(node.as_str())?) {
                None => return Ok(None),
                why => closed = closed.or(why),
            }
        }
        Ok(closed)
    }

    /// Has each of two nodes in the place of the other, unless the pod is on one of them.
    pub(crate) fn exchange(&mut self, one: &str, other: &str) {
        if self.from == one || self.from == other {
            return;
        }
        for name in std::iter::once(&mut self.to).chain(&mut self.or) {
            if *name == one {
                other.clone_into(name);
            } else if *name == other {
                one.clone_into(name);
            }
        }
    }
}

/// By what a journal knows its plan: the digest of all moves in their order, whatever they gain.
#[must_use]
pub fn digest(moves: &[Move]) -> Digest {
    // Names have neither commas nor line ends, so that no two plans have the same text.
    let line = |Move { pod, uid, application: _, from, to, or, gain: _ }: &Move| {
        let (uid, or) = (uid.as_deref().unwrap_or(""), or.join(","));
        format!("{pod}\n{uid}\n{from}\n{to}\n{or}\n")
    };
    Digest::of(moves.iter().map(line).collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_is_another_plan() {
        let plan = |moves: &[[&str; 5]]| {
            let moves = moves.iter().map(|[pod, uid, from, to, or]| Move {
                pod: (*pod).to_owned(),
                uid: Some((*uid).to_owned()).filter(|uid| !uid.is_empty()),
                application: String::new(),
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                or: or.split_whitespace().map(str::to_owned).collect(),
                gain: 1.0,
            });
            digest(&moves.collect::<Vec<_>>())
        };
        let (first, second) = (["shop/cart", "", "a", "b", ""], ["shop/ads", "1", "a", "c", ""]);
        let digests = [
            plan(&[]),
            plan(&[first]),
            plan(&[first, second]),
            plan(&[second, first]),
            plan(&[["shop/cart", "", "ab", "", ""]]),
            plan(&[["shop/cart", "1", "a", "b", ""]]),
            plan(&[["shop/cart", "", "a", "b", "c"]]),
            plan(&[["shop/cart", "", "a", "b", "c d"]]),
            plan(&[["shop/cart", "", "a", "b", "cd"]]),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert_eq!(digests.iter().position(|other| other == digest), Some(index));
        }
    }
}
