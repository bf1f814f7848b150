//! Following a folder of policies: each `NAME.wasm` is one, with its settings in `NAME.yaml` beside it if there are any, and
//! its signature in `NAME.wasm.sigstore.json` if signatures are required.
//!
//! The folder is looked at again and again, as [`netmarks_files::FileWatch`] looks at single files and for the same reasons.
//!
//! # Half-written files
//!
//! A file is taken once it was the same at two looks, or was not touched for [`FolderConfig::settled`], and stayed the same
//! while it was read. The same means: same inode, size, time of modification and time of status change, which the kernel sets
//! at each write and which cannot be set back. A writer that pauses for longer than that can still be caught in the middle;
//! then the component does not compile, since it ends within a section, and the policy that was loaded before stays. Who
//! wants certainty writes to another name (one that begins with a dot is not looked at) and renames: a renamed file is whole
//! whenever it is seen.
//!
//! # What is removed
//!
//! A policy is removed when its file was absent at two looks, so that a file replaced by deleting and writing is a change and
//! not a removal. A folder that cannot be listed is a problem and removes nothing: a volume that is not mounted should not
//! take the policies with it. An empty folder does.

mod listing;
mod plan;
mod problem;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use netmarks_core::digest::Digest;
use netmarks_core::errors::chain;
use netmarks_files::{Content, INTERVAL};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::fetcher::DEFAULT_MAX_BYTES;
use crate::signature_error::SignatureError;
use crate::verifier::{SIGN_BLOB, Verifier};

use listing::{Files, Listing};
use plan::Action;
pub use problem::{Problem, ProblemKind};

/// Largest file with settings or a signature, in bytes.
const BESIDE_BYTES: u64 = 64 << 10;

/// Which folder is followed, and how.
#[derive(Clone, Debug)]
pub struct FolderConfig {
    pub path: PathBuf,
    /// Largest component, in bytes.
    pub max_bytes: u64,
    /// With a verifier, only components that somebody trusted signed are reported as policies.
    pub verifier: Option<Verifier>,
    /// Time between two looks.
    pub interval: Duration,
    /// A file that was not touched for this long is taken at the first look, so that a start does not wait for a second.
    pub settled: Duration,
}

impl FolderConfig {
    /// The defaults: 32 MiB, no signatures, a look every two seconds.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_bytes: DEFAULT_MAX_BYTES,
            verifier: None,
            interval: INTERVAL,
            settled: INTERVAL,
        }
    }
}

/// A policy of the folder.
#[derive(Clone, PartialEq, Eq)]
pub struct FolderPolicy {
    /// Its name, a DNS label: the file's without `.wasm`.
    pub name: String,
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub digest: Digest,
    /// What `NAME.yaml` contains.
    pub settings: Option<String>,
    /// Who signed it, if signatures are required: the id of a key, or the identity of a certificate.
    pub signed_by: Option<String>,
}

impl fmt::Debug for FolderPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, path, bytes, digest, settings, signed_by } = self;
        f.debug_struct("FolderPolicy")
            .field("name", name)
            .field("path", path)
            .field("bytes", &bytes.len())
            .field("digest", digest)
            .field("settings", settings)
            .field("signed_by", signed_by)
            .finish()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A policy that was not there.
    Added(FolderPolicy),
    /// Another component or other settings under a name that was there.
    Changed(FolderPolicy),
    /// The policy of this name is gone.
    Removed(String),
}

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// What changed since the last look, by name.
    pub changes: Vec<Change>,
    /// Everything that is wrong now, not only what is new.
    pub problems: Vec<Problem>,
}

/// Follows a folder.
#[derive(Debug)]
pub struct Folder {
    config: FolderConfig,
    /// The files of each name at the last look.
    last: BTreeMap<String, Files>,
    /// What was handed over, with the files it was read from.
    accepted: BTreeMap<String, Accepted>,
    /// What was read and refused, so that it is not read again until it changes.
    refused: BTreeMap<String, (Files, Problem)>,
    problems: Vec<Problem>,
    /// Made with the first wait, since it needs a runtime.
    looks: Option<Interval>,
}

#[derive(Debug)]
struct Accepted {
    files: Files,
    digest: Digest,
    settings: Option<Digest>,
}

impl Folder {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(config: FolderConfig) -> Self {
        Self {
            config,
            last: BTreeMap::new(),
            accepted: BTreeMap::new(),
            refused: BTreeMap::new(),
            problems: Vec::new(),
            looks: None,
        }
    }

    /// Looks once. It reads files, so tasks should rather call [`Folder::next`].
    ///
    /// Two looks should be further apart than the clock of the file system ticks (some milliseconds): within one tick, a
    /// file that was written again with the same size looks the same.
    pub fn scan(&mut self) -> Scan {
        self.scan_at(SystemTime::now())
    }

