//! Uploading to a repository of a registry: blobs, and the manifest that names them.

use bytes::Bytes;
use netmarks_core::digest::Digest;
use reqwest::header::LOCATION;
use reqwest::{Method, Response};

use crate::error::Reason;
use crate::layout::Package;
use crate::manifest::IMAGE_MEDIA_TYPE;
use crate::reference::OciReference;
use crate::registry::{Call, Session};

impl Session {
    /// Uploads the blobs, then the manifest under the tag of `reference`.
    pub(crate) async fn upload(&mut self, reference: &OciReference, package: Package) -> Result<(), Reason> {
        for (blob, digest) in package.blobs {
            self.upload_blob(blob, digest).await?;
        }
        self.upload_manifest(reference, IMAGE_MEDIA_TYPE, package.manifest).await?;
        Ok(())
    }

    /// Uploads a manifest under the tag or the digest of `reference`.
    pub(crate) async fn upload_manifest(
        &mut self,
        reference: &OciReference,
        media_type: &'static str,
        manifest: Bytes,
    ) -> Result<Response, Reason> {
        let url = self.url(&format!("manifests/{}", reference.manifest_name()));
        let content = Some((media_type, manifest));
        self.ask(&Call { method: Method::PUT, url: &url, content }).await
    }

    /// In one piece, as the specification's "POST then PUT": chunks, its other way, are what registries agree on least.
    pub(crate) async fn upload_blob(&mut self, blob: Bytes, digest: Digest) -> Result<(), Reason> {
        let url = self.url("blobs/uploads/");
        let response = self.ask(&Call { method: Method::POST, url: &url, content: None }).await?;
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        // Relative to where the answer came from, as for a redirect.
        let joined = location.and_then(|location| response.url().join(location).ok());
        let Some(mut target) = joined.filter(|target| self.may_follow(target)) else {
            let location = location.unwrap_or_default().to_owned();
            return Err(Reason::Location { url: url.to_string(), location });
        };
        // Beside what the location's query says already.
        target.query_pairs_mut().append_pair("digest", &digest.to_string());
        let content = Some(("application/octet-stream", blob));
        self.ask(&Call { method: Method::PUT, url: &target, content }).await?;
        Ok(())
    }
}
