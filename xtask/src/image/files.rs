//! The root file system of the image, beside the program: what it is read for, and modes that do not depend on who builds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Mozilla's certificate authorities, a file each. Not `/etc/ssl/certs`, which may hold those of whoever owns this machine.
const AUTHORITIES: &str = "/usr/share/ca-certificates/mozilla";

/// Adds everything but the program to `files`.
pub(super) fn lay_out(root: &Path, sbom: &Path, files: &Path) -> Result<()> {
    let committed = root.join("deploy/image/root/etc");
    for file in list(&committed)? {
        let name = file.file_name().context("a file without a name")?;
        write(&files.join("etc").join(name), &read(&file)?)?;
    }
    write(&files.join("etc/ssl/certs/ca-certificates.crt"), &authorities()?)?;
    write(&files.join("usr/share/sbom/netmarks.cdx.json"), &read(sbom)?)?;
    write(&files.join("usr/share/licenses/netmarks/LICENSE"), &read(&root.join("LICENSE"))?)?;
    settle(files)
}

fn authorities() -> Result<Vec<u8>> {
    let advice = "install Debian's package ca-certificates";
    let files = list(Path::new(AUTHORITIES)).context(advice)?;
    ensure!(!files.is_empty(), "{AUTHORITIES} is empty; {advice}");
    let mut bundle = Vec::new();
    for file in files {
        let text = read(&file)?;
        ensure!(text.starts_with(b"-----BEGIN CERTIFICATE-----"), "{} is not a certificate", file.display());
        bundle.extend(text);
        if !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    Ok(bundle)
}

/// Whatever the umask was: all may read, nobody but root may write, and the program runs.
fn settle(path: &Path) -> Result<()> {
    let metadata =
        fs::symlink_metadata(path).with_context(|| format!("failed to look at {}", path.display()))?;
    let runs = metadata.is_dir() || path.parent().is_some_and(|folder| folder.ends_with("bin"));
    let mode = fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 });
    fs::set_permissions(path, mode)
        .with_context(|| format!("failed to set the mode of {}", path.display()))?;
    if metadata.is_dir() {
        list(path)?.iter().try_for_each(|entry| settle(entry))?;
    }
    Ok(())
}

/// What is in a folder, in order of name.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("failed to read {}", file.display()))
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    fs::write(file, content).with_context(|| format!("failed to write {}", file.display()))
}
