//! The HTTP server in front of the proxies: one path per target, so that a scrape sees each as a process of its own.

use crate::exposition::Pages;
use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, serve};
use netmarks_test_cluster::ScrapeTarget;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Holds a running server; dropping it stops it.
pub struct TrafficServer {
    address: SocketAddr,
    pages: Arc<dyn Pages>,
    task: JoinHandle<()>,
}

impl TrafficServer {
    /// Serves on a free port of 127.0.0.1.
    pub async fn start(pages: Arc<dyn Pages>) -> Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), pages).await
    }

    /// Serves on the given address.
    pub async fn start_on(address: SocketAddr, pages: Arc<dyn Pages>) -> Result<Self> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
        let address = listener.local_addr().context("failed to read the address listened on")?;
        let router = Router::new().route("/metrics/{target}", get(scrape)).with_state(Arc::clone(&pages));
        // `serve` handles its own errors and never ends by itself.
        let task = tokio::spawn(async move { serve(listener, router).await.unwrap_or_default() });
        Ok(Self { address, pages, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The targets there are now, for `PrometheusServer::start` and, after a pod came or went, `set_targets`.
    pub fn targets(&self) -> Vec<ScrapeTarget> {
        let address = self.address.to_string();
        self.pages
            .targets()
            .into_iter()
            .map(|(name, labels)| ScrapeTarget {
                address: address.clone(),
                path: format!("/metrics/{name}"),
                labels,
            })
            .collect()
    }

    /// Waits until the server ends, which it does only by a fault.
    pub async fn ended(&mut self) {
        let _outcome = (&mut self.task).await;
    }
}

impl Drop for TrafficServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn scrape(State(pages): State<Arc<dyn Pages>>, Path(target): Path<String>) -> Response {
    match pages.page(&target) {
        Some(page) => ([(CONTENT_TYPE, page.content_type)], page.body).into_response(),
        None => (StatusCode::NOT_FOUND, format!("no target {target:?}\n")).into_response(),
    }
}
