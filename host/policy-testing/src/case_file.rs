//! Case files as they stand in YAML.
//!
//! Only which keys there are; unknown ones are errors.

use std::collections::BTreeMap;
use std::fmt;

use netmarks_engine::ParameterValue;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use crate::cluster::Cluster;
use crate::expected::{ExpectedError, Tolerance};
use crate::pod::Pod;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) snapshot: Option<FileSnapshot>,
    pub(crate) cases: Vec<FileCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileCase {
    pub(crate) name: String,
    /// Instead of the file's.
    #[serde(default)]
    pub(crate) snapshot: Option<FileSnapshot>,
    pub(crate) pod: FilePodSource,
    /// The nodes to score; by default all.
    #[serde(default)]
    pub(crate) nodes: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, ParameterValue>,
    pub(crate) expect: FileExpectation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileExpectation {
    /// Nodes, the best first; those of one group tie. Nodes that are not listed must score less than the last.
    #[serde(default)]
    pub(crate) order: Option<Vec<Group>>,
    #[serde(default)]
    pub(crate) scores: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    pub(crate) tolerance: Option<Tolerance>,
    #[serde(default)]
    pub(crate) error: Option<ExpectedError>,
}

/// A snapshot file, or a cluster written out.
#[derive(Debug)]
pub(crate) enum FileSnapshot {
    Path(String),
    Cluster(Cluster),
}

/// A pod of the snapshot by name, or one written out.
#[derive(Debug)]
pub(crate) enum FilePodSource {
    Named(String),
    New(Pod),
}

/// One node, or several that tie.
#[derive(Debug)]
pub(crate) struct Group(Vec<String>);

impl Group {
    pub(crate) fn into_nodes(self) -> Vec<String> {
        self.0
    }
}

impl<'de> Deserialize<'de> for FileSnapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "the path of a snapshot file, or `nodes`, `pods` and `flows`";
        Ok(match deserializer.deserialize_any(TextOr::new(expected))? {
            Either::Text(path) => Self::Path(path),
            Either::Map(cluster) => Self::Cluster(cluster),
        })
    }
}

impl<'de> Deserialize<'de> for FilePodSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "the `namespace/name` of a pod of the snapshot, or a pod";
        Ok(match deserializer.deserialize_any(TextOr::new(expected))? {
            Either::Text(key) => Self::Named(key),
            Either::Map(pod) => Self::New(pod),
        })
    }
}

enum Either<T> {
    Text(String),
    Map(T),
}

/// Reads a text or a map, so that errors are about the one that was written: an untagged enum would forget them.
struct TextOr<T> {
    expected: &'static str,
    map: std::marker::PhantomData<T>,
}

impl<T> TextOr<T> {
    fn new(expected: &'static str) -> Self {
        Self { expected, map: std::marker::PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TextOr<T> {
    type Value = Either<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E>(self, text: &str) -> Result<Either<T>, E> {
        Ok(Either::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Either::Map)
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nodes;
        impl<'de> Visitor<'de> for Nodes {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node, or a list of nodes that tie")
            }

            fn visit_str<E: de::Error>(self, node: &str) -> Result<Vec<String>, E> {
                Ok(vec![node.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Vec<String>, A::Error> {
                let mut group = Vec::new();
                while let Some(node) = nodes.next_element()? {
                    group.push(node);
                }
                if group.is_empty() { Err(de::Error::custom("a group of no nodes")) } else { Ok(group) }
            }
        }
        deserializer.deserialize_any(Nodes).map(Self)
    }
}
