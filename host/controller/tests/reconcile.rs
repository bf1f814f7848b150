//! Policies from a real API server into a real registry, and back into status and events.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::time::Duration;

use crate::support::replica::{Operator, Replica, conditions, from_config_map, patient, registry, replicas};
use crate::support::{LIMIT, NAMESPACE, client_of, digest, grant, guest, netmarks, plane, text};
use anyhow::ensure;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use netmarks_artefacts::FetchConfig;
use netmarks_engine::{Cause, PolicyError, Stage};
use netmarks_policies::{Actor, Mode, Origin, PartScore, Signature, Submission};
use netmarks_test_cluster::{User, until};
use serde_json::{Value, json};

fn condition(status: &Value, kind: &str) -> String {
    let conditions = conditions(status).unwrap();
    conditions.into_iter().find(|condition| condition.starts_with(&format!("{kind}="))).unwrap()
}

#[tokio::test]
async fn a_policy_of_a_config_map_lives_changes_and_goes() {
    // With no more rights than those that we ship.
    let own = User::service_account(NAMESPACE, "netmarks");
    let plane = plane(vec![own.clone()]).await;
    grant(&plane).unwrap();
    let replica = Replica::start(client_of(&plane, &own).await, "netmarks-0");
    let operator = Operator::new(plane.client());

    // The policy may come before what it refers to.
    operator.apply("zone", from_config_map("policies", "active")).await;
    let status =
        operator.wait("zone", &["Fetched=False ConfigMapMissing", "Accepted=Unknown", "Ready=False"]).await;
    assert_eq!(replicas(&status), ["netmarks-0 1 FetchFailed ConfigMapMissing"]);
    operator.put("policies", netmarks()).await;
    let status = operator.wait("zone", &["Ready=True InUse"]).await;
    let (good, in_use) = (digest(&netmarks()), "netmarks-0 1 Active Active");
    assert_eq!(
        conditions(&status).unwrap(),
        [
            "Fetched=True Fetched: Every replica has the component.",
            "Accepted=True Accepted: Every replica took it: it compiled and answered its trial.",
            "Ready=True InUse: Every replica uses the policy as it is written.",
            "Degraded=False Healthy: No replica has withdrawn the policy.",
            "Converged=True Converged: All 1 replicas do the same.",
        ]
    );
    assert_eq!((&status["digest"], &status["replicas"][0]["digest"]), (&json!(good), &json!(good)));
    assert_eq!(status["shortDigest"], good[7..19]);
    assert!(
        status["conditions"].as_array().unwrap().iter().all(|condition| condition["observedGeneration"] == 1)
    );
    assert_eq!(replicas(&status), [in_use]);
    assert_eq!(replica.shown(), [format!("zone {good} active")]);
    assert_eq!(replica.registry.manifest().entries[0].origin, Origin::Kubernetes);
    let table = plane.kubectl(&["get", "scp", "zone", "-n", NAMESPACE, "--no-headers"]).unwrap();
    assert_eq!(
        table.split_whitespace().take(4).collect::<Vec<_>>(),
        ["zone", "active", "True", &good[7..19]]
    );

    // A bad one displaces nothing.
    operator.put("policies", text("core-module")).await;
    let status =
        operator.wait("zone", &["Accepted=False PolicyRejected", "Ready=False", "Converged=True"]).await;
    let why = condition(&status, "Accepted");
    assert!(
        why.contains("Replica netmarks-0: policy `") && why.contains("it is a core WebAssembly module"),
        "{why}"
    );
    assert!(condition(&status, "Ready").contains(&format!("{good} stays in use.")), "{status}");
    assert_eq!(status["digest"], good);
    assert_eq!(status["replicas"][0]["fetchedDigest"], digest(&text("core-module")));
    assert_eq!(replica.shown(), [format!("zone {good} active")]);

    // The next good one does.
    let better = digest(&guest("no-needs"));
    operator.put("policies", guest("no-needs")).await;
    let status = operator.wait("zone", &["Ready=True", "Accepted=True"]).await;
    assert_eq!(status["digest"], better);
    replica.wait_shown(&[format!("zone {better} active")]).await;

    // Another mode for the same bytes moves it.
    operator.apply("zone", from_config_map("policies", "shadow")).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(replicas(&status), ["netmarks-0 2 Shadow Shadow"]);
    assert_eq!(replica.shown(), [format!("zone {better} shadow")]);

    // What the schema cannot refuse, the replica does.
    let mut spec = from_config_map("policies", "shadow");
    spec["parameters"] = json!({"price": [1]});
    operator.apply("zone", spec).await;
    let status = operator.wait("zone", &["Accepted=False InvalidSpec"]).await;
    assert!(condition(&status, "Accepted").contains("`spec.parameters.price` must be a number"), "{status}");
    assert_eq!(replica.shown(), [format!("zone {better} shadow")]);

    operator.delete("zone").await;
    replica.wait_shown(&[]).await;
    let events = operator.events("zone").await;
    let begins: Vec<String> =
        events.iter().map(|event| event.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        begins,
        [
            "Warning ConfigMapMissing",
            "Normal Active",
            "Warning PolicyRejected",
            "Normal Active",
            "Normal Shadow",
            "Warning InvalidSpec",
        ],
        "{events:?}"
    );
    assert!(events[3].contains(&better[7..19]), "{events:?}");
    may_do_no_more(&plane, &own);
    replica.stop().await;
}

