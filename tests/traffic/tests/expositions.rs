//! What each topology exposes, line for line, and that Prometheus' own tool accepts it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

use netmarks_test_traffic::{Clock, Edge, Mesh, Pages, Pods, Protocol, Replay, Topology};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Set to write the golden files again; look at the difference before committing it.
const BLESS: &str = "NETMARKS_BLESS";

const CASES: [(&str, Topology, Protocol); 9] = [
    ("sidecar-http", Topology::Sidecar, Protocol::Http),
    ("sidecar-tcp", Topology::Sidecar, Protocol::Tcp),
    ("sidecar-source-only", Topology::SidecarSourceOnly, Protocol::Http),
    ("sidecar-destination-only", Topology::SidecarDestinationOnly, Protocol::Tcp),
    ("ambient", Topology::Ambient, Protocol::Http),
    ("ambient-waypoint", Topology::AmbientWaypoint, Protocol::Http),
    ("sidecar-to-ambient", Topology::SidecarToAmbient, Protocol::Http),
    ("linkerd", Topology::Linkerd, Protocol::Http),
    ("beyla", Topology::Beyla, Protocol::Http),
];

fn at(seconds: u64) -> Clock {
    Arc::new(move || Duration::from_secs(seconds))
}

fn mesh(topology: Topology, protocol: Protocol) -> Mesh {
    // 1,000 bytes/s there, 3,000 bytes/s back.
    let edge = Edge::new("shop", "web", "cart", 4_000.0);
    Mesh::new(topology, protocol, vec![edge], &Pods::default(), at(60))
}

