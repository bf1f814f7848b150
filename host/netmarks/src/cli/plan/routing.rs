//! How calls are taken to be routed, as flags.

use clap::ValueEnum;
use netmarks_planner::{AssumedRouting, Mesh};

/// [`AssumedRouting`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum RoutingName {
    /// As each Service says
    #[default]
    Services,
    /// To all pods alike
    Even,
    /// To pods in the caller's zone
    SameZone,
    /// To pods on the caller's node
    SameNode,
}

/// [`Mesh`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum MeshName {
    /// A proxy that follows the Service to the node: kube-proxy, Cilium, Istio's ztunnel
    #[default]
    Service,
    /// Istio's sidecars, which know zones and no nodes
    IstioSidecar,
    /// Linkerd, which follows the Service to the zone
    Linkerd,
}

impl From<RoutingName> for AssumedRouting {
    fn from(name: RoutingName) -> Self {
        match name {
            RoutingName::Services => Self::Services,
            RoutingName::Even => Self::Even,
            RoutingName::SameZone => Self::SameZone,
            RoutingName::SameNode => Self::SameNode,
        }
    }
}

impl From<MeshName> for Mesh {
    fn from(name: MeshName) -> Self {
        match name {
            MeshName::Service => Self::Service,
            MeshName::IstioSidecar => Self::IstioSidecar,
            MeshName::Linkerd => Self::Linkerd,
        }
    }
}
