//! What Linkerd's proxies report: transport metrics whose outbound side names the destination down to the pod.
//!
//! The source is not in the labels; the scrape adds it. The inbound series, and those towards the local application, are there too:
//! a query that does not leave them out counts bytes two or four times.

use crate::exposition::{Dialect, Growth, Labels, Series};
use crate::pods::PodInstance;
use crate::proxy::{Ends, Proxy, target_labels};
use std::collections::BTreeMap;

const WRITE: &str = "tcp_write_bytes";
const READ: &str = "tcp_read_bytes";

/// Reports of the proxies of all pods at both ends.
#[expect(clippy::cast_precision_loss, reason = "numbers of pods are far below 2^52")]
pub(crate) fn report(proxies: &mut BTreeMap<String, Proxy>, ends: &Ends<'_>) {
    let edge = ends.edge;
    let (request, response) = (edge.request_bytes_per_s(), edge.response_bytes_per_s());
    let pair_share = 1.0 / (ends.source.len() * ends.destination.len()) as f64;
    for source in ends.source {
        for destination in ends.destination {
            let to_peer = outbound(ends, destination);
            let to_application = vec![
                ("direction", "outbound".to_owned()),
                ("peer", "src".to_owned()),
                ("target_addr", format!("{}:8080", destination.ip)),
                ("target_ip", destination.ip.clone()),
                ("target_port", "8080".to_owned()),
                ("tls", "no_identity".to_owned()),
                ("no_tls_reason", "loopback".to_owned()),
            ];
            let proxy = proxy(proxies, &edge.source_namespace, &edge.source, source);
            push_pair(proxy, ends.index, &to_peer, pair_share, request, response);
            push_pair(proxy, ends.index, &to_application, pair_share, response, request);
        }
    }
    let share = 1.0 / ends.destination.len() as f64;
    for destination in ends.destination {
        let from_peer = vec![
            ("direction", "inbound".to_owned()),
            ("peer", "src".to_owned()),
            ("target_addr", format!("{}:8080", destination.ip)),
            ("target_ip", destination.ip.clone()),
            ("target_port", "8080".to_owned()),
            ("tls", "true".to_owned()),
            (
                "client_id",
                format!(
                    "{}.{}.serviceaccount.identity.linkerd.cluster.local",
                    edge.source, edge.source_namespace
                ),
            ),
        ];
        let proxy = proxy(proxies, &edge.destination_namespace, &edge.destination, destination);
        push_pair(proxy, ends.index, &from_peer, share, response, request);
    }
}

fn push_pair(proxy: &mut Proxy, edge: usize, labels: &Labels, share: f64, written: f64, read: f64) {
    for (family, per_s) in [(WRITE, written), (READ, read)] {
        proxy.series.push(Series::new(edge, family, labels.clone(), share, Growth::Counter { per_s }));
    }
}

fn outbound(ends: &Ends<'_>, destination: &PodInstance) -> Labels {
    let (namespace, name) = (&ends.edge.destination_namespace, &ends.edge.destination);
    vec![
        ("direction", "outbound".to_owned()),
        ("peer", "dst".to_owned()),
        ("target_addr", format!("{}:8080", destination.ip)),
        ("target_ip", destination.ip.clone()),
        ("target_port", "8080".to_owned()),
        ("tls", "true".to_owned()),
        ("server_id", format!("{name}.{namespace}.serviceaccount.identity.linkerd.cluster.local")),
        ("dst_control_plane_ns", "linkerd".to_owned()),
        ("dst_namespace", namespace.clone()),
        ("dst_deployment", name.clone()),
        ("dst_pod", destination.name.clone()),
        ("dst_pod_template_hash", "6d4cf56db6".to_owned()),
        ("dst_service", name.clone()),
        ("dst_serviceaccount", name.clone()),
    ]
}

/// The proxy of a pod, with the target labels of Linkerd's own scrape configuration.
fn proxy<'a>(
    proxies: &'a mut BTreeMap<String, Proxy>,
    namespace: &str,
    deployment: &str,
    pod: &PodInstance,
) -> &'a mut Proxy {
    proxies.entry(pod.name.clone()).or_insert_with(|| {
        let labels = target_labels([
            ("job", "linkerd-proxy"),
            ("namespace", namespace),
            ("deployment", deployment),
            ("pod", pod.name.as_str()),
            ("instance", &format!("{}:4191", pod.ip)),
            ("control_plane_ns", "linkerd"),
        ]);
        Proxy { name: pod.name.clone(), labels, dialect: Dialect::Text, series: Vec::new() }
    })
}
