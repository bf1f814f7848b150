//! What the preset's series tell beside the flows: how old their newest sample is, which clusters they are of, and which families
//! are missing beside others that are there.

use netmarks_sources::prometheus::MetricsConfig;

use super::{Finding, ago};

const LAG: &str = "lag";
const FAMILIES: &str = "families";
const CLUSTERS: &str = "clusters";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SeriesFacts {
    /// Seconds since the newest sample; `None` without a sample in the last hour.
    pub(super) lag: Option<f64>,
    /// Clusters that the series name, the first few.
    pub(super) clusters: Vec<String>,
    pub(super) missing: Vec<Missing>,
}

/// A family of bytes that is not there, though the mesh reports what it should go with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Missing {
    pub(super) family: &'static str,
    /// A family that is there, and how many series it has.
    pub(super) beside: (&'static str, u64),
    /// The same family as a native histogram, if that is there.
    pub(super) native: Option<&'static str>,
}

/// Nothing where all is well: most stores do not lag, and most have one cluster.
pub(super) fn findings_of(config: &MetricsConfig, facts: &SeriesFacts) -> Vec<Finding> {
    let SeriesFacts { lag, clusters, missing } = facts;
    let mut findings = Vec::new();
    let window = config.window_seconds;
    if let Some(lag) = lag.filter(|lag| *lag > window) {
        // A rate needs two samples within its window, so there must be room for them behind the newest.
        let offset = config.query_offset_seconds + lag;
        findings.push(Finding::problem(
            LAG,
            format!(
                "the newest sample is {} old, and the window has {window} s: there are no rates",
                ago(lag)
            ),
            format!(
                "set `metrics.query_offset_seconds` to {:.0}, or have the store take samples sooner",
                offset.ceil()
            ),
        ));
    }
    for Missing { family, beside: (beside, series), native } in missing {
        let found = format!("{series} series of {beside}, but none of {family}: its bytes are not counted");
        let advice = match native {
            Some(native) => format!(
                "{native} is there as a native histogram: set `metrics.native_histograms: true`, or scrape classic histograms as well"
            ),
            None => "a Telemetry resource or a relabelling of the scrape drops it; let it through".to_owned(),
        };
        findings.push(Finding::warning(FAMILIES, found, advice));
    }
    if clusters.len() > 1 && config.cluster.is_empty() && config.match_labels.is_empty() {
        findings.push(Finding::warning(
            CLUSTERS,
            format!(
                "the store has {} clusters of one mesh: {}; equal names in them add up",
                clusters.len(),
                clusters.join(", ")
            ),
            "set `metrics.cluster` to the name that this cluster has there",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    fn found(config: &MetricsConfig, facts: &SeriesFacts) -> Vec<(Status, String)> {
        let all = findings_of(config, facts).into_iter();
        all.map(|finding| (finding.status, format!("{}; {}", finding.found, finding.advice.unwrap())))
            .collect()
    }

    #[test]
    fn a_store_that_keeps_up_with_one_cluster_is_not_mentioned() {
        let config = MetricsConfig::default();
        let facts = SeriesFacts { lag: Some(14.0), clusters: vec!["one".to_owned()], missing: Vec::new() };
        assert_eq!(found(&config, &facts), []);
    }

    #[test]
    fn a_lag_beyond_the_window_names_the_offset() {
        let config = MetricsConfig { query_offset_seconds: 30.0, ..MetricsConfig::default() };
        let [(Status::Problem, text)] =
            &found(&config, &SeriesFacts { lag: Some(90.0), ..SeriesFacts::default() })[..]
        else {
            panic!("one problem")
        };
        assert!(text.contains("`metrics.query_offset_seconds` to 120"), "{text}");
    }

    #[test]
    fn a_missing_family_is_named_beside_the_one_that_is_there() {
        let missing = Missing {
            family: "istio_request_bytes_sum",
            beside: ("istio_requests_total", 12),
            native: Some("istio_request_bytes"),
        };
        let dropped = Missing { native: None, ..missing };
        let facts = SeriesFacts { missing: vec![missing, dropped], ..SeriesFacts::default() };
        let found = found(&MetricsConfig::default(), &facts);
        assert!(
            found[0].1.starts_with("12 series of istio_requests_total, but none of istio_request_bytes_sum")
        );
        assert!(
            found[0]
                .1
                .ends_with("set `metrics.native_histograms: true`, or scrape classic histograms as well")
        );
        assert!(found[1].1.contains("Telemetry resource"), "{found:?}");
    }

    #[test]
    fn several_clusters_are_a_warning_until_one_is_chosen() {
        let facts =
            || SeriesFacts { clusters: vec!["east".to_owned(), "west".to_owned()], ..SeriesFacts::default() };
        let found_all = found(&MetricsConfig::default(), &facts());
        assert!(found_all[0].1.contains("east, west") && found_all[0].1.contains("`metrics.cluster`"));
        let chosen = MetricsConfig { cluster: "east".to_owned(), ..MetricsConfig::default() };
        assert_eq!(found(&chosen, &facts()), []);
    }
}
