//! Is the running extender reached, ready, and of one mind with the configuration at hand?

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use netmarks_sources::snapshot_file::SnapshotFile;
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::{Finding, PATIENCE, brief, patient};

const CHECK: &str = "extender";

/// What the chart labels its pods with, whatever the release is called.
const LABELS: &str = "app.kubernetes.io/component=extender";

/// Decisions looked at for what is usual.
const RECENT: usize = 100;

/// What a running extender says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Running {
    pub(super) url: String,
    /// Why it is not ready; empty when it is.
    pub(super) reasons: Vec<String>,
    pub(super) numbers: Numbers,
    /// The last decisions, newest first; `None` where this address does not tell.
    pub(super) decisions: Option<Vec<RecordedDecision>>,
}

/// Its metrics, as far as they are looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    /// Answers by outcome.
    pub(super) answers: BTreeMap<String, u64>,
    pub(super) bad_requests: u64,
    /// New pods that the API server asked about.
    pub(super) reviews: u64,
    /// Connections that are open.
    pub(super) connections: u64,
    /// Connections that gave way to others, or found no place.
    pub(super) displaced: u64,
    /// Seconds since the Unix epoch; 0 before the first.
    pub(super) last_request: f64,
    /// Seconds since the Unix epoch.
    pub(super) started: f64,
    pub(super) nodes: u64,
    pub(super) flows: u64,
    /// Where its pods, nodes and flows come from; empty for a version that does not say.
    pub(super) origin: String,
}

impl Numbers {
    /// All answers, whatever the outcome.
    pub(super) fn answered(&self) -> u64 {
        self.answers.values().sum()
    }
}

/// A decision, as far as it is looked at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct RecordedDecision {
    /// By which the pod names it, if it does: then the webhook made it.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Seconds since the Unix epoch.
    pub(super) at: f64,
    pub(super) pod: String,
    #[serde(default)]
    pub(super) application: Option<String>,
    #[serde(default)]
    pub(super) policies: Vec<AskedPolicy>,
    pub(super) candidates: usize,
    #[serde(default)]
    pub(super) empty: Option<String>,
    /// The best nodes, best first; not more than [`netmarks_scoring::NODES`].
    pub(super) nodes: Vec<RecordedScore>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct AskedPolicy {
    pub(super) policy: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct RecordedScore {
    pub(super) node: String,
    pub(super) score: i64,
    pub(super) raw: f64,
}

/// Asks it.
///
/// # Errors
/// If it cannot be reached, or is not an extender.
pub(super) async fn fetch(url: &str, client: &Client) -> Result<Running, String> {
    let url = url.trim_end_matches('/');
    let (status, ready) = get(client, &format!("{url}/readyz")).await?;
    let reasons: Vec<String> =
        ready.lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect();
    if !status.is_success() && reasons.is_empty() {
        return Err(format!("{url}/readyz answered {status}; is it an extender?"));
    }
    let (_, metrics) = get(client, &format!("{url}/metrics")).await?;
    let (status, decisions) = get(client, &format!("{url}/v1/decisions?limit={RECENT}")).await?;
    let decisions = match status {
        // The address for probes and scrapers has no more than these.
        StatusCode::NOT_FOUND => None,
        _ => Some(decode(&decisions, url)?),
    };
    Ok(Running { url: url.to_owned(), reasons, numbers: numbers(&metrics), decisions })
}

/// What it decided for one pod, newest first, and the cluster as it knows it.
///
/// # Errors
/// If it cannot be reached, or is not an extender.
pub(super) async fn about(
    url: &str,
    client: &Client,
    pod: &str,
) -> Result<(Vec<RecordedDecision>, SnapshotFile), String> {
    let url = url.trim_end_matches('/');
    let (_, decisions) = get(client, &format!("{url}/v1/decisions?pod={pod}&limit={RECENT}")).await?;
    let (_, snapshot) = get(client, &format!("{url}/v1/snapshot")).await?;
    let snapshot = SnapshotFile::from_json(snapshot.as_bytes()).map_err(|error| brief(&error))?;
    Ok((decode(&decisions, url)?, snapshot))
}

/// Which of the replicas that could be asked was called last, and its place among all.
pub(super) fn asked_last(replicas: &[Result<Running, String>]) -> Option<(usize, &Running)> {
    let known =
        replicas.iter().enumerate().filter_map(|(index, running)| Some((index, running.as_ref().ok()?)));
    known.max_by(|(_, one), (_, other)| one.numbers.last_request.total_cmp(&other.numbers.last_request))
}

/// Since when nobody asked any of them: the last request, or the last start. Both of whichever comes last, since who was
/// asked before a replica started may have been that replica.
pub(super) fn unasked_since(replicas: &[Result<Running, String>]) -> f64 {
    let known = replicas.iter().flatten().map(|running| &running.numbers);
    known.map(|numbers| numbers.started.max(numbers.last_request)).fold(0.0, f64::max)
}

/// How many replicas run in a namespace, if that can be seen.
pub(super) async fn replicas(client: &kube::Client, namespace: &str) -> Option<usize> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = ListParams::default().labels(LABELS).fields("status.phase=Running");
    Some(patient(api.list_metadata(&params)).await.ok()?.items.len())
}

