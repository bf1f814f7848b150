//! Where the files come from: an in-toto statement with SLSA's provenance, version 1. Whoever publishes signs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use netmarks_test_tools::Binaries;
use serde_json::{Value, json};

use super::{cargo_version, checksums, rustc_version, version_of};
use crate::image::Source;

/// Says what the parameters mean: the section of docs/releases.md.
const BUILD_TYPE: &str = "https://netmarks.dev/docs/releases#build-type/v1";

/// Whoever ran `cargo xtask release`; a forge's own attestation says more.
const BUILDER: &str = "https://netmarks.dev/docs/releases#builder/xtask";

/// Files that decide what is built, beside the sources.
const LOCKED: [&str; 2] = ["Cargo.lock", "deploy/image/Dockerfile"];

/// Writes the statement about what is in `folder` to `file`.
pub(super) fn write(root: &Path, source: &Source, folder: &Path, file: &Path) -> Result<()> {
    let subjects: Vec<Value> = checksums::of(folder)?
        .into_iter()
        .map(|(name, sum)| json!({"name": name, "digest": {"sha256": sum}}))
        .collect();
    let mut dependencies = vec![commit(source)];
    for locked in LOCKED {
        let sum = checksums::sha256(&root.join(locked))?;
        dependencies.push(json!({"uri": format!("file:{locked}"), "digest": {"sha256": sum}}));
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"task": "cargo xtask release", "version": source.version},
                "internalParameters": {"SOURCE_DATE_EPOCH": source.epoch.to_string()},
                "resolvedDependencies": dependencies,
            },
            // No dates and no id of the run: the same commit gives the same statement.
            "runDetails": {"builder": {"id": BUILDER, "version": tools()?}},
        },
    });
    let text = serde_json::to_string_pretty(&statement)? + "\n";
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
}

/// The commit, or that there were other changes.
fn commit(source: &Source) -> Value {
    let Source { revision, .. } = source;
    match revision.strip_suffix("-dirty") {
        None if revision == "unknown" => json!({"uri": "git:.", "annotations": {"commit": "unknown"}}),
        None => json!({"uri": "git:.", "digest": {"gitCommit": revision}}),
        Some(commit) => {
            json!({"uri": "git:.", "digest": {"gitCommit": commit}, "annotations": {"changed": true}})
        }
    }
}

/// What compiled and packed.
fn tools() -> Result<Value> {
    let helm = Binaries::ensure(&|line| eprintln!("{line}"))?.helm;
    Ok(json!({
        "rustc": rustc_version()?,
        "cargo": cargo_version()?,
        "buildah": version_of(Command::new("buildah").arg("--version"))?,
        "helm": version_of(Command::new(helm).args(["version", "--template", "{{.Version}}"]))?,
    }))
}
