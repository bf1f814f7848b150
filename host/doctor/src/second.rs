//! Does the second scheduler run? It is the one part of ours that stops pods when it does not: those that say its name are
//! nobody else's.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

use super::scheduler_config::{DEFAULT_NAME, SchedulerConfig};
use super::schedulers::Second;
use super::{Finding, Status, ago, count, patient, pods};

/// As short as the longest of the others: the table has a column for it.
const CHECK: &str = "2nd scheduler";

/// A leader renews its lease several times while it lasts, and another takes it over soon after: whoever is so many lease
/// durations late is gone. More than one, because the clock here may be another.
const LATE: f64 = 4.0;

/// What a Lease that does not say lasts, in seconds: kube-scheduler's default.
const LEASE_SECONDS: f64 = 15.0;

/// How its replicas are.
#[derive(Clone, Debug, Default, PartialEq)]
struct Replicas {
    wanted: i32,
    available: i32,
    image: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Leader {
    /// Somebody, whose lease was renewed so many seconds ago and lasts so many seconds.
    Holds { name: String, renewed: f64, lasts: f64 },
    /// Nobody holds the Lease, or no Lease exists.
    Nobody,
    /// None is elected.
    NotElected,
    /// Why it is not known.
    Unknown(String),
}

/// What is to be seen of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SecondState {
    /// `None` if there is no Deployment of its name; `Err` says why that is not known.
    replicas: Result<Option<Replicas>, String>,
    leader: Leader,
    /// Pods without a node that say one of its names; `Err` says why they cannot be counted.
    waiting: Result<usize, String>,
}

/// Looks at its Deployment, its lease, and who waits for it; `now` in seconds since the Unix epoch.
pub(super) async fn fetch(client: &Client, second: &Second, now: f64) -> SecondState {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &second.namespace);
    let deployment = patient(deployments.get_opt(&second.name)).await;
    let config = second.config.as_ref().ok();
    let leader = match config.map(SchedulerConfig::lease) {
        Some(Some((namespace, name))) => {
            let leases: Api<Lease> = Api::namespaced(client.clone(), &namespace);
            patient(leases.get_opt(&name)).await.map_or_else(Leader::Unknown, |lease| leader(lease, now))
        }
        Some(None) => Leader::NotElected,
        None => Leader::Unknown("its configuration cannot be read".to_owned()),
    };
    let mut waiting = 0;
    let mut failed = None;
    for name in config.map(SchedulerConfig::names).unwrap_or_default() {
        // Who waits for the cluster's own says nothing about this one.
        if name != DEFAULT_NAME {
            let unbound = format!("spec.schedulerName={name},spec.nodeName=,status.phase=Pending");
            failed = failed.or(pods::each(client, &unbound, |_| waiting += 1).await.err());
        }
    }
    let replicas = deployment.map(|found| found.map(replicas));
    SecondState { replicas, leader, waiting: failed.map_or(Ok(waiting), Err) }
}

fn replicas(deployment: Deployment) -> Replicas {
    let spec = deployment.spec;
    let containers = spec.template.spec.map(|spec| spec.containers).unwrap_or_default();
    let images = containers.into_iter().filter_map(|container| container.image);
    Replicas {
        wanted: spec.replicas.unwrap_or(1),
        available: deployment.status.and_then(|status| status.available_replicas).unwrap_or(0),
        image: images.into_iter().find(|image| image.contains("kube-scheduler")).unwrap_or_default(),
    }
}

fn leader(lease: Option<Lease>, now: f64) -> Leader {
    let Some(spec) = lease.and_then(|lease| lease.spec) else { return Leader::Nobody };
    match (spec.holder_identity.filter(|holder| !holder.is_empty()), spec.renew_time) {
        (Some(name), Some(time)) => Leader::Holds {
            name,
            renewed: now - time.0.as_second() as f64,
            lasts: spec.lease_duration_seconds.map_or(LEASE_SECONDS, f64::from),
        },
        _ => Leader::Nobody,
    }
}

