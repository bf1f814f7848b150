//! A file of a web server, named with the digest of its content.

use std::fmt;
use std::net::IpAddr;

use netmarks_core::digest::Digest;
use reqwest::Url;

/// A file of a web server, with the digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UrlReference {
    url: Url,
    digest: Digest,
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

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // From the end, for `@` is legal within a URL.
        let (url, digest) = text
            .rsplit_once('@')
            .filter(|(_, digest)| digest.starts_with("sha256:"))
            .ok_or("a URL must end with the digest of the component")?;
        let digest = digest.parse::<Digest>().map_err(|error| error.to_string())?;
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

impl fmt::Display for UrlReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.url, self.digest)
    }
}
