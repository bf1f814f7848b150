//! Node names to ids: the table that every name of every request is looked up in.
//!
//! It is the hottest lookup of a request (thousands of names each), and laid out for that: all names
//! in one string, so that a comparison touches memory that is already near, and a fast non-cryptographic hash with
//! a random seed.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::facts::NodeId;

/// Holds the names of all nodes. Copied when a node joins or leaves, never while requests read it.
#[derive(Clone, Debug, Default)]
pub struct NodeNames {
    /// All names (UTF-8), one after the other; those of nodes that left stay until the next compaction.
    text: Vec<u8>,
    /// Start and end in `text`, by id; empty for an id that is free.
    spans: Vec<(u32, u32)>,
    ids: HashTable<u32>,
    hasher: RandomState,
    unused_bytes: usize,
    successors: Successors,
}

impl NodeNames {
    /// The ids of `names`, in their order; `None` where no node is called so.
    ///
    /// kube-scheduler goes through the nodes in the same order again and again, each time from where it stopped. So each id
    /// remembers which one came after it, and a name is compared with that one's before it is hashed.
    pub fn ids<'a>(&'a self, names: &'a [&str]) -> impl ExactSizeIterator<Item = Option<NodeId>> + 'a {
        let mut before = None;
        names.iter().map(move |name| {
            let expected = before.and_then(|before| self.successors.of(before));
            let id = match expected {
                // A free id has the empty name, which is nobody's.
                Some(id) if !name.is_empty() && self.bytes(id) == name.as_bytes() => Some(id),
                _ => {
                    let found = self.id(name);
                    if let (Some(before), Some(found)) = (before, found) {
                        self.successors.remember(before, found);
                    }
                    found
                }
            };
            before = id;
            id
        })
    }

    /// The id of the node called `name`.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<NodeId> {
        let hash = self.hasher.hash_one(name.as_bytes());
        let same = |&id: &u32| bytes_at(&self.text, &self.spans, id) == name.as_bytes();
        self.ids.find(hash, same).map(|&id| NodeId(id))
    }

    /// The name of a node; empty for an id that is not in use.
    #[must_use]
    pub fn name(&self, id: NodeId) -> &str {
        name_at(&self.text, &self.spans, id.0)
    }

    /// One more than the highest id ever in use: the length of a table by node.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.spans.len()
    }

    /// How many nodes have a name here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All ids and names, by id.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &str)> + '_ {
        (0..self.spans.len())
            .filter_map(|slot| u32::try_from(slot).ok())
            .map(|id| (NodeId(id), name_at(&self.text, &self.spans, id)))
            .filter(|(_, name)| !name.is_empty())
    }

    /// Gives `name`, which must be new, the free id `id` (at most [`Self::slots`]).
    pub(crate) fn insert(&mut self, id: NodeId, name: &str) {
        self.successors.make_room(id);
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.extend_from_slice(name.as_bytes());
        let span = (start, u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        match self.spans.get_mut(id.index()) {
            Some(slot) => *slot = span,
            None => self.spans.push(span),
        }
        let Self { text, spans, ids, hasher, .. } = self;
        let hash = hasher.hash_one(name.as_bytes());
        ids.insert_unique(hash, id.0, |&id| hasher.hash_one(bytes_at(text, spans, id)));
    }

    /// Frees `id`.
    pub(crate) fn remove(&mut self, id: NodeId) {
        let hash = self.hasher.hash_one(self.name(id).as_bytes());
        if let Ok(entry) = self.ids.find_entry(hash, |&candidate| candidate == id.0) {
            entry.remove();
        }
        self.unused_bytes += self.name(id).len();
        if let Some(span) = self.spans.get_mut(id.index()) {
            *span = (0, 0);
        }
        if self.unused_bytes * 2 > self.text.len() {
            self.compact();
        }
    }

    fn bytes(&self, id: NodeId) -> &[u8] {
        bytes_at(&self.text, &self.spans, id.0)
    }

    fn compact(&mut self) {
        let old = std::mem::take(&mut self.text);
        for span in &mut self.spans {
            let name = old.get(span.0 as usize..span.1 as usize).unwrap_or_default();
            let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            self.text.extend_from_slice(name);
            *span = (start, u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
        self.unused_bytes = 0;
    }
}

/// Which id came after each in the last request that named both. A guess, which readers change while others read it.
#[derive(Debug, Default)]
struct Successors(Vec<AtomicU32>);

impl Successors {
    /// Before anything came after an id.
    const UNKNOWN: u32 = u32::MAX;

    fn of(&self, id: NodeId) -> Option<NodeId> {
        let next = self.0.get(id.index())?.load(Ordering::Relaxed);
        (next != Self::UNKNOWN).then_some(NodeId(next))
    }

    fn remember(&self, id: NodeId, next: NodeId) {
        if let Some(slot) = self.0.get(id.index()) {
            slot.store(next.0, Ordering::Relaxed);
        }
    }

    fn make_room(&mut self, id: NodeId) {
        if id.index() >= self.0.len() {
            self.0.push(AtomicU32::new(Self::UNKNOWN));
        }
    }
}

impl Clone for Successors {
    fn clone(&self) -> Self {
        Self(self.0.iter().map(|next| AtomicU32::new(next.load(Ordering::Relaxed))).collect())
    }
}

/// As bytes, for look-ups: slicing a `str` would check each name's ends for character boundaries.
fn bytes_at<'a>(text: &'a [u8], spans: &[(u32, u32)], id: u32) -> &'a [u8] {
    spans
        .get(id as usize)
        .and_then(|&(start, end)| text.get(start as usize..end as usize))
        .unwrap_or_default()
}

