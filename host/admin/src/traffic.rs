//! Traffic by how far it goes, as metrics: what the product is about, over time.
//!
//! Summing it up takes a moment in a large cluster, so a task does it beside the scrapes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use netmarks_core::idle::WhenIdle;
use netmarks_core::snapshot::Snapshot;
use netmarks_map::{Amounts, NamespaceAmounts, by_namespace};
use netmarks_state::ClusterState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::collect::series;
use crate::console::Taken;

/// Namespaces with series of their own; those with less traffic are one.
const NAMESPACES: usize = 100;

/// How often it is looked whether anything changed.
const LOOK: Duration = Duration::from_secs(5);

/// The sums as they were made last; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TrafficCollector(Arc<Mutex<Arc<Vec<NamespaceAmounts>>>>);

/// Places are named as `OpenCost` names them; the namespace is not called `namespace`, which Prometheus sets to where this program runs.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PlaceLabels {
    source_namespace: String,
    same_node: &'static str,
    same_zone: &'static str,
    same_region: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NamespaceLabel {
    source_namespace: String,
}

impl TrafficCollector {
    /// Keeps the sums in step with `state`, until `shutdown`. They are made `when_idle`: nobody waits for them.
    pub async fn follow(self, state: Arc<ClusterState>, when_idle: WhenIdle, shutdown: CancellationToken) {
        let every = async {
            let mut ticks = tokio::time::interval(LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut seen: Option<Arc<Snapshot>> = None;
            loop {
                ticks.tick().await;
                let snapshot = state.snapshot();
                if seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &snapshot)) {
                    continue;
                }
                seen = Some(snapshot);
                let (state, sums) = (state.clone(), self.0.clone());
                let summed = tokio::task::spawn_blocking(move || {
                    // Not when idle: others wait for the index meanwhile.
                    let taken = Taken::of(&state);
                    match when_idle.run(|| by_namespace(&taken.scene(), NAMESPACES)) {
                        Some(made) => *sums.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(made),
                        None => tracing::error!(
                            "summing up the traffic panicked, so its metrics stay as they were; report what standard error says of it"
                        ),
                    }
                });
                if let Err(error) = summed.await {
                    tracing::error!(%error, "failed to sum up the traffic");
                }
            }
        };
        shutdown.run_until_cancelled(every).await;
    }
}

impl Collector for TrafficCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unit = Unit::Other("bytes_per_second".to_owned());
        let help = "Traffic between pods by how far it goes, of the namespace that calls.";
        let mut family = encoder.encode_descriptor("traffic", help, Some(&unit), MetricType::Gauge)?;
        for NamespaceAmounts { namespace, amounts } in sums.iter() {
            let Amounts { within_node, within_zone, across_zones, across_regions, unplaced: _ } = *amounts;
            for (same_node, same_zone, same_region, amount) in [
                ("true", "true", "true", within_node),
                ("false", "true", "true", within_zone),
                ("false", "false", "true", across_zones),
                ("false", "false", "false", across_regions),
            ] {
                let source_namespace = namespace.clone();
                let labels = PlaceLabels { source_namespace, same_node, same_zone, same_region };
                series(&mut family, &labels, |series| ConstGauge::new(amount).encode(series))?;
            }
        }
        let help = "Traffic with an end that has no pod on any node, of the namespace that calls.";
        let mut family =
            encoder.encode_descriptor("traffic_unplaced", help, Some(&unit), MetricType::Gauge)?;
        for NamespaceAmounts { namespace, amounts } in sums.iter() {
            let labels = NamespaceLabel { source_namespace: namespace.clone() };
            series(&mut family, &labels, |series| ConstGauge::new(amounts.unplaced).encode(series))?;
        }
        Ok(())
    }
}
