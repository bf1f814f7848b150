//! Prometheus' protobuf, in which Envoy shows native histograms: one series instead of buckets, a sum and a count.

use std::time::Duration;

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::{
    BucketSpan, Counter, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prost::Message as _;

use crate::exposition::{Growth, Page, Series};

const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Every power of two is divided into 2^3 buckets.
const SCHEMA: i32 = 3;

/// The page of a proxy whose reports never come to the same labels, such as a sidecar.
pub(crate) fn page(series: &[Series], now: Duration) -> Page {
    let mut families: Vec<MetricFamily> = Vec::new();
    for one in series {
        let (suffix, kind) = match one.growth {
            Growth::Counter { .. } => ("_total", MetricType::Counter),
            Growth::Histogram { .. } => ("", MetricType::Histogram),
        };
        let name = format!("{}{suffix}", one.family);
        match families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.metric.push(metric(one, now)),
            None => families.push(MetricFamily {
                name,
                r#type: kind.into(),
                metric: vec![metric(one, now)],
                ..MetricFamily::default()
            }),
        }
    }
    let body = families.iter().flat_map(MetricFamily::encode_length_delimited_to_vec).collect();
    Page { content_type: CONTENT_TYPE, body }
}

fn metric(series: &Series, now: Duration) -> Metric {
    let label =
        |(name, value): &(&'static str, String)| LabelPair { name: (*name).to_owned(), value: value.clone() };
    let (first, sum) = series.values(now);
    let mut metric = Metric { label: series.labels.iter().map(label).collect(), ..Metric::default() };
    match series.growth {
        Growth::Counter { .. } => metric.counter = Some(Counter { value: first, ..Counter::default() }),
        Growth::Histogram { size, .. } => metric.histogram = Some(histogram(first, sum, size)),
    }
    metric
}

/// `count` observations of one size, so of one bucket.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers far below 2^52")]
fn histogram(count: f64, sum: f64, size: f64) -> Histogram {
    let bucket = (size.log2() * f64::from(1 << SCHEMA)).ceil() as i32;
    Histogram {
        sample_count: count as u64,
        sample_sum: sum,
        schema: SCHEMA,
        zero_threshold: f64::MIN_POSITIVE,
        positive_span: vec![BucketSpan { offset: bucket, length: 1 }],
        positive_delta: vec![count as i64],
        ..Histogram::default()
    }
}
