//! Definitions (CRDs) of others, of whose kinds the chart makes objects, so that a real API server checks these.

use crate::cache::cached;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Modules that hold definitions, pinned by `go/definitions/go.mod`; the folder in each; the files.
const MODULES: [(&str, &str, &[&str]); 2] = [
    (
        "github.com/cert-manager/cert-manager",
        "deploy/crds",
        &[
            "cert-manager.io_certificaterequests.yaml",
            "cert-manager.io_certificates.yaml",
            "cert-manager.io_clusterissuers.yaml",
            "cert-manager.io_issuers.yaml",
        ],
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd",
        &["monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml"],
    ),
];

/// The files, from the Go module proxy the first time.
///
/// # Errors
/// If `go` is missing or the modules cannot be had.
pub fn definitions() -> Result<Vec<PathBuf>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("go/definitions");
    let go_mod =
        std::fs::read_to_string(source.join("go.mod")).context("failed to read definitions/go.mod")?;
    let versions = go_mod.lines().filter_map(|line| line.trim().strip_prefix("github.com/"));
    let versions: Vec<String> =
        versions.filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
    // Of other files it is another folder.
    let count = MODULES.iter().map(|(.., files)| files.len()).sum::<usize>();
    let folder = cached(&format!("definitions-{}-{count}", versions.join("-")), &|_| {}, |folder| {
        for (module, path, files) in MODULES {
            for file in files.iter().copied() {
                let from = downloaded(&source, module)?.join(path).join(file);
                std::fs::copy(&from, folder.join(file))
                    .with_context(|| format!("failed to copy {}", from.display()))?;
            }
        }
        Ok(())
    })?;
    Ok(MODULES.iter().flat_map(|(.., files)| files.iter()).map(|file| folder.join(file)).collect())
}

fn downloaded(source: &Path, module: &str) -> Result<PathBuf> {
    let output = Command::new("go")
        .current_dir(source)
        .args(["mod", "download", "-json", module])
        .output()
        .context("failed to run `go`")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`go mod download {module}` failed: {errors}");
    let answer: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`go mod download` printed no JSON")?;
    let folder = answer.get("Dir").and_then(serde_json::Value::as_str);
    folder.map(PathBuf::from).context("`go mod download` named no folder")
}
