//! Asks every question, in the order in which the answers depend on one another.

use std::collections::BTreeSet;

use kube::Client;
use netmarks_core::clock::unix_now;
use netmarks_sources::kubernetes::ClientError;

use super::asked::{self, ExpectedCalls};
use super::extender::Running;
use super::scheduler_config::DEFAULT_NAME;
use super::schedulers::{self, Schedulers};
use super::store::{self, StoreResult};
use super::{
    Finding, Namespaced, PATIENCE, Report, Subject, brief, calls, coverage, extender, fixed, metrics, pod,
    preferred, rights, scheduler, second, watches,
};

const CLUSTER: &str = "cluster";

/// Examines a live cluster. Changes nothing; an unreachable part is a finding, not an error.
pub async fn examine(subject: &Subject) -> Report {
    let Subject { config, config_given: _, account, namespace, extenders, scheduler_config, pod: pod_name } =
        subject;
    let mut replicas = Vec::new();
    for (url, http) in extenders {
        replicas.push(extender::fetch(url, http).await);
    }
    if let Some(report) = fixed::report(&replicas, pod_name.as_ref()) {
        return report;
    }
    let mut findings = Vec::new();
    let (client, version) = match connect(subject).await {
        Ok((client, version)) => {
            findings.push(Finding::ok(CLUSTER, format!("the API server answers; it is {version}")));
            (Some(client), version)
        }
        Err(finding) => {
            findings.push(finding);
            (None, String::new())
        }
    };
    let named = namespace.clone().or_else(|| account.as_ref().map(|account| account.namespace.clone()));
    let named = named.or_else(|| config.policies.namespace.clone());
    let namespace = named.or_else(|| client.as_ref().map(|client| client.default_namespace().to_owned()));
    let namespace = namespace.unwrap_or_default();
    let schedulers = schedulers::fetch(scheduler_config.as_deref(), client.as_ref(), &namespace).await;

    let mut nodes = None;
    if let Some(client) = &client {
        let secrets = rights::pull_secrets(client, config, &namespace).await;
        let needed = rights::needed(config, &namespace, secrets.as_ref().unwrap_or(&BTreeSet::new()));
        let answers = rights::ask(client, account.as_ref(), needed).await;
        findings.extend(rights::findings_of(account.as_ref(), &answers));
        findings.extend(secrets.err().map(|reason| rights::secrets_unknown(&reason)));
        let watched = Box::pin(watches::fetch(client)).await;
        nodes = watches::nodes(&watched);
        findings.extend(watches::findings_of(&watched));
    }

    let found = store::fetch(&config.metrics, config.identity).await;
    if matches!(found, StoreResult::NotConfigured) && only_the_extender(subject) {
        let advice = "give --config with the extender's configuration, or --metrics-url";
        findings.push(Finding::skipped(metrics::STORE, "not looked at: none is named", advice));
    } else {
        findings.extend(metrics::findings_of(&config.metrics, config.identity, &found));
    }
    let mut flows = None;
    if let StoreResult::Answers(answers) = &found {
        flows = answers.edges.get(&config.identity).map(|edges| edges.edges.len());
        if let Some(client) = &client {
            findings.extend(coverage::findings_of(
                config.identity,
                &coverage::pods(client, config.metrics.workload_rule()).await,
                &answers.edges,
            ));
        }
    }

    // Before the extender is looked at: what was bound by now was asked about before.
    let created = match &client {
        Some(client) if !extenders.is_empty() => asked::created(client, &names(&schedulers)).await,
        _ => Err("there is no way to the cluster".to_owned()),
    };
    // Again: what was bound by now was asked about before.
    for (running, (url, http)) in replicas.iter_mut().zip(extenders) {
        if running.is_ok() {
            *running = extender::fetch(url, http).await;
        }
        findings.extend(extender::findings_of(running, flows));
    }
    // A scheduler keeps its connection: of several replicas one has all the calls.
    let asked = extender::asked_last(&replicas);
    if extenders.is_empty() {
        let advice = "give --server with its address (kubectl port-forward) for its readiness, the scheduler's calls and --pod";
        findings.push(Finding::skipped("extender", "no running extender was asked", advice));
    }
    if let Some((_, running)) = asked {
        let expected = expected(client.as_ref(), &namespace, &replicas, created).await;
        findings.extend(calls::findings_of(running, &expected, unix_now()));
    }

    for seen in &schedulers.seen {
        findings.extend(scheduler::findings_of(seen, config, nodes));
    }
    if let Some(client) = &client {
        match &schedulers.second {
            Ok(found) => {
                for found in found {
                    let state = second::fetch(client, found, unix_now()).await;
                    findings.extend(second::findings_of(found, &state, &version));
                }
            }
            Err(reason) => findings.push(second::unknown(&namespace, reason)),
        }
    }

    if let (Some(pod_name), Some(client)) = (pod_name, &client) {
        let told = match asked.and_then(|(index, _)| extenders.get(index)) {
            Some((url, http)) => extender::about(url, http, &pod_name.to_string()).await,
            None => Err("no running extender could be asked".to_owned()),
        };
        let known = pod::Known {
            extender: match &told {
                Ok((decisions, snapshot)) => Ok((decisions, snapshot)),
                Err(reason) => Err(reason),
            },
            started: asked.map_or(0.0, |(_, running)| running.numbers.started),
            schedulers: &schedulers,
            now: unix_now(),
        };
        let steered = steered(client, pod_name).await;
        let decisions = known.extender.map_or(&[][..], |(decisions, _)| decisions);
        let asked = decisions.iter().any(|decision| decision.id.is_none());
        // A pod that is steered need not be put to the extender, too.
        if steered.is_none() || asked {
            findings.push(pod::findings_of(pod_name, &pod::fetch(client, pod_name).await, known));
        }
        if steered.is_some() {
            findings.extend(pod::through_both_doors(pod_name, decisions));
        }
        findings.extend(steered);
    }
    Report { findings }
}

