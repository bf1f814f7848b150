//! What can happen to proxies, as seen in their counters at given instants.

use netmarks_test_traffic::{Edge, Mesh, Pages as _, Pods, Protocol, Topology};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const WEB: &str = "web-6d4cf56db6-7hx2k";
const CART: &str = "cart-6d4cf56db6-7hx2k";

struct Rig {
    mesh: Mesh,
    seconds: Arc<AtomicU64>,
}

impl Rig {
    /// web calls cart with 1,000 bytes/s and db with 1 byte/s of requests.
    fn new() -> Self {
        Self::with(Protocol::Tcp)
    }

    fn with(protocol: Protocol) -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let reading = Arc::clone(&seconds);
        let clock = Arc::new(move || Duration::from_secs(reading.load(Ordering::Relaxed)));
        let edges = vec![Edge::new("shop", "web", "cart", 4_000.0), Edge::new("shop", "web", "db", 4.0)];
        Self { mesh: Mesh::new(Topology::Sidecar, protocol, edges, &Pods::default(), clock), seconds }
    }

    fn at(&self, seconds: u64) -> &Self {
        self.seconds.store(seconds, Ordering::Relaxed);
        self
    }

    /// Bytes of requests to a destination that a proxy shows, if it shows any.
    fn received(&self, target: &str, destination: &str) -> Option<f64> {
        self.value(target, "istio_tcp_received", &format!("destination_workload=\"{destination}\""))
    }

    /// Requests to the cart that a proxy shows with this status, if it shows any.
    fn requests(&self, target: &str, status: &str) -> Option<f64> {
        self.value(target, "istio_requests_total", &format!("response_code=\"{status}\""))
    }

    fn value(&self, target: &str, family: &str, label: &str) -> Option<f64> {
        let page = self.mesh.page(target)?;
        let body = page.text();
        let line = body.lines().find(|line| line.starts_with(family) && line.contains(label))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

#[test]
fn a_restarted_proxy_counts_from_zero_and_the_other_side_goes_on() {
    let rig = Rig::new();
    rig.at(100).mesh.restart_proxy(WEB).unwrap();
    assert_eq!(rig.received(WEB, "cart"), Some(0.0));
    assert_eq!(rig.received(CART, "cart"), Some(100_000.0));
    assert_eq!(rig.at(110).received(WEB, "cart"), Some(10_000.0));
    assert_eq!(rig.received(CART, "cart"), Some(110_000.0));
    assert!(rig.mesh.restart_proxy("nobody").unwrap_err().to_string().contains(WEB));
}

#[test]
fn a_replaced_pod_is_another_target() {
    let rig = Rig::new();
    rig.at(100).mesh.replace_pod(WEB, "web-new", "10.244.9.9").unwrap();
    assert_eq!(rig.received(WEB, "cart"), None);
    assert_eq!(rig.at(101).received("web-new", "cart"), Some(1_000.0));
    let targets = rig.mesh.targets();
    let (_, labels) = targets.iter().find(|(name, _)| name == "web-new").unwrap();
    assert_eq!(labels["pod"], "web-new");
    assert_eq!(labels["instance"], "10.244.9.9:15020");
    assert_eq!(labels["app"], "web");
    assert!(targets.iter().all(|(name, _)| name != WEB));
    rig.mesh.replace_pod(CART, "web-new", "10.244.9.9").unwrap_err();
}

#[test]
fn a_removed_edge_leaves_the_others() {
    let rig = Rig::new();
    rig.at(100).mesh.remove_edge("web", "cart").unwrap();
    assert_eq!(rig.received(WEB, "cart"), None);
    assert_eq!(rig.received(CART, "cart"), None);
    assert_eq!(rig.received(WEB, "db"), Some(100.0));
    rig.mesh.remove_edge("cart", "web").unwrap_err();
}

#[test]
fn a_counter_goes_on_when_its_rate_changes() {
    let rig = Rig::new();
    rig.at(100).mesh.set_rate("web", "cart", 8_000.0).unwrap();
    assert_eq!(rig.received(WEB, "cart"), Some(100_000.0));
    assert_eq!(rig.at(101).received(WEB, "cart"), Some(102_000.0));
    assert_eq!(rig.received(WEB, "db"), Some(101.0));
    rig.mesh.set_rate("web", "cart", 0.0).unwrap();
    assert_eq!(rig.at(200).received(WEB, "cart"), Some(102_000.0));
    assert_eq!(rig.mesh.edges()[0].bytes_per_s, 0.0);
}

#[test]
fn a_part_of_the_requests_fails_from_then_on() {
    let rig = Rig::with(Protocol::Http);
    rig.at(100).mesh.fail("web", "cart", 0.25).unwrap();
    for (seconds, succeeded, failed) in [(100, 100.0, 0.0), (140, 130.0, 10.0)] {
        for proxy in [WEB, CART] {
            assert_eq!(rig.at(seconds).requests(proxy, "200"), Some(succeeded));
            assert_eq!(rig.requests(proxy, "503"), Some(failed));
        }
    }
    Rig::new().mesh.fail("web", "cart", 0.25).unwrap_err();
}
