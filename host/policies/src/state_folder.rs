//! The folder that survives a restart: the manifest and the artefacts. Every function blocks on the disk.
//!
//! ```text
//! lock              held by the one process that uses the folder
//! manifest.json     the manifest and the earlier ones that can be gone back to
//! blobs/<hex>.wasm  artefacts, by digest; hidden files are arriving, or are examined
//! manifest.json.unusable-<time>  one that could not be used; artefacts are not removed while it is there
//! compiled/         the engine's cache of machine code; may be deleted at any time
//! ```
//!
//! Every file is written whole or not at all, and is on the disk before the next is begun; the manifest last. So
//! whenever the process or the machine dies, the manifest on disk is a complete one, and all its artefacts are there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use netmarks_core::clock::unix_now;
use netmarks_engine::Limits;
use netmarks_files::{AtomicWrite, Content, Durability, Unfinished, remove_unfinished};
use tokio::sync::Semaphore;

use crate::errors::StateFolderError;
use crate::policy_bytes::PolicyBytes;
use crate::saved_state::SavedState;

/// How long to wait for the lock. A process that is killed while it starts a compiler leaves a child behind that
/// shares its files, and so the lock, until it has become the compiler a moment later.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Time between two attempts to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// Uploads whose pieces wait for an idle moment at once. Each has a thread meanwhile, of which requests need some as well.
pub(crate) const WRITING: usize = 2;

/// How the name of a manifest that was set aside begins.
const ASIDE: &str = "manifest.json.unusable-";

/// Largest manifest that is read: one of 64 policies with all their parameters has a few hundred kilobytes.
const MOST_MANIFEST_BYTES: u64 = 64 << 20;

/// Largest artefact that is read.
const MOST_ARTEFACT_BYTES: u64 = (Limits::MOST_ARTEFACT_MIB as u64) << 20;

/// The folder of machine code.
const COMPILED: &str = "compiled";

/// A state folder, locked for this process.
#[derive(Debug)]
pub struct StateFolder {
    folder: PathBuf,
    writing: Arc<Semaphore>,
    /// Released when it is closed, also by the kernel.
    _lock: File,
}

impl StateFolder {
    /// Opens a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or written, or another process has it.
    pub fn open(folder: &Path) -> Result<Self, StateFolderError> {
        let blobs = folder.join("blobs");
        fs::create_dir_all(&blobs).map_err(io("make", &blobs))?;
        let path = folder.join("lock");
        let lock = open_lock(&path).map_err(io("open", &path))?;
        match wait_for(&lock) {
            Ok(()) => {
                remove_leftovers(folder);
                remove_leftovers(&blobs);
                // The engine writes there, under hidden names of its own.
                remove_hidden(&folder.join(COMPILED));
                let writing = Arc::new(Semaphore::new(WRITING));
                Ok(Self { folder: folder.to_owned(), writing, _lock: lock })
            }
            Err(fs::TryLockError::WouldBlock) => Err(StateFolderError::Locked { path: folder.to_owned() }),
            Err(fs::TryLockError::Error(error)) => Err(io("lock", &path)(error)),
        }
    }

    /// Where the engine may keep machine code.
    #[must_use]
    pub fn compiled(&self) -> PathBuf {
        self.folder.join(COMPILED)
    }

    /// What was saved last; `None` in a new folder.
    pub(crate) fn load(&self) -> Result<Option<SavedState>, StateFolderError> {
        let path = self.manifest();
        let bytes = match read(&path, MOST_MANIFEST_BYTES) {
            Ok(bytes) => bytes,
            Err(StateFolderError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let saved: SavedState = serde_json::from_slice(&bytes)
            .map_err(|error| StateFolderError::Manifest { path: path.clone(), error })?;
        saved.validate().map_err(|reason| StateFolderError::Invalid { path, reason })?;
        Ok(Some(saved))
    }

    /// Keeps a manifest that cannot be used under another name, so that nothing is lost and the next one has its place.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, StateFolderError> {
        let path = self.manifest();
        let aside = self.folder.join(format!("{ASIDE}{:.0}", unix_now()));
        fs::rename(&path, &aside).map_err(io("rename", &path))?;
        Ok(aside)
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join("manifest.json")
    }

    /// The artefact with a digest.
    pub(crate) fn artefact(&self, digest: &str) -> Result<Vec<u8>, StateFolderError> {
        let path = self.blob(digest);
        let bytes = read(&path, MOST_ARTEFACT_BYTES)?;
        if netmarks_engine::digest(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(StateFolderError::Damaged { path })
        }
    }

    /// One permit for each piece that is written when the machine is idle.
    pub(crate) fn writing(&self) -> Arc<Semaphore> {
        self.writing.clone()
    }

    /// Begins a file for an artefact that arrives. It is removed unless it is kept.
    pub(crate) fn begin(&self) -> Result<Unfinished, StateFolderError> {
        Ok(Unfinished::begin(&self.folder.join("blobs"))?)
    }

    /// Keeps an artefact.
    pub(crate) fn keep(&self, digest: &str, bytes: &PolicyBytes) -> Result<(), StateFolderError> {
        let path = self.blob(digest);
        // A file of that name that is whole is this artefact; one that was damaged is written again.
        if self.artefact(digest).is_ok() { Ok(()) } else { Ok(bytes.keep_at(&path)?) }
    }

    /// Makes a manifest the one that a restart finds; then removes the artefacts that none refers to any more.
    pub(crate) fn save(&self, saved: &SavedState) -> Result<(), StateFolderError> {
        let path = self.manifest();
        let bytes = serde_json::to_vec_pretty(saved)
            .map_err(|error| StateFolderError::Manifest { path: path.clone(), error })?;
        let before = read(&path, MOST_MANIFEST_BYTES).ok();
        if let Err(error) = write(&path, &bytes) {
            put_back(&path, before.as_deref());
            return Err(error);
        }
        let manifests = std::iter::once(&saved.current).chain(&saved.history);
        let entries = manifests.flat_map(|manifest| &manifest.entries);
        let used: BTreeSet<&str> = entries.map(|entry| hex(&entry.digest)).collect();
        if !self.has_aside() {
            for folder in [self.folder.join("blobs"), self.compiled()] {
                sweep(&folder, &used);
            }
        }
        Ok(())
    }

    /// Whether there is a manifest that was set aside: it may be mended, and then needs its artefacts.
    fn has_aside(&self) -> bool {
        let Ok(files) = fs::read_dir(&self.folder) else { return false };
        files.flatten().any(|file| file.file_name().as_encoded_bytes().starts_with(ASIDE.as_bytes()))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.wasm", hex(digest)))
    }
}

/// The file of the lock, which others may hold. What is there must be a file: opening a pipe would wait for a reader.
fn open_lock(path: &Path) -> std::io::Result<File> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(std::io::Error::new(ErrorKind::InvalidInput, "it is not a file"))
        }
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => File::create(path),
    }
}

