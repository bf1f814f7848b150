//! Does the metrics store answer, and has it what the preset reads? Which family, label or window is to blame if not?

use std::io::ErrorKind;

use netmarks_core::application::Identity;
use netmarks_core::errors::chain;
use netmarks_core::flow::book::Completeness;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::presets::Preset;

use super::store::{Answers, Edges, Selected, StoreFailure, StoreResult};
use super::{Finding, ago, count, series_facts};
use netmarks_core::environment::variable;

/// The check of the store as such.
pub const STORE: &str = "metrics store";
/// The check of what it has for the preset.
pub const SERIES: &str = "series";
const FLOWS: &str = "flows";

/// Fewer samples than this in the window give no rate at all.
const NEEDED: f64 = 2.0;

/// Fewer than this, and one missed scrape leaves a gap.
const COMFORTABLE: f64 = 3.0;

/// From the store to the flows; what follows from an earlier finding is not said again.
pub(super) fn findings_of(config: &MetricsConfig, identity: Identity, found: &StoreResult) -> Vec<Finding> {
    let answers = match found {
        StoreResult::NotConfigured => {
            return vec![Finding::problem(
                STORE,
                "`metrics.url` is not set: there are no flows, and every answer is empty",
                "set `metrics.url` to the Prometheus-compatible store that scrapes the mesh, or give --metrics-url",
            )];
        }
        StoreResult::Misconfigured(error) => {
            return vec![Finding::problem(
                STORE,
                chain(error),
                "correct the section `metrics` of the configuration",
            )];
        }
        StoreResult::Failed(failure) => return vec![failed(failure)],
        StoreResult::Answers(answers) => answers,
    };
    let took = answers.took.as_millis();
    let mut findings =
        vec![Finding::ok(STORE, format!("{} answers; the preset's queries took {took} ms", answers.url))];
    let edges = answers.edges.get(&identity).cloned().unwrap_or_default();
    let warnings = edges.warnings.texts();
    if !warnings.is_empty() {
        let advice = match edges.warnings.completeness() {
            Completeness::Partial => {
                "mend the store: its answer is partial. Flows that it lacks stay as last measured for five minutes, then fade"
            }
            Completeness::Complete => "the store has remarks on the query; its answer is complete",
        };
        findings.push(Finding::warning(STORE, format!("it warns: {}", warnings.join("; ")), advice));
    }
    findings.extend(series_facts::findings_of(config, &answers.facts));
    let (series, usable) = series(config, identity, answers);
    findings.push(series);
    if usable {
        findings.push(flows(config, &edges));
    }
    findings
}

fn failed(failure: &StoreFailure) -> Finding {
    let from_here = "this was asked from where you are: the extender may reach what you do not. Run it in the extender's pod \
                     (kubectl exec), or forward a port and give --metrics-url";
    match failure {
        StoreFailure::Query(error @ (QueryError::Unreachable { .. } | QueryError::Timeout { .. })) => {
            Finding::problem(STORE, chain(error), from_here)
        }
        StoreFailure::Query(error @ QueryError::Status { status, .. }) if status.is_client_error() => {
            Finding::problem(
                STORE,
                chain(error),
                "for 401 and 403 set `metrics.auth` or `metrics.headers` (a tenant); for 404 the path in `metrics.url`",
            )
        }
        StoreFailure::Query(error @ QueryError::File { key, source, .. })
            if source.kind() == ErrorKind::NotFound =>
        {
            let key = format!("metrics.{key}");
            let advice = format!(
                "if it is a path in the extender's pod, get the file from the Secret that is mounted there, and set {} to where it is \
                 here; if this is the pod, the mount or the Secret's key is missing",
                variable(&key)
            );
            Finding::skipped(STORE, format!("not asked: {}", chain(error)), advice)
        }
        StoreFailure::Query(error) => {
            Finding::problem(STORE, chain(error), "correct the section `metrics`, or the store")
        }
        StoreFailure::Answer(said) => Finding::problem(
            STORE,
            said,
            "`metrics.url` must be the base of a Prometheus HTTP API, and a custom query an instant vector",
        ),
    }
}

