//! The definition of `ScoringPolicy` as the file that a cluster takes.

use kube::CustomResourceExt as _;
use serde_json::Value;

use crate::resource::ScoringPolicy;

const HEAD: &str = "\
# Generated from host/controller/src/resource.rs; to write it again:
#   NETMARKS_BLESS=1 cargo test --workspace --test tests committed_definition
";

/// Why the definition could not be written, which a test rules out.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// As a tree.
    #[error("the definition is not a tree of values")]
    Tree(#[from] serde_json::Error),
    /// As YAML.
    #[error("the definition cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// `scoringpolicies.yaml` in the chart's `files`.
///
/// # Errors
/// If the definition cannot be written as YAML, which a test rules out.
pub fn manifest() -> Result<String, ManifestError> {
    let mut definition = serde_json::to_value(ScoringPolicy::crd())?;
    tidy(&mut definition);
    Ok(format!("{HEAD}{}", serde_saphyr::to_string(&definition)?))
}

/// Takes out what schemas of Rust types say and the API server has no use for: formats of unsigned integers, about
/// which it warns, and `nullable`, by which a field could be given as `null` where one should leave it out.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| {
                let unsigned = value.as_str().is_some_and(|format| format.starts_with("uint"));
                !(key == "nullable" && value.is_boolean() || key == "format" && unsigned)
            });
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
