//! Reads `cpu` and `memory` of case files as Kubernetes writes them: `8`, `0.5`, `500m`, `32Gi`.
//!
//! Core passes over what is malformed; in a test it is a mistake, and refused.

use netmarks_core::facts::Resources;
use netmarks_core::quantity;
use serde::{Deserialize, Deserializer, de};

/// The fields `cpu` and `memory` of an object of their own.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Requests {
    #[serde(deserialize_with = "cpu")]
    cpu: u64,
    #[serde(deserialize_with = "memory")]
    memory: u64,
}

/// What each pod requests.
pub(crate) fn requests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resources, D::Error> {
    let Requests { cpu, memory } = Requests::deserialize(deserializer)?;
    Ok(Resources { cpu_millicores: cpu, memory_bytes: memory })
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
    let text = quantity::text(deserializer)?.unwrap_or_default();
    parse(&text).ok_or_else(|| {
        de::Error::custom(format!("{what} `{text}` is not a quantity such as `4`, `500m` or `32Gi`"))
    })
}
