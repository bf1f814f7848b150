//! The chart's extender with no more than the chart gives it: its account, its certificates, its configuration. kube-scheduler
//! asks it over mutual TLS, with the configuration that we ship.

#![allow(clippy::indexing_slicing, reason = "a key that JSON lacks is null, not a panic")]

mod support;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::{ControlPlane, DeploymentSpec, SchedulerOptions, until};
use netmarks_test_traffic::online_boutique;
use serde_json::{Value, json};
use support::release::{NAMESPACE, repository};
use support::setting::{SCHEDULER, Setting};
use support::{LIMIT, scratch};

/// The extender's account, as the API server knows it.
const ACCOUNT: &str = "system:serviceaccount:netmarks:netmarks";

/// kube-scheduler with the configuration that we ship, and the folder that its certificates were copied to.
fn stock_scheduler(plane: &ControlPlane, name: &str, tls: &str) -> Result<SchedulerOptions> {
    let port = plane.local_port(NAMESPACE, 9820)?;
    let kubeconfig = plane.kubeconfig_for(SCHEDULER)?;
    let mut config = include_str!("../../deploy/kube-scheduler/config.yaml").to_owned();
    for (from, to) in [
        ("https://SERVICE_IP:9820", format!("https://127.0.0.1:{port}")),
        ("/etc/kubernetes/scheduler.conf", kubeconfig.display().to_string()),
        ("/etc/kubernetes/netmarks", tls.to_owned()),
    ] {
        ensure!(config.contains(from), "no {from}");
        config = config.replace(from, &to);
    }
    let config_file = Some(scratch(plane, &format!("{name}.yaml"), &config)?);
    Ok(SchedulerOptions { name: name.to_owned(), config_file, ..SchedulerOptions::default() })
}

