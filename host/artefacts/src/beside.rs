//! The signature beside a component: in a folder, and at a URL.

use std::path::{Path, PathBuf};

use reqwest::{Client, Url};

use crate::error::Reason;
use crate::local_file;
use crate::signature_error::SignatureError;
use crate::sigstore_bundle::BUNDLE_BYTES;
use crate::transport::{self, Deadline};
use crate::verifier::{SIGN_BLOB, Verifier};

/// What the name of a component gets for its signature as a Sigstore bundle, the usual ending.
pub const BUNDLE: &str = ".sigstore.json";

/// What it gets for a signature in a legacy form.
pub const LEGACY: &str = ".sig";

/// Where a component is, and what is beside it.
pub(crate) enum Beside<'a> {
    Url { client: &'a Client, url: &'a Url, deadline: Deadline },
    File(&'a Path),
}

impl Beside<'_> {
    /// The signature, in the form that is there and that `verifier` accepts.
    pub(crate) async fn signature(&self, verifier: &Verifier) -> Result<String, Reason> {
        let (place, bundle) = self.read(BUNDLE).await;
        let signature = match bundle {
            // Looked at even where it is refused, so that the error can say that it is there.
            Err(reason) if reason.is_not_found() => match self.read(LEGACY).await {
                (_, Err(reason)) if reason.is_not_found() => {
                    return Err(SignatureError::Missing { place, command: SIGN_BLOB.to_owned() }.into());
                }
                (legacy, found) => {
                    verifier.require_legacy(&legacy, SIGN_BLOB)?;
                    found?
                }
            },
            other => other?,
        };
        String::from_utf8(signature).map_err(|_| SignatureError::Unknown.into())
    }

    /// What has this ending, after where it is.
    async fn read(&self, ending: &str) -> (String, Result<Vec<u8>, Reason>) {
        let what = "the signature";
        match self {
            Self::Url { client, url, deadline } => {
                let mut beside = (*url).clone();
                beside.set_path(&format!("{}{ending}", url.path()));
                let content = transport::download(client, &beside, BUNDLE_BYTES, what, *deadline).await;
                (beside.to_string(), content)
            }
            Self::File(path) => {
                let mut beside = path.as_os_str().to_owned();
                beside.push(ending);
                let beside = PathBuf::from(beside);
                (beside.display().to_string(), local_file::read(beside, BUNDLE_BYTES, what).await)
            }
        }
    }
}
