//! Compiles the guests: the policies, the examples in other languages, the fixtures of the host's tests and the shapes of
//! the contract benchmark.
//!
//! Everything lands in `target/guests/NAME.wasm`, which is where tests and benchmarks look. The policies are also
//! committed, as `policies/NAME.wasm`, so that building the extender takes no wasm toolchain and using one of them none
//! either; each carries the digest of its sources, and a test here fails when the two differ.

mod languages;
mod sources;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use netmarks_test_tools::cached;

use crate::command::cargo;
pub(crate) use languages::{EXAMPLES, examples};
use toolchain::Toolchain;

/// The policy that the extender embeds. Its package has no suffix.
const DEFAULT: &str = "netmarks";

/// Every policy that is committed, by the name of its folder in `guest/` and of its component in `policies/`.
pub(crate) const POLICIES: [&str; 6] =
    [DEFAULT, "spread", "zone-cost", "load-blend", "replica-aware", "look-ahead"];

/// The last release of a tool that is being phased out: some guests are still built with it, so ours must be buildable.
const CARGO_COMPONENT: &str = "0.21.1";

/// What `cargo xtask guests` takes.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Commit to what was built: replace the components in policies/ and the lists of their sources
    #[arg(long)]
    pub(crate) update: bool,
    /// Also build the default policy with cargo-component, which is installed into the cache if missing
    #[arg(long)]
    pub(crate) cargo_component: bool,
}

/// Builds everything and then updates or verifies the committed policies.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let Args { update, cargo_component } = args;
    build(root)?;
    build_examples(root)?;
    if *cargo_component {
        build_with_cargo_component(root)?;
    }
    let settle = if *update { commit_to } else { verify };
    POLICIES.iter().try_for_each(|policy| settle(root, policy))
}

/// Builds the example policies in other languages into `target/guests`. Cheap when nothing changed.
pub(crate) fn build_examples(root: &Path) -> Result<()> {
    languages::build(root, &Toolchain::find(&root.join("guest"))?)
}

/// Compiles the policies, the fixtures and the shapes into `target/guests`. Cheap when nothing changed.
pub(crate) fn build(root: &Path) -> Result<()> {
    let toolchain = Toolchain::find(&root.join("guest"))?;
    let packages = POLICIES.map(package);
    let packages: Vec<&str> = packages.iter().flat_map(|package| ["--package", package]).collect();
    compile(toolchain.cargo(root, &root.join("guest"), "build")?, &packages)?;
    let examples = toolchain.cargo(root, &root.join("tests/guests"), "build")?;
    compile(examples, &["--workspace", "--lib", "--examples"])?;

    let built = toolchain::target_folder(root).join("wasm32-unknown-unknown/release");
    for name in POLICIES.into_iter().chain(["big-table"]) {
        copy(&built.join(name.replace('-', "_")).with_extension("wasm"), &output(root, name))?;
    }
    for name in fixtures(root)? {
        let file = name.replace('-', "_");
        copy(&built.join("examples").join(file).with_extension("wasm"), &output(root, &name))?;
    }
    Ok(())
}

/// Fails when the committed component of `policy` was built from other sources than those at hand.
fn verify(root: &Path, policy: &str) -> Result<()> {
    let [component, list] = committed(policy);
    let listed = fs::read_to_string(root.join(&list)).with_context(|| unreadable(&list))?;
    let present = sources::list(root, policy)?;
    let differing = sources::differing(&listed, &present);
    ensure!(
        differing.is_empty(),
        "{component} was built from other sources than those at hand ({}): run `cargo xtask guests --update`",
        differing.join(", ")
    );
    let bytes = fs::read(root.join(&component)).with_context(|| unreadable(&component))?;
    let digest = sources::digest(&listed);
    ensure!(
        sources::embedded(&bytes) == Some(digest.as_str()),
        "{component} and {list} were not made together: run `cargo xtask guests --update`"
    );
    Ok(())
}

/// The paths that are not the same in two lists of digests.
pub(crate) fn differing<'a>(listed: &'a str, present: &'a str) -> Vec<&'a str> {
    sources::differing(listed, present)
}

/// The component, and what `sha256sum` prints for its sources: `sha256sum --check` takes it, and the component carries
/// its digest. Both below the root of the repository.
fn committed(policy: &str) -> [String; 2] {
    [format!("policies/{policy}.wasm"), format!("policies/{policy}.wasm.sources")]
}

