//! What Istio's proxies report: sidecars, ztunnels and waypoints, with the labels of Istio 1.29.
//!
//! `source` and `destination` in labels name who opened the connection and who accepted it, for every reporter. In the TCP
//! families `received` is what the proxy received from the client, so source to destination, and `sent` is the answer.

use crate::exposition::{Dialect, Growth, Labels, Series};
use crate::pods::PodInstance;
use crate::proxy::{Ends, Proxy, target_labels};
use crate::topology::Protocol;
use std::collections::BTreeMap;

/// Name of the waypoint's Deployment, one per namespace.
pub(crate) const WAYPOINT: &str = "waypoint";

/// Bytes of one request and its answer together; makes requests per second from bytes per second.
const BYTES_PER_REQUEST: f64 = 4_000.0;
/// Every request takes this long.
const LATENCY_MS: f64 = 7.0;
/// New TCP connections per second on every edge.
const CONNECTIONS_PER_S: f64 = 0.5;

const CLUSTER: &str = "Kubernetes";
const UNKNOWN: &str = "unknown";

/// Whether a destination's sidecar could find out who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKnown {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reporter {
    Source,
    Destination,
    Waypoint,
}

/// One end of a report, as labels show it.
struct Peer<'a> {
    namespace: &'a str,
    workload: &'a str,
    version: &'a str,
}

impl<'a> Peer<'a> {
    fn application(namespace: &'a str, workload: &'a str) -> Self {
        Self { namespace, workload, version: "v1" }
    }

    fn waypoint(namespace: &'a str) -> Self {
        Self { namespace, workload: WAYPOINT, version: "latest" }
    }

    fn principal(&self) -> String {
        format!("spiffe://cluster.local/ns/{}/sa/{}", self.namespace, self.workload)
    }
}

type Proxies = BTreeMap<String, Proxy>;

/// Reports of the sidecars of the source's pods.
pub(crate) fn sidecar_source(proxies: &mut Proxies, ends: &Ends<'_>, protocol: Protocol) {
    let edge = ends.edge;
    let (source, destination) = peers(ends);
    let labels = sidecar_labels(Reporter::Source, Some(&source), &destination, &edge.destination, protocol);
    for pod in ends.source {
        let proxy = sidecar(proxies, &source, pod);
        proxy.series.extend(series(ends, &labels, protocol, even_share(ends.source)));
    }
}

/// Reports of the sidecars of the destination's pods.
pub(crate) fn sidecar_destination(
    proxies: &mut Proxies,
    ends: &Ends<'_>,
    protocol: Protocol,
    known: SourceKnown,
) {
    let edge = ends.edge;
    let (source, destination) = peers(ends);
    let shown = (known == SourceKnown::Yes).then_some(&source);
    let labels = sidecar_labels(Reporter::Destination, shown, &destination, &edge.destination, protocol);
    for pod in ends.destination {
        let proxy = sidecar(proxies, &destination, pod);
        proxy.series.extend(series(ends, &labels, protocol, even_share(ends.destination)));
    }
}

/// Reports of the ztunnels of the nodes of both ends.
pub(crate) fn ambient(proxies: &mut Proxies, ends: &Ends<'_>) {
    let (source, destination) = peers(ends);
    ztunnels(proxies, ends, ends.source, Reporter::Source, &source, &destination);
    ztunnel_destination(proxies, ends);
}

/// Reports of the ztunnels of the destination's nodes.
pub(crate) fn ztunnel_destination(proxies: &mut Proxies, ends: &Ends<'_>) {
    let (source, destination) = peers(ends);
    ztunnels(proxies, ends, ends.destination, Reporter::Destination, &source, &destination);
}

