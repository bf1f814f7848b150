//! A proxy or agent of a mesh, and the edge that it reports on.

use crate::edge::Edge;
use crate::exposition::{Dialect, Series};
use crate::pods::PodInstance;
use std::collections::BTreeMap;

/// One proxy or agent: a scrape target of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Name of its pod, and of the target.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) dialect: Dialect,
    pub(crate) series: Vec<Series>,
}

/// Target labels from pairs.
pub(crate) fn target_labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The pods at both ends of one edge.
pub(crate) struct Ends<'a> {
    pub(crate) index: usize,
    pub(crate) edge: &'a Edge,
    pub(crate) source: &'a [PodInstance],
    pub(crate) destination: &'a [PodInstance],
}
