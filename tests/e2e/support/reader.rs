//! Somebody who types what a document says, in a shell with the programs that it names and a cluster.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::documents::{blocks, headings};
use netmarks_test_cluster::process::isolated;
use netmarks_test_cluster::{ControlPlane, Port, repository};
use tempfile::TempDir;

/// What is printed between two blocks.
const END: &str = "-- end of block --";

/// Ports of this machine that documents name: where a listener of the release is reached, and the first of several, one a pod.
const HERE: u16 = 9821;
const FIRST: u16 = 19_820;

/// More pods than any document reaches.
const PODS: usize = 4;

/// Folder with the programs that only this reader has.
const PROGRAMS: &str = "programs";

/// A reader at work: a folder with what a clone of the repository has at its top, and what the reader wrote there.
pub struct Reader<'a> {
    plane: &'a ControlPlane,
    document: String,
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// In the place of [`HERE`], and of those from [`FIRST`] on: a demo or another run may have the ones that are written there.
    here: Port,
    pods: Vec<Port>,
}

impl<'a> Reader<'a> {
    pub fn new(plane: &'a ControlPlane, document: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["deploy", "policies"] {
            std::os::unix::fs::symlink(repository(name).canonicalize()?, folder.path().join(name))?;
        }
        let document = repository::read(document)?;
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(own).collect();
        Ok(Self { plane, document, folder, variables, here: Port::reserve()?, pods: Port::in_a_row(PODS)? })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A further program that the reader has: a shell script of this name.
    pub fn program(&self, name: &str, script: &str) -> Result<()> {
        let folder = self.folder.path().join(PROGRAMS);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(Into::into)
    }

    /// The sections of the document, in order.
    pub fn sections(&self) -> Vec<String> {
        headings(&self.document).into_iter().map(str::to_owned).collect()
    }

    /// Types every block of these kinds in these sections into one shell; returns what each printed.
    pub fn follow(&self, sections: &[&str], kinds: &[&str]) -> Result<Vec<String>> {
        let mut script =
            String::from("set -e -o pipefail\ntrap 'jobs -p | xargs --no-run-if-empty kill' EXIT\n");
        let mut typed = 0;
        for section in sections {
            let blocks = blocks(&self.document, section).with_context(|| format!("no section {section}"))?;
            for block in blocks.iter().filter(|block| kinds.contains(&&*block.kind)) {
                script += &format!("{}\necho; echo '{END}'\n", self.on_free_ports(&block.text));
                typed += 1;
            }
        }
        ensure!(typed > 0, "nothing to type in {sections:?}");
        let printed = self.shell(&script).with_context(|| format!("following {sections:?}"))?;
        Ok(printed.split(&format!("\n{END}\n")).take(typed).map(str::to_owned).collect())
    }

    /// With free ports of this machine in the place of those that the document names.
    fn on_free_ports(&self, text: &str) -> String {
        let here = self.here.number();
        let first = self.pods.first().map_or(FIRST, Port::number);
        text.replace(&format!(" {HERE}:{HERE}"), &format!(" {here}:{HERE}"))
            .replace(&format!("127.0.0.1:{HERE}"), &format!("127.0.0.1:{here}"))
            .replace(&FIRST.to_string(), &first.to_string())
    }

    /// What a shell prints that is given this script, where the reader is, with what the reader has.
    pub fn shell(&self, script: &str) -> Result<String> {
        let binaries = self.plane.binaries();
        let programs = [Path::new(env!("CARGO_BIN_EXE_netmarks")), &binaries.kubectl, &binaries.helm];
        let folders = programs.iter().filter_map(|program| program.parent()).map(Path::to_owned);
        let folders = std::iter::once(self.folder.path().join(PROGRAMS)).chain(folders);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path)))?;
        let output = isolated(&mut Command::new("bash"))
            .args(["-c", script])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("KUBECONFIG", self.plane.kubeconfig())
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()?;
        let printed = String::from_utf8(output.stdout)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}\n{printed}\n{errors}", output.status);
        Ok(printed)
    }
}
