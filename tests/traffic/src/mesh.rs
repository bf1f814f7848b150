//! The proxies of a mesh, what they count, and what can happen to them.

use crate::clock::Clock;
use crate::edge::Edge;
use crate::exposition::{Dialect, Page, Pages, Series, render};
use crate::pods::Pods;
use crate::proxy::{Ends, Proxy};
use crate::topology::{Protocol, Topology};
use crate::{beyla, istio, linkerd, native};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Holds the state of every proxy. All methods take effect at the clock's present time and can be called while it is served.
pub struct Mesh {
    clock: Clock,
    histograms: Histograms,
    state: RwLock<State>,
}

/// What sidecars and waypoints show of request and response sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Histograms {
    Classic,
    Native,
}

struct State {
    edges: Vec<Edge>,
    proxies: BTreeMap<String, Proxy>,
}

impl std::fmt::Debug for Mesh {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mesh").field("proxies", &self.read().proxies.keys()).finish_non_exhaustive()
    }
}

impl Mesh {
    /// The proxies that this topology has for these edges. All counters start at zero when the clock does.
    pub fn new(topology: Topology, protocol: Protocol, edges: Vec<Edge>, pods: &Pods, clock: Clock) -> Self {
        let waypoints = (topology == Topology::AmbientWaypoint)
            .then(|| edges.iter().map(|edge| (edge.destination_namespace.as_str(), istio::WAYPOINT)))
            .into_iter()
            .flatten();
        let applications = edges.iter().flat_map(|edge| {
            [
                (edge.source_namespace.as_str(), edge.source.as_str()),
                (edge.destination_namespace.as_str(), edge.destination.as_str()),
            ]
        });
        let pods = pods.complete(applications.chain(waypoints));
        let mut proxies = BTreeMap::new();
        for (index, edge) in edges.iter().enumerate() {
            let ends = Ends {
                index,
                edge,
                source: pods.of(&edge.source_namespace, &edge.source),
                destination: pods.of(&edge.destination_namespace, &edge.destination),
            };
            match topology {
                Topology::Sidecar => {
                    istio::sidecar_source(&mut proxies, &ends, protocol);
                    istio::sidecar_destination(&mut proxies, &ends, protocol, istio::SourceKnown::Yes);
                }
                Topology::SidecarSourceOnly => istio::sidecar_source(&mut proxies, &ends, protocol),
                Topology::SidecarDestinationOnly => {
                    istio::sidecar_destination(&mut proxies, &ends, protocol, istio::SourceKnown::No);
                }
                Topology::Ambient => istio::ambient(&mut proxies, &ends),
                Topology::AmbientWaypoint => {
                    let waypoint = pods.of(&edge.destination_namespace, istio::WAYPOINT);
                    istio::ambient_through_waypoint(&mut proxies, &ends, waypoint, protocol);
                }
                Topology::SidecarToAmbient => {
                    istio::sidecar_source(&mut proxies, &ends, protocol);
                    istio::ztunnel_destination(&mut proxies, &ends);
                }
                Topology::Linkerd => linkerd::report(&mut proxies, &ends),
                Topology::Beyla => beyla::report(&mut proxies, &ends),
            }
        }
        Self { clock, histograms: Histograms::Classic, state: RwLock::new(State { edges, proxies }) }
    }

    /// The same with Envoys that answer every scrape with protobuf and native histograms, and no classic ones.
    #[must_use]
    pub fn with_native_histograms(mut self) -> Self {
        self.histograms = Histograms::Native;
        self
    }

    /// The proxy process of a pod restarts: its counters start again at zero, its labels stay.
    pub fn restart_proxy(&self, pod: &str) -> Result<()> {
        let now = (self.clock)();
        let mut state = self.write();
        let proxy = state.proxy_mut(pod)?;
        proxy.series.iter_mut().for_each(|series| series.reset(now));
        Ok(())
    }

