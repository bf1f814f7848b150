//! Reads `cpu` and `memory` as Kubernetes writes them: `8`, `0.5`, `500m`, `32Gi`.
//!
//! Apart because YAML turns some of them into numbers and leaves others text.

use std::fmt;

use netmarks_core::facts::Resources;
use netmarks_core::quantity;
use serde::{Deserialize, Deserializer, de};

/// What a pod requests, or a node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Requests {
    #[serde(rename = "cpu", deserialize_with = "cpu")]
    pub(crate) cpu_millicores: u64,
    #[serde(rename = "memory", deserialize_with = "memory")]
    pub(crate) memory_bytes: u64,
}

impl From<Requests> for Resources {
    fn from(requests: Requests) -> Self {
        Self { cpu_millicores: requests.cpu_millicores, memory_bytes: requests.memory_bytes }
    }
}

/// Millicores of a number of cores.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates, and NaN is 0")]
pub(crate) fn millicores(cores: f64) -> u64 {
    (cores * 1_000.0).round() as u64
}

/// Millicores of a cpu quantity.
pub(crate) fn cpu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    read(deserializer, "cpu", quantity::cpu_millicores)
}

/// Bytes of a memory quantity.
pub(crate) fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    read(deserializer, "memory", quantity::memory_bytes)
}

fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
    parse: fn(&str) -> Option<u64>,
) -> Result<u64, D::Error> {
    let text = deserializer.deserialize_any(Text)?;
    parse(&text).ok_or_else(|| {
        de::Error::custom(format!("{what} `{text}` is not a quantity such as `4`, `500m` or `32Gi`"))
    })
}

/// A scalar as it was written.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as `4`, `500m` or `32Gi`")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
