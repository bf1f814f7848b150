//! Uploading to a repository of a registry: blobs, and the manifest that names them.

use bytes::Bytes;
use netmarks_core::digest::Digest;
use reqwest::Method;
use reqwest::header::LOCATION;

use crate::error::Reason;
use crate::layout::Bundle;
use crate::manifest::IMAGE_MEDIA_TYPE;
use crate::reference::OciReference;
use crate::registry::{Call, Session};

impl Session {
    /// Uploads the blobs, then the manifest under the tag of `reference`.
    pub(crate) async fn upload(&mut self, reference: &OciReference, bundle: Bundle) -> Result<(), Reason> {
        for (blob, digest) in bundle.blobs {
            self.upload_blob(blob, digest).await?;
        }
        let url = self.url(&format!("manifests/{}", reference.manifest_name()));
        let content = Some((IMAGE_MEDIA_TYPE, bundle.manifest));
        self.ask(&Call { method: Method::PUT, url: &url, content }).await?;
        Ok(())
    }

    /// In one piece, as the specification's "POST then PUT": chunks, its other way, are what registries agree on least.
    async fn upload_blob(&mut self, blob: Bytes, digest: Digest) -> Result<(), Reason> {
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
