//! The software bill of materials: CycloneDX, of exactly what is linked into the program and put beside it.
//!
//! cargo-cyclonedx describes the crates. It reads `cargo metadata`, which knows features only for the whole workspace and
//! counts macros as dependencies; so what `cargo tree` does not list for this program is taken out again. What is not a
//! crate is added: the C library, Rust's standard library and the certificate authorities.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Architecture, line_of, members, remove_file};
use crate::command::{cargo, cargo_tool, output, run as run_command};

const CARGO_CYCLONEDX: &str = "0.5.9";

/// The package that the image is of.
const PACKAGE: &str = "netmarks";

/// What the tool calls its file, in the folder of every member of the workspace.
const WRITTEN: &str = "image-sbom";

/// Name and version.
type Crate = (String, String);

/// Writes it to `file`, dated `epoch` seconds after 1970, and returns that path.
pub(super) fn write(root: &Path, architecture: Architecture, epoch: u64, file: &Path) -> Result<PathBuf> {
    let target = architecture.target();
    let mut sbom = described(root, target, epoch)?;
    let linked = linked(root, target)?;
    retain(&mut sbom, &linked)?;
    let components =
        sbom.get_mut("components").and_then(Value::as_array_mut).context("the SBOM has no components")?;
    components.extend(beside_the_crates(architecture)?);
    // Without line breaks and indentation, a quarter of it: it is a part of the image.
    let text = serde_json::to_string(&sbom)? + "\n";
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))?;
    Ok(file.to_owned())
}

/// What the tool says about the package, without the path of this clone.
fn described(root: &Path, target: &str, epoch: u64) -> Result<Value> {
    let tool = cargo_tool("cargo-cyclonedx", CARGO_CYCLONEDX)?;
    let members = members(root)?;
    let written = |folder: &Path| folder.join(WRITTEN).with_extension("json");
    let mut command = Command::new(tool);
    command.current_dir(root).args(["cyclonedx", "-q", "--all", "--no-build-deps", "--target", target]);
    command.args(["--format", "json", "--spec-version", "1.5", "--override-filename", WRITTEN]);
    command.env("SOURCE_DATE_EPOCH", epoch.to_string());
    let done = run_command(&mut command);
    let (_, folder) =
        members.iter().find(|(name, _)| name == PACKAGE).context("the workspace has no package netmarks")?;
    let text = done.and_then(|()| {
        let file = written(folder);
        fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))
    });
    members.iter().try_for_each(|(_, folder)| remove_file(&written(folder)))?;
    let here = format!("file://{}", root.display());
    let text = text?.replace(&format!("{here}/"), "file:///");
    ensure!(!text.contains(&here), "the SBOM names the folder {}", root.display());
    serde_json::from_str(&text).context("cargo-cyclonedx wrote no JSON")
}

/// The crates that are linked into the program, itself among them.
fn linked(root: &Path, target: &str) -> Result<BTreeSet<Crate>> {
    let mut command = cargo();
    command.current_dir(root).args(["tree", "--locked", "--package", PACKAGE, "--target", target]);
    command.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    let tree = output(&mut command)?;
    let crates: BTreeSet<Crate> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        })
        .collect();
    ensure!(!crates.is_empty(), "cargo tree lists nothing for {PACKAGE}");
    Ok(crates)
}

/// Takes out whatever is not linked, and fails if something linked is missing.
fn retain(sbom: &mut Value, linked: &BTreeSet<Crate>) -> Result<()> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let identity = |component: &Value| Some((text(component, "name")?, text(component, "version")?));
    let itself = sbom.pointer("/metadata/component").context("the SBOM does not say what it is of")?;
    let mut kept: BTreeSet<Crate> = identity(itself).into_iter().collect();
    let mut references: BTreeSet<String> = text(itself, "bom-ref").into_iter().collect();

    let components =
        sbom.get_mut("components").and_then(Value::as_array_mut).context("the SBOM has no components")?;
    components.retain(|component| identity(component).is_some_and(|identity| linked.contains(&identity)));
    kept.extend(components.iter().filter_map(identity));
    references.extend(components.iter().filter_map(|component| text(component, "bom-ref")));
    let missing: Vec<&Crate> = linked.difference(&kept).collect();
    ensure!(missing.is_empty(), "cargo-cyclonedx left out {missing:?}");

    let dependencies =
        sbom.get_mut("dependencies").and_then(Value::as_array_mut).context("the SBOM has no dependencies")?;
    dependencies.retain(|node| text(node, "ref").is_some_and(|reference| references.contains(&reference)));
    for on in dependencies.iter_mut().filter_map(|node| node.get_mut("dependsOn")?.as_array_mut()) {
        on.retain(|reference| reference.as_str().is_some_and(|reference| references.contains(reference)));
    }
    Ok(())
}

/// What the image has that cargo does not know.
fn beside_the_crates(architecture: Architecture) -> Result<Vec<Value>> {
    let rust = line_of(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), &["-vV"], "release:")?;
    Ok(vec![
        debian(architecture.libc(), Some("glibc"), "library", "LGPL-2.1-or-later")?,
        debian("ca-certificates", None, "data", "MPL-2.0")?,
        json!({
            "type": "library",
            "bom-ref": "rust-std",
            "name": "rust-std",
            "version": rust,
            "description": "Rust's standard library",
            "cpe": format!("cpe:2.3:a:rust-lang:rust:{rust}:*:*:*:*:*:*:*"),
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        }),
    ])
}

/// What was taken from this installed package, by `name` or else the name of its source package.
fn debian(package: &str, name: Option<&str>, kind: &str, licence: &str) -> Result<Value> {
    let format = "--showformat=${source:Package} ${source:Version}";
    let text = output(Command::new("dpkg-query").args(["--show", format, package]))
        .with_context(|| format!("an image is built on Debian or Ubuntu, with the package {package}"))?;
    let (source, version) = text.split_once(' ').with_context(|| format!("dpkg-query printed {text:?}"))?;
    let name = name.unwrap_or(source);
    let release = fs::read_to_string("/etc/os-release").context("failed to read /etc/os-release")?;
    let vendor =
        release.lines().find_map(|line| line.strip_prefix("ID=")).context("/etc/os-release has no ID")?;
    let purl = format!("pkg:deb/{vendor}/{name}@{}?arch=source", version.replace('+', "%2B"));
    Ok(json!({
        "type": kind,
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence}],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_stays_and_nothing_linked_is_missing() {
        let named = |name: &str| (name.to_owned(), "1.0.0".to_owned());
        let component = |name: &str| json!({"name": name, "version": "1.0.0", "bom-ref": name});
        let mut sbom = json!({
            "metadata": {"component": component("program")},
            "components": [component("linked"), component("macros")],
            "dependencies": [
                {"ref": "program", "dependsOn": ["linked", "macros"]},
                {"ref": "linked", "dependsOn": ["macros"]},
                {"ref": "macros"},
            ],
        });
        retain(&mut sbom, &[named("program"), named("linked")].into()).unwrap();
        assert_eq!(sbom["components"], json!([component("linked")]));
        assert_eq!(
            sbom["dependencies"],
            json!([{"ref": "program", "dependsOn": ["linked"]}, {"ref": "linked", "dependsOn": []}])
        );
        let error = retain(&mut sbom, &[named("program"), named("forgotten")].into()).unwrap_err();
        assert!(error.to_string().contains("forgotten"), "{error}");
    }
}
