//! What one more replica on a node keeps local: the marginal gain that policies add up over peers.
//!
//! With m pods of the application expected, o of them on the node, M pods of a peer expected and k of them on the node:
//!
//! - where calls prefer the caller's node, min((o + 1) / m, k / M) - min(o / m, k / M) of the traffic: the fifth replica beside one
//!   peer gains nothing;
//! - where calls are spread over all pods, (1 / m) * (k / M).

use netmarks_policy_sdk::{Need, Parameter, Request};

/// What the gains are computed from: [`Need::NodeOwnPods`], [`Need::PeerReplicas`], [`Need::PeerLocalShare`] and
/// [`Need::PodReplicas`], which a policy that uses it has to list.
#[derive(Debug)]
pub struct Gains<'a> {
    /// Pods of the application on each node.
    own: &'a [u32],
    /// Pods that it will have.
    replicas: f64,
    of_peers: &'a [u32],
    /// Share (of 1) of each peer's traffic that prefers the caller's node; empty where all of it is taken to be alike.
    local: &'a [f64],
    /// The same of peers that `local` does not have.
    otherwise: f64,
}

impl<'a> Gains<'a> {
    /// The parameter that says how calls are routed.
    pub const ROUTING: Parameter = Parameter::choice(
        "routing",
        "How calls are routed: `local` to pods on the caller's node, `spread` over all pods, or `by-service`.",
        "local",
        &["local", "spread", "by-service"],
    );

    /// Of a request.
    ///
    /// # Errors
    /// If the policy did not ask for what is read here.
    pub fn read(request: &'a Request) -> Result<Self, String> {
        let (local, otherwise): (&[f64], f64) = match request.parameters().text("routing")? {
            "local" => (&[], 1.0),
            "spread" => (&[], 0.0),
            _ => (request.numbers(Need::PeerLocalShare)?, 0.0),
        };
        Ok(Self {
            own: request.indexes(Need::NodeOwnPods)?,
            replicas: f64::from(request.indexes(Need::PodReplicas)?.first().copied().unwrap_or(1).max(1)),
            of_peers: request.indexes(Need::PeerReplicas)?,
            local,
            otherwise,
        })
    }

    /// The share (of 1) of a peer's traffic that one more pod on the node keeps there, beside so many of the peer's.
    #[must_use]
    pub fn of(&self, peer: usize, node: usize, pods: f64) -> f64 {
        let own = f64::from(self.own.get(node).copied().unwrap_or(0));
        let there = pods / self.of_peer(peer);
        let share = |own: f64| (own / self.replicas).min(there);
        let local = self.local.get(peer).copied().unwrap_or(self.otherwise);
        local * (share(own + 1.0) - share(own)) + (1.0 - local) * there / self.replicas
    }

    /// Pods that a peer will have; at least 1.
    #[must_use]
    pub fn of_peer(&self, peer: usize) -> f64 {
        f64::from(self.of_peers.get(peer).copied().unwrap_or(1).max(1))
    }

    /// Pods of the peer beside which so many of the application's own have their share.
    #[must_use]
    pub fn counterparts(&self, peer: usize, own: f64) -> f64 {
        // What is a whole number but for rounding counts as one.
        (own / self.replicas * self.of_peer(peer) - 1e-9).ceil().max(0.0)
    }

    /// Pods of the application that run or start on each node.
    #[must_use]
    pub fn own(&self) -> &[u32] {
        self.own
    }
}