/// How it is, and what says so.
fn weigh(place: &str, state: &SecondState) -> (Status, String) {
    let mut said = Vec::new();
    let mut status = Status::Ok;
    let mut stopped = false;
    match &state.replicas {
        Ok(Some(Replicas { wanted, available, .. })) => {
            said.push(format!("{available} of {wanted} replicas of the Deployment {place} are available"));
            stopped = *available < 1;
            if stopped || available < wanted {
                status = Status::Warning;
            }
        }
        // Something else may run it.
        Ok(None) => {
            said.push(format!("there is no Deployment {place} beside the ConfigMap of that name"));
            status = Status::Warning;
        }
        Err(reason) => {
            said.push(format!("the Deployment {place} cannot be read: {reason}"));
            status = Status::Skipped;
        }
    }
    match &state.leader {
        Leader::Holds { name, renewed, lasts } if *renewed <= LATE * lasts => {
            said.push(format!("{name} leads"));
        }
        Leader::Holds { name, renewed, .. } => {
            said.push(format!("{name} led and has not renewed its lease for {}", ago(*renewed)));
            status = Status::Problem;
        }
        Leader::Nobody => {
            said.push("nobody holds the lease of its leader".to_owned());
            status = Status::Problem;
        }
        // Without a lease, its replicas are all that tells.
        Leader::NotElected | Leader::Unknown(_) if stopped => status = Status::Problem,
        Leader::NotElected => {}
        Leader::Unknown(reason) => {
            said.push(format!("who leads is not known: {reason}"));
            if status == Status::Ok {
                status = Status::Skipped;
            }
        }
    }
    match &state.waiting {
        Ok(0) => {}
        Ok(pods) => said.push(format!(
            "{} without a node {} for it",
            count(*pods, "pod"),
            if *pods == 1 { "waits" } else { "wait" }
        )),
        Err(reason) => said.push(format!("who waits for it cannot be counted: {reason}")),
    }
    (status, said.join("; "))
}

/// Judges it, beside the version of the API server.
pub(super) fn findings_of(second: &Second, state: &SecondState, server: &str) -> Vec<Finding> {
    let Second { namespace, name, .. } = second;
    let (status, found) = weigh(&format!("{namespace}/{name}"), state);
    let see = match &state.replicas {
        Ok(None) => "see what runs it, or remove the ConfigMap if nothing should".to_owned(),
        _ => format!(
            "see `kubectl --namespace {namespace} describe deployment {name}`, its pods' events and log"
        ),
    };
    let finding = match status {
        Status::Ok => Finding::ok(CHECK, found),
        Status::Skipped => Finding::skipped(CHECK, found, rights(second)),
        Status::Warning => Finding::warning(CHECK, found, see),
        Status::Problem => Finding::problem(
            CHECK,
            found,
            format!(
                "pods that say its name stay pending until it runs, and nobody else takes them: {see}. Until then take the label that \
                 opts in from the namespaces, so that new pods go to the cluster's own scheduler"
            ),
        ),
    };
    let image = state.replicas.as_ref().ok().and_then(Option::as_ref).map(|replicas| replicas.image.as_str());
    [Some(finding), image.and_then(|image| skew(image, server))].into_iter().flatten().collect()
}

/// Whether there is one is not known.
pub(super) fn unknown(namespace: &str, reason: &str) -> Finding {
    let found = format!("the ConfigMaps in {namespace} cannot be read: {reason}");
    Finding::skipped(
        CHECK,
        found,
        format!("run it as somebody who may list configmaps in the namespace {namespace}"),
    )
}

/// What it takes to see what was not seen.
fn rights(second: &Second) -> String {
    let namespace = &second.namespace;
    let elsewhere = match second.config.as_ref().map(SchedulerConfig::lease) {
        Err(_) => return "correct its configuration first: see `scheduler`".to_owned(),
        Ok(Some((lease, _))) if lease != *namespace => {
            format!(" in the namespace {namespace}, and leases in {lease}")
        }
        Ok(_) => format!(" and leases in the namespace {namespace}"),
    };
    format!("run it as somebody who may get deployments{elsewhere}")
}

