//! The section `server` of the configuration: where kube-scheduler reaches the extender, and the limits of that door.

use std::net::SocketAddr;
use std::time::Duration;

use garde::Validate;
use netmarks_server::Tls;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Listening, limits and TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct ServerConfig {
    /// Address of the extender. Loopback unless told otherwise: whoever can reach it can read the topology.
    #[schemars(extend("examples" = ["127.0.0.1:9820"]))]
    pub listen: SocketAddr,
    /// A further address with `/healthz`, `/readyz` and `/metrics` only, over plain HTTP: for probes and scrapers
    /// when `tls.client_ca_file` keeps them from the other one.
    #[schemars(extend("examples" = ["0.0.0.0:9821"]))]
    pub health_listen: Option<SocketAddr>,
    /// Largest request body, in MiB. 5,000 whole nodes (`nodeCacheCapable: false`) are some 50 MiB.
    #[garde(range(min = 1, max = 65_536))]
    pub max_request_mib: u32,
    /// All request bodies under way together, in MiB.
    #[garde(range(min = 1, max = 65_536))]
    pub max_bodies_mib: u32,
    /// Requests scored at once; those beyond are answered without scores. kube-scheduler asks for one at a time.
    #[garde(range(min = 1, max = 65_536))]
    pub max_concurrent: u32,
    /// A request that takes longer is answered without scores.
    #[garde(range(min = 1, max = 30_000))]
    pub request_timeout_ms: u64,
    /// After a stop signal: how long everything goes on, but readiness says no and clients are asked to leave.
    #[garde(range(min = 0.0, max = 86_400.0))]
    pub shutdown_delay_seconds: f64,
    /// How long requests under way may take after that.
    #[garde(range(min = 0.0, max = 86_400.0))]
    pub drain_seconds: f64,
    /// Whether scrapers that ask for native histograms, which come as protobuf, get the classic buckets, too.
    pub classic_histograms: bool,
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
            classic_histograms: true,
            tls: Tls::default(),
        }
    }
}

impl ServerConfig {
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