fn decode(decisions: &str, url: &str) -> Result<Vec<RecordedDecision>, String> {
    serde_json::from_str(decisions)
        .map_err(|error| format!("{url}/v1/decisions answered something else: {error}"))
}

async fn get(client: &Client, url: &str) -> Result<(StatusCode, String), String> {
    let failed = |error: reqwest::Error| brief(&error);
    let response = client.get(url).timeout(PATIENCE).send().await.map_err(failed)?;
    let status = response.status();
    Ok((status, response.text().await.map_err(failed)?))
}

/// Reads the few lines of the OpenMetrics text that matter.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they are counts; a cast saturates"
)]
fn numbers(metrics: &str) -> Numbers {
    let mut numbers = Numbers::default();
    for line in metrics.lines() {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        match name {
            "netmarks_prioritize_bad_requests_total" => numbers.bad_requests = value as u64,
            "netmarks_prioritize_last_request_timestamp_seconds" => numbers.last_request = value,
            "netmarks_start_time_seconds" => numbers.started = value,
            "netmarks_nodes" => numbers.nodes = value as u64,
            "netmarks_flows" => numbers.flows = value as u64,
            _ if name.starts_with("netmarks_admission_reviews_total{") => numbers.reviews += value as u64,
            _ if name.starts_with("netmarks_connections{") => numbers.connections += value as u64,
            _ if name.starts_with("netmarks_connections_closed_total{") => {
                if ["reason=\"displaced\"", "reason=\"refused\""].iter().any(|reason| name.contains(reason)) {
                    numbers.displaced += value as u64;
                }
            }
            _ => {
                let origin = name.strip_prefix("netmarks_cluster_origin{origin=\"");
                if let Some(origin) = origin.and_then(|origin| origin.strip_suffix("\"}")) {
                    numbers.origin = origin.to_owned();
                }
                let outcome = name.strip_prefix("netmarks_prioritize_answers_total{outcome=\"");
                if let Some(outcome) = outcome.and_then(|outcome| outcome.strip_suffix("\"}")) {
                    numbers.answers.insert(outcome.to_owned(), value as u64);
                }
            }
        }
    }
    numbers
}

/// `flows` are those that the configuration at hand finds, if that was looked at.
pub(super) fn findings_of(running: &Result<Running, String>, flows: Option<usize>) -> Vec<Finding> {
    let running = match running {
        Ok(running) => running,
        Err(reason) => {
            return vec![Finding::problem(
                CHECK,
                format!("it cannot be asked: {reason}"),
                "see that it runs and that --server reaches it (kubectl port-forward); with TLS give --ca-file, and \
                 --client-identity where it asks for a certificate",
            )];
        }
    };
    if !running.reasons.is_empty() {
        let advice = "it answers without scores until then: see what the checks above say of the watches and the metrics store, \
                      and its log";
        return vec![Finding::problem(
            CHECK,
            format!("it is not ready: {}", running.reasons.join("; ")),
            advice,
        )];
    }
    let Numbers { nodes, flows: known, .. } = running.numbers;
    let found = format!("{} is ready; it knows {nodes} nodes and {known} flows", running.url);
    if known == 0 && flows.is_some_and(|flows| flows > 0) {
        let advice = "it runs with another configuration than the one at hand (`metrics`, `identity`): give --config the one that it \
                      has";
        return vec![Finding::problem(CHECK, found, advice)];
    }
    let mut findings = vec![Finding::ok(CHECK, found)];
    findings.extend(displaced(&running.numbers));
    findings
}