#[test]
fn expositions_are_as_in_the_golden_files() {
    for (name, topology, protocol) in CASES {
        let mesh = mesh(topology, protocol);
        let mut text = String::new();
        for (target, labels) in mesh.targets() {
            text.push_str(&format!("## target {target} {labels:?}\n"));
            for line in mesh.page(&target).unwrap().text().lines() {
                // Two buckets tell the shape; all twenty of each histogram would bury the rest.
                if !line.contains("_bucket{") || line.contains("le=\"1000\"") || line.contains("le=\"+Inf\"")
                {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
        if std::env::var_os(BLESS).is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        assert!(text == golden, "{} differs; set {BLESS}=1 to write it again. Now:\n{text}", path.display());
    }
}

/// Ends of promtool's complaints about what Envoy and Linkerd do write.
const TRUE_OF_REAL_PROXIES: [&str; 2] =
    ["no help text", "use base unit \"seconds\" instead of \"milliseconds\""];

#[test]
fn promtool_finds_no_fault_in_prometheus_text() {
    for (name, topology, protocol) in CASES {
        let mesh = mesh(topology, protocol);
        for (target, _) in mesh.targets() {
            let page = mesh.page(&target).unwrap();
            // promtool 2.42 knows only the text format; OpenMetrics is left to a real scrape, see prometheus.rs.
            if page.content_type.starts_with("text/plain") {
                let complaints = promtool(&page.text());
                let complaints: Vec<&str> = complaints
                    .lines()
                    .filter(|line| !TRUE_OF_REAL_PROXIES.iter().any(|end| line.ends_with(end)))
                    .collect();
                assert!(complaints.is_empty(), "{name}, {target}: {complaints:?}");
            }
        }
    }
}

fn promtool(text: &str) -> String {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs (Debian package `prometheus`)");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn promtool_would_find_a_fault() {
    assert!(promtool("a_total{b=\"} 1\n").contains("error while linting"));
}

/// Adds up the values of all series whose line contains each of `parts`.
fn sum(pages: &dyn Pages, parts: &[&str]) -> f64 {
    pages
        .targets()
        .iter()
        .flat_map(|(target, _)| {
            let page = pages.page(target).unwrap();
            page.text().lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| parts.iter().all(|part| line.contains(part)))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

#[test]
fn traffic_is_spread_over_pods_and_adds_up() {
    let pods = Pods::default()
        .with("shop", "web", "web-1", "node-a")
        .with("shop", "web", "web-2", "node-b")
        .with("shop", "cart", "cart-1", "node-b")
        .with("shop", "cart", "cart-2", "node-b");
    let mesh = |topology, protocol| {
        Mesh::new(topology, protocol, vec![Edge::new("shop", "web", "cart", 4_000.0)], &pods, at(60))
    };
    let sidecar = mesh(Topology::Sidecar, Protocol::Http);
    for reporter in ["reporter=\"source\"", "reporter=\"destination\""] {
        assert_eq!(sum(&sidecar, &["istio_request_bytes_sum", reporter]), 60_000.0);
        assert_eq!(sum(&sidecar, &["istio_response_bytes_sum", reporter]), 180_000.0);
        assert_eq!(sum(&sidecar, &["istio_request_bytes_bucket", reporter, "le=\"+Inf\""]), 60.0);
        // Each request has 1,000 bytes.
        assert_eq!(sum(&sidecar, &["istio_request_bytes_bucket", reporter, "le=\"1000\""]), 60.0);
        assert_eq!(sum(&sidecar, &["istio_request_bytes_bucket", reporter, "le=\"500\""]), 0.0);
    }
    let ambient = mesh(Topology::Ambient, Protocol::Http);
    assert_eq!(ambient.targets().len(), 2, "one ztunnel per node");
    assert_eq!(sum(&ambient, &["istio_tcp_received_bytes_total", "reporter=\"source\""]), 60_000.0);
    assert_eq!(sum(&ambient, &["istio_tcp_received_bytes_total", "reporter=\"destination\""]), 60_000.0);
    let linkerd = mesh(Topology::Linkerd, Protocol::Tcp);
    let outbound = ["direction=\"outbound\",peer=\"dst\""];
    assert_eq!(sum(&linkerd, &["tcp_write_bytes_total", outbound[0]]), 60_000.0);
    assert_eq!(sum(&linkerd, &["tcp_write_bytes_total", outbound[0], "dst_pod=\"cart-1\""]), 30_000.0);
    // Three quarters of the pairs of pods touch node-a or are within node-b; all touch node-b.
    let beyla = mesh(Topology::Beyla, Protocol::Tcp);
    let request = ["beyla_network_flow_bytes_total", "k8s_src_owner_name=\"web\""];
    assert_eq!(sum(&beyla, &request), 60_000.0 + 30_000.0);
}

#[test]
fn reports_with_the_same_labels_are_one_series() {
    let edges = vec![Edge::new("shop", "web", "cart", 4_000.0), Edge::new("shop", "admin", "cart", 400.0)];
    for (topology, protocol) in [
        (Topology::AmbientWaypoint, Protocol::Http),
        (Topology::SidecarDestinationOnly, Protocol::Http),
        (Topology::Beyla, Protocol::Tcp),
    ] {
        let mesh = Mesh::new(topology, protocol, edges.clone(), &Pods::default(), at(60));
        for (target, _) in mesh.targets() {
            let page = mesh.page(&target).unwrap();
            let text = page.text();
            let mut series: Vec<&str> =
                text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series).collect();
            let all = series.len();
            series.sort_unstable();
            series.dedup();
            assert_eq!(series.len(), all, "{topology:?}, {target}:\n{text}");
        }
    }
    let mesh = Mesh::new(Topology::AmbientWaypoint, Protocol::Http, edges, &Pods::default(), at(60));
    let hop = ["istio_tcp_received_bytes_total", "source_workload=\"waypoint\""];
    assert_eq!(sum(&mesh, &hop), 60_000.0 + 6_000.0);
}

#[test]
fn both_directions_of_the_capture_are_what_its_note_says() {
    let replay = Replay::ztunnel(at(2)).unwrap();
    let cart = "destination_workload=\"cartservice\"";
    assert_eq!(sum(&replay, &["istio_tcp_received_bytes_total", cart]), 2.0 * 9_300.0);
    assert_eq!(sum(&replay, &["istio_tcp_sent_bytes_total", cart]), 2.0 * 102_280.0);
}
