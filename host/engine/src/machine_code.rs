//! Machine code that this program compiled: how it is mapped, and how it is kept so that it is compiled once.
//!
//! The only unsafe code of the project is here. Machine code is never taken from where policies come from.

use std::fs;
use std::path::{Path, PathBuf};

use netmarks_core::digest::Digest;
use netmarks_files::{AtomicWrite, Durability, WriteError};
use wasmtime::component::Component;

use crate::engine::Engine;

/// Maps machine code that was compiled by this program, in a process that [`Compiler`](crate::Compiler) started.
#[allow(
    unsafe_code,
    reason = "wasmtime cannot check machine code, so mapping it is unsafe; what is mapped here is our own"
)]
pub(crate) fn map(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` was made by this program, in a process that `Compiler::run` started or an earlier one of that
    // kind, and reached us through a pipe or a folder that only this program's user can write.
    unsafe { Component::deserialize(&engine.wasmtime, code) }
}

/// A file of the cache: the SHA-256 of the machine code, then the code.
#[derive(Debug)]
pub(crate) struct CacheFile(PathBuf);

impl CacheFile {
    /// Where the code of an artefact is kept, by the artefact's [`digest`](crate::digest) and the engine's settings.
    pub(crate) fn of(folder: &Path, artefact_digest: &str, engine: &Engine) -> Self {
        let artefact = artefact_digest.trim_start_matches("sha256:");
        Self(folder.join(format!("{artefact}-{}.cwasm", engine.compatibility())))
    }

    /// The code that is kept, if there is some and it is as it was written.
    pub(crate) fn read(&self) -> Option<KeptCode> {
        let bytes = fs::read(&self.0).ok()?;
        intact(&bytes)?;
        Some(KeptCode(bytes))
    }

    /// Keeps code, whole or not at all.
    pub(crate) fn write(&self, code: &[u8]) -> Result<(), WriteError> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder).map_err(|error| WriteError {
                step: "make the folder",
                path: folder.to_owned(),
                error,
            })?;
        }
        let digest = Digest::of(code);
        // What a power failure left is told from what was written by the digest.
        AtomicWrite::to(&self.0).durability(Durability::Cache).write_parts(&[digest.as_bytes(), code])
    }
}

/// What [`CacheFile::write`] wrote, undamaged.
#[derive(Debug)]
pub(crate) struct KeptCode(Vec<u8>);

impl KeptCode {
    pub(crate) fn code(&self) -> &[u8] {
        self.0.get(Digest::LENGTH..).unwrap_or_default()
    }
}

/// The machine code in what [`CacheFile::write`] wrote; `None` if it was damaged since. wasmtime looks at its headers only,
/// and pages that a power failure left empty would be run.
fn intact(bytes: &[u8]) -> Option<&[u8]> {
    let (digest, code) = bytes.split_at_checked(Digest::LENGTH)?;
    (Digest::of(code).as_bytes() == digest).then_some(code)
}

impl Engine {
    /// What machine code must have been compiled with to run here, as a name for files.
    fn compatibility(&self) -> String {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        self.wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_not_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let file = CacheFile(folder.path().join("cache/code.cwasm"));
        file.write(b"code").unwrap();
        let mut bytes = fs::read(&file.0).unwrap();
        assert_eq!(intact(&bytes), Some(&b"code"[..]));
        assert_eq!(file.read().unwrap().code(), b"code");
        assert_eq!(intact(&bytes[..bytes.len() - 1]), None);
        assert_eq!(intact(&bytes[..4]), None);
        bytes[Digest::LENGTH] = 0;
        assert_eq!(intact(&bytes), None);
    }
}