fn package(policy: &str) -> String {
    if policy == DEFAULT { "netmarks-policy".to_owned() } else { format!("netmarks-policy-{policy}") }
}

/// Where a build puts the guest of this name.
fn output(root: &Path, name: &str) -> PathBuf {
    root.join("target/guests").join(name).with_extension("wasm")
}

fn commit_to(root: &Path, policy: &str) -> Result<()> {
    let [component, list] = committed(policy);
    let listed = sources::list(root, policy)?;
    let mut bytes = fs::read(output(root, policy)).context("failed to read what was just built")?;
    sources::embed(&mut bytes, &sources::digest(&listed));
    fs::create_dir_all(root.join("policies")).context("failed to make the folder policies")?;
    fs::write(root.join(&component), bytes).with_context(|| format!("failed to write {component}"))?;
    fs::write(root.join(&list), listed).with_context(|| format!("failed to write {list}"))?;
    verify(root, policy)
}

/// Builds the default policy as those do who still use cargo-component, into `netmarks-cargo-component.wasm`.
fn build_with_cargo_component(root: &Path) -> Result<()> {
    let toolchain = Toolchain::find(&root.join("guest"))?;
    let name = format!("cargo-component-{CARGO_COMPONENT}");
    let tool = cached(&name, &|line| eprintln!("{line}"), |folder| {
        let mut install = cargo();
        install
            // Without optimisation: built in half the time, and what it calls is a compiler that has it.
            .args([
                "install",
                "--locked",
                "--debug",
                "--version",
                CARGO_COMPONENT,
                "cargo-component",
                "--root",
            ])
            .arg(folder)
            // Cargo's own temporary folder, or hundreds of megabytes would stay in ours.
            .env_remove("CARGO_TARGET_DIR");
        finish(install, "install cargo-component")
    })?;
    let command = toolchain.cargo_component(root, &root.join("guest"), &tool)?;
    compile(command, &["--package", &package(DEFAULT)])?;
    let built = toolchain::component_target_folder(root).join("wasm32-unknown-unknown/release/netmarks.wasm");
    copy(&built, &output(root, "netmarks-cargo-component"))
}

fn compile(mut cargo: Command, what: &[&str]) -> Result<()> {
    cargo.args(what);
    finish(cargo, &format!("compile the guests ({})", what.join(" ")))
}

fn finish(mut command: Command, step: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start {command:?}"))?;
    ensure!(status.success(), "failed to {step}: {status}; see the messages above");
    Ok(())
}

/// The names of the fixtures that are one file each, which is all but `big-table`.
fn fixtures(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("tests/guests/examples");
    let failed = || unreadable(&folder.display().to_string());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    Ok(names)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    // Leaving an unchanged file alone keeps what was compiled from it valid.
    let built = fs::read(from).with_context(|| unreadable(&from.display().to_string()))?;
    if built.get(..8).is_none_or(|header| header != b"\0asm\x0d\0\x01\0") {
        bail!("{} is not a component: is the linker `wasm-component-ld` in use?", from.display());
    }
    if fs::read(to).is_ok_and(|present| present == built) {
        return Ok(());
    }
    fs::write(to, built).with_context(|| format!("failed to write {}", to.display()))
}

fn unreadable(path: &str) -> String {
    format!("failed to read {path}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn the_committed_policies_were_built_from_the_sources_at_hand() {
        for policy in super::POLICIES {
            if let Err(error) = super::verify(root(), policy) {
                panic!("{error:#}");
            }
        }
    }

    #[test]
    fn the_committed_policies_name_no_folder_of_the_machine_that_built_them() {
        for policy in super::POLICIES {
            let [component, _] = super::committed(policy);
            let component = std::fs::read(root().join(component)).unwrap();
            let text = String::from_utf8_lossy(&component);
            // Where this clone happens to be in the folder that all builds name, there is nothing to tell the two apart.
            let here = root().to_str().filter(|here| *here != "/netmarks");
            for folder in ["/home/", "/root/", "/Users/"].into_iter().chain(here) {
                assert!(!text.contains(folder), "{policy}: {folder}");
            }
        }
    }

    #[test]
    fn every_policy_of_the_folder_is_committed() {
        let guest = root().join("guest");
        for entry in std::fs::read_dir(&guest).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if guest.join(&name).join("Cargo.toml").exists() && name != "sdk" && name != "gain" {
                assert!(super::POLICIES.contains(&&*name), "{name}");
            }
        }
    }
}
