//! `cargo xtask manifests`: the plain manifests of `deploy/kustomize`, rendered from the chart, so that there is one source.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_tools::Binaries;

use crate::command::output;

/// What `cargo xtask manifests` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only say whether the files are what the chart renders
    #[arg(long)]
    pub(crate) check: bool,
}

/// One file, and what of the chart is in it.
struct Manifest {
    file: &'static str,
    templates: &'static [&'static str],
    values: &'static [&'static str],
}

/// Certificates that are there already, since nothing is kept between two renderings.
const GIVEN: [&str; 3] =
    ["tls.mode=secret", "tls.secret.server=netmarks-tls", "tls.secret.client=netmarks-scheduler-client"];

const MANIFESTS: [Manifest; 8] = [
    Manifest { file: "base/crd.yaml", templates: &["crd"], values: &GIVEN },
    Manifest { file: "base/rbac.yaml", templates: &["serviceaccount", "rbac"], values: &GIVEN },
    Manifest {
        file: "base/netmarks.yaml",
        templates: &["configmap", "deployment", "service", "poddisruptionbudget", "networkpolicy"],
        values: &GIVEN,
    },
    Manifest {
        file: "certificates/certificates.yaml",
        templates: &["certificates"],
        values: &["tls.mode=certManager"],
    },
    Manifest {
        file: "admission/admission.yaml",
        templates: &["admission"],
        values: &["tls.mode=certManager", "admission.enabled=true"],
    },
    Manifest {
        file: "scheduler/scheduler.yaml",
        templates: &["scheduler/rbac", "scheduler/configmap", "scheduler/lease", "scheduler/deployment"],
        values: &["scheduler.enabled=true"],
    },
    Manifest {
        file: "opt-in/opt-in.yaml",
        templates: &["scheduler/opt-in"],
        values: &["scheduler.enabled=true"],
    },
    Manifest {
        file: "monitoring/monitoring.yaml",
        templates: &["monitoring"],
        values: &[
            "monitoring.podMonitor.enabled=true",
            "monitoring.rules.enabled=true",
            "monitoring.dashboard.enabled=true",
            // For its alert, which is silent without a second scheduler.
            "scheduler.enabled=true",
        ],
    },
];

/// The version whose API the manifests are for; the opt-in's is stable in it.
const KUBERNETES: [&str; 4] = [
    "--kube-version",
    "v1.36.3",
    "--api-versions",
    "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy",
];

/// What says that helm manages an object, which it does not here.
const OF_HELM: [&str; 4] = ["helm.sh/", "app.kubernetes.io/managed-by:", "# Source:", "annotations: {}"];

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { check } = args;
    let helm = Binaries::ensure(&|line| eprintln!("{line}"))?.helm;
    let mut stale = Vec::new();
    for Manifest { file, templates, values } in MANIFESTS {
        let mut command = Command::new(&helm);
        command.arg("template").arg("netmarks").arg(root.join("deploy/helm/netmarks"));
        command.args(["--namespace", "netmarks", "--set", "image.repository=netmarks"]).args(KUBERNETES);
        for template in templates {
            command.args(["--show-only", &format!("templates/{template}.yaml")]);
        }
        for value in values {
            command.args(["--set", value]);
        }
        let rendered = output(&mut command)?;
        let lines = rendered.lines().filter(|line| !OF_HELM.iter().any(|mark| line.trim().starts_with(mark)));
        let header = "# Rendered from the chart; to write it again: cargo xtask manifests";
        let text: String =
            std::iter::once(header).chain(lines).map(|line| format!("{}\n", line.trim_end())).collect();
        let path = root.join("deploy/kustomize").join(file);
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        stale.push(file);
        if !check {
            fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    ensure!(
        !check || stale.is_empty(),
        "{} are not what the chart renders; run `cargo xtask manifests`",
        stale.join(", ")
    );
    Ok(())
}
