//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod kubernetes;
mod kubernetes_watch;
mod linkerd;
mod meshes;
mod native_histograms;
mod presets;
mod prometheus_api;
mod real_prometheus;
mod recording_rules;
mod round_trips;
mod store_answers;
mod store_requests;
mod support;
mod tenants;
mod victoria_metrics;
