//! An artefact as it comes: named bytes, of which only the header is looked at here.

use std::fmt;

use netmarks_core::digest::Digest;

use crate::fault::{Cause, PolicyError, Stage};
use crate::grants::Grant;
use crate::limits::Limits;
use crate::outline::Outline;

/// An artefact before anything is known about it.
#[derive(Clone, Copy)]
pub struct Artefact<'a> {
    /// What the operator calls it, for messages.
    pub name: &'a str,
    /// The component in its binary form.
    pub bytes: &'a [u8],
    digest: Option<&'a str>,
}

impl fmt::Debug for Artefact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artefact").field("name", &self.name).field("bytes", &self.bytes.len()).finish()
    }
}

impl<'a> Artefact<'a> {
    /// An artefact of this name.
    #[must_use]
    pub fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        Self { name, bytes, digest: None }
    }

    /// The same where the caller knows the [`digest`] of `bytes`: hashing 50 MB again takes a while.
    #[must_use]
    pub fn with_digest(name: &'a str, bytes: &'a [u8], digest: &'a str) -> Self {
        Self { name, bytes, digest: Some(digest) }
    }

    /// The [`digest`] of its bytes.
    #[must_use]
    pub fn digest(&self) -> String {
        self.digest.map_or_else(|| digest(self.bytes), str::to_owned)
    }

    /// Refuses what is too large, no component by its header, or for another WASI, and limits that are outside their bounds.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), PolicyError> {
        self.check_limits(limits)?;
        check_header(self.bytes, limits)
            .and_then(|()| check_wasi(self.bytes))
            .map_err(|cause| self.failed(Stage::Check, cause))
    }

    /// Refuses limits that are outside their bounds.
    pub(crate) fn check_limits(&self, limits: &Limits) -> Result<(), PolicyError> {
        limits.validate().map_err(|error| self.failed(Stage::Check, Cause::Limits(error)))
    }

    /// The failure of a policy that is loaded from this artefact.
    pub(crate) fn failed(&self, stage: Stage, cause: Cause) -> PolicyError {
        PolicyError { policy: self.name.to_owned(), stage, cause }
    }
}

/// The digest of an artefact, `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn check_header(bytes: &[u8], limits: &Limits) -> Result<(), Cause> {
    let limit = limits.artefact_bytes();
    if bytes.len() > limit {
        return Err(Cause::TooLarge { bytes: bytes.len(), limit });
    }
    // `\0asm`, then the version (1 for a module, 13 for a component) and the layer (0 or 1), 16 bits each.
    match bytes.get(..8) {
        Some(b"\0asm\x01\0\0\0") => Err(Cause::CoreModule),
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        _ => Err(Cause::NotWasm),
    }
}

/// Before compiling: WASI 0.3 has asynchronous types, at which the compiler fails with another message than who wrote the policy
/// needs.
fn check_wasi(bytes: &[u8]) -> Result<(), Cause> {
    let other = |import: &String| import.starts_with("wasi:") && Grant::for_import(import).is_none();
    match Outline::of(bytes).imports.into_iter().find(other) {
        Some(import) => Err(Cause::WasiVersion { import }),
        None => Ok(()),
    }
}
