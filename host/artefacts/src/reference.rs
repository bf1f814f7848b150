//! What names a policy: a repository of a registry, a URL, a file.
//!
//! Apart from fetching, so that a configuration can be checked without a network.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

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

/// A manifest in a registry, by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OciReference {
    parsed: oci_client::Reference,
    digest: Option<Digest>,
}

/// A file of a web server, with the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UrlReference {
    url: Url,
    digest: Digest,
}

/// A text that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` names no policy: {problem}. Expected `registry.example/repository:tag`, \
     `registry.example/repository@sha256:<hex>`, `https://host/path.wasm@sha256:<hex>`, or a path that begins with `/` \
     or `./`"
)]
pub struct ReferenceError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Reference {
    /// Whether it names one content for ever, so that there is nothing to poll for.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        match self {
            Self::Oci(reference) => reference.digest.is_some(),
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

impl OciReference {
    /// Host and, if it was given, port of the registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.parsed.resolve_registry()
    }

    /// The repository within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.parsed.repository()
    }

    /// The tag. Beside a digest it only informs.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.parsed.tag()
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository with this manifest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { parsed: self.parsed.clone_with_digest(digest.to_string()), digest: Some(digest) }
    }

    /// The same repository with another tag.
    pub(crate) fn tagged(&self, tag: String) -> Self {
        let (registry, repository) = (self.parsed.registry().to_owned(), self.repository().to_owned());
        Self { parsed: oci_client::Reference::with_tag(registry, repository, tag), digest: None }
    }

    /// What stands behind `manifests/` in the registry's API.
    pub(crate) fn manifest_name(&self) -> String {
        match self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn as_client(&self) -> &oci_client::Reference {
        &self.parsed
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (registry, rest) = text.split_once('/').ok_or("it has no registry")?;
        // As docker decides whether the first part is a registry; a default one would hide a typing error.
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err(format!("`{registry}` is no registry, which has a dot, a port, or is `localhost`"));
        }
        // Before the library, which says only that the format is wrong.
        let digest = match text.split_once('@') {
            Some((_, digest)) => Some(
                digest
                    .parse::<Digest>()
                    .map_err(|_| "its digest is not `sha256:` and 64 hexadecimal digits")?,
            ),
            None => None,
        };
        let parsed = oci_client::Reference::from_str(text).map_err(|error| {
            format!("{error} (repositories are of lower-case letters, digits, `.`, `_`, `-` and `/`)")
        })?;
        if digest.is_none() && !rest.contains(':') {
            return Err("it has neither a tag nor a digest".to_owned());
        }
        Ok(Self { parsed, digest })
    }
}

impl UrlReference {
    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What it must contain.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    fn parse(text: &str) -> Result<Self, String> {
        // From the end, for `@` is legal within a URL.
        let (url, hex) =
            text.rsplit_once("@sha256:").ok_or("a URL must end with the digest of the component")?;
        let digest =
            format!("sha256:{hex}").parse().map_err(|_| "its digest is not 64 hexadecimal digits")?;
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        if !url.username().is_empty() || url.password().is_some() {
            // It would be shown in logs and errors.
            return Err("a URL must not hold a user or password".to_owned());
        }
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err("`http` is for loopback addresses only; use `https`".to_owned());
        }
        Ok(Self { url, digest })
    }
}

/// Whether requests to this URL stay on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
            Self::Url(reference) => write!(f, "{}@{}", reference.url, reference.digest),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parsed.fmt(f)
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
    fn parts_of_a_registry_reference() {
        let Reference::Oci(reference) = parse(&format!("registry.example:5000/a/zone:v1@sha256:{HEX}"))
        else {
            panic!("not of a registry")
        };
        assert_eq!(reference.registry(), "registry.example:5000");
        assert_eq!(reference.repository(), "a/zone");
        assert_eq!(reference.tag(), Some("v1"));
        assert_eq!(reference.manifest_name(), format!("sha256:{HEX}"));
        assert_eq!(reference.tagged("v2".to_owned()).to_string(), "registry.example:5000/a/zone:v2");
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
            ("policies/zone:v1", "`policies` is no registry"),
            ("registry.example/zone", "neither a tag nor a digest"),
            ("localhost:5000/zone", "neither a tag nor a digest"),
            ("registry.example/Zone:v1", "lower-case"),
            ("registry.example/zone:v1 ", "invalid reference"),
            ("registry.example/zone@sha256:abc", "its digest is not `sha256:`"),
            (&long, "its digest is not `sha256:`"),
            ("https://files.example/zone.wasm", "must end with the digest"),
            ("https://files.example/zone.wasm@sha256:abc", "64 hexadecimal digits"),
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
