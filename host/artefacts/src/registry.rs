//! A session with one repository of a registry, and reading from it: digests of tags, manifests, blobs.
//!
//! Own code rather than a client library: those that there are read manifests, tokens and errors without a limit and follow
//! redirects from `https` to `http`, while what comes from a registry can be trusted only once its digest is known.

use bytes::Bytes;
use netmarks_core::digest::Digest;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, Response, StatusCode, Url};

use crate::credentials::{Credential, Credentials};
use crate::error::Reason;
use crate::hashing;
use crate::manifest::Blob;
use crate::reference::OciReference;
use crate::token::{self, Authorization, Challenge};
use crate::transport::{self, Deadline, MANIFEST_BYTES, Plain};

/// Indices are asked for too, so that the error can say that there is one.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

const DIGEST_HEADER: &str = "docker-content-digest";

/// What is going to be done with a repository, which a token must allow.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RegistryAccess {
    Pull,
    Push,
}

#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    /// Its media type and bytes.
    pub(crate) content: Option<(&'static str, Bytes)>,
}

impl Call<'_> {
    /// Its address for errors: the query of an upload holds what lets others continue it.
    fn shown(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        url
    }
}

/// Holds what several requests to one repository share: the scheme, the authorization, the deadline.
pub(crate) struct Session {
    client: Client,
    plain: Plain,
    base: Url,
    repository: String,
    access: RegistryAccess,
    credential: Credential,
    authorization: Option<Authorization>,
    pub(crate) deadline: Deadline,
}

impl Session {
    /// Finds the credentials and, where plain HTTP is allowed, whether the registry speaks TLS.
    pub(crate) async fn open(
        client: Client,
        plain: Plain,
        credentials: &Credentials,
        reference: &OciReference,
        access: RegistryAccess,
        deadline: Deadline,
    ) -> Result<Self, Reason> {
        let (registry, repository) = (reference.registry(), reference.repository().to_owned());
        let credential = credentials.find(registry, &repository).await?;
        let base = choose_scheme(&client, &plain, registry, deadline).await?;
        let authorization = None;
        Ok(Self { client, plain, base, repository, access, credential, authorization, deadline })
    }

    /// The digest of the manifest that a reference names now, by asking for the headers alone where the registry says it
    /// there. It is the registry's word: reading the manifest by this digest verifies it.
    pub(crate) async fn resolve(&mut self, reference: &OciReference) -> Result<Digest, Reason> {
        if let Some(digest) = reference.digest() {
            return Ok(digest);
        }
        let url = self.url(&format!("manifests/{}", reference.manifest_name()));
        let response = self.ask(&Call { method: Method::HEAD, url: &url, content: None }).await?;
        let header = response.headers().get(DIGEST_HEADER).and_then(|value| value.to_str().ok());
        match header.and_then(|digest| digest.parse().ok()) {
            Some(digest) => Ok(digest),
            None => Ok(self.manifest(reference).await?.1),
        }
    }

    /// The manifest that a reference names now, and its digest, which is verified.
    pub(crate) async fn manifest(&mut self, reference: &OciReference) -> Result<(Vec<u8>, Digest), Reason> {
        let url = self.url(&format!("manifests/{}", reference.manifest_name()));
        let response = self.get(&url).await?;
        let manifest = transport::body(response, &url, MANIFEST_BYTES, "the manifest", self.deadline).await?;
        let (manifest, actual) =
            hashing::digest(manifest).await.map_err(|source| Reason::Ended { source })?;
        match reference.digest() {
            Some(expected) if expected != actual => {
                Err(Reason::Digest { what: "the manifest", expected, actual })
            }
            _ => Ok((manifest, actual)),
        }
    }

