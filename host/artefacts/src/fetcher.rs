//! Getting a policy from wherever its reference points to.
//!
//! Registries and files each know one way. Here is what holds for all of them: the settings, the connection that follows its
//! certificates, and the order of steps. A signature is verified before the component is downloaded where
//! that is possible, and always before it is handed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use netmarks_core::digest::Digest;
use reqwest::Client;
use tokio::sync::Mutex;

use crate::beside::Beside;
use crate::credentials::Credentials;
use crate::error::{FetchError, Reason, Step};
use crate::hashing;
use crate::keys::SigningKey;
use crate::layout::{self, Description};
use crate::local_file::read;
use crate::publish::{self, Pushed};
use crate::reference::{OciReference, Reference, UrlReference};
use crate::registry::{RegistryAccess, Session};
use crate::transport::{self, Deadline, Plain};
use crate::verifier::Verifier;

/// Largest component by default, 32 MiB: a policy in Rust has some hundred KiB, one with an interpreter some MiB.
pub const DEFAULT_MAX_BYTES: u64 = 32 << 20;

/// Longest time for one fetch by default.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How policies are fetched.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// Certificates (PEM) to trust besides the system's. Read again for every fetch, so that a changed one is used at once.
    pub ca_file: Option<PathBuf>,
    /// Registries, as `host` or `host:port`, that may be spoken to over plain HTTP if they do not speak TLS. Loopback
    /// addresses always may.
    pub insecure_registries: Vec<String>,
    /// Who we are to registries.
    pub credentials: Credentials,
    /// Largest component, in bytes.
    pub max_bytes: u64,
    /// Longest time for one fetch, push or look-up with all its requests.
    pub timeout: Duration,
    /// With a verifier, only what somebody trusted signed is handed over. Without, nothing is verified but digests.
    pub verifier: Option<Verifier>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            ca_file: None,
            insecure_registries: Vec::new(),
            credentials: Credentials::Anonymous,
            max_bytes: DEFAULT_MAX_BYTES,
            timeout: DEFAULT_TIMEOUT,
            verifier: None,
        }
    }
}

/// A component, whose digest and, if keys are configured, signature were verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub digest: Digest,
    /// What it was fetched as: for a registry the repository with the manifest's digest, else the reference itself.
    pub resolved: String,
    /// Who signed it, if signatures are required: the id of a key, or the identity of a certificate.
    pub signed_by: Option<String>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bytes, digest, resolved, signed_by } = self;
        f.debug_struct("Fetched")
            .field("bytes", &bytes.len())
            .field("digest", digest)
            .field("resolved", resolved)
            .field("signed_by", signed_by)
            .finish()
    }
}

/// Fetches policies, and pushes them.
#[derive(Debug)]
pub struct Fetcher {
    config: FetchConfig,
    plain: Plain,
    connected: Mutex<Option<Connection>>,
}

/// A client with the certificates it was made with.
#[derive(Clone, Debug)]
struct Connection {
    ca: Option<Vec<u8>>,
    client: Client,
}

impl Fetcher {
    /// Keeps the settings; connects to nothing and reads no file yet.
    #[must_use]
    pub fn new(config: FetchConfig) -> Self {
        let plain = Plain(config.insecure_registries.clone().into());
        Self { config, plain, connected: Mutex::new(None) }
    }

    #[must_use]
    pub fn config(&self) -> &FetchConfig {
        &self.config
    }