/// The source's ztunnel names the waypoint as destination workload but the intended service; the waypoint reports the
/// logical edge; the destination's ztunnel sees the waypoint as source.
pub(crate) fn ambient_through_waypoint(
    proxies: &mut Proxies,
    ends: &Ends<'_>,
    waypoint_pods: &[PodInstance],
    protocol: Protocol,
) {
    let (source, destination) = peers(ends);
    let waypoint = Peer::waypoint(&ends.edge.destination_namespace);
    ztunnels(proxies, ends, ends.source, Reporter::Source, &source, &waypoint);
    ztunnels(proxies, ends, ends.destination, Reporter::Destination, &waypoint, &destination);
    let mut labels =
        sidecar_labels(Reporter::Waypoint, Some(&source), &destination, &ends.edge.destination, protocol);
    // A waypoint does not know the revision behind the service it chose.
    set(&mut labels, "destination_canonical_revision", UNKNOWN);
    for pod in waypoint_pods {
        let proxy = sidecar(proxies, &waypoint, pod);
        proxy.series.extend(series(ends, &labels, protocol, even_share(waypoint_pods)));
    }
}

fn peers<'a>(ends: &Ends<'a>) -> (Peer<'a>, Peer<'a>) {
    let edge = ends.edge;
    (
        Peer::application(&edge.source_namespace, &edge.source),
        Peer::application(&edge.destination_namespace, &edge.destination),
    )
}

#[expect(clippy::cast_precision_loss, reason = "numbers of pods are far below 2^52")]
fn even_share(pods: &[PodInstance]) -> f64 {
    1.0 / pods.len() as f64
}

/// The Envoy of a pod, with the target labels of Istio's scrape configuration: pod labels and where the pod is.
fn sidecar<'a>(proxies: &'a mut Proxies, peer: &Peer<'_>, pod: &PodInstance) -> &'a mut Proxy {
    proxies.entry(pod.name.clone()).or_insert_with(|| {
        let mut labels = pod_labels(peer.namespace, pod, peer.workload);
        labels.insert("version".to_owned(), peer.version.to_owned());
        labels.insert("service_istio_io_canonical_name".to_owned(), peer.workload.to_owned());
        Proxy { name: pod.name.clone(), labels, dialect: Dialect::Text, series: Vec::new() }
    })
}

/// Target labels that Istio's scrape configuration gives to a pod.
fn pod_labels(namespace: &str, pod: &PodInstance, app: &str) -> BTreeMap<String, String> {
    target_labels([
        ("job", "kubernetes-pods"),
        ("namespace", namespace),
        ("pod", &pod.name),
        ("node", &pod.node),
        ("app", app),
        ("instance", &format!("{}:15020", pod.ip)),
    ])
}

/// Adds one report to the ztunnel of each node that has pods of `local`, in proportion to how many.
fn ztunnels(
    proxies: &mut Proxies,
    ends: &Ends<'_>,
    local: &[PodInstance],
    reporter: Reporter,
    source: &Peer<'_>,
    destination: &Peer<'_>,
) {
    let mut labels = common_labels(
        reporter,
        Some(source),
        destination,
        &ends.edge.destination,
        &ends.edge.destination_namespace,
    );
    labels.extend([
        ("request_protocol", "tcp".to_owned()),
        ("response_flags", "-".to_owned()),
        ("connection_security_policy", "mutual_tls".to_owned()),
        ("source_region", "eu-west-1".to_owned()),
        ("source_zone", "eu-west-1a".to_owned()),
        ("destination_region", "eu-west-1".to_owned()),
        ("destination_zone", "eu-west-1a".to_owned()),
    ]);
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for pod in local {
        *shares.entry(&pod.node).or_default() += even_share(local);
    }
    for (node, share) in shares {
        let name = format!("ztunnel-{node}");
        let proxy = proxies.entry(name.clone()).or_insert_with(|| {
            let address = format!("ztunnel.{node}");
            let pod = PodInstance { name: name.clone(), node: node.to_owned(), ip: address };
            let labels = pod_labels("istio-system", &pod, "ztunnel");
            Proxy { name, labels, dialect: Dialect::OpenMetrics, series: Vec::new() }
        });
        proxy.series.extend(series(ends, &labels, Protocol::Tcp, share));
    }
}

