//! Whether somebody trusted signed an artefact.
//!
//! It is verified where an artefact comes from, before it is submitted; here it is kept with the entry, so that operators see it.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found out about the signature of an artefact when it was submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "check", rename_all = "kebab-case")]
pub enum Signature {
    /// It holds.
    Verified {
        /// Who made it: the id of a trusted key, or the identity of a certificate of a trusted authority.
        signed_by: String,
    },
    /// It was not looked at: neither keys nor authorities are trusted.
    NoTrustedKeys,
    /// It was not looked at: the configuration itself names the artefact.
    Configuration,
    /// An earlier version saved the entry and did not note it.
    #[default]
    Unknown,
}

impl Signature {
    /// What a source found that verifies signatures: who signed, or nothing where no signature is required.
    #[must_use]
    pub fn checked(signed_by: Option<String>) -> Self {
        signed_by.map_or(Self::NoTrustedKeys, |signed_by| Self::Verified { signed_by })
    }

    /// The signer, or that there was no check, for a cell of a table.
    #[must_use]
    pub fn signer(&self) -> &str {
        match self {
            Self::Verified { signed_by } => signed_by,
            Self::NoTrustedKeys | Self::Configuration => "not checked",
            Self::Unknown => "unknown",
        }
    }
}

/// A clause that follows what became of the policy.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified { signed_by } => write!(f, "signed by {signed_by}"),
            Self::NoTrustedKeys => f.write_str(
                "its signature was not checked: no trusted keys are configured (`policies.trusted_keys`)",
            ),
            Self::Configuration => f.write_str("its signature was not checked: the configuration names it"),
            Self::Unknown => f.write_str(
                "an earlier version took it over and did not note whether its signature was checked",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_object_in_json_and_an_entry_without_it_can_be_read() {
        let verified = Signature::checked(Some("94cd0e12ab34ef56".to_owned()));
        let shown = serde_json::to_value(&verified).unwrap();
        assert_eq!(shown, serde_json::json!({"check": "verified", "signed_by": "94cd0e12ab34ef56"}));
        assert_eq!(serde_json::from_value::<Signature>(shown).unwrap(), verified);
        assert_eq!(
            serde_json::to_value(Signature::checked(None)).unwrap(),
            serde_json::json!({"check": "no-trusted-keys"})
        );
        assert_eq!(Signature::default(), Signature::Unknown);
    }
}