    /// Gets the component that a reference names now.
    ///
    /// Cancel safe: a dropped fetch is simply not done.
    ///
    /// # Errors
    /// For everything between here and a component whose size, digest and signature are right.
    pub async fn fetch(&self, reference: &Reference) -> Result<Fetched, FetchError> {
        let at = |step: Step| move |reason: Reason| reason.at(step, reference);
        match reference {
            Reference::File(path) => {
                let (bytes, digest, signed_by) =
                    self.read_file(path).await.map_err(|(step, reason)| at(step)(reason))?;
                Ok(Fetched { bytes, digest, resolved: reference.to_string(), signed_by })
            }
            Reference::Url(url) => {
                let connection = self.connect().await.map_err(at(Step::Connect))?;
                self.fetch_url(&connection.client, url).await.map_err(|(step, reason)| at(step)(reason))
            }
            Reference::Oci(oci) => {
                let mut session = self.open(oci, RegistryAccess::Pull).await.map_err(at(Step::Connect))?;
                let (manifest, manifest_digest) = session.manifest(oci).await.map_err(at(Step::Manifest))?;
                let signed_by = match &self.config.verifier {
                    Some(verifier) => {
                        Some(session.verify(oci, manifest_digest, verifier).await.map_err(at(Step::Verify))?)
                    }
                    None => None,
                };
                let blob = layout::component(&manifest).map_err(|error| at(Step::Manifest)(error.into()))?;
                let bytes = session.blob(&blob, self.config.max_bytes, "the component").await;
                let bytes = bytes.map_err(at(Step::Component))?;
                let resolved = oci.pinned(manifest_digest).to_string();
                Ok(Fetched { bytes, digest: blob.digest, resolved, signed_by })
            }
        }
    }

    /// The digest by which a change of what a reference names is noticed, as cheaply as there is: of the manifest for a
    /// registry, without a request if it is pinned; of the content for a file. It is not verified; fetching is what does.
    ///
    /// # Errors
    /// For everything that keeps it from being known.
    pub async fn resolve(&self, reference: &Reference) -> Result<Digest, FetchError> {
        let at = |reason: Reason| reason.at(Step::Resolve, reference);
        match reference {
            Reference::Url(url) => Ok(url.digest()),
            Reference::File(path) => {
                let bytes = read(path.clone(), self.config.max_bytes, "the component").await.map_err(at)?;
                Ok(hash(bytes).await.map_err(at)?.1)
            }
            Reference::Oci(oci) => {
                if let Some(digest) = oci.digest() {
                    return Ok(digest);
                }
                let mut session = self.open(oci, RegistryAccess::Pull).await.map_err(at)?;
                session.resolve(oci).await.map_err(at)
            }
        }
    }

    /// Puts a component into a registry under a tag, in the layout of `wkg`.
    ///
    /// # Errors
    /// If the reference is not a tag, the component is larger than may be fetched, or the registry does not take it.
    pub async fn push(
        &self,
        reference: &Reference,
        bytes: Vec<u8>,
        about: &Description,
    ) -> Result<Pushed, FetchError> {
        self.try_push(reference, bytes, about).await.map_err(|reason| reason.at(Step::Push, reference))
    }

    async fn try_push(
        &self,
        reference: &Reference,
        bytes: Vec<u8>,
        about: &Description,
    ) -> Result<Pushed, Reason> {
        let oci = publish::only_tags(reference)?;
        let limit = self.config.max_bytes;
        if bytes.len() as u64 > limit {
            return Err(Reason::TooLarge { what: "the component", limit });
        }
        let (bytes, digest) = hash(bytes).await?;
        let package = layout::package(bytes, digest, about).map_err(|source| Reason::Document { source })?;
        let manifest = Digest::of(&package.manifest);
        let mut session = self.open(oci, RegistryAccess::Push).await?;
        session.upload(oci, package).await?;
        Ok(Pushed { digest, manifest, resolved: oci.pinned(manifest).to_string() })
    }

    /// Signs the manifest that a reference names now, as `cosign sign --key` does, and returns its digest. Signatures by
    /// others stay. To be sure of what is signed, name it by the digest that [`Fetcher::push`] returned.
    ///
    /// # Errors
    /// If the reference is not of a registry, or the registry does not take the signature.
    pub async fn sign(&self, reference: &Reference, key: &SigningKey) -> Result<Digest, FetchError> {
        self.try_sign(reference, key).await.map_err(|reason| reason.at(Step::Sign, reference))
    }