/// Whether connections that waited for their client were closed, because there were too many.
fn displaced(numbers: &Numbers) -> Option<Finding> {
    let Numbers { connections, displaced, .. } = numbers;
    let found =
        || format!("{displaced} connections gave way to others since it started; {connections} are open now");
    let advice = "see netmarks_connections by listener and state, and who else than kube-scheduler connects: a NetworkPolicy \
                  keeps others away";
    (*displaced > 0).then(|| Finding::warning(CHECK, found(), advice))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn its_own_metrics_are_read() {
        let now = netmarks_core::clock::unix_now();
        // As a real page has them; the end-to-end tests read one.
        let page = format!(
            "# TYPE netmarks_prioritize_answers counter\n\
             netmarks_prioritize_answers_total{{outcome=\"scored\"}} 1\n\
             netmarks_prioritize_answers_total{{outcome=\"no-metrics\"}} 1\n\
             netmarks_prioritize_bad_requests_total 1\n\
             netmarks_prioritize_last_request_timestamp_seconds {now}\n\
             netmarks_start_time_seconds {now}\n\
             netmarks_connections{{listener=\"server\",state=\"idle\"}} 3\n\
             netmarks_connections{{listener=\"admin\",state=\"opening\"}} 1\n\
             netmarks_connections_closed_total{{listener=\"server\",reason=\"displaced\"}} 40\n\
             netmarks_connections_closed_total{{listener=\"server\",reason=\"refused\"}} 2\n\
             netmarks_connections_closed_total{{listener=\"server\",reason=\"idle\"}} 100\n\
             netmarks_cluster_origin{{origin=\"demo\"}} 1\n\
             netmarks_nodes 7\nnetmarks_flows 9\n# EOF\n"
        );
        let numbers = numbers(&page);
        let answers = BTreeMap::from([("no-metrics".to_owned(), 1), ("scored".to_owned(), 1)]);
        assert_eq!((&numbers.answers, numbers.bad_requests), (&answers, 1));
        assert_eq!((numbers.nodes, numbers.flows), (7, 9));
        assert_eq!((numbers.connections, numbers.displaced), (4, 42));
        assert_eq!((numbers.nodes, numbers.flows, numbers.origin.as_str()), (7, 9, "demo"));
        assert!(
            (now - numbers.started).abs() < 60.0 && (now - numbers.last_request).abs() < 60.0,
            "{numbers:?}"
        );
    }

    #[test]
    fn connections_that_gave_way_are_a_warning() {
        assert_eq!(displaced(&Numbers { connections: 500, ..Numbers::default() }), None);
        let finding = displaced(&Numbers { connections: 4, displaced: 42, ..Numbers::default() }).unwrap();
        assert_eq!(finding.status, Status::Warning);
        assert!(finding.found.starts_with("42 connections gave way"), "{finding:?}");
    }

    #[test]
    fn of_several_replicas_the_one_that_is_asked_counts() {
        let at = |last_request| {
            Ok(Running { numbers: Numbers { last_request, ..Numbers::default() }, ..Running::default() })
        };
        let replicas = [at(0.0), Err("refused".to_owned()), at(9.0), at(7.0)];
        assert_eq!(asked_last(&replicas).unwrap().0, 2);
        assert_eq!(asked_last(&replicas[1..2]), None);
    }

    #[test]
    fn nobody_asked_since_the_last_request_or_start_of_any() {
        let at = |started, last_request| {
            Ok(Running {
                numbers: Numbers { started, last_request, ..Numbers::default() },
                ..Running::default()
            })
        };
        assert_eq!(unasked_since(&[at(1.0, 9.0), Err("refused".to_owned()), at(7.0, 0.0)]), 9.0);
        assert_eq!(
            unasked_since(&[at(1.0, 9.0), at(12.0, 0.0)]),
            12.0,
            "it may have been asked before it started"
        );
    }

    #[test]
    fn what_keeps_it_from_answering_is_told() {
        let ready = Running { numbers: Numbers { flows: 3, ..Numbers::default() }, ..Running::default() };
        assert_eq!(findings_of(&Ok(ready.clone()), Some(3))[0].status, Status::Ok);
        let waiting = Running { reasons: vec!["the pods are not listed yet".to_owned()], ..ready };
        let [finding] = &findings_of(&Ok(waiting), None)[..] else { panic!("one") };
        assert!(
            finding.status == Status::Problem && finding.found.contains("pods are not listed"),
            "{finding:?}"
        );
        let blind = Running::default();
        assert_eq!(findings_of(&Ok(blind.clone()), Some(0))[0].status, Status::Ok);
        assert!(findings_of(&Ok(blind), Some(3))[0].advice.as_ref().unwrap().contains("--config"));
        assert!(
            findings_of(&Err("refused".to_owned()), None)[0].advice.as_ref().unwrap().contains("--ca-file")
        );
    }
}