/// What the webhook made a pod prefer, and what came of it; `None` if it did nothing.
async fn steered(client: &Client, pod: &Namespaced) -> Option<Finding> {
    match preferred::fetch(client, pod).await {
        Ok(steered) => steered.map(|steered| preferred::finding_of(pod, &steered)),
        Err(reason) => {
            let found = format!("{pod}: what it prefers is not known: {reason}");
            Some(Finding::skipped(pod::CHECK, found, "see the rights above"))
        }
    }
}

/// The schedulers whose pods the extender should hear of.
fn names(schedulers: &Schedulers) -> Vec<String> {
    let names = schedulers.names();
    if names.is_empty() { vec![DEFAULT_NAME.to_owned()] } else { names }
}

/// What the extender should have been asked, as far as the cluster tells.
async fn expected(
    client: Option<&Client>,
    namespace: &str,
    replicas: &[Result<Running, String>],
    created: Result<Vec<f64>, String>,
) -> ExpectedCalls {
    let (mut choice, mut running) = (None, None);
    if let Some(client) = client {
        choice = asked::choice(client).await.ok();
        running = extender::replicas(client, namespace).await;
    }
    let every_replica =
        replicas.iter().all(Result::is_ok) && running.is_none_or(|running| running <= replicas.len());
    let reviews = replicas.iter().flatten().map(|running| running.numbers.reviews).sum();
    ExpectedCalls { created, choice, every_replica, reviews, since: extender::unasked_since(replicas) }
}

/// Whether nothing but a running extender was named: then the rest is not missing, but was not asked for.
fn only_the_extender(subject: &Subject) -> bool {
    !subject.config_given && !subject.extenders.is_empty()
}

/// A client that was seen to work, and the version of the API server.
async fn connect(subject: &Subject) -> Result<(Client, String), Finding> {
    if subject.config.cluster.snapshot_file.is_some() {
        let advice = "remove `cluster.snapshot_file` to have a live cluster examined";
        return Err(Finding::skipped(CLUSTER, "the extender serves from a file, not from a cluster", advice));
    }
    let advice = "set `cluster.kubeconfig` or --kubeconfig, or run it in a pod with a service account; then see that the API server \
                  is up and reachable from here";
    let client = netmarks_sources::kubernetes::client(&subject.config.cluster).await;
    let client = client.map_err(|error| match error {
        ClientError::Nothing(_) if only_the_extender(subject) => {
            let found = "not looked at: there is neither a kubeconfig nor a service account here";
            Finding::skipped(CLUSTER, found, advice)
        }
        error => Finding::problem(CLUSTER, brief(&error), advice),
    })?;
    match tokio::time::timeout(PATIENCE, client.apiserver_version()).await {
        Err(_) => Err(Finding::problem(
            CLUSTER,
            format!("the API server did not answer within {PATIENCE:?}"),
            advice,
        )),
        Ok(Err(error)) => {
            Err(Finding::problem(CLUSTER, format!("the API server: {}", brief(&error)), advice))
        }
        Ok(Ok(version)) => Ok((client, version.git_version)),
    }
}
