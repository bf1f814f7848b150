//! Flows from any store that answers the Prometheus HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics.
//!
//! [`config`] is what an operator sets, [`choice`] which queries, [`presets`] those of each mesh, [`client`] the HTTP request,
//! `store_clock` what time it is there, [`decode`] the answer, [`warnings`] what the store says beside it, `averages` one number per flow, [`poller`] the task that keeps the flows fresh, `background` on which thread, `past` what it asks when it starts; [`selectors`]
//! says which series a query reads, [`service_level`] how well applications serve, [`round_trips`] how long messages take.

mod address;
mod averages;
mod background;
pub mod choice;
pub mod client;
pub mod config;
pub mod decode;
mod past;
pub mod poller;
pub mod presets;
pub mod round_trips;
pub mod selectors;
pub mod service_level;
mod store_clock;
pub mod warnings;

pub use config::{ConfigError, MetricsConfig};
pub use poller::Poller;
