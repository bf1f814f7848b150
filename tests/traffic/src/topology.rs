//! The kinds of mesh, which differ in who reports what.

/// Which proxies there are and which of them report an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Topology {
    /// Istio sidecars on both sides: two reports of the same bytes.
    Sidecar,
    /// A sidecar only at the source; the destination is known from the endpoint's metadata.
    SidecarSourceOnly,
    /// A sidecar only at the destination, which does not know the source.
    SidecarDestinationOnly,
    /// Istio ambient: the ztunnels of both nodes report, TCP families only, in OpenMetrics.
    Ambient,
    /// Istio ambient with a waypoint: ztunnels report the hops to and from it, the waypoint reports the logical edge.
    AmbientWaypoint,
    /// A sidecar at the source and ambient at the destination: the same bytes in two families.
    SidecarToAmbient,
    /// Linkerd: only the outbound side names both ends, by pod.
    Linkerd,
    /// Beyla's eBPF agents, one per node: one row per direction, seen by the agents of both nodes.
    Beyla,
}

/// What the applications speak. ztunnels, Linkerd's transport metrics and Beyla do not tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// Histograms of request and response sizes.
    Http,
    /// Counters of sent and received bytes.
    Tcp,
}
