//! Sets of nodes that some count is limited to, each held once.

use std::sync::Arc;

use hashbrown::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeSetId(usize);

#[derive(Clone, Debug, Default)]
pub(crate) struct NodeSets {
    all: Vec<Arc<[bool]>>,
    known: HashMap<Arc<[bool]>, NodeSetId, foldhash::fast::RandomState>,
}

impl NodeSets {
    /// `members` by node. `None` if all are: then nothing is limited.
    pub(crate) fn of(&mut self, members: Vec<bool>) -> Option<NodeSetId> {
        if members.iter().all(|member| *member) {
            return None;
        }
        let members: Arc<[bool]> = members.into();
        let next = NodeSetId(self.all.len());
        let id = *self.known.entry(Arc::clone(&members)).or_insert(next);
        if id == next {
            self.all.push(members);
        }
        Some(id)
    }

    pub(crate) fn get(&self, id: NodeSetId) -> Option<&Arc<[bool]>> {
        self.all.get(id.0)
    }
}
