//! Logs and traces.
//!
//! Apart because both are global to the process and set up before anything else runs.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::config::{Log, LogFormat, Traces};

/// Changes the log filter, and flushes traces at the end.
#[derive(Clone, Debug)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
    traces: Option<SdkTracerProvider>,
}

/// Sets both up. Logs go to stderr, with colours only on a terminal.
///
/// # Errors
/// If the filter or the endpoint is not one, or it was done before.
pub fn start(log: &Log, traces: &Traces) -> Result<LogControl> {
    let filter = log.filter.parse::<EnvFilter>().context("`log.filter` is not a filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let writer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let logs = match log.format {
        LogFormat::Text => writer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).boxed(),
    };
    let provider = traces.otlp_endpoint.as_deref().map(|endpoint| provider(endpoint, traces)).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        // Spans are made for traces alone, so their target is one that no log filter names by default.
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("netmarks"))
            .with_filter(Targets::new().with_target("netmarks::trace", tracing::Level::DEBUG))
    });
    tracing_subscriber::registry()
        .with(logs.with_filter(filter))
        .with(spans)
        .try_init()
        .context("logging was set up before")?;
    Ok(LogControl { filter: handle, traces: provider })
}

fn provider(endpoint: &str, traces: &Traces) -> Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .build()
        .with_context(|| format!("`traces.otlp_endpoint` ({endpoint}) cannot be used"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exporter = OnRuntime { exporter, runtime: runtime.context("failed to start the runtime of traces")? };
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::TraceIdRatioBased(traces.sample_ratio))
        .with_resource(Resource::builder().with_service_name("netmarks").build())
        .build())
}

/// Sends spans from a thread that is not tokio's: that of the batch processor, which the HTTP client panics on.
#[derive(Debug)]
struct OnRuntime {
    exporter: opentelemetry_otlp::SpanExporter,
    runtime: tokio::runtime::Runtime,
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // Blocks the thread that has nothing else to do.
        self.runtime.block_on(self.exporter.export(batch))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl LogControl {
    /// Logs by another filter from now on.
    ///
    /// # Errors
    /// If it is not a filter.
    pub fn set_filter(&self, filter: &str) -> Result<()> {
        let filter = filter.parse::<EnvFilter>().context("`log.filter` is not a filter")?;
        self.filter.reload(filter).context("logging has ended")
    }

    /// Sends the traces that are still held back. Blocks for up to the exporter's timeout.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