/// A regular file of at most `most` bytes.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, StateFolderError> {
    match netmarks_files::read(path, most) {
        Ok(Content::Whole(bytes)) => Ok(bytes),
        Ok(Content::TooLarge) => Err(io("read", path)(ErrorKind::FileTooLarge.into())),
        Err(error) => Err(io("read", path)(error)),
    }
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

/// Removes files that are named after other digests. What cannot be removed now is tried again with the next change.
fn sweep(folder: &Path, used: &BTreeSet<&str>) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let digest = name.split(['-', '.']).next().unwrap_or_default();
        // Hidden files are being written.
        if !digest.is_empty()
            && !used.contains(digest)
            && let Err(error) = fs::remove_file(file.path())
        {
            tracing::debug!(file = %file.path().display(), %error, "unused artefact not removed");
        }
    }
}

fn wait_for(lock: &File) -> Result<(), fs::TryLockError> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => {
                std::thread::sleep(LOCK_RETRY);
            }
            result => return result,
        }
    }
}

fn io<'a>(step: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> StateFolderError + use<'a> {
    move |error| StateFolderError::Io { step, path: path.to_owned(), error }
}

/// Writes a file whole, on the disk when this returns.
fn write(path: &Path, bytes: &[u8]) -> Result<(), StateFolderError> {
    Ok(AtomicWrite::to(path).write(bytes)?)
}

/// A file that could not be flushed may have its name already, and a restart would find a change that was refused. What was there before
/// takes its place again, without a flush: the disk does not take one.
fn put_back(path: &Path, before: Option<&[u8]>) {
    if read(path, MOST_MANIFEST_BYTES).ok().as_deref() == before {
        return;
    }
    let put = match before {
        Some(bytes) => {
            AtomicWrite::to(path).durability(Durability::Cache).write(bytes).map_err(|error| error.error)
        }
        None => fs::remove_file(path),
    };
    if let Err(error) = put
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(
            file = %path.display(), %error,
            "the earlier state could not be put back: should the process end before the next change is saved, the refused change takes \
             place"
        );
    }
}

/// Removes what a process left behind that died while it wrote.
fn remove_leftovers(folder: &Path) {
    if let Err(error) = remove_unfinished(folder) {
        tracing::warn!(folder = %folder.display(), %error, "unfinished files not removed");
    }
}

/// Removes every hidden file. What cannot be removed now is tried again with the next start.
fn remove_hidden(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files.flatten().filter(|file| file.file_name().as_encoded_bytes().starts_with(b".")) {
        if let Err(error) = fs::remove_file(file.path()) {
            tracing::warn!(file = %file.path().display(), %error, "unfinished file not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn a_folder_is_one_process_s_and_comes_back_as_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateFolder::open(folder.path()).unwrap();
        assert!(matches!(StateFolder::open(folder.path()), Err(StateFolderError::Locked { .. })));
        assert_eq!(store.load().unwrap(), None);
        let saved =
            SavedState { current: Manifest { generation: 7, entries: Vec::new() }, ..SavedState::default() };
        store.save(&saved).unwrap();
        drop(store);
        assert_eq!(StateFolder::open(folder.path()).unwrap().load().unwrap(), Some(saved));
    }

    #[test]
    fn artefacts_are_checked_and_swept() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateFolder::open(folder.path()).unwrap();
        let digest = netmarks_engine::digest(b"policy");
        let policy = PolicyBytes::from(b"policy".to_vec());
        store.keep(&digest, &policy).unwrap();
        assert_eq!(store.artefact(&digest).unwrap(), b"policy");
        fs::write(store.blob(&digest), b"POLICY").unwrap();
        assert!(matches!(store.artefact(&digest), Err(StateFolderError::Damaged { .. })));
        store.keep(&digest, &policy).unwrap();
        assert_eq!(
            store.artefact(&digest).unwrap(),
            b"policy",
            "what was damaged is mended by submitting again"
        );
        store.save(&SavedState::default()).unwrap();
        assert!(store.artefact(&digest).is_err(), "nothing refers to it");
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateFolder::open(folder.path()).unwrap();
        fs::write(folder.path().join("manifest.json"), b"{").unwrap();
        assert!(store.load().unwrap_err().to_string().contains("is not a manifest"));
    }
}
