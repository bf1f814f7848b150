//! The target placement on the metrics page: whether there is one, and how near the cluster is.

use std::fmt;
use std::sync::Arc;

use netmarks_state::{ClusterState, TargetState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use strum::VariantArray as _;

use crate::collect::series;

/// Reads the target's report when the page is asked for.
#[derive(Debug)]
pub(crate) struct TargetCollector(pub(crate) Arc<ClusterState>);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DigestLabel {
    digest: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PlacementLabel {
    placement: &'static str,
}

impl Collector for TargetCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let report = self.0.health().target.report();
        let help = "1 for whether there is a target placement, or why not.";
        let mut states = encoder.encode_descriptor("target_state", help, None, MetricType::Gauge)?;
        for state in TargetState::VARIANTS {
            let labels = StateLabel { state: state.into() };
            let here = i64::from(report.state == *state);
            series(&mut states, &labels, |series| ConstGauge::new(here).encode(series))?;
        }
        if let Some(digest) = report.digest {
            let help = "1 for the target placement of this replica: the same digest is the same target.";
            let mut digests = encoder.encode_descriptor("target_digest", help, None, MetricType::Gauge)?;
            series(&mut digests, &DigestLabel { digest }, |series| ConstGauge::new(1_i64).encode(series))?;
        }
        let help = "Share of the traffic that stays within nodes as pods run now, as the target has them, and at most.";
        let shares = [("now", report.now), ("target", report.target), ("bound", report.bound)];
        let known = || shares.into_iter().filter_map(|(placement, share)| Some((placement, share?)));
        if known().next().is_some() {
            let mut gained =
                encoder.encode_descriptor("gained_affinity", help, Some(&Unit::Ratios), MetricType::Gauge)?;
            for (placement, share) in known() {
                let labels = PlacementLabel { placement };
                series(&mut gained, &labels, |series| ConstGauge::new(share).encode(series))?;
            }
        }
        let help = "Share of the pods that the target places which are where it has them.";
        if let Some(share) = report.in_place {
            let gauge =
                encoder.encode_descriptor("target_in_place", help, Some(&Unit::Ratios), MetricType::Gauge)?;
            ConstGauge::new(share).encode(gauge)?;
        }
        Ok(())
    }
}
