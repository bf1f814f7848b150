//! What must be installed before the checks can run, and installing what can be.

use crate::command::{cargo, output, run};
use anyhow::{Context as _, Result, bail, ensure};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Debian packages, and what of theirs is used.
const PACKAGES: [(&str, &str); 17] = [
    ("binutils", "what strips the image's program and keeps its symbols"),
    ("curl", "what the commands of the documents ask with"),
    ("chromium", "the browser that the tests of the page drive"),
    ("fonts-dejavu-core", "its letters"),
    ("clang", "the compiler of policies in C"),
    ("libclang-rt-dev-wasm32", "what it calls at run time"),
    ("lld", "its linker for wasm"),
    ("prometheus", "the Prometheus that tests scrape with, and promtool"),
    ("docker-registry", "the registry that tests push policies to and pull them from"),
    ("buildah", "what makes the container image"),
    ("skopeo", "what copies the image of a release into a registry"),
    ("ca-certificates", "the certificate authorities in it"),
    ("libc6-dev", "the C library that is linked into its program"),
    ("rustc-web", "the compiler for guests where rustup's wasm32 target cannot be fetched"),
    ("cargo-web", "its cargo"),
    ("rust-web-src", "its standard library"),
    ("wasi-libc", "the C library of policies in C"),
];

/// The Go release that Kubernetes' go.mod asks for, as major and minor.
const GO: (u32, u32) = (1, 26);

/// Checks for everything the later steps call. Installs Debian packages if run by root; otherwise says what to install.
pub(crate) fn check() -> Result<()> {
    packages()?;
    for program in ["prometheus", "promtool", "docker-registry", "buildah", "skopeo", "setpriv"] {
        ensure!(find(program).is_some(), "`{program}` is not on PATH");
    }
    go()?;
    interpreters()?;
    for (component, argument) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        output(cargo().args([argument, "--version"]))
            .with_context(|| format!("{component} is missing; run `rustup component add {component}`"))?;
    }
    Ok(())
}

fn packages() -> Result<()> {
    if find("dpkg-query").is_none() {
        println!("not a Debian system: taking programs from PATH as they are");
        return Ok(());
    }
    let missing: Vec<&str> =
        PACKAGES.iter().map(|(name, _)| *name).filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if !is_root()? {
        let uses = PACKAGES.iter().filter(|(name, _)| missing.contains(name));
        let uses: Vec<String> = uses.map(|(name, why)| format!("  {name}: {why}")).collect();
        bail!("Debian packages are missing:\n{}\nrun as root: {install}", uses.join("\n"));
    }
    println!("installing {}", missing.join(" "));
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&missing))
        .with_context(|| format!("failed to install packages; to try again: {install}"))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|result| result.status.success() && result.stdout == b"installed")
}

/// The owner of `/proc/self` is the effective user.
fn is_root() -> Result<bool> {
    Ok(std::fs::metadata("/proc/self").context("failed to find out who runs this")?.uid() == 0)
}

/// What the tools for policies in JavaScript and Python are installed with. Not Debian packages of ours: most machines have
/// newer ones from elsewhere.
fn interpreters() -> Result<()> {
    for (program, arguments, advice) in [
        (
            "npm",
            &["--version"][..],
            "install Node.js 20 or newer with npm (Debian: `apt-get install nodejs npm`)",
        ),
        (
            "python3",
            &["-m", "pip", "--version"][..],
            "install Python 3.10 or newer with pip (Debian: `apt-get install python3-pip`)",
        ),
    ] {
        output(Command::new(program).args(arguments)).context(advice)?;
    }
    Ok(())
}

fn go() -> Result<()> {
    let (major, minor) = GO;
    let advice = format!("install Go {major}.{minor} or newer (https://go.dev/dl) and put it on PATH");
    let text = output(Command::new("go").args(["env", "GOVERSION"])).with_context(|| advice.clone())?;
    let version = go_version(&text).with_context(|| format!("`go env GOVERSION` gave {text:?}"))?;
    ensure!(version >= GO, "Go is {}; {advice}", text.trim());
    Ok(())
}

/// Reads major and minor from `go1.26.8` or `go1.27rc1`.
fn go_version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.trim().strip_prefix("go")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions() {
        assert_eq!(go_version("go1.26.8\n"), Some((1, 26)));
        assert_eq!(go_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(go_version("devel +abc"), None);
        assert!(go_version("go2.0").unwrap() > GO);
    }
}
