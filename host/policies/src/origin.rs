//! Where a change of the policies comes from: the source that manages a name, and the actor of one change.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a policy came from. A name belongs to one origin: what one place manages, another does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The configuration file's section `policy`; by default the built-in score.
    Configuration,
    /// The watched folder.
    Folder,
    /// The admin listener.
    Upload,
    Kubernetes,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "the configuration",
            Self::Folder => "the policy folder",
            Self::Upload => "the admin listener",
            Self::Kubernetes => "a ScoringPolicy",
        })
    }
}

/// Who changes something, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A user, a service account, or the part of this program that did it.
    pub user: String,
    /// The address, file or object that it came from.
    pub from: String,
}

impl Actor {
    /// A part of this program.
    #[must_use]
    pub fn own(user: &str, from: impl Into<String>) -> Self {
        Self { user: user.to_owned(), from: from.into() }
    }
}