    fn scan_at(&mut self, now: SystemTime) -> Scan {
        let Listing { mut files, unclear, mut problems } = match listing::list(&self.config.path) {
            Ok(look) => look,
            Err(kind) => {
                let problem = Problem { path: self.config.path.clone(), kind: ProblemKind::Folder(kind) };
                return Scan { changes: Vec::new(), problems: vec![problem] };
            }
        };
        let known = |name: &str| {
            let accepted = self.accepted.get(name).map(|accepted| &accepted.files);
            let refused = self.refused.get(name).map(|(files, _)| files);
            plan::KnownFile { accepted, refused }
        };
        let names = self.accepted.keys().chain(self.refused.keys()).cloned().collect();
        let settled = now.checked_sub(self.config.settled);
        let actions = plan::plan(&self.last, &files, &unclear, names, known, settled);
        let mut changes = Vec::new();
        for (name, action) in actions {
            match action {
                Action::Read(files) => changes.extend(self.read(name, *files)),
                Action::Forget => {
                    self.refused.remove(&name);
                    if self.accepted.remove(&name).is_some() {
                        changes.push(Change::Removed(name));
                    }
                }
            }
        }
        problems.extend(self.refused.values().map(|(_, problem)| problem.clone()));
        // What cannot be told is as it was: once it can be told to be gone, that is the first look without it.
        let as_before = unclear.into_iter().filter_map(|name| self.last.remove_entry(&name));
        files.extend(as_before);
        self.last = files;
        Scan { changes, problems }
    }

    fn read(&mut self, name: String, files: Files) -> Option<Change> {
        let policy = match read(&self.config, &name, &files) {
            Ok(Some(policy)) => policy,
            // Written to meanwhile: the next look begins again.
            Ok(None) => return None,
            Err(problem) => {
                self.refused.insert(name, (files, problem));
                return None;
            }
        };
        self.refused.remove(&name);
        let settings = policy.settings.as_ref().map(|text| Digest::of(text.as_bytes()));
        let accepted = Accepted { files, digest: policy.digest, settings };
        match self.accepted.insert(name, accepted) {
            None => Some(Change::Added(policy)),
            Some(before) if before.digest == policy.digest && before.settings == settings => None,
            Some(_) => Some(Change::Changed(policy)),
        }
    }

    /// Waits until a look finds a change, or other problems than the look before; `None` when cancelled. The first look is at
    /// once.
    ///
    /// To be driven to its end, with `shutdown` as the way to stop it: changes that were found are not found again.
    pub async fn next(&mut self, shutdown: &CancellationToken) -> Option<Scan> {
        loop {
            let looks = self.looks.get_or_insert_with(|| {
                let mut looks = interval(self.config.interval);
                looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                looks
            });
            shutdown.run_until_cancelled(looks.tick()).await?;
            let mut folder = std::mem::replace(self, Self::new(self.config.clone()));
            let task = tokio::task::spawn_blocking(move || {
                let scan = folder.scan();
                (folder, scan)
            });
            // The task ends early only with the runtime.
            let (folder, scan) = task.await.ok()?;
            *self = folder;
            if !scan.changes.is_empty() || scan.problems != self.problems {
                self.problems.clone_from(&scan.problems);
                return Some(scan);
            }
        }
    }
}

/// Reads one policy; nothing if its files changed meanwhile.
fn read(config: &FolderConfig, name: &str, files: &Files) -> Result<Option<FolderPolicy>, Problem> {
    let problem = |path: &Path, kind: ProblemKind| Problem { path: path.to_owned(), kind };
    let content = |path: &Path, limit: u64| match netmarks_files::read(path, limit) {
        Ok(Content::Whole(bytes)) => Ok(bytes),
        Ok(Content::TooLarge) => Err(problem(path, ProblemKind::TooLarge(limit))),
        Err(error) => Err(Problem::of_reading(path, &error)),
    };
    let text = |path: &Path| {
        String::from_utf8(content(path, BESIDE_BYTES)?).map_err(|_| problem(path, ProblemKind::NotText))
    };
    let paths = listing::Paths::of(&config.path, name);
    let bytes = content(&paths.component, config.max_bytes)?;
    let digest = Digest::of(&bytes);
    let settings = if files.settings.is_some() { Some(text(&paths.settings)?) } else { None };
    let signed_by = match &config.verifier {
        None => None,
        Some(verifier) => {
            let refused =
                |error: SignatureError| problem(&paths.component, ProblemKind::Signature(chain(&error)));
            let signature = match (&files.bundle, &files.legacy_signature) {
                (Some(_), _) => &paths.bundle,
                (None, Some(_)) => {
                    let legacy = paths.legacy_signature.display().to_string();
                    verifier.require_legacy(&legacy, SIGN_BLOB).map_err(refused)?;
                    &paths.legacy_signature
                }
                (None, None) => {
                    let (place, command) = (paths.bundle.display().to_string(), SIGN_BLOB.to_owned());
                    return Err(refused(SignatureError::Missing { place, command }));
                }
            };
            Some(verifier.verify(digest, &text(signature)?).map_err(refused)?)
        }
    };
    if listing::files(&paths).ok().as_ref() != Some(files) {
        return Ok(None);
    }
    let path = paths.component;
    Ok(Some(FolderPolicy { name: name.to_owned(), path, bytes, digest, settings, signed_by }))
}
