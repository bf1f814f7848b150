//! The metrics page in the format that a scraper prefers: OpenMetrics text, or Prometheus' protobuf.
//!
//! Only protobuf has native histograms; Prometheus asks for it where they are switched on.

use std::fmt;

use axum::http::{HeaderMap, header};
use prometheus_client::encoding::prometheus_protobuf::encode;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use prost::Message as _;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A page that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpositionError {
    #[error("failed to encode the metrics")]
    Encode(#[from] fmt::Error),
    #[error("failed to write the metrics as protobuf")]
    Write(#[from] prost::EncodeError),
}

/// Content type and body of the page for a scraper that sent these headers. `classic` says whether histograms in protobuf
/// have their classic buckets beside the native ones; in text they always have them.
pub(crate) fn page(
    metrics: &Registry,
    headers: &HeaderMap,
    classic: bool,
) -> Result<(&'static str, Vec<u8>), ExpositionError> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if !prefers_protobuf(accepted) {
        let mut page = String::new();
        text::encode(&mut page, metrics)?;
        return Ok((TEXT, page.into_bytes()));
    }
    let mut page = Vec::new();
    for mut family in encode(metrics)? {
        if !classic {
            let histograms = family.metric.iter_mut().filter_map(|metric| metric.histogram.as_mut());
            histograms.for_each(|histogram| histogram.bucket.clear());
        }
        family.encode_length_delimited(&mut page)?;
    }
    Ok((PROTOBUF, page))
}

/// Whether protobuf has a greater weight than any text in these values of `Accept`.
fn prefers_protobuf<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let (mut protobuf, mut text) = (0.0_f64, 0.0_f64);
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        parameters.extend(parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((name.trim(), value.trim().trim_matches('"')))
        }));
        let parameter = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| *value)
        };
        let weight = parameter("q").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        if kind.eq_ignore_ascii_case("application/vnd.google.protobuf") {
            let ours = parameter("proto") == Some("io.prometheus.client.MetricFamily")
                && parameter("encoding") == Some("delimited");
            protobuf = if ours { protobuf.max(weight) } else { protobuf };
        } else {
            text = text.max(weight);
        }
    }
    protobuf > text
}

#[cfg(test)]
mod tests {
    use super::*;

    use axum::http::HeaderValue;
    use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model::MetricFamily;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};

    /// What Prometheus sends where native histograms are switched on.
    const NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                          application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    /// The histogram, then the counter, as a scraper reads them.
    fn scraped(classic: bool) -> (MetricFamily, MetricFamily) {
        let mut metrics = Registry::default();
        let histogram = Histogram::new_classic_and_native([0.1, 1.0], NativeHistogramConfig::new(1.1));
        histogram.observe(0.5);
        metrics.register("seconds", "Durations", histogram);
        metrics.register("calls", "Calls", Counter::<u64>::default());
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(NATIVE))]);
        let (kind, page) = page(&metrics, &headers, classic).unwrap();
        assert_eq!(kind, PROTOBUF);
        let mut rest = page.as_slice();
        let mut next = || MetricFamily::decode_length_delimited(&mut rest).unwrap();
        (next(), next())
    }

    #[test]
    fn classic_buckets_stand_beside_native_ones_unless_left_out() {
        for (classic, buckets) in [(true, 3), (false, 0)] {
            let (seconds, calls) = scraped(classic);
            assert_eq!((&*seconds.name, &*calls.name), ("seconds", "calls_total"));
            let histogram = seconds.metric[0].histogram.as_ref().unwrap();
            assert_eq!(histogram.bucket.len(), buckets);
            assert_eq!((histogram.sample_count, histogram.sample_sum), (1, 0.5));
            assert_eq!(histogram.positive_delta, [1]);
        }
    }

    fn prefers(value: &str) -> bool {
        prefers_protobuf([value].into_iter())
    }

    #[test]
    fn a_scraper_gets_protobuf_only_if_it_prefers_it() {
        // Prometheus without native histograms.
        let without = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                       text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert!(prefers(NATIVE));
        assert!(!prefers(without));
        for text in ["", "*/*", "text/html, */*;q=0.8", "application/vnd.google.protobuf", ";;q=,=;,"] {
            assert!(!prefers(text), "{text}");
        }
        let last = "text/plain;q=0.9, Application/Vnd.Google.Protobuf; Proto=io.prometheus.client.MetricFamily; \
                    encoding=\"delimited\"; q=0.7";
        assert!(!prefers(last));
        assert!(prefers(&last.replace("0.9", "0.3")));
        assert!(!prefers(&last.replace("0.7", "NaN")));
    }
}