    async fn try_sign(&self, reference: &Reference, key: &SigningKey) -> Result<Digest, Reason> {
        let oci = publish::only_registries(reference)?;
        let mut session = self.open(oci, RegistryAccess::Push).await?;
        // By reading it, since the registry's word for its digest is nothing to sign.
        let (bytes, manifest) = session.manifest(oci).await?;
        publish::sign(&mut session, oci, &bytes, key).await?;
        Ok(manifest)
    }

    async fn open(&self, oci: &OciReference, access: RegistryAccess) -> Result<Session, Reason> {
        let deadline = Deadline::after(self.config.timeout);
        let client = self.connect().await?.client;
        Session::open(client, self.plain.clone(), &self.config.credentials, oci, access, deadline).await
    }

    async fn fetch_url(&self, client: &Client, reference: &UrlReference) -> Result<Fetched, (Step, Reason)> {
        let deadline = Deadline::after(self.config.timeout);
        let beside = Beside::Url { client, url: reference.url(), deadline };
        let signature = self.signature(&beside).await.map_err(|reason| (Step::Verify, reason))?;
        let bytes =
            transport::download(client, reference.url(), self.config.max_bytes, "the component", deadline)
                .await;
        let bytes = bytes.map_err(|reason| (Step::Component, reason))?;
        let expected = reference.digest();
        let (bytes, actual) = hash(bytes).await.map_err(|reason| (Step::Component, reason))?;
        if expected != actual {
            return Err((Step::Component, Reason::Digest { what: "the component", expected, actual }));
        }
        let signed_by = self.verify(actual, signature.as_deref()).map_err(|reason| (Step::Verify, reason))?;
        Ok(Fetched {
            bytes,
            digest: actual,
            resolved: Reference::Url(reference.clone()).to_string(),
            signed_by,
        })
    }

    async fn read_file(&self, path: &Path) -> Result<(Vec<u8>, Digest, Option<String>), (Step, Reason)> {
        let bytes = read(path.to_owned(), self.config.max_bytes, "the component").await;
        let bytes = bytes.map_err(|reason| (Step::Component, reason))?;
        let signature = self.signature(&Beside::File(path)).await.map_err(|reason| (Step::Verify, reason))?;
        let (bytes, digest) = hash(bytes).await.map_err(|reason| (Step::Component, reason))?;
        let signed_by = self.verify(digest, signature.as_deref()).map_err(|reason| (Step::Verify, reason))?;
        Ok((bytes, digest, signed_by))
    }

    /// The signature beside a component, if one is required.
    async fn signature(&self, beside: &Beside<'_>) -> Result<Option<String>, Reason> {
        match &self.config.verifier {
            Some(verifier) => Ok(Some(beside.signature(verifier).await?)),
            None => Ok(None),
        }
    }

    /// Who signed it, if a signature is required.
    fn verify(&self, digest: Digest, signature: Option<&str>) -> Result<Option<String>, Reason> {
        let Some(verifier) = &self.config.verifier else { return Ok(None) };
        Ok(Some(verifier.verify(digest, signature.unwrap_or_default())?))
    }

    /// The client for the certificates as they are now.
    async fn connect(&self) -> Result<Connection, Reason> {
        let ca = match &self.config.ca_file {
            Some(path) => {
                let content = netmarks_files::read_small(path).await;
                Some(content.map_err(|source| Reason::File { path: path.clone(), source })?)
            }
            None => None,
        };
        let mut connected = self.connected.lock().await;
        if let Some(connection) = &*connected
            && connection.ca == ca
        {
            return Ok(connection.clone());
        }
        let client = transport::client(ca.as_deref(), self.plain.clone());
        let connection = Connection { ca, client: client.map_err(|source| Reason::Tls { source })? };
        *connected = Some(connection.clone());
        Ok(connection)
    }
}

async fn hash(bytes: Vec<u8>) -> Result<(Vec<u8>, Digest), Reason> {
    hashing::digest(bytes).await.map_err(|source| Reason::Ended { source })
}