/// The rights that we ship do not reach further than they say.
fn may_do_no_more(plane: &netmarks_test_cluster::ControlPlane, own: &User) {
    let may = |verb: &str, what: &str, namespace: &str| {
        let user = format!("--as={}", own.name);
        // It ends with 1 where the right is missing.
        let output = std::process::Command::new(&plane.binaries().kubectl)
            .arg(format!("--kubeconfig={}", plane.kubeconfig().display()))
            .args(["auth", "can-i", verb, what, &user, "-n", namespace])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim() == "yes"
    };
    assert!(may("get", "secrets/netmarks-pull", NAMESPACE));
    assert!(may("watch", "scoringpolicies.netmarks.dev", NAMESPACE));
    for (verb, what, namespace) in [
        ("get", "secrets/other", NAMESPACE),
        ("list", "secrets", NAMESPACE),
        ("update", "scoringpolicies.netmarks.dev", NAMESPACE),
        ("list", "scoringpolicies.netmarks.dev", "default"),
        ("create", "configmaps", NAMESPACE),
        ("get", "configmaps", "default"),
    ] {
        assert!(!may(verb, what, namespace), "may {verb} {what} in {namespace}");
    }
}

#[tokio::test]
async fn replicas_converge_and_the_status_shows_when_they_do_not() {
    let plane = plane(Vec::new()).await;
    let operator = Operator::new(plane.client());
    operator.put("policies", netmarks()).await;
    let good = digest(&netmarks());
    let a = Replica::start(plane.client().clone(), "a");
    // In the other one, somebody has uploaded something under this name.
    let (uploads, inbox) = registry();
    let uploaded = Submission {
        name: "zone".parse().unwrap(),
        bytes: guest("no-needs").into(),
        settings: patient(),
        mode: Mode::Ready,
        origin: Origin::Upload,
        signature: Signature::NoTrustedKeys,
        actor: Actor::own("somebody", "test"),
    };
    uploads.submit(uploaded).await.unwrap();
    let b = Replica::start_with(plane.client().clone(), "b", (uploads, inbox), FetchConfig::default());

    operator.apply("zone", from_config_map("policies", "active")).await;
    let status = operator.wait("zone", &["Converged=False ReplicasDiffer"]).await;
    assert_eq!(replicas(&status), ["a 1 Active Active", "b 1 Rejected ManagedElsewhere"]);
    let difference = condition(&status, "Converged");
    assert!(
        difference.contains("nothing in b, the newest rejected") && difference.contains(" in a, active"),
        "{difference}"
    );
    let why = condition(&status, "Accepted");
    assert!(why.contains("Replica b: the policy `zone` is managed by the admin listener"), "{why}");
    assert_eq!(status["digest"], good);

    // What blocked it passes, and nobody has to say so.
    b.registry.remove("zone".parse().unwrap(), Origin::Upload, Actor::own("somebody", "test")).await.unwrap();
    let status = operator.wait("zone", &["Converged=True", "Ready=True"]).await;
    assert_eq!(replicas(&status), ["a 1 Active Active", "b 1 Active Active"]);

    // Both are done: while another policy comes and settles, nobody writes to this one.
    let (_, before) = operator.status("zone").await.unwrap();
    operator.apply("other", from_config_map("policies", "ready")).await;
    until("both replicas to settle the other policy", LIMIT, async || {
        let (_, status) = operator.status("other").await?;
        ensure!(replicas(&status) == ["a 1 Ready Ready", "b 1 Ready Ready"], "{status}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    let (_, after) = operator.status("zone").await.unwrap();
    assert_eq!(without_repetitions(after, &before), before);

    // One that leaves says so; one that is gone without a word is dropped after a while.
    b.stop().await;
    until("b to have left", LIMIT, async || {
        let (_, status) = operator.status("zone").await?;
        ensure!(replicas(&status) == ["a 1 Active Active"], "{status}");
        Ok(Some(()))
    })
    .await
    .unwrap();
    ghost(&operator).await;
    let status = operator.wait("zone", &["Converged=False Progressing"]).await;
    assert!(condition(&status, "Converged").contains("Waiting for ghost."), "{status}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(181)).await;
    tokio::time::resume();
    let status = operator.wait("zone", &["Converged=True"]).await;
    assert_eq!(replicas(&status), ["a 1 Active Active"]);
    let managers = operator.policies.get("zone").await.unwrap().metadata.managed_fields.unwrap();
    assert!(
        managers.iter().all(|entry| entry.manager.as_deref() != Some("netmarks-replica-ghost")),
        "{managers:?}"
    );
    a.stop().await;
}

/// A status as it was before replicas repeated themselves, which each does a minute after it spoke last, and no earlier.
fn without_repetitions(mut status: Value, before: &Value) -> Value {
    let second = |replica: &Value| {
        let time: Timestamp = replica["lastUpdate"].as_str().unwrap().parse().unwrap();
        time.as_second()
    };
    for replica in status["replicas"].as_array_mut().unwrap() {
        let mut earlier = before["replicas"].as_array().unwrap().iter();
        let earlier = earlier.find(|earlier| earlier["name"] == replica["name"]);
        // Less what whole seconds hide.
        if let Some(earlier) = earlier.filter(|earlier| second(replica) - second(earlier) >= 59) {
            replica["lastUpdate"] = earlier["lastUpdate"].clone();
        }
    }
    status
}

/// The entry of a replica that crashed.
async fn ghost(operator: &Operator) {
    let resource = ApiResource::erase::<netmarks_controller::resource::ScoringPolicy>(&());
    let entry = json!({
        "name": "ghost", "generation": 0, "state": "Active", "reason": "Active", "message": "it was",
        "lastUpdate": "2026-01-01T00:00:00Z",
    });
    let object = DynamicObject::new("zone", &resource).data(json!({"status": {"replicas": [entry]}}));
    let params = PatchParams::apply("netmarks-replica-ghost").force();
    operator.policies.patch_status("zone", &params, &Patch::Apply(&object)).await.unwrap();
}

/// Calls that fail, as `netmarks serve` would count them.
fn fail(replica: &Replica) {
    let set = replica.registry.current();
    for _ in 0..20 {
        let fault = PolicyError { policy: "zone".into(), stage: Stage::Score, cause: Cause::Stack };
        replica.registry.count(&PartScore {
            member: set.active[0].clone(),
            request: Arc::default(),
            result: Err(fault),
            took: Duration::from_millis(1),
            memory_bytes: None,
        });
    }
}

#[tokio::test]
async fn what_was_withdrawn_is_not_forced_back() {
    let plane = plane(Vec::new()).await;
    let operator = Operator::new(plane.client());
    let replica = Replica::start(plane.client().clone(), "a");
    let (first, second) = (digest(&netmarks()), digest(&guest("no-needs")));
    operator.put("policies", netmarks()).await;
    operator.apply("zone", from_config_map("policies", "active")).await;
    operator.wait("zone", &["Ready=True"]).await;
    operator.put("policies", guest("no-needs")).await;
    operator.wait("zone", &["Ready=True", &format!("digest={second}")]).await;
    replica.wait_shown(&[format!("zone {second} active")]).await;

    fail(&replica);
    let status =
        operator.wait("zone", &["Degraded=True TooManyFaults", "Accepted=True", "Ready=False"]).await;
    let why = condition(&status, "Degraded");
    assert!(why.contains("20 of 20 calls failed within 30 s"), "{why}");
    assert_eq!(status["digest"], first, "the one before is back");
    let withdrawn = [format!("zone {first} active"), format!("zone {second} ready")];
    assert_eq!(replica.shown(), withdrawn);
    let generation = replica.registry.manifest().generation;

    // Neither time nor the same bytes written again change that.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    operator.put("policies", guest("no-needs")).await;
    operator.put("others", netmarks()).await;
    operator.apply("other", from_config_map("others", "ready")).await;
    operator.wait("other", &["Ready=True"]).await;
    assert_eq!(replica.registry.manifest().generation, generation + 1, "only the other policy");
    assert!(replica.shown().ends_with(&withdrawn), "{:?}", replica.shown());

    // Another mode is another wish.
    operator.apply("zone", from_config_map("policies", "shadow")).await;
    let status = operator.wait("zone", &["Ready=True", "Degraded=False"]).await;
    assert_eq!(replicas(&status), ["a 2 Shadow Shadow"]);
    let events = operator.events("zone").await;
    assert!(events[2].starts_with("Warning TooManyFaults 20 of 20 calls failed"), "{events:?}");
    assert_eq!(events.len(), 4, "{events:?}");

    // Back to what is active: the shadow beside it does not go on.
    operator.put("policies", netmarks()).await;
    operator.apply("zone", from_config_map("policies", "active")).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(status["digest"], first);
    assert!(replica.shown().ends_with(&withdrawn), "{:?}", replica.shown());
    replica.stop().await;
}

#[tokio::test]
async fn outages_of_the_api_server_pass() {
    let mut plane = plane(Vec::new()).await;
    let operator = Operator::new(plane.client());
    operator.put("policies", netmarks()).await;
    operator.apply("zone", from_config_map("policies", "active")).await;
    operator.apply("doomed", from_config_map("policies", "ready")).await;
    // It remembers a policy that was deleted while it was away.
    let (remembered, inbox) = registry();
    let gone = Submission {
        name: "gone".parse().unwrap(),
        bytes: netmarks().into(),
        settings: patient(),
        mode: Mode::Active,
        origin: Origin::Kubernetes,
        signature: Signature::NoTrustedKeys,
        actor: Actor::own("kubernetes", "test"),
    };
    remembered.submit(gone.clone()).await.unwrap();
    let uploaded = Submission { name: "uploaded".parse().unwrap(), origin: Origin::Upload, ..gone };
    remembered.submit(uploaded).await.unwrap();
    let replica =
        Replica::start_with(plane.client().clone(), "a", (remembered, inbox), FetchConfig::default());
    let (first, second) = (digest(&netmarks()), digest(&guest("no-needs")));
    let uploaded = format!("uploaded {first} active");
    let doomed = format!("doomed {first} ready");
    replica.wait_shown(&[doomed.clone(), uploaded.clone(), format!("zone {first} active")]).await;

    plane.kill_apiserver().unwrap();
    until("the API server to be away", LIMIT, async || {
        Ok(operator.status("zone").await.is_err().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(replica.shown(), [doomed, uploaded.clone(), format!("zone {first} active")]);
    plane.restart_apiserver().await.unwrap();
    operator.delete("doomed").await;
    operator.put("policies", guest("no-needs")).await;
    replica.wait_shown(&[uploaded, format!("zone {second} active")]).await;
    operator.wait("zone", &["Ready=True", &format!("digest={second}")]).await;
    replica.stop().await;
}
