//! What helm says after an installation: who asks, and what is left to do.

use anyhow::{Context as _, Result};
use netmarks_test_cluster::ControlPlane;

use super::{METRICS, plane};
use crate::support::release::{NAMESPACE, chart, values};

const NOBODY: &str = "Nothing asks it yet:";
const LABEL: &str = "  kubectl label namespace NAMESPACE ";

/// The notes of an installation with these values, of which nothing comes.
fn notes(plane: &ControlPlane, more: &[&str]) -> Result<String> {
    let (chart, values) = (chart(), values(METRICS, more));
    let chart = chart.to_string_lossy();
    let mut arguments = vec!["install", "netmarks", &chart, "--namespace", NAMESPACE, "--dry-run=client"];
    arguments.extend(values.iter().map(String::as_str));
    let printed = plane.helm(&arguments)?;
    let (_, notes) = printed.split_once("\nNOTES:\n").context("helm says nothing")?;
    Ok(notes.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_notes_say_who_asks_and_how_namespaces_are_chosen() {
    let plane = plane().await.unwrap();
    let cases: [(&[&str], &[&str]); 6] = [
        (&[], &[NOBODY]),
        (
            &["admission.enabled=true"],
            &[
                "which get preferred node affinity.\n",
                "  kubectl label namespace NAMESPACE netmarks.dev/admission=enabled\n",
            ],
        ),
        (
            &["admission.enabled=true", "admission.mode=preview"],
            &[
                "changes none of them (admission.mode=preview): `netmarks report` says what would have been.\n",
                "  kubectl label namespace NAMESPACE netmarks.dev/admission=enabled\n",
            ],
        ),
        (
            &["admission.enabled=true", "admission.namespaces.matchLabels.team=shop"],
            &["  kubectl label namespace NAMESPACE netmarks.dev/admission=enabled team=shop\n"],
        ),
        (
            &[
                "admission.enabled=true",
                "admission.namespaces.matchLabels=null",
                "admission.namespaces.matchExpressions[0].key=team",
                "admission.namespaces.matchExpressions[0].operator=Exists",
            ],
            &[
                "those of the namespaces that admission.namespaces selects, and never of kube-system and netmarks.\n",
            ],
        ),
        (
            &["scheduler.enabled=true", "scheduler.optIn.enabled=false"],
            &["Pods that say `schedulerName: netmarks` are placed by it.\n"],
        ),
    ];
    for (values, says) in cases {
        let notes = notes(&plane, values).unwrap();
        for says in says {
            assert!(notes.contains(says), "{values:?}: {says}\n{notes}");
        }
        assert_eq!(notes.contains(NOBODY), values.is_empty(), "{values:?}: {notes}");
        assert_eq!(
            notes.contains(LABEL),
            says.iter().any(|says| says.contains(LABEL)),
            "{values:?}: {notes}"
        );
    }
}