fn name_at<'a>(text: &'a [u8], spans: &[(u32, u32)], id: u32) -> &'a str {
    // Only whole names are ever added, so this never fails.
    std::str::from_utf8(bytes_at(text, spans, id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_come_and_go_and_ids_are_reused() {
        let mut names = NodeNames::default();
        for id in 0..100 {
            names.insert(NodeId(id), &format!("node-{id}"));
        }
        assert_eq!((names.len(), names.id("node-42"), names.id("node-100")), (100, Some(NodeId(42)), None));
        for id in 0..80 {
            names.remove(NodeId(id));
        }
        assert_eq!((names.len(), names.id("node-42"), names.id("node-99")), (20, None, Some(NodeId(99))));
        names.insert(NodeId(42), "replacement");
        assert_eq!((names.id("replacement"), names.name(NodeId(42))), (Some(NodeId(42)), "replacement"));
        assert_eq!(names.iter().count(), 21);
        assert!(names.text.len() < 400, "the names of nodes that left are compacted away");
    }

    proptest! {
        /// Whatever was asked before, and whichever nodes came and went meanwhile, each name has its own id.
        #[test]
        fn names_in_any_order_have_the_ids_that_they_have_alone(
            steps in prop::collection::vec((0..12u32, prop::collection::vec(0..16usize, 0..24)), 1..12),
        ) {
            let all: Vec<String> = (0..16).map(|n| if n == 0 { String::new() } else { format!("n{n}") }).collect();
            let mut names = NodeNames::default();
            for (id, asked) in steps {
                let id = NodeId(id.min(u32::try_from(names.slots()).unwrap()));
                if !names.name(id).is_empty() {
                    names.remove(id);
                } else if names.id(&all[id.index() + 1]).is_none() {
                    names.insert(id, &all[id.index() + 1]);
                }
                let asked: Vec<&str> = asked.into_iter().map(|name| all[name].as_str()).collect();
                let alone: Vec<Option<NodeId>> = asked.iter().map(|name| names.id(name)).collect();
                prop_assert_eq!(names.ids(&asked).collect::<Vec<_>>(), alone);
            }
        }
    }
}