/// The finding on the series, and whether flows can come of them.
fn series(config: &MetricsConfig, identity: Identity, answers: &Answers) -> (Finding, bool) {
    let preset = config.preset;
    let total = |what: fn(&Selected) -> u64| answers.selected.iter().map(what).sum::<u64>();
    let (all, matching) = (total(|selected| selected.all), total(|selected| selected.matching));
    let mut metrics: Vec<&str> =
        answers.selected.iter().map(|selected| selected.selector.metric.as_str()).collect();
    metrics.dedup();
    if all == 0 {
        let others: Vec<String> = answers.others.iter().map(|other| format!("`{other}`")).collect();
        let advice = if others.is_empty() {
            "have the store scrape the mesh's proxies (or nodes' agents), and see that `metrics.url` is the store that does"
                .to_owned()
        } else {
            format!("the store has the metrics of the preset {}: set `metrics.preset`", others.join(" and "))
        };
        let found = format!("no series of the preset `{preset}`: {}", metrics.join(", "));
        return (Finding::problem(SERIES, found, advice), false);
    }
    if matching == 0 {
        let present: Vec<&Selected> = answers.selected.iter().filter(|selected| selected.all > 0).collect();
        let mut unmatched: Vec<&str> =
            present.iter().flat_map(|selected| selected.unmatched.iter().map(String::as_str)).collect();
        unmatched.sort_unstable();
        unmatched.dedup();
        let blame = if unmatched.is_empty() {
            "no one of them has all the labels that the query asks for".to_owned()
        } else {
            format!("none has {}", unmatched.join(" or "))
        };
        let others: Vec<String> = answers
            .edges
            .iter()
            .filter(|(other, edges)| **other != identity && !edges.edges.is_empty())
            .map(|(other, _)| format!("`{other}`"))
            .collect();
        let advice = if others.is_empty() {
            "see that the mesh sets these labels and that no relabelling or recording rule of the store drops them".to_owned()
        } else {
            format!("the labels for the identity {} are there: set `identity`", others.join(" and "))
        };
        let found = format!("{all} series of the preset `{preset}`, but {blame}");
        return (Finding::problem(SERIES, found, advice), false);
    }
    let there = answers.selected.iter().filter(|selected| selected.matching > 0);
    let mut there: Vec<String> =
        there.map(|selected| format!("{} {}", selected.matching, selected.selector.metric)).collect();
    there.dedup();
    let found = format!("series with both ends named: {}", there.join(", "));
    let samples = answers.selected.iter().filter_map(|selected| selected.samples);
    let samples =
        samples.fold(None, |most: Option<f64>, samples| Some(most.map_or(samples, |most| most.max(samples))));
    // Only queries that average over the window read more than one sample.
    let ranged = Preset::new(config, identity)
        .is_ok_and(|preset| preset.queries.iter().any(|query| query.contains('[')));
    match samples {
        Some(samples) if ranged && samples < COMFORTABLE => {
            let window = config.window_seconds;
            let found = format!("{found}; within the window of {window} s most have {samples:.0} samples");
            let advice = format!(
                "raise `metrics.window_seconds` to about {:.0}: four scrape intervals",
                4.0 * window / samples.max(1.0)
            );
            if samples < NEEDED {
                (Finding::problem(SERIES, format!("{found}, and a rate needs two"), advice), false)
            } else {
                (Finding::warning(SERIES, format!("{found}: one missed scrape leaves a gap"), advice), true)
            }
        }
        _ => (Finding::ok(SERIES, found), true),
    }
}

fn flows(config: &MetricsConfig, edges: &Edges) -> Finding {
    let found = edges.edges.len();
    if found == 0 {
        return Finding::warning(
            FLOWS,
            format!("no bytes moved within {}", ago(config.window_seconds)),
            "send some traffic through the mesh and look again; scores need flows",
        );
    }
    if found > config.max_flows {
        return Finding::warning(
            FLOWS,
            format!("{found} flows, of which the heaviest {} are kept", config.max_flows),
            "raise `metrics.max_flows`, if the light ones matter",
        );
    }
    let skipped = match edges.skipped {
        0 => String::new(),
        skipped => format!("; {skipped} more series lack a name at one end"),
    };
    Finding::ok(FLOWS, format!("{} between applications{skipped}", count(found, "flow")))
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
