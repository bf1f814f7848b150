//! A move, as whoever planned it hands it over.

use netmarks_core::digest::Digest;
use serde::{Deserialize, Serialize};

/// One pod that should run on another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// `namespace/name`.
    pub pod: String,
    /// The pod's uid, where the plan knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The node that it is on.
    pub from: String,
    /// The node that its replacement should be on.
    pub to: String,
}

impl Move {
    /// The pod's namespace, and its name in it.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        self.pod.split_once('/').unwrap_or(("", &self.pod))
    }
}

/// By what a journal knows its plan: the digest of all moves in their order.
#[must_use]
pub fn digest(moves: &[Move]) -> Digest {
    // Each text ends with a byte that no name has, so that no two plans have the same bytes.
    let texts = moves
        .iter()
        .flat_map(|Move { pod, uid, from, to }| [pod.as_str(), uid.as_deref().unwrap_or(""), from, to]);
    Digest::of(&texts.flat_map(|text| [text.as_bytes(), b"\n"]).collect::<Vec<_>>().concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_is_another_plan() {
        let plan = |moves: &[[&str; 4]]| {
            let moves = moves.iter().map(|[pod, uid, from, to]| Move {
                pod: (*pod).to_owned(),
                uid: Some((*uid).to_owned()).filter(|uid| !uid.is_empty()),
                from: (*from).to_owned(),
                to: (*to).to_owned(),
            });
            digest(&moves.collect::<Vec<_>>())
        };
        let (first, second) = (["shop/cart", "", "a", "b"], ["shop/ads", "1", "a", "c"]);
        let digests = [
            plan(&[]),
            plan(&[first]),
            plan(&[first, second]),
            plan(&[second, first]),
            plan(&[["shop/cart", "", "ab", ""]]),
            plan(&[["shop/cart", "1", "a", "b"]]),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert_eq!(digests.iter().position(|other| other == digest), Some(index));
        }
    }
}
