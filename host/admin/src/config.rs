//! The section `admin` of the configuration: where policies are changed over HTTP, and by whom.

use std::net::SocketAddr;
use std::path::PathBuf;

use garde::Validate;
use netmarks_server::Tls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changing policies over HTTP: a listener of its own, so that who may score is not who may change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct AdminConfig {
    /// The address of the listener; without it there is no listener. Beyond loopback, set one of the ways below to know who asks.
    #[schemars(extend("examples" = ["127.0.0.1:9822"]))]
    pub listen: Option<SocketAddr>,
    /// A file with the token that callers present as `Authorization: Bearer`; read again for every call.
    pub token_file: Option<PathBuf>,
    /// TLS; with `client_ca_file`, callers are known by their certificate.
    pub tls: Tls,
    /// Largest policy that is taken, from whatever source.
    #[garde(range(min = 1, max = 65_536))]
    pub max_upload_mib: u32,
    /// Whether callers are known by a token of the cluster, and its roles for `scoringpolicies` say what they may do.
    pub kubernetes: bool,
    /// The audiences that such a token must be made for; none: those of the API server.
    pub kubernetes_audiences: Vec<String>,
    /// Memory for how the cluster looked in the last hour; 0: nothing is kept.
    #[garde(range(max = 1_024))]
    pub history_mib: u32,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: None,
            token_file: None,
            tls: Tls::default(),
            max_upload_mib: 64,
            kubernetes: false,
            kubernetes_audiences: Vec::new(),
            history_mib: 32,
        }
    }
}

/// Settings that cannot be together.
#[derive(Debug, thiserror::Error)]
pub enum AdminConfigError {
    /// Two ways to know a caller by the one bearer token.
    #[error("`admin.kubernetes` and `admin.token_file` both want the bearer token; choose one")]
    TwoTokens,
    /// Open to everybody.
    #[error(
        "`admin.listen` {0} is not loopback: set `admin.kubernetes`, `admin.token_file` or `admin.tls.client_ca_file`, so that not \
         everybody who can reach it may change policies"
    )]
    Open(SocketAddr),
}

impl AdminConfig {
    /// Checks the rules between keys.
    ///
    /// # Errors
    /// For the first rule that is broken.
    pub fn validate(&self) -> Result<(), AdminConfigError> {
        let Self {
            listen,
            token_file,
            tls,
            max_upload_mib: _,
            kubernetes,
            kubernetes_audiences: _,
            history_mib: _,
        } = self;
        let Some(listen) = listen else { return Ok(()) };
        if *kubernetes && token_file.is_some() {
            return Err(AdminConfigError::TwoTokens);
        }
        let known = token_file.is_some() || tls.client_ca_file.is_some() || *kubernetes;
        if !known && !listen.ip().is_loopback() {
            return Err(AdminConfigError::Open(*listen));
        }
        Ok(())
    }

    /// Bytes for how the cluster looked.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        (self.history_mib as usize) << 20
    }

    /// Bytes of the largest policy that is taken, from whatever source.
    #[must_use]
    pub fn max_policy_bytes(&self) -> u64 {
        u64::from(self.max_upload_mib) << 20
    }
}