/// Whether its version fits the API server's: not newer, and no more than one minor version older.
fn skew(image: &str, server: &str) -> Option<Finding> {
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    let ((major, minor), (server_major, server_minor)) = (version(tag)?, version(server)?);
    let (what, advice) = if (major, minor) > (server_major, server_minor) {
        let advice = "set `scheduler.image.tag` to the API server's version, or leave it out and run `helm upgrade`: the chart takes that \
                      version then (without helm, change the tag under `images` of the kustomization). A scheduler may send what an \
                      older API server does not know";
        ("newer", advice)
    } else if major < server_major || minor + 1 < server_minor {
        let advice = "run `helm upgrade` with the same values: without `scheduler.image.tag` the chart takes the API server's version; \
                      else set it (without helm, change the tag under `images` of the kustomization)";
        ("more than one minor version older", advice)
    } else {
        return None;
    };
    Some(Finding::warning(
        CHECK,
        format!("it is kube-scheduler {tag}, {what} than the API server, {server}"),
        advice,
    ))
}

/// Major and minor of `v1.36.3`, `1.36` or `v1.36.3+k3s1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SERVER: &str = "v1.36.3";

    fn second() -> Second {
        let config = serde_json::from_value(json!({})).unwrap();
        Second { namespace: "netmarks".to_owned(), name: "ours".to_owned(), config: Ok(config) }
    }

    fn state(available: i32, leader: Leader, waiting: usize) -> SecondState {
        let image = "registry.example:5000/kube-scheduler:v1.36.1".to_owned();
        SecondState {
            replicas: Ok(Some(Replicas { wanted: 2, available, image })),
            leader,
            waiting: Ok(waiting),
        }
    }

    fn holds(renewed: f64) -> Leader {
        Leader::Holds { name: "ours-1".to_owned(), renewed, lasts: 15.0 }
    }

    fn one(state: &SecondState) -> Finding {
        let findings = findings_of(&second(), state, SERVER);
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        finding.clone()
    }

    #[test]
    fn one_that_runs_and_leads_is_fine() {
        // A clock that is ahead of ours, or a little behind, changes nothing.
        for renewed in [2.0, -40.0, 59.0] {
            let finding = one(&state(2, holds(renewed), 0));
            assert_eq!(
                finding,
                Finding::ok(
                    CHECK,
                    "2 of 2 replicas of the Deployment netmarks/ours are available; ours-1 leads"
                )
            );
        }
        // Pods that wait for room are not its fault.
        let waiting = one(&state(2, holds(2.0), 1));
        assert!(
            waiting.status == Status::Ok && waiting.found.ends_with("; 1 pod without a node waits for it")
        );
        assert_eq!(one(&state(1, holds(2.0), 0)).status, Status::Warning);
    }

    #[test]
    fn one_that_does_not_run_stops_its_pods() {
        let gone = one(&state(0, holds(300.0), 3));
        assert_eq!(
            gone.found,
            "0 of 2 replicas of the Deployment netmarks/ours are available; ours-1 led and has not renewed its lease for 5 min; 3 pods \
             without a node wait for it"
        );
        let advice = gone.advice.unwrap();
        assert!(advice.contains("stay pending") && advice.contains("describe deployment ours"), "{advice}");
        for sick in [
            state(2, Leader::Nobody, 0),
            state(2, holds(61.0), 0),
            state(0, Leader::NotElected, 0),
            state(0, Leader::Unknown("forbidden".to_owned()), 0),
            SecondState { replicas: Ok(None), ..state(0, Leader::Nobody, 0) },
        ] {
            assert_eq!(one(&sick).status, Status::Problem, "{sick:?}");
        }
        // Whatever else may run it.
        assert_eq!(
            one(&SecondState { replicas: Ok(None), ..state(0, Leader::NotElected, 0) }).status,
            Status::Warning
        );
        let elsewhere = one(&SecondState { replicas: Ok(None), ..state(0, holds(2.0), 0) });
        assert_eq!(elsewhere.status, Status::Warning);
        assert!(!elsewhere.advice.unwrap().contains("describe"), "there is nothing to describe");
    }

    #[test]
    fn what_may_not_be_read_is_skipped_with_the_reason() {
        let replicas = Err("deployments is forbidden".to_owned());
        let blind =
            SecondState { replicas, ..state(0, Leader::Unknown("leases is forbidden".to_owned()), 0) };
        let finding = one(&blind);
        assert_eq!(finding.status, Status::Skipped);
        assert!(
            finding.found.contains("deployments is forbidden") && finding.found.contains("leases is"),
            "{finding:?}"
        );
        let half = state(2, Leader::Unknown("leases is forbidden".to_owned()), 0);
        assert_eq!(one(&half).status, Status::Skipped);
        // The lease of this configuration, which says nothing of it, is that of the cluster's own.
        assert!(
            finding
                .advice
                .unwrap()
                .ends_with("deployments in the namespace netmarks, and leases in kube-system")
        );
        let broken = Second { config: Err("cannot be read".to_owned()), ..second() };
        let unknown = state(2, Leader::Unknown("its configuration cannot be read".to_owned()), 0);
        let finding = findings_of(&broken, &unknown, SERVER).remove(0);
        assert_eq!(
            (finding.status, finding.advice.as_deref()),
            (Status::Skipped, Some("correct its configuration first: see `scheduler`"))
        );
        // The other half tells enough.
        assert_eq!(one(&SecondState { leader: Leader::Nobody, ..blind }).status, Status::Problem);
    }

    #[test]
    fn objects_are_read_as_kubernetes_writes_them() {
        let deployment = json!({
            "metadata": {},
            "spec": {
                "replicas": 2, "selector": {},
                "template": {"spec": {"containers": [{"name": "a", "image": "r/kube-scheduler:v1.36.1"}]}},
            },
            "status": {"availableReplicas": 1},
        });
        let image = "r/kube-scheduler:v1.36.1".to_owned();
        assert_eq!(
            replicas(serde_json::from_value(deployment).unwrap()),
            Replicas { wanted: 2, available: 1, image }
        );
        let lease = |spec| {
            leader(Some(serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap()), 107.0)
        };
        let spec = json!({
            "holderIdentity": "ours-1", "leaseDurationSeconds": 15, "renewTime": "1970-01-01T00:01:40.000000Z",
        });
        assert_eq!(lease(spec), holds(7.0));
        assert_eq!(
            lease(json!({"holderIdentity": "", "renewTime": "1970-01-01T00:01:40.000000Z"})),
            Leader::Nobody
        );
        assert_eq!(leader(None, 107.0), Leader::Nobody);
    }

    #[test]
    fn versions_must_be_near() {
        let skewed = |tag: &str, server: &str| {
            skew(&format!("registry.example:5000/kube-scheduler:{tag}"), server).map(|finding| {
                assert_eq!(finding.status, Status::Warning);
                format!("{} {}", finding.found, finding.advice.unwrap_or_default())
            })
        };
        for fine in ["v1.36.3", "v1.36.9", "v1.35.0", "latest"] {
            assert_eq!(skewed(fine, SERVER), None, "{fine}");
        }
        assert!(skewed("v1.37.0", SERVER).unwrap().contains("newer than the API server, v1.36.3 set"));
        assert!(
            skewed("v1.34.9", "v1.36.3+k3s1")
                .unwrap()
                .contains("older than the API server, v1.36.3+k3s1 run `helm")
        );
        assert_eq!(skew("registry.example:5000/kube-scheduler", SERVER), None);
        assert!(skew("r/kube-scheduler:v1.37.0@sha256:00", SERVER).is_some());
    }
}
