//! A registry that asks for a password, and what is pushed there.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]

use anyhow::Result;
use netmarks_artefacts::{Credentials, Description, FetchConfig, Fetcher, Reference};
use netmarks_test_cluster::{OciOptions, OciRegistry};

pub struct Registry(OciRegistry);

impl Registry {
    pub async fn start() -> Result<Self> {
        Ok(Self(OciRegistry::start(OciOptions { password: true, ..OciOptions::default() }).await?))
    }

    /// A reference to this registry.
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.0.address())
    }

    /// The content of a docker `config.json` with the password of this registry.
    pub fn credentials(&self) -> String {
        self.0.credentials()
    }

    /// Who may write to it.
    pub fn publisher(&self) -> Fetcher {
        let credentials = Credentials::Config(self.credentials().into_bytes());
        Fetcher::new(FetchConfig { credentials, ..FetchConfig::default() })
    }

    /// Pushes a component; returns the reference with its digest.
    pub async fn push(&self, rest: &str, bytes: Vec<u8>) -> Result<Reference> {
        let tag = self.reference(rest).parse()?;
        Ok(self.publisher().push(&tag, bytes, &Description::default()).await?.resolved.parse()?)
    }
}
