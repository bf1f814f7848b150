//! Debian's package `docker-registry` as a process, which asks for a password.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use anyhow::{Context as _, Result};
use netmarks_artefacts::{Credentials, Description, FetchConfig, Fetcher, Reference};
use netmarks_test_cluster::process::{Process, Program};
use netmarks_test_cluster::until;

use super::support::LIMIT;

/// `user` with the password `hunter2`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

pub struct Registry {
    // Before its folder.
    _process: Process,
    _folder: tempfile::TempDir,
    address: String,
}

impl Registry {
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("htpasswd"), HTPASSWD)?;
        // It listens on a port of its own choice, and logs which: no other process can have taken it.
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:0\"}}\nauth: {{htpasswd: {{realm: tests, path: {}}}}}\n",
            path("data").display(),
            path("htpasswd").display()
        );
        std::fs::write(path("config.yml"), config)?;
        let arguments = vec!["serve".to_owned(), path("config.yml").display().to_string()];
        let mut process = Program::new("docker-registry", "docker-registry", arguments, folder.path())
            .start()
            .context("is Debian's package docker-registry installed?")?;
        let address = until("the registry's address", LIMIT, async || {
            process.check_alive()?;
            let log = std::fs::read_to_string(&process.program().log)?;
            let address =
                log.split("listening on ").nth(1).and_then(|rest| rest.split(['"', ',', ' ']).next());
            Ok(address.map(str::to_owned))
        })
        .await?;
        Ok(Self { _process: process, _folder: folder, address })
    }

    /// A reference to this registry.
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }

    /// The content of a docker `config.json` with the password of this registry.
    pub fn credentials(&self) -> String {
        serde_json::json!({"auths": {&self.address: {"username": "user", "password": "hunter2"}}}).to_string()
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