/// Every verb on every resource that the chart grants the extender's account, as `verb resource`.
fn granted(plane: &ControlPlane) -> Result<BTreeSet<String>> {
    let mut granted = BTreeSet::new();
    for role in [&["clusterrole", "netmarks-netmarks"][..], &["role", "netmarks", "-n", NAMESPACE]] {
        let text = plane.kubectl(&[&["get", "-o", "json"], role].concat())?;
        let role: Value = serde_json::from_str(&text)?;
        for rule in role.get("rules").and_then(|rules| rules.as_array()).context("no rules")? {
            let texts = |key: &str| -> Vec<String> {
                let list = rule.get(key).and_then(|list| list.as_array()).into_iter().flatten();
                list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
            };
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    let (resource, subresource) = match resource.split_once('/') {
                        Some((resource, subresource)) => (resource, format!("/{subresource}")),
                        None => (resource.as_str(), String::new()),
                    };
                    let dot = if group.is_empty() { "" } else { "." };
                    let full = format!("{resource}{dot}{group}{subresource}");
                    granted.extend(texts("verbs").iter().map(|verb| format!("{verb} {full}")));
                }
            }
        }
    }
    Ok(granted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_rights_suffice_and_kube_scheduler_and_it_verify_each_other() {
    let installed = Setting::start(online_boutique().unwrap()).await.unwrap();
    let Setting { edges, plane, .. } = &installed;
    let release = installed.install(&[]).unwrap();
    let extender = release.extender().await.unwrap();
    extender.wait_ready().await.unwrap();
    extender.wait_flows(edges).await.unwrap();

    let namespace = &edges[0].source_namespace;
    plane.create_namespace(namespace).await.unwrap();
    let tls = release.secret("netmarks-scheduler-client").unwrap();
    let options = stock_scheduler(plane, "shipped", &tls.to_string_lossy()).unwrap();
    let mut scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "productcatalogservice", 1)).await.unwrap();
    plane.wait_bound(namespace, 1, LIMIT).await.unwrap();
    extender.wait_pods(namespace, 1).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "frontend", 1)).await.unwrap();
    plane.wait_bound(namespace, 2, LIMIT).await.unwrap();
    // Left alone, the scheduler takes an empty node for the second pod.
    let pods = plane.placement(namespace).await.unwrap();
    assert_eq!(pods[0].node, pods[1].node, "{pods:?}");
    let scored = extender.answered("scored").await.unwrap();
    assert_eq!(scored, 1, "{:?}", extender.answers().await);

    // Policies of the cluster: with what it refers to, and back into its status.
    let component = format!("--from-file=policy.wasm={}", repository("policies/zone-cost.wasm").display());
    plane.kubectl(&["-n", NAMESPACE, "create", "configmap", "zone-cost", &component]).unwrap();
    let example = repository("deploy/examples/scoringpolicy.yaml");
    plane.kubectl(&["apply", "--validate=strict", "-f", &example.to_string_lossy()]).unwrap();
    let ready = ["wait", "scoringpolicy/zone-cost", "--for=condition=Ready", "--timeout=60s"];
    plane.kubectl(&[&["-n", NAMESPACE], &ready[..]].concat()).unwrap();

    // Nothing that it asked for was refused, and it was given nothing that it does not use.
    let calls = plane.calls_of(ACCOUNT).unwrap();
    // Other errors, such as a conflict of two changes, come after it was allowed to ask.
    let refused: Vec<_> = calls.iter().filter(|call| matches!(call.status, 401 | 403)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let granted = granted(plane).unwrap();
    until("everything that was granted is used", LIMIT, async || {
        let calls = plane.calls_of(ACCOUNT)?;
        let used: BTreeSet<String> =
            calls.iter().map(|call| format!("{} {}", call.verb, call.resource)).collect();
        // A second event of the same kind is a patch of the first.
        let unused: Vec<&String> =
            granted.difference(&used).filter(|verb| *verb != "patch events.events.k8s.io").collect();
        ensure!(unused.is_empty(), "not used: {unused:?}; used: {used:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();

    // Another authority than the extender's: kube-scheduler does not speak to it, says so, and schedules.
    scheduler.kill().unwrap();
    let wrong = tempfile::tempdir().unwrap();
    for file in ["tls.crt", "tls.key"] {
        std::fs::copy(tls.join(file), wrong.path().join(file)).unwrap();
    }
    std::fs::copy(plane.folder().join("apiserver/apiserver.crt"), wrong.path().join("ca.crt")).unwrap();
    let mut options = stock_scheduler(plane, "wrong-authority", &wrong.path().to_string_lossy()).unwrap();
    // From here on kube-scheduler logs what an extender failed with.
    options.verbosity = 5;
    let wrong_scheduler = plane.start_scheduler(options).await.unwrap();
    plane.create_deployment(&DeploymentSpec::new(namespace, "cartservice", 1)).await.unwrap();
    plane.wait_bound(namespace, 3, LIMIT).await.unwrap();
    let log = wrong_scheduler.log().unwrap();
    assert!(log.contains("certificate signed by unknown authority"), "{log}");
    drop(wrong_scheduler);
    // No certificate of its own: the extender does not speak to it.
    let anyone = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let port = plane.local_port(NAMESPACE, 9820).unwrap();
    anyone.get(format!("https://127.0.0.1:{port}/healthz")).send().await.unwrap_err();
    assert_eq!(extender.answered("scored").await.unwrap(), scored, "neither reached it");
    // Probes and scrapers need none.
    let health = plane.local_port(NAMESPACE, 9821).unwrap();
    let probe = reqwest::get(format!("http://127.0.0.1:{health}/readyz")).await.unwrap();
    assert_eq!(probe.text().await.unwrap(), "ready\n");
}

/// A right taken away: of which role, on what, which verb, and what the extender says.
const TAKEN: [(&str, &str, &str, &str); 6] = [
    ("clusterrole/netmarks-netmarks", "pods", "list", "may list and watch pods"),
    ("clusterrole/netmarks-netmarks", "pods", "watch", "may list and watch pods"),
    ("clusterrole/netmarks-netmarks", "nodes", "list", "may list and watch nodes"),
    ("role/netmarks", "scoringpolicies", "list", "may list and watch"),
    ("role/netmarks", "scoringpolicies/status", "patch", "scoringpolicies/status"),
    ("role/netmarks", "configmaps", "get", "configmaps"),
];

/// The role without one verb on one resource.
fn without(mut role: Value, resource: &str, verb: &str) -> Result<Value> {
    let rules = role.pointer_mut("/rules").and_then(Value::as_array_mut).context("no rules")?;
    let names = |rule: &Value, key: &str| -> Vec<String> {
        let list = rule.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let index = rules.iter().position(|rule| names(rule, "resources").iter().any(|name| name == resource));
    let whole = rules.remove(index.context("no such resource")?);
    let others: Vec<String> =
        names(&whole, "resources").into_iter().filter(|name| name != resource).collect();
    let verbs: Vec<String> = names(&whole, "verbs").into_iter().filter(|name| name != verb).collect();
    for (resources, verbs) in [(others, names(&whole, "verbs")), (vec![resource.to_owned()], verbs)] {
        if !resources.is_empty() && !verbs.is_empty() {
            rules.push(json!({"apiGroups": whole["apiGroups"], "resources": resources, "verbs": verbs}));
        }
    }
    Ok(role)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_taken_away_makes_a_clear_error() {
    let installed = Setting::start(online_boutique().unwrap()).await.unwrap();
    let plane = &installed.plane;
    let release = installed.install(&[]).unwrap();
    let component = format!("--from-file=policy.wasm={}", repository("policies/zone-cost.wasm").display());
    plane.kubectl(&["-n", NAMESPACE, "create", "configmap", "zone-cost", &component]).unwrap();
    let example = repository("deploy/examples/scoringpolicy.yaml");
    plane.kubectl(&["apply", "-f", &example.to_string_lossy()]).unwrap();
    for (role, resource, verb, says) in TAKEN {
        let text = plane.kubectl(&["-n", NAMESPACE, "get", role, "-o", "json"]).unwrap();
        let mut whole: Value = serde_json::from_str(&text).unwrap();
        whole["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        let replace = |role: &Value| {
            let file = scratch(plane, "role.json", &role.to_string()).unwrap();
            plane.kubectl(&["-n", NAMESPACE, "replace", "-f", &file.to_string_lossy()]).unwrap();
        };
        replace(&without(whole.clone(), resource, verb).unwrap());
        let extender = release.extender().await.unwrap();
        // In its log, and what concerns one policy in that policy's conditions.
        let messages = "-o=jsonpath={.items[*].status.conditions[*].message}";
        until(&format!("{says:?} is said, for want of {verb} {resource}"), LIMIT, async || {
            let said =
                extender.log()? + &plane.kubectl(&["-n", NAMESPACE, "get", "scoringpolicies", messages])?;
            ensure!(said.contains(says), "{said}");
            Ok(Some(()))
        })
        .await
        .unwrap();
        if role.starts_with("clusterrole") && verb == "list" {
            // Not ready, and it says for want of what.
            let readyz = extender.get("/readyz").await.unwrap_err().to_string();
            assert!(readyz.contains(&format!("the list of {resource} is not complete yet")), "{readyz}");
        }
        drop(extender);
        replace(&whole);
    }
}
