//! Why a policy could not be had.
//!
//! Every step fails with one type: the outside says which reference and which step, the inside why and what to do.

use std::fmt;
use std::path::PathBuf;

use netmarks_core::digest::Digest;
use reqwest::StatusCode;

use crate::credentials::CredentialsError;
use crate::manifest::LayoutError;
use crate::signature_error::SignatureError;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {step} {reference}")]
pub struct FetchError {
    /// What was to be had.
    pub reference: String,
    /// What was being done.
    pub step: Step,
    /// Why it failed.
    pub source: Box<Reason>,
}

/// What is done on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading certificates and credentials, and connecting.
    Connect,
    /// Finding out which manifest a tag names.
    Resolve,
    /// Reading the manifest.
    Manifest,
    /// Verifying the signature.
    Verify,
    /// Reading the component.
    Component,
    /// Uploading.
    Push,
    /// Making and uploading a signature.
    Sign,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect for",
            Self::Resolve => "look up",
            Self::Manifest => "read the manifest of",
            Self::Verify => "verify the signature of",
            Self::Component => "read the component of",
            Self::Push => "push",
            Self::Sign => "sign",
        })
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    #[error("failed to read {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// Certificates that cannot be used.
    #[error("failed to set up TLS; the file of certificates to trust must be PEM")]
    Tls { source: reqwest::Error },
    #[error("there are no usable credentials")]
    Credentials {
        #[from]
        source: CredentialsError,
    },
    #[error(
        "failed to reach {url}; check the name, the network policies and whether its certificate is trusted (plain HTTP is \
         for loopback addresses and registries listed as insecure only)"
    )]
    Unreachable {
        /// The address asked.
        url: String,
        source: reqwest::Error,
    },
    /// An `https` address where plain HTTP is spoken.
    #[error(
        "failed to reach {url}: what listens there does not speak TLS; if it should not, list it in \
         `policies.kubernetes.insecure_registries`, or use --insecure"
    )]
    NoTls {
        /// The address asked.
        url: String,
    },
    /// No complete answer in time.
    #[error("it was not complete within {seconds} s, while asking {url}; raise the timeout")]
    Timeout {
        /// The address asked.
        url: String,
        seconds: f64,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to where we do not follow")]
    Redirect {
        /// The address asked.
        url: String,
        source: reqwest::Error,
    },
    /// An HTTP status other than success.
    #[error("{url} answered with status {status}{}: {body}", hint(*status))]
    Status {
        /// The address asked.
        url: String,
        status: StatusCode,
        /// How the body begins.
        body: String,
    },
    /// More bytes than allowed.
    #[error("{what} is larger than {limit} bytes; if that is right, raise the limit")]
    TooLarge { what: &'static str, limit: u64 },
    /// Fewer or more bytes than the manifest says.
    #[error("the manifest says that the component has {announced} bytes, but {url} sent {sent}")]
    Length {
        /// The address asked.
        url: String,
        /// The manifest's number.
        announced: u64,
        /// What came, or at least that much.
        sent: String,
    },
    /// Content other than its name says.
    #[error("{what} has the digest {actual} instead of {expected}; it was altered or is damaged")]
    Digest {
        what: &'static str,
        /// What was asked for.
        expected: Digest,
        actual: Digest,
    },
    /// A manifest of something else.
    #[error("it is not a policy")]
    Layout {
        #[from]
        source: LayoutError,
    },
    #[error("its signature is required")]
    Signature {
        #[from]
        source: SignatureError,
    },
    /// The registry's way of authentication.
    #[error("the registry asks to authenticate in a way that is not known: {challenge}")]
    Challenge {
        /// What it said.
        challenge: String,
    },
    /// Where the registry's tokens come from.
    #[error(
        "the registry sends us to {realm} for a token, where credentials must not be sent; expected https"
    )]
    Realm { realm: String },
    /// An answer without a token.
    #[error("{url} answered without a token")]
    Token {
        /// The address asked.
        url: String,
        source: serde_json::Error,
    },
    /// An upload that is sent to where we do not follow, or nowhere.
    #[error(
        "{url} sends the upload to `{location}`; expected an https URL (a registry behind a proxy must know that it is reached \
         over https)"
    )]
    Location {
        /// The address asked.
        url: String,
        /// What it said.
        location: String,
    },
    /// Something that only tags of a registry can do.
    #[error("{problem}")]
    Unsupported {
        /// What, and what to do.
        problem: &'static str,
    },
    /// A document of ours that could not be written.
    #[error("failed to write a manifest")]
    Document { source: serde_json::Error },
    /// A task that ended early.
    #[error("the task that reads files ended early")]
    Ended { source: tokio::task::JoinError },
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            " (check the credentials for this registry; some registries also answer so for what does not exist)"
        }
        StatusCode::NOT_FOUND => " (check the repository and the tag)",
        StatusCode::TOO_MANY_REQUESTS => " (poll less often, or authenticate)",
        _ => "",
    }
}

impl Reason {
    /// Whether nothing is there.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == StatusCode::NOT_FOUND,
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Says which step of what failed.
    pub(crate) fn at(self, step: Step, reference: &dyn fmt::Display) -> FetchError {
        FetchError { reference: reference.to_string(), step, source: Box::new(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_says_what_which_why_and_what_to_do() {
        let reason = Reason::Status {
            url: "https://registry.example/v2/zone/manifests/v1".to_owned(),
            status: StatusCode::NOT_FOUND,
            body: "(nothing)".to_owned(),
        };
        let error = reason.at(Step::Manifest, &"registry.example/zone:v1");
        assert_eq!(error.to_string(), "failed to read the manifest of registry.example/zone:v1");
        assert_eq!(
            error.source.to_string(),
            "https://registry.example/v2/zone/manifests/v1 answered with status 404 Not Found (check the repository and \
             the tag): (nothing)"
        );
    }
}