    /// A blob of at most `limit` bytes, whose size and digest are what its manifest says.
    pub(crate) async fn blob(
        &mut self,
        blob: &Blob,
        limit: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, Reason> {
        if blob.size > limit {
            return Err(Reason::TooLarge { what, limit });
        }
        let url = self.url(&format!("blobs/{}", blob.digest));
        let response = self.get(&url).await?;
        // No more than was announced is read, whatever the limit allows.
        let bytes = transport::body(response, &url, blob.size, what, self.deadline).await;
        let wrong = |sent| Reason::Length { url: url.to_string(), announced: blob.size, sent };
        let bytes = bytes.map_err(|reason| match reason {
            Reason::TooLarge { .. } => wrong("more".to_owned()),
            other => other,
        })?;
        if bytes.len() as u64 != blob.size {
            return Err(wrong(bytes.len().to_string()));
        }
        let expected = blob.digest;
        let (bytes, actual) = hashing::digest(bytes).await.map_err(|source| Reason::Ended { source })?;
        if expected == actual { Ok(bytes) } else { Err(Reason::Digest { what, expected, actual }) }
    }

    /// Whether the registry is spoken to without TLS.
    fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{path}", self.repository));
        url
    }

    pub(crate) async fn get(&mut self, url: &Url) -> Result<Response, Reason> {
        self.ask(&Call { method: Method::GET, url, content: None }).await
    }

    /// Sends a request, and once more with an authorization if the registry asks for one.
    pub(crate) async fn ask(&mut self, call: &Call<'_>) -> Result<Response, Reason> {
        let shown = call.shown();
        let first = self.send(call, &shown).await?;
        let may_answer = self.authorization.is_none() && self.is_trusted(call.url);
        let response = if first.status() == StatusCode::UNAUTHORIZED && may_answer {
            self.answer(first.headers()).await?;
            if self.authorization.is_none() { first } else { self.send(call, &shown).await? }
        } else {
            first
        };
        transport::success(response, &shown, self.deadline).await
    }

    async fn send(&self, call: &Call<'_>, shown: &Url) -> Result<Response, Reason> {
        let Call { method, url, content } = call;
        let request = self.client.request(method.clone(), (*url).clone()).header(ACCEPT, MANIFEST_TYPES);
        let request = match content {
            // Some registries insist on a length where there is nothing to send.
            None if *method == Method::POST => request.header(CONTENT_LENGTH, 0),
            None => request,
            Some((media_type, bytes)) => request.header(CONTENT_TYPE, *media_type).body(bytes.clone()),
        };
        let request = match &self.authorization {
            Some(_) if !self.is_trusted(url) => request,
            Some(Authorization::Basic { username, password }) => request.basic_auth(username, Some(password)),
            Some(Authorization::Bearer(token)) => request.bearer_auth(token),
            None => request,
        };
        transport::send(request, shown, self.deadline).await
    }

    /// Whether this URL is the registry's own, which alone gets the authorization.
    fn is_trusted(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether the registry may send us to this URL.
    pub(crate) fn may_follow(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && self.is_plain() && self.plain.allows(url)
    }

    async fn answer(&mut self, headers: &HeaderMap) -> Result<(), Reason> {
        let challenge = Challenge::of(headers)?;
        let actions = match self.access {
            RegistryAccess::Pull => "pull",
            RegistryAccess::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        let may_ask = |url: &Url| self.may_follow(url);
        self.authorization =
            token::answer(challenge, &self.credential, &scope, &self.client, may_ask, self.deadline).await?;
        Ok(())
    }
}

/// `https`, except where plain HTTP is allowed and the registry does not speak TLS but does speak HTTP.
async fn choose_scheme(
    client: &Client,
    plain: &Plain,
    registry: &str,
    deadline: Deadline,
) -> Result<Url, Reason> {
    let parse = |scheme: &str| {
        Url::parse(&format!("{scheme}://{registry}/v2/"))
            .map_err(|_| Reason::Unsupported { problem: "the name of the registry is not one of a host" })
    };
    let secure = parse("https")?;
    if !plain.allows_registry(registry) {
        return Ok(secure);
    }
    let failed = match transport::send(client.get(secure.clone()), &secure, deadline).await {
        Ok(_) => return Ok(secure),
        Err(failed) => failed,
    };
    let without_tls = match &failed {
        Reason::NoTls { .. } => true,
        Reason::Unreachable { source, .. } => source.is_connect(),
        _ => false,
    };
    if !without_tls {
        return Err(failed);
    }
    let insecure = parse("http")?;
    // A server of TLS answers plain HTTP with an error: then the certificate was the matter, and is worth reporting.
    match transport::send(client.get(insecure.clone()), &insecure, deadline).await {
        Ok(response) if response.status().is_success() || response.status() == StatusCode::UNAUTHORIZED => {
            Ok(insecure)
        }
        _ => Err(failed),
    }
}