/// The series of one report.
fn series(ends: &Ends<'_>, labels: &Labels, protocol: Protocol, share: f64) -> Vec<Series> {
    let requests_per_s = ends.edge.bytes_per_s / BYTES_PER_REQUEST;
    let (request, response) = (ends.edge.request_bytes_per_s(), ends.edge.response_bytes_per_s());
    let counter = |per_s| Growth::Counter { per_s };
    let histogram = |size| Growth::Histogram { per_s: requests_per_s, size };
    let request_size = BYTES_PER_REQUEST * ends.edge.request_share;
    let families: &[(&'static str, Growth)] = match protocol {
        Protocol::Http => &[
            ("istio_requests", counter(requests_per_s)),
            ("istio_request_duration_milliseconds", histogram(LATENCY_MS)),
            ("istio_request_bytes", histogram(request_size)),
            ("istio_response_bytes", histogram(BYTES_PER_REQUEST - request_size)),
        ],
        Protocol::Tcp => &[
            ("istio_tcp_connections_opened", counter(CONNECTIONS_PER_S)),
            ("istio_tcp_connections_closed", counter(CONNECTIONS_PER_S)),
            ("istio_tcp_received_bytes", counter(request)),
            ("istio_tcp_sent_bytes", counter(response)),
        ],
    };
    families
        .iter()
        .map(|&(family, growth)| Series::new(ends.index, family, labels.clone(), share, growth))
        .collect()
}

/// Labels of an Envoy, in the order of its stats filter.
fn sidecar_labels(
    reporter: Reporter,
    source: Option<&Peer<'_>>,
    destination: &Peer<'_>,
    service: &str,
    protocol: Protocol,
) -> Labels {
    let mut labels = common_labels(reporter, source, destination, service, destination.namespace);
    match protocol {
        Protocol::Http => labels.extend([
            ("request_protocol", "http".to_owned()),
            ("response_code", "200".to_owned()),
            ("grpc_response_status", String::new()),
        ]),
        Protocol::Tcp => labels.push(("request_protocol", "tcp".to_owned())),
    }
    let policy = match (reporter, source) {
        // The client's side does not see whether the server asked for a certificate.
        (Reporter::Source, _) => UNKNOWN,
        (_, Some(_)) => "mutual_tls",
        (_, None) => "none",
    };
    labels.extend([("response_flags", "-".to_owned()), ("connection_security_policy", policy.to_owned())]);
    labels
}

fn common_labels(
    reporter: Reporter,
    source: Option<&Peer<'_>>,
    destination: &Peer<'_>,
    service: &str,
    service_namespace: &str,
) -> Labels {
    let reporter = match reporter {
        Reporter::Source => "source",
        Reporter::Destination => "destination",
        Reporter::Waypoint => "waypoint",
    };
    let of_source = |value: fn(&Peer<'_>) -> String| source.map(value).unwrap_or_else(|| UNKNOWN.to_owned());
    let workload = |peer: &Peer<'_>| peer.workload.to_owned();
    let version = |peer: &Peer<'_>| peer.version.to_owned();
    vec![
        ("reporter", reporter.to_owned()),
        ("source_workload", of_source(workload)),
        ("source_canonical_service", of_source(workload)),
        ("source_canonical_revision", of_source(version)),
        ("source_workload_namespace", of_source(|peer| peer.namespace.to_owned())),
        ("source_principal", of_source(|peer| peer.principal())),
        ("source_app", of_source(workload)),
        ("source_version", of_source(version)),
        ("source_cluster", of_source(|_| CLUSTER.to_owned())),
        ("destination_workload", workload(destination)),
        ("destination_workload_namespace", destination.namespace.to_owned()),
        (
            "destination_principal",
            if source.is_some() { destination.principal() } else { UNKNOWN.to_owned() },
        ),
        ("destination_app", workload(destination)),
        ("destination_version", version(destination)),
        ("destination_service", format!("{service}.{service_namespace}.svc.cluster.local")),
        ("destination_canonical_service", workload(destination)),
        ("destination_canonical_revision", version(destination)),
        ("destination_service_name", service.to_owned()),
        ("destination_service_namespace", service_namespace.to_owned()),
        ("destination_cluster", CLUSTER.to_owned()),
    ]
}

fn set(labels: &mut Labels, name: &str, value: &str) {
    for (_, present) in labels.iter_mut().filter(|(label, _)| *label == name) {
        value.clone_into(present);
    }
}
