//! An OCI registry on loopback: Debian's package `docker-registry` as a process.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::{Process, Program};
use crate::until;

/// `user` with the password `hunter2`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

/// Long beside its start, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What a registry asks of its clients, and shows them.
#[derive(Debug, Default)]
pub struct OciOptions {
    /// Whether it asks for `user` and `hunter2`.
    pub password: bool,
    /// Its certificate and private key, PEM; without, it speaks plain HTTP.
    pub certificate: Option<(String, String)>,
}

/// A registry; killed when dropped, with everything that was pushed to it.
#[derive(Debug)]
pub struct OciRegistry {
    // Before its folder.
    process: Process,
    folder: tempfile::TempDir,
    address: String,
}

impl OciRegistry {
    /// Starts one on a port of its own choice.
    ///
    /// # Errors
    /// If the package is not installed, or it does not start.
    pub async fn start(options: OciOptions) -> Result<Self> {
        let OciOptions { password, certificate } = options;
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        // It logs which port it chose: no other process can have taken it.
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: 127.0.0.1:0\n",
            path("data").display()
        );
        if let Some((certificate, key)) = certificate {
            fs::write(path("tls.crt"), certificate)?;
            fs::write(path("tls.key"), key)?;
            let (certificate, key) = (path("tls.crt"), path("tls.key"));
            config += &format!("  tls: {{certificate: {}, key: {}}}\n", certificate.display(), key.display());
        }
        if password {
            fs::write(path("htpasswd"), HTPASSWD)?;
            config +=
                &format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", path("htpasswd").display());
        }
        fs::write(path("config.yml"), config)?;
        let arguments = vec!["serve".to_owned(), path("config.yml").display().to_string()];
        let mut process = Program::new("docker-registry", "docker-registry", arguments, folder.path())
            .start()
            .context("is Debian's package docker-registry installed?")?;
        let address = until("the registry's address", LIMIT, async || {
            process.check_alive()?;
            let log = fs::read_to_string(&process.program().log)?;
            // With what ends it, so that no line that is written just now is taken for whole.
            let address = log
                .split_once("listening on ")
                .and_then(|(_, rest)| Some(rest.split_once(['"', ',', ' '])?.0.to_owned()));
            Ok(address)
        })
        .await?;
        Ok(Self { process, folder, address })
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The content of a docker `config.json` with its password.
    #[must_use]
    pub fn credentials(&self) -> String {
        serde_json::json!({"auths": {&self.address: {"username": "user", "password": "hunter2"}}}).to_string()
    }

    /// Where it keeps the bytes of the blob with this SHA-256, in hexadecimal.
    #[must_use]
    pub fn blob(&self, hex: &str) -> PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(hex.get(..2).unwrap_or_default()).join(hex).join("data")
    }

    /// How many requests of its log are as this says, such as `"GET /v2/zone/blobs/`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn requests(&self, beginning: &str) -> Result<usize> {
        Ok(fs::read_to_string(&self.process.program().log)?.matches(beginning).count())
    }
}
