//! An image pulled from a registry, and what a container runtime does with it. Nothing here is about this project's image.
//!
//! buildah could run it, too; but a child of buildah's is not killed with it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::Program;
use serde_json::Value;
use tempfile::TempDir;

/// `$1` is the root file system, then pairs of what to mount and where, `--`, the user as `uid:gid`, the command.
///
/// In a mount namespace of its own it makes the root read-only and becomes the user, who can gain no privileges; each
/// step replaces the one before, so that the process that was started is the program. The environment is what a
/// runtime gives: not ours.
const RUN: &str = r#"
root=$1; shift
mount --bind "$root" "$root"
while [ "$1" != -- ]; do mount --rbind "$1" "$root$2"; shift 2; done
shift
mount -o remount,bind,ro "$root"
user=$1; shift
exec env -i PATH="$PATH" setpriv --no-new-privs -- chroot --userspec="$user" --groups= "$root" "$@"
"#;

/// buildah with a storage of its own.
pub struct Buildah(TempDir);

impl Buildah {
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// Runs a command of its; registries are spoken to in plain HTTP. Returns what it printed, trimmed.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.0.path().join("root")).arg("--runroot").arg(self.0.path().join("run"));
        let result = command.args(["--storage-driver", "vfs"]).args(arguments).output();
        let result = result.context("is Debian's package buildah installed?")?;
        let errors = String::from_utf8_lossy(&result.stderr);
        ensure!(result.status.success(), "buildah {arguments:?}: {errors}");
        Ok(String::from_utf8(result.stdout)?.trim().to_owned())
    }
}

/// What `tar` says of one file of a layer.
#[derive(Debug)]
pub struct Entry {
    /// As `ls -l` shows it.
    pub mode: String,
    /// Numbers of user and group, as `0/0`.
    pub owner: String,
    pub bytes: u64,
    /// Without a slash in front; with one behind if it is a folder.
    pub path: String,
}

/// An image of one layer, unpacked.
pub struct Image {
    folder: TempDir,
    /// The OCI configuration: `config`, `rootfs`, `history`.
    pub config: Value,
    pub entries: Vec<Entry>,
    volumes: Vec<(PathBuf, String)>,
}

impl Image {
    /// Pulls it into an empty storage and unpacks it.
    pub fn pull(reference: &str) -> Result<Self> {
        let buildah = Buildah::new()?;
        let folder = tempfile::tempdir()?;
        let layout = folder.path().join("oci");
        let id = buildah.run(&["pull", "--quiet", "--tls-verify=false", &format!("docker://{reference}")])?;
        let to = format!("oci:{}:pulled", layout.display());
        buildah.run(&["push", "--quiet", &id, &to])?;

        let json = |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
        let blob = |digest: &Value| -> Result<PathBuf> {
            let digest = digest.as_str().context("no digest")?;
            Ok(layout.join("blobs").join(digest.replace(':', "/")))
        };
        let index = json(&layout.join("index.json"))?;
        let manifest = json(&blob(&index["manifests"][0]["digest"])?)?;
        let layers = manifest["layers"].as_array().context("no layers")?;
        ensure!(layers.len() == 1, "one layer: {layers:?}");
        let layer = blob(&layers[0]["digest"])?;

        let root = folder.path().join("root");
        fs::create_dir(&root)?;
        tar(&["--extract", "--preserve-permissions", "--directory", &root.to_string_lossy()], &layer)?;
        let listed = tar(&["--list", "--verbose", "--numeric-owner"], &layer)?;
        let entries = listed.lines().map(entry).collect::<Result<_>>()?;
        let mut image = Self {
            config: json(&blob(&manifest["config"]["digest"])?)?,
            folder,
            entries,
            volumes: Vec::new(),
        };
        // What every container has.
        image.mount(Path::new("/proc"), "/proc")?;
        image.mount(Path::new("/dev"), "/dev")?;
        Ok(image)
    }

    /// Where it is unpacked.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Whatever runs from now on sees this file or folder at `inside`, as a runtime mounts volumes, `/etc/hosts` and so on.
    pub fn mount(&mut self, outside: &Path, inside: &str) -> Result<()> {
        let point = self.root().join(inside.trim_start_matches('/'));
        if outside.is_dir() {
            fs::create_dir_all(&point)?;
        } else {
            fs::create_dir_all(point.parent().context("no folder")?)?;
            fs::write(&point, "")?;
        }
        self.volumes.push((outside.to_owned(), inside.to_owned()));
        Ok(())
    }

    /// Its entrypoint with these arguments, by its user.
    fn command(&self, arguments: &[&str]) -> Result<Vec<String>> {
        let list = |key: &str| -> Result<Vec<String>> {
            serde_json::from_value(self.config["config"][key].clone()).with_context(|| format!("no {key}"))
        };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut words: Vec<String> =
            ["--mount", "sh", "-euc", RUN, "sh"].map(str::to_owned).into_iter().collect();
        words.push(text(&self.root()));
        words.extend(self.volumes.iter().flat_map(|(outside, inside)| [text(outside), inside.clone()]));
        words.push("--".to_owned());
        words.push(self.config["config"]["User"].as_str().context("no user")?.to_owned());
        words.extend(list("Entrypoint")?);
        words.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Ok(words)
    }

    /// Runs it to its end.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        Ok(Command::new("unshare").args(self.command(arguments)?).output()?)
    }

    /// Runs it to its end: what it printed, or what it complained of.
    pub fn run(&self, arguments: &[&str]) -> Result<Result<String, String>> {
        let output = self.output(arguments)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("not UTF-8");
        Ok(if output.status.success() { Ok(text(output.stdout)?) } else { Err(text(output.stderr)?) })
    }

    /// For a process that goes on, with its log in `folder`.
    pub fn program(&self, arguments: &[&str], folder: &Path) -> Result<Program> {
        Ok(Program::new("container", "unshare", self.command(arguments)?, folder))
    }
}

fn tar(arguments: &[&str], archive: &Path) -> Result<String> {
    let output = Command::new("tar").args(arguments).arg("--file").arg(archive).output()?;
    ensure!(output.status.success(), "tar: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn entry(line: &str) -> Result<Entry> {
    // -rw-r--r-- 0/0   188 2026-01-01 00:00 etc/passwd
    let words: Vec<&str> = line.split_whitespace().collect();
    ensure!(words.len() == 6, "not an entry of tar: {line}");
    let [mode, owner, path] = [0, 1, 5].map(|word| words[word].to_owned());
    Ok(Entry { mode, owner, bytes: words[2].parse()?, path })
}
