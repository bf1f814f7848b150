//! How many pods of each application each node has. What is asked for most often, so it is laid out by node: an application's peers on a
//! node are close together.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Applications times nodes up to which there is a cell for every pair. Beyond, most of the cells would be empty and not fit into memory.
const MOST_CELLS: usize = 4 << 20;

#[derive(Clone)]
pub(crate) enum Counts {
    /// By node, then by application.
    Cells { applications: usize, cells: Vec<u32> },
    /// By node: the applications that it has, without zeros.
    Rows(Vec<HashMap<usize, u32, BuildHasherDefault<Multiply>>>),
}

impl Counts {
    pub(crate) fn new(nodes: usize, applications: usize) -> Self {
        match nodes.checked_mul(applications) {
            Some(count) if count <= MOST_CELLS => Self::Cells { applications, cells: vec![0; count] },
            _ => Self::Rows(vec![HashMap::default(); nodes]),
        }
    }

    pub(crate) fn get(&self, node: usize, application: usize) -> u32 {
        let count = match self {
            Self::Cells { applications, cells } => cells.get(node * applications + application),
            Self::Rows(rows) => rows.get(node).and_then(|row| row.get(&application)),
        };
        count.copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, node: usize, application: usize, more: i32) {
        match self {
            Self::Cells { applications, cells } => {
                if let Some(count) = cells.get_mut(node * *applications + application) {
                    *count = count.saturating_add_signed(more);
                }
            }
            Self::Rows(rows) => {
                let Some(row) = rows.get_mut(node) else { return };
                let count = row.entry(application).or_default();
                *count = count.saturating_add_signed(more);
                if *count == 0 {
                    row.remove(&application);
                }
            }
        }
    }
}

/// For indices, which nobody chooses to collide.
#[derive(Clone, Copy, Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        // The golden ratio spreads neighbours; the table takes the top bits and the bottom ones.
        self.0 = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
