//! Archives that depend on nothing but what is in them: names in order, one date, no owner, modes as git knows them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command::run;

/// Packs with GNU tar and gzip.
pub(super) struct Archiver;

impl Archiver {
    /// Packs `names`, which are below `folder`, into `file`, dated `epoch` seconds after 1970.
    pub(super) fn tar(&self, folder: &Path, names: &[&str], epoch: u64, file: &Path) -> Result<()> {
        let mut command = Command::new("tar");
        command.args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0"]);
        command.args(["--numeric-owner", "--mode=u=rwX,go=rX"]).arg(format!("--mtime=@{epoch}"));
        // What sorts names.
        command.env("LC_ALL", "C");
        command.arg("--directory").arg(folder).arg("--file").arg(file).args(names);
        run(&mut command).context("is GNU tar installed?")
    }

    /// The same, compressed; without the name and the date that gzip would write.
    pub(super) fn tar_gz(&self, folder: &Path, names: &[&str], epoch: u64, file: &Path) -> Result<()> {
        let mut plain = OsString::from(file);
        plain.push(".plain");
        let plain = Path::new(&plain);
        self.tar(folder, names, epoch, plain)?;
        let out = File::create(file).with_context(|| format!("failed to create {}", file.display()))?;
        let mut gzip = Command::new("gzip");
        gzip.args(["--no-name", "--best", "--stdout"]).arg(plain).stdout(Stdio::from(out));
        run(&mut gzip)?;
        fs::remove_file(plain).with_context(|| format!("failed to remove {}", plain.display()))
    }
}
