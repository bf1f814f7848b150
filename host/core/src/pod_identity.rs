//! What of a pod names its application: its name, labels and owners.

use std::borrow::Cow;
use std::fmt;

/// What of a pod decides its application; borrowed, so that a request's pod needs no copy.
#[derive(Clone, Copy, Debug)]
pub struct PodIdentity<'a> {
    /// The pod's name.
    pub name: &'a str,
    /// Whether a controller had the name generated (`generateName`).
    pub generated: bool,
    /// Looks a label up.
    pub labels: &'a dyn Labels,
    /// All owners, in the pod's order.
    pub owners: &'a [Owner<'a>],
}

/// An owner reference of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner<'a> {
    pub api_version: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// Whether it is the owner that manages the pod.
    pub controller: bool,
}

/// Read access to a pod's labels, whatever they are kept in.
pub trait Labels: fmt::Debug {
    /// The value of the label `key`.
    fn get(&self, key: &str) -> Option<&str>;
}

impl Labels for std::collections::BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<&str> {
        std::collections::BTreeMap::get(self, key).map(String::as_str)
    }
}

impl Labels for [(&str, &str)] {
    fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

impl<const N: usize> Labels for [(&str, &str); N] {
    fn get(&self, key: &str) -> Option<&str> {
        Labels::get(self.as_slice(), key)
    }
}
