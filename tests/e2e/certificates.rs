//! Certificates that somebody else made: `docs/certificates.md`, followed to the letter, and the chart's extender and second
//! scheduler with what came of it.

use crate::support::LIMIT;
use crate::support::reader::Reader;
use crate::support::release::{NAMESPACE, Release, chart};
use crate::support::setting::Setting;
use netmarks_test_cluster::{DeploymentSpec, SchedulerOptions};
use netmarks_test_traffic::Edge;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_certificates_are_verified_on_both_sides() {
    let setting = Setting::start(vec![Edge::new("shop", "frontend", "cart", 2_000_000.0)]).await.unwrap();
    let plane = &setting.plane;
    let variables = [("REGISTRY", "registry.example"), ("METRICS_URL", setting.prometheus.url())];
    let reader = Reader::new(plane, "docs/certificates.md", &variables).unwrap();
    let sections = reader.sections();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let (renewal, installation) = sections.split_last().unwrap();
    reader.follow(installation, &["sh"]).unwrap();
    // The test's own client shows the client's certificate, and verifies name and authority of the extender's.
    let release = Release::of(plane);
    let extender = release.extender_asked_with("netmarks-client").await.unwrap();
    extender.wait_ready().await.unwrap();

    // So does the second kube-scheduler; the first is for the pods of the release.
    let _own = plane.start_scheduler(SchedulerOptions::default()).await.unwrap();
    let chart = chart().display().to_string();
    let upgrade = ["upgrade", "netmarks", &chart, "--namespace", NAMESPACE, "--reset-then-reuse-values"];
    plane
        .helm(&[&upgrade[..], &["--set", "scheduler.enabled=true,scheduler.httpTimeout=5s"]].concat())
        .unwrap();
    let _second = release.scheduler().await.unwrap();
    plane.create_namespace("shop").await.unwrap();
    plane.kubectl(&["label", "namespace", "shop", "netmarks.dev/scheduler=enabled"]).unwrap();
    crate::support::opted_in(plane, "shop", "netmarks").await.unwrap();
    plane.create_deployment(&DeploymentSpec::new("shop", "cart", 1)).await.unwrap();
    plane.wait_bound("shop", 1, LIMIT).await.unwrap();
    let answered: u64 = extender.answers().await.unwrap().values().sum();
    assert_eq!(answered, 1, "kube-scheduler asked, and got an answer");

    let certificate = || std::fs::read(release.secret("netmarks-server").unwrap().join("tls.crt")).unwrap();
    let before = certificate();
    reader.follow(&[renewal], &["sh"]).unwrap();
    assert_ne!(certificate(), before);
    drop(extender);
    release.extender_asked_with("netmarks-client").await.unwrap().wait_ready().await.unwrap();
}
