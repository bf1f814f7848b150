//! With what the CronJob plans: what the release is configured with.

use anyhow::Result;
use clap::Parser as _;
use netmarks::cli::Cli;
use netmarks_test_cluster::ControlPlane;

use super::{plane, rendered};

/// The arguments of the CronJob's container.
fn arguments(plane: &ControlPlane, more: &[&str]) -> Result<Vec<String>> {
    // So that nothing else is rendered.
    let alone = [
        "rebalance.enabled=true",
        "rebalance.namespaces[0]=default",
        "rebalance.serviceAccount.name=mine",
        "serviceAccount.create=false",
        "scheduler.serviceAccount.name=mine",
        "rbac.create=false",
    ];
    let manifests = rendered(plane, &["--show-only=templates/rebalance.yaml"], &[&alone[..], more].concat())?;
    let output = "-o=jsonpath={.spec.jobTemplate.spec.template.spec.containers[0].args}";
    let text = plane.kubectl(&["create", "--dry-run=client", output, "-f", &manifests.to_string_lossy()])?;
    Ok(serde_json::from_str(&text)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cron_job_plans_with_what_the_release_is_configured_with() {
    let plane = plane().await.unwrap();
    let weights = ["--extender-weight=2", "--percentage-of-nodes-to-score=0"];
    let webhook = ["--door=admission", "--admission-config=/etc/netmarks/config/config.yaml"];
    for (values, has, has_not) in [
        (&[][..], &["--policy=netmarks", weights[0], weights[1]][..], &webhook[..]),
        (
            &[
                "config.policy.built_in=zone-cost",
                "config.policy.parameters.millisecond=2",
                "scheduler.weight=5",
                "scheduler.percentageOfNodesToScore=50",
            ],
            &["--policy=zone-cost:millisecond=2", "--extender-weight=5", "--percentage-of-nodes-to-score=50"],
            &[],
        ),
        // A text stays a text, whatever it looks like.
        (&["config.policy.parameters.mode=fast"], &[r#"--policy=netmarks:mode="fast""#], &[]),
        (&["config.policy.file=/etc/policies/mine.wasm"], &["--policy=/etc/policies/mine.wasm"], &[]),
        (&["rebalance.policy=spread", "config.policy.built_in=zone-cost"], &["--policy=spread"], &[]),
        (&["admission.enabled=true"], &webhook, &[]),
        (&["admission.enabled=true", "admission.mode=preview"], &[], &webhook),
        (&["admission.enabled=true", "scheduler.enabled=true"], &[], &webhook),
        // What is given by hand is not given a second time.
        (
            &["rebalance.extraArgs={--policy=spread,--extender-weight=7,--percentage-of-nodes-to-score=30}"],
            &["--policy=spread", "--extender-weight=7", "--percentage-of-nodes-to-score=30"],
            &["--policy=netmarks", weights[0], weights[1]],
        ),
        (
            &["admission.enabled=true", "rebalance.extraArgs={--door=extender}"],
            &["--door=extender"],
            &webhook[..1],
        ),
    ] {
        let arguments = arguments(&plane, values).unwrap();
        let line = std::iter::once("netmarks").chain(arguments.iter().map(String::as_str));
        Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        for argument in has {
            assert!(arguments.iter().any(|given| given == argument), "{argument}: {arguments:?}");
        }
        for argument in has_not {
            assert!(!arguments.iter().any(|given| given == argument), "{argument}: {arguments:?}");
        }
    }
    let refused = arguments(&plane, &["config.policy.parameters.text=a:b"]).unwrap_err();
    assert!(format!("{refused:#}").contains("has a comma or a colon"), "{refused:#}");
}