    /// A pod is replaced by another on the same node: its target is gone, and one with another `pod` and `instance` and counters
    /// at zero appears. What other proxies say about the pod's application stays.
    pub fn replace_pod(&self, pod: &str, new_name: &str, new_ip: &str) -> Result<()> {
        let now = (self.clock)();
        let mut state = self.write();
        ensure!(!state.proxies.contains_key(new_name), "there is a proxy {new_name:?} already");
        state.proxy_mut(pod)?;
        if let Some(mut proxy) = state.proxies.remove(pod) {
            proxy.name = new_name.to_owned();
            proxy.labels.insert("pod".to_owned(), new_name.to_owned());
            if let Some(instance) = proxy.labels.get_mut("instance") {
                let port = instance.rsplit(':').next().unwrap_or_default();
                *instance = format!("{new_ip}:{port}");
            }
            proxy.series.iter_mut().for_each(|series| series.reset(now));
            state.proxies.insert(new_name.to_owned(), proxy);
        }
        Ok(())
    }

    /// All series about an edge go away, as when proxies evict what was not used for a while.
    pub fn remove_edge(&self, source: &str, destination: &str) -> Result<()> {
        let mut state = self.write();
        let index = state.edge_index(source, destination)?;
        for proxy in state.proxies.values_mut() {
            proxy.series.retain(|series| series.edge != index);
        }
        Ok(())
    }

    /// An edge carries another rate from now on, in bytes per second, with the same share of requests. Counters go on.
    /// The edge must not have been at zero, as there is nothing to scale then.
    pub fn set_rate(&self, source: &str, destination: &str, bytes_per_s: f64) -> Result<()> {
        let now = (self.clock)();
        let mut state = self.write();
        let index = state.edge_index(source, destination)?;
        let edge = state.edges.get_mut(index).context("the edge is gone")?;
        ensure!(edge.bytes_per_s > 0.0, "{source} -> {destination} was created with, or set to, no traffic");
        let factor = bytes_per_s / edge.bytes_per_s;
        edge.bytes_per_s = bytes_per_s;
        for series in state.proxies.values_mut().flat_map(|proxy| &mut proxy.series) {
            if series.edge == index {
                series.scale(now, factor);
            }
        }
        Ok(())
    }

    /// From now on this part (0 to 1) of an edge's HTTP requests fails with status 503.
    pub fn fail(&self, source: &str, destination: &str, part: f64) -> Result<()> {
        let now = (self.clock)();
        let mut state = self.write();
        let index = state.edge_index(source, destination)?;
        let mut split = 0;
        for proxy in state.proxies.values_mut() {
            let ours = proxy.series.iter_mut().filter(|series| series.edge == index);
            let failing: Vec<Series> =
                ours.filter_map(|series| series.split_off_failing(now, part)).collect();
            split += failing.len();
            proxy.series.extend(failing);
        }
        ensure!(
            split > 0,
            "nothing says whether {source} -> {destination} succeeds: it has no HTTP requests"
        );
        Ok(())
    }

    /// The edges at their present rates, removed ones included: the truth that a reader should find.
    pub fn edges(&self) -> Vec<Edge> {
        self.read().edges.clone()
    }

    // A panic elsewhere cannot leave a half-made change: every change is made after all that can fail.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn proxy_mut(&mut self, pod: &str) -> Result<&mut Proxy> {
        let known: Vec<String> = self.proxies.keys().cloned().collect();
        self.proxies.get_mut(pod).with_context(|| format!("no proxy {pod:?}, only {known:?}"))
    }

    fn edge_index(&self, source: &str, destination: &str) -> Result<usize> {
        self.edges
            .iter()
            .position(|edge| edge.source == source && edge.destination == destination)
            .with_context(|| format!("no edge {source} -> {destination}"))
    }
}

impl Pages for Mesh {
    fn targets(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.read().proxies.values().map(|proxy| (proxy.name.clone(), proxy.labels.clone())).collect()
    }

    fn page(&self, target: &str) -> Option<Page> {
        let now = (self.clock)();
        let state = self.read();
        let proxy = state.proxies.get(target)?;
        if (self.histograms, proxy.dialect) == (Histograms::Native, Dialect::Text) {
            return Some(native::page(&proxy.series, now));
        }
        let body = render(proxy.dialect, &proxy.series, now).into_bytes();
        Some(Page { content_type: proxy.dialect.content_type(), body })
    }
}
