//! The second scheduler: whether it runs, of which version, and what its extender may read.

use anyhow::ensure;
use netmarks_test_cluster::{SchedulerOptions, until};
use netmarks_test_traffic::Edge;
use serde_json::json;

use super::said::doctor;
use crate::support::release::NAMESPACE;
use crate::support::setting::Setting;
use crate::support::{LIMIT, scratch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_scheduler_that_does_not_run_is_a_problem() {
    let setting = Setting::start(vec![Edge::new("shop", "web", "db", 50_000.0)]).await.unwrap();
    let plane = &setting.plane;
    let release = setting.install(&["scheduler.enabled=true"]).unwrap();
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    let pod = r#"{"spec": {"schedulerName": "netmarks"}}"#;
    let run =
        ["-n", "shop", "run", "web", "--labels=app=web", "--image=none.invalid/none", "--overrides", pod];
    // Pods need the namespace's account, which is made a moment after the namespace.
    until("a pod waits for it", LIMIT, async || plane.kubectl(&run).map(Some)).await.unwrap();

    let config = scratch(plane, "doctor.yaml", &release.config("netmarks").unwrap()).unwrap();
    let (config, kubeconfig) = (config.display().to_string(), plane.kubeconfig().display().to_string());
    let account = ["--service-account", "netmarks/netmarks"];
    let admin = [&["--config", config.as_str(), "--kubeconfig", &kubeconfig], &account[..]].concat();

    // kwok says that its pods are there; none of them is more than a name, so nobody leads.
    let sick = until("nothing but the leader is missing", LIMIT, async || {
        let said = doctor(&admin)?;
        said.ensure_problems(&[("2nd scheduler", "stay pending")])?;
        ensure!(said.found("2nd scheduler").starts_with("2 of 2 replicas"), "{said:?}");
        Ok(Some(said))
    })
    .await
    .unwrap();
    let found = sick.found("2nd scheduler");
    assert!(
        found.ends_with("nobody holds the lease of its leader; 1 pod without a node waits for it"),
        "{found}"
    );
    let _second = release.scheduler().await.unwrap();
    until("it leads, and nobody waits", LIMIT, async || {
        let said = doctor(&admin)?;
        let led = said.found("2nd scheduler").ends_with(" leads");
        ensure!(led && said.code == Some(0), "{said:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();

    // Whoever may not look at it is told so.
    let account = plane.kubeconfig_of_account(NAMESPACE, "netmarks").await.unwrap().display().to_string();
    until("what may not be read is skipped", LIMIT, async || {
        let said = doctor(&["--config", &config, "--kubeconfig", &account, "--namespace", NAMESPACE])?;
        let skipped = said.only(&["skipped"]);
        let advice = skipped.iter().find(|(check, _)| *check == "2nd scheduler").map(|(_, advice)| advice);
        ensure!(advice.is_some_and(|advice| advice.contains("deployments and leases")), "{said:?}");
        ensure!(said.code == Some(0), "{said:?}");
        Ok(Some(()))
    })
    .await
    .unwrap();

    // The cluster was upgraded, and the release was not.
    let old = "kube-scheduler=registry.example/kube-scheduler:v1.30.0";
    plane.kubectl(&["-n", NAMESPACE, "set", "image", "deployment/netmarks-scheduler", old]).unwrap();
    let said = doctor(&admin).unwrap();
    let advice = said.only(&["warning"]);
    assert!(
        advice.iter().any(|(check, advice)| *check == "2nd scheduler" && advice.contains("`helm upgrade`"))
    );

    // A policy names a Secret that the account was not given.
    let policy = json!({
        "apiVersion": "netmarks.dev/v1alpha1", "kind": "ScoringPolicy", "metadata": {"name": "zone", "namespace": NAMESPACE},
        "spec": {"source": {"oci": {"reference": "registry.example/zone:v1", "pullSecret": "other"}}},
    });
    let policy = scratch(plane, "policy.json", &policy.to_string()).unwrap().display().to_string();
    plane.kubectl(&["apply", "-f", &policy]).unwrap();
    until("the missing right is seen", LIMIT, async || {
        let said = doctor(&admin)?;
        said.ensure_problems(&[("rights", "`policies.kubernetes.pullSecrets`")])?;
        ensure!(
            said.found("rights").contains("may not get secrets other in the namespace netmarks"),
            "{said:?}"
        );
        Ok(Some(()))
    })
    .await
    .unwrap();
}
