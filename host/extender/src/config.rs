//! The section `server` of the configuration: where kube-scheduler reaches the extender, and the limits of that door.

use std::net::SocketAddr;
use std::time::Duration;

use netmarks_server::Tls;
use serde::{Deserialize, Serialize};

/// Listening, limits and TLS. All of it needs a restart to change, except the content of the TLS files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address of the extender. Loopback unless told otherwise: whoever can reach it can read the topology.
    pub listen: SocketAddr,
    /// A further address with `/healthz`, `/readyz` and `/metrics` only, over plain HTTP: for probes and scrapers
    /// when `tls.client_ca_file` keeps them from the other one.
    pub health_listen: Option<SocketAddr>,
    /// Largest request body, in MiB. 5,000 whole nodes (`nodeCacheCapable: false`) are some 50 MiB.
    pub max_request_mib: u32,
    /// All request bodies under way together, in MiB.
    pub max_bodies_mib: u32,
    /// Requests scored at once; those beyond are answered without scores. kube-scheduler asks for one at a time.
    pub max_concurrent: u32,
    /// A request that takes longer is answered without scores.
    pub request_timeout_ms: u64,
    /// After a stop signal: how long everything goes on, but readiness says no and clients are asked to leave.
    pub shutdown_delay_seconds: f64,
    /// How long requests under way may take after that.
    pub drain_seconds: f64,
    /// TLS, if any file is set.
    pub tls: Tls,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9820)),
            health_listen: None,
            max_request_mib: 64,
            max_bodies_mib: 256,
            max_concurrent: 16,
            request_timeout_ms: 200,
            shutdown_delay_seconds: 0.0,
            drain_seconds: 10.0,
            tls: Tls::default(),
        }
    }
}

/// A value that cannot work, by its key.
#[derive(Debug, thiserror::Error)]
#[error("`server.{key}` must be {allowed}")]
pub struct ConfigError {
    key: &'static str,
    allowed: &'static str,
}

impl ServerConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// For the first value that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self {
            listen: _,
            health_listen: _,
            max_request_mib,
            max_bodies_mib,
            max_concurrent,
            request_timeout_ms,
            shutdown_delay_seconds,
            drain_seconds,
            tls: _,
        } = self;
        const COUNT: &str = "from 1 to 65536";
        const DAY: &str = "from 0 to 86400 (a day)";
        let counts = 1..=65_536;
        let day = 0.0..=86_400.0;
        for (key, allowed, holds) in [
            ("max_request_mib", COUNT, counts.contains(max_request_mib)),
            ("max_bodies_mib", COUNT, counts.contains(max_bodies_mib)),
            ("max_concurrent", COUNT, counts.contains(max_concurrent)),
            ("request_timeout_ms", "from 1 to 30000", (1..=30_000).contains(request_timeout_ms)),
            ("shutdown_delay_seconds", DAY, day.contains(shutdown_delay_seconds)),
            ("drain_seconds", DAY, day.contains(drain_seconds)),
        ] {
            if !holds {
                return Err(ConfigError { key, allowed });
            }
        }
        Ok(())
    }

    /// A request that takes longer is answered without scores.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// `shutdown_delay_seconds`, once validated.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        Duration::from_secs_f64(self.shutdown_delay_seconds)
    }

    /// `drain_seconds`, once validated.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs_f64(self.drain_seconds)
    }
}
