//! The tree of keys that file, environment and flags are laid over, and where each of its values comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use netmarks_core::yaml::YamlError;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;
use serde_saphyr::options::NonFiniteFloatPolicy;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A line of the file, from 1.
    File { file: PathBuf, line: u64 },
    /// An environment variable.
    Environment(String),
    /// A flag of the command.
    Flag(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The place of each key that is set somewhere, by its path: `server.tls`, `policies.trusted_keys[0]`.
pub(super) type Places = BTreeMap<String, Place>;

/// Keys with their values, and the place of each.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) value: Value,
    pub(super) places: Places,
}

impl Tree {
    /// Nothing is set.
    pub(super) fn empty() -> Self {
        Self { value: Value::Object(Map::new()), places: Places::new() }
    }

    /// What a file holds.
    pub(super) fn read(file: &Path, text: &str) -> Result<Self, YamlError> {
        // Or a context called `y` would be `true`.
        let options = serde_saphyr::options! {
            strict_booleans: true,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        };
        let node: Option<Node> = serde_saphyr::from_str_with_options(text, options)?;
        let top = Place::File { file: file.to_owned(), line: 1 };
        let mut places = Places::from([(String::new(), top)]);
        // An empty file, or one of comments only, is a configuration without a key.
        let value = node.map_or_else(
            || Value::Object(Map::new()),
            |node| {
                node.into_value("", &mut |path, line| {
                    places.insert(path, Place::File { file: file.to_owned(), line });
                })
            },
        );
        Ok(Self { value, places })
    }

    /// Sets a key, whatever was there.
    pub(super) fn set(&mut self, key: &str, value: Value, place: Place) {
        let below = |path: &String| path.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '[']));
        self.places.retain(|path, _| !below(path));
        self.places.insert(key.to_owned(), place);
        insert(&mut self.value, key, value);
    }

    /// Where a key is set, or else what is around it.
    pub(super) fn place(&self, key: &str) -> Option<&Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.places.get(key) {
                return Some(place);
            }
            key = key.get(..key.rfind(['.', '['])?)?;
        }
    }
}

fn insert(tree: &mut Value, key: &str, value: Value) {
    let (name, rest) = match key.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (key, None),
    };
    if !tree.is_object() {
        *tree = Value::Object(Map::new());
    }
    if let Value::Object(fields) = tree {
        match rest {
            None => {
                fields.insert(name.to_owned(), value);
            }
            Some(rest) => insert(fields.entry(name).or_insert(Value::Null), rest, value),
        }
    }
}

/// The path of a key in what is called `outer`.
pub(super) fn join(outer: &str, name: &str) -> String {
    if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") }
}

/// YAML as it stands there, with the lines of its keys and items. The parser bounds how deep it goes.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    fn into_value(self, path: &str, at: &mut impl FnMut(String, u64)) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    let path = format!("{path}[{index}]");
                    at(path.clone(), item.referenced.line());
                    item.value.into_value(&path, at)
                });
                Value::Array(items.collect())
            }
            Self::Map(fields) => {
                let fields = fields.into_iter().map(|(name, node)| {
                    let path = join(path, &name.value);
                    at(path.clone(), name.referenced.line());
                    (name.value, node.into_value(&path, at))
                });
                Value::Object(fields.collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with values")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    /// JSON has no infinity; as a text it is refused with what is allowed.
    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).map(Value::Number);
        Ok(Node::Scalar(number.unwrap_or_else(|| value.to_string().into())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry()? {
            map.push(field);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_item_has_its_line() {
        let text = "server:\n  tls:\n    cert_file: a\npolicies:\n  trusted_keys:\n    - a\n    - b\n";
        let mut tree = Tree::read(Path::new("c.yaml"), text).unwrap();
        for (key, line) in [
            ("server", 1),
            ("server.tls.cert_file", 3),
            ("server.tls.key_file", 2),
            ("policies.trusted_keys[1]", 7),
        ] {
            assert_eq!(tree.place(key).unwrap().to_string(), format!("c.yaml:{line}"), "{key}");
        }
        assert_eq!(tree.place("log.format"), None);
        tree.set("policies.trusted_keys", Value::Array(Vec::new()), Place::Flag("--keys"));
        assert_eq!(tree.place("policies.trusted_keys[1]"), Some(&Place::Flag("--keys")));
        assert_eq!(tree.value["policies"]["trusted_keys"], serde_json::json!([]));
    }

    #[test]
    fn a_word_stays_a_word_and_a_file_may_be_empty() {
        let tree = Tree::read(Path::new("c.yaml"), "cluster: {context: y}\n").unwrap();
        assert_eq!(tree.value["cluster"]["context"], "y");
        for text in ["", "# nothing\n", "---\n"] {
            assert_eq!(Tree::read(Path::new("c.yaml"), text).unwrap().value, Tree::empty().value, "{text}");
        }
    }
}
