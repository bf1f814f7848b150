//! What names a policy: a repository of a registry, a URL, a file.
//!
//! No network is needed to read one, so that a configuration can be checked anywhere.

mod oci;
mod url;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use netmarks_core::digest::Digest;
use serde::{Deserialize, Serialize};

pub use oci::OciReference;
pub use url::UrlReference;
pub(crate) use url::is_loopback;

/// What names a policy.
///
/// As a text it is one of
/// - `registry.example/repository:tag`, `registry.example/repository@sha256:<hex>` or both, also with `oci://` before it.
///   The registry and the tag or digest must be there: nothing is taken from a default registry or from `latest` unasked.
/// - `https://host/path.wasm@sha256:<hex>`: the digest is of the component and required, for a server may change what
///   it serves at any time. `http` is accepted for loopback addresses only.
/// - a path that begins with `/`, `./` or `../`, or `file:///path`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reference {
    /// A manifest in a registry.
    Oci(OciReference),
    /// A file of a web server, with the digest of its content.
    Url(UrlReference),
    /// A file of this machine.
    File(PathBuf),
}

/// A text that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` names no policy: {problem}. Expected `registry.example/repository:tag`, \
     `registry.example/repository@sha256:<hex>`, `https://host/path.wasm@sha256:<hex>`, or a path that begins with `/` \
     or `./`"
)]
pub struct ReferenceError {
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Reference {
    /// Whether it names one content forever, so that there is nothing to poll for.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        match self {
            Self::Oci(reference) => reference.digest().is_some(),
            Self::Url(_) => true,
            Self::File(_) => false,
        }
    }

    /// The same repository with the manifest `digest`; anything else as it is.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        match self {
            Self::Oci(reference) => Self::Oci(reference.pinned(digest)),
            other => other.clone(),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let parsed = if text.starts_with("https://") || text.starts_with("http://") {
            UrlReference::parse(text).map(Self::Url)
        } else if let Some(path) = text.strip_prefix("file://") {
            if path.starts_with('/') {
                Ok(Self::File(path.into()))
            } else {
                Err("`file://` is followed by an absolute path".to_owned())
            }
        } else if ["/", "./", "../"].iter().any(|start| text.starts_with(start)) {
            Ok(Self::File(text.into()))
        } else {
            OciReference::parse(text.strip_prefix("oci://").unwrap_or(text)).map(Self::Oci)
        };
        parsed.map_err(|problem| ReferenceError { text: text.to_owned(), problem })
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl From<&Path> for Reference {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(reference) => reference.fmt(f),
            Self::Url(reference) => reference.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn parse(text: &str) -> Reference {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "registry.example/policies/zone:v1".to_owned(),
            "localhost:5000/zone:v1".to_owned(),
            "localhost/zone:v1".to_owned(),
            format!("registry.example:5000/zone@sha256:{HEX}"),
            format!("registry.example/zone:v1@sha256:{HEX}"),
            format!("https://files.example/a@b/zone.wasm?x=1@sha256:{HEX}"),
            format!("http://127.0.0.1:8080/zone.wasm@sha256:{HEX}"),
            format!("http://[::1]:8080/zone.wasm@sha256:{HEX}"),
            "/policies/zone.wasm".to_owned(),
            "./zone.wasm".to_owned(),
        ] {
            let reference = parse(&text);
            assert_eq!(reference.to_string(), text);
            let json = serde_json::to_string(&reference).unwrap();
            assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference);
        }
        assert_eq!(parse("oci://registry.example/zone:v1"), parse("registry.example/zone:v1"));
        assert_eq!(parse("file:///policies/zone.wasm"), parse("/policies/zone.wasm"));
    }

    #[test]
    fn only_a_digest_pins() {
        assert!(!parse("registry.example/zone:v1").is_pinned());
        assert!(!parse("/zone.wasm").is_pinned());
        assert!(parse(&format!("registry.example/zone:v1@sha256:{HEX}")).is_pinned());
        assert!(parse(&format!("https://files.example/zone.wasm@sha256:{HEX}")).is_pinned());
        let pinned = parse("registry.example/zone:v1").pinned(Digest::of(b"abc"));
        assert_eq!(pinned.to_string(), format!("registry.example/zone@sha256:{HEX}"));
    }

    #[test]
    fn complaints_say_what_is_wrong_and_what_is_expected() {
        let long = format!("registry.example/zone@sha512:{HEX}{HEX}");
        let secret = format!("https://user:hunter2@files.example/zone.wasm@sha256:{HEX}");
        let plain = format!("http://files.example/zone.wasm@sha256:{HEX}");
        for (text, problem) in [
            ("", "no registry"),
            ("zone.wasm", "no registry"),
            ("policies/zone:v1", "`policies` is not a registry"),
            ("registry.example/zone", "neither a tag nor a digest"),
            ("localhost:5000/zone", "neither a tag nor a digest"),
            ("registry.example/Zone:v1", "lower-case"),
            ("registry.example/zone:v1 ", "invalid reference"),
            ("registry.example/zone@sha256:abc", "is not a digest; expected `sha256:` and 64 lower-case"),
            (&long, "is not a digest; expected `sha256:` and 64 lower-case"),
            ("https://files.example/zone.wasm", "must end with the digest"),
            ("https://files.example/zone.wasm@sha256:abc", "64 lower-case hexadecimal digits"),
            (&plain, "loopback addresses only"),
            (&secret, "user or password"),
            ("file://zone.wasm", "absolute path"),
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {}", error.problem);
            assert!(error.to_string().contains("Expected `registry.example/repository:tag`"), "{error}");
        }
    }
}
