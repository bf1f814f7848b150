//! What a policy may import beyond the log: a grant is given to one policy, by its operator, by name.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

/// What a policy may import beyond the log.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    JsonSchema,
    ToSchema,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Grant {
    /// The interfaces of WASI 0.2 (any 0.2.x; neither 0.1 nor 0.3), with nothing behind them: no files, no network, no environment, no time; what is
    /// printed goes to the log. Interpreted languages bring a runtime that imports them whether it uses them or not.
    Wasi,
}

impl Grant {
    /// The name that settings and `--grant` use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The grant that the import `name` needs, if there is one for it.
    pub(crate) fn for_import(name: &str) -> Option<Self> {
        (name.starts_with("wasi:") && name.contains("@0.2.")).then_some(Self::Wasi)
    }
}

/// What one policy was granted.
pub type Grants = BTreeSet<Grant>;
