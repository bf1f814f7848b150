//! The definition of `ScoringPolicy` as the file that a cluster takes.

use kube::CustomResourceExt as _;

use crate::resource::ScoringPolicy;

const HEAD: &str = "\
# Generated from host/controller/src/resource.rs; to write it anew:
#   UPDATE=1 cargo test --workspace --test crd
";

/// `deploy/crds/scoringpolicies.yaml`.
///
/// # Errors
/// If the definition cannot be written as YAML, which a test rules out.
pub fn manifest() -> Result<String, serde_saphyr::ser_error::Error> {
    Ok(format!("{HEAD}{}", serde_saphyr::to_string(&ScoringPolicy::crd())?))
}
