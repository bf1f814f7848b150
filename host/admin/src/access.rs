//! Who may change policies, and what they are called in the audit log. The routes ask before they do anything at all.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use netmarks_controller::access::{AccessError, Operation, Reviewer};
use netmarks_core::errors::chain;
use netmarks_policies::Actor;
use netmarks_server::Peer;
use strum::IntoStaticStr;
use subtle::ConstantTimeEq as _;

use crate::config::AdminConfig;

/// How callers are known.
#[derive(Clone, Debug, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Access {
    /// Every program that reaches the listener, which is on loopback; it answers no web page.
    Loopback,
    /// By the token in a file, read for every call: changing the file changes the token.
    Token(PathBuf),
    /// By their client certificate, which the handshake has verified.
    Certificate,
    /// By both.
    #[strum(serialize = "token and certificate")]
    TokenAndCertificate(PathBuf),
    /// By a token of the cluster, whose roles decide.
    Kubernetes {
        /// Asks the API server.
        reviewer: Arc<Reviewer>,
        /// The namespace whose ScoringPolicies these are.
        namespace: String,
    },
}

/// A caller was turned away.
#[derive(Debug)]
pub struct Denied {
    /// 401, 403 or 503.
    pub status: StatusCode,
    /// What to do.
    pub reason: String,
}

impl Access {
    /// How `config` says that callers are known; `kubernetes` is what asks the API server, where it does.
    #[must_use]
    pub fn new(config: &AdminConfig, kubernetes: Option<(Arc<Reviewer>, String)>) -> Self {
        match (kubernetes, &config.token_file, &config.tls.client_ca_file) {
            (Some((reviewer, namespace)), _, _) => Self::Kubernetes { reviewer, namespace },
            (None, Some(file), Some(_)) => Self::TokenAndCertificate(file.clone()),
            (None, Some(file), None) => Self::Token(file.clone()),
            (None, None, Some(_)) => Self::Certificate,
            (None, None, None) => Self::Loopback,
        }
    }

    /// As in the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// Who is calling, if they may do this.
    ///
    /// # Errors
    /// If they may not, or nobody can say.
    pub async fn check(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
        operation: Operation,
        policy: Option<&str>,
    ) -> Result<Actor, Denied> {
        let user = match self {
            Self::Loopback => "loopback".to_owned(),
            Self::Certificate => certificate(peer)?,
            Self::Token(file) => {
                token(headers, file).await?;
                "token".to_owned()
            }
            Self::TokenAndCertificate(file) => {
                token(headers, file).await?;
                certificate(peer)?
            }
            Self::Kubernetes { reviewer, namespace } => {
                let user = reviewer.authorize(bearer(headers)?, operation, policy, namespace).await;
                user.map_err(Denied::from)?.name
            }
        };
        Ok(Actor { user, from: peer.address.to_string() })
    }
}

impl From<AccessError> for Denied {
    fn from(error: AccessError) -> Self {
        let status = match &error {
            AccessError::Unauthenticated => StatusCode::UNAUTHORIZED,
            AccessError::Forbidden { .. } => StatusCode::FORBIDDEN,
            AccessError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, reason: chain(&error) }
    }
}

fn denied(status: StatusCode, reason: impl Into<String>) -> Denied {
    Denied { status, reason: reason.into() }
}

fn certificate(peer: &Peer) -> Result<String, Denied> {
    let known = peer.certificate.as_ref().map(|digest| format!("certificate {digest}"));
    known.ok_or_else(|| denied(StatusCode::UNAUTHORIZED, "a client certificate is needed"))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_once(' '))
        // The name of a scheme has no case (RFC 9110, 11.1).
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| denied(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer TOKEN`"))
}

async fn token(headers: &HeaderMap, file: &PathBuf) -> Result<(), Denied> {
    let given = bearer(headers)?;
    let expected = tokio::fs::read_to_string(file).await.map_err(|error| {
        tracing::error!(file = %file.display(), %error, "failed to read the token file");
        denied(StatusCode::SERVICE_UNAVAILABLE, "the server cannot read its token file; see its log")
    })?;
    let expected = expected.trim();
    // An empty file is a mistake, not a token that everybody has.
    if !expected.is_empty() && bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
        Ok(())
    } else {
        Err(denied(StatusCode::UNAUTHORIZED, "the token is not the one in the server's token file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_known_in_any_case() {
        let given = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned).map_err(|denied| denied.status)
        };
        for value in ["Bearer t0ken", "bearer t0ken", "BEARER  t0ken"] {
            assert_eq!(given(value).unwrap(), "t0ken", "{value}");
        }
        for value in ["Bearer", "Bearer ", "Basic t0ken", "Bearert0ken", "t0ken"] {
            assert_eq!(given(value).unwrap_err(), StatusCode::UNAUTHORIZED, "{value}");
        }
    }
}
