//! What the examination knows of the extender's own configuration.

use std::time::Duration;

use netmarks_controller::KubernetesPolicies;
use netmarks_core::application::Identity;
use netmarks_sources::kubernetes::ClusterConfig;
use netmarks_sources::prometheus::MetricsConfig;

/// The extender's configuration as far as it can be held against what is there.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// Which label names an application.
    pub identity: Identity,
    /// Where pods and nodes come from.
    pub cluster: ClusterConfig,
    /// Where flows come from.
    pub metrics: MetricsConfig,
    /// Policies from ScoringPolicies.
    pub policies: KubernetesPolicies,
    /// Whether callers of the admin listener are known by a token of the cluster.
    pub reviews_tokens: bool,
    /// A request that takes longer is answered without scores.
    pub request_timeout: Duration,
    /// Whether it serves HTTPS.
    pub serves_https: bool,
    /// Whether it asks clients for a certificate.
    pub asks_for_certificate: bool,
    /// The best node's score.
    pub top: u32,
}
