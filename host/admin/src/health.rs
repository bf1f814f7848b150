//! Probes and the metrics page: `/healthz`, `/readyz` and `/metrics`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use netmarks_core::clock::unix_now;
use netmarks_core::errors::chain;
use netmarks_policies::Registry;
use netmarks_server::Connections;
use netmarks_state::ClusterState;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry as Metrics, Unit};
use tokio_util::sync::CancellationToken;

use crate::collect::{ClusterCollector, ConnectionCollector, PolicyCollector};
use crate::exposition;
use crate::readiness::ReadinessCheck;
use crate::target::TargetCollector;

/// What probes and scrapers ask; cheap to clone.
#[derive(Clone, Debug)]
pub struct HealthRoutes {
    readiness: ReadinessCheck,
    metrics: Arc<Metrics>,
    classic_histograms: bool,
}

impl HealthRoutes {
    /// Adds to `metrics` what is read off `state`, `registry` and `connections` at each scrape, and exposes it all. `stopping`
    /// is cancelled when the process was told to stop.
    #[must_use]
    pub fn new(
        state: Arc<ClusterState>,
        registry: Registry,
        connections: Connections,
        mut metrics: Metrics,
        stopping: CancellationToken,
    ) -> Self {
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(unix_now());
        let help = "When the extender started, since the Unix epoch";
        metrics.register_with_unit("start_time", help, Unit::Seconds, started);
        metrics.register_collector(Box::new(PolicyCollector(registry.clone())));
        metrics.register_collector(Box::new(ConnectionCollector(connections)));
        metrics.register_collector(Box::new(TargetCollector(state.clone())));
        let readiness = ReadinessCheck { state, registry, stopping };
        metrics.register_collector(Box::new(ClusterCollector(readiness.clone())));
        Self { readiness, metrics: Arc::new(metrics), classic_histograms: true }
    }

    /// Whether scrapers that get native histograms get the classic ones, too; they do unless told otherwise.
    #[must_use]
    pub fn with_classic_histograms(self, classic_histograms: bool) -> Self {
        Self { classic_histograms, ..self }
    }

    /// The routes. Probes and scrapers cannot present a client certificate, so a plain listener may carry them, too.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

async fn readyz(State(health): State<HealthRoutes>) -> Response {
    let reasons = health.readiness.reasons();
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let mut text = String::from("not ready\n");
    for reason in reasons {
        let _ = writeln!(text, "- {reason}");
    }
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(health): State<HealthRoutes>, headers: HeaderMap) -> Response {
    let HealthRoutes { metrics, classic_histograms, readiness: _ } = health;
    // Some milliseconds where there are many series, in which a worker would answer nobody.
    let page = tokio::task::spawn_blocking(move || exposition::page(&metrics, &headers, classic_histograms));
    match page.await {
        Ok(Ok((kind, page))) => ([(header::CONTENT_TYPE, kind)], page).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", chain(error))).into_response()
}
