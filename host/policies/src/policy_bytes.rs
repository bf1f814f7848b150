//! The bytes of a policy on its way in: in memory, or in a file of the state folder, which is read once, when its turn has come.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use netmarks_core::digest::Digest;
use netmarks_engine::when_idle;
use netmarks_files::{AtomicWrite, Content, Durability, Unfinished, WriteError};
use tokio::runtime::Handle;

use crate::errors::{Refusal, StateFolderError};

/// What is hashed within a millisecond.
const SMALL: usize = 1 << 20;

/// What a policy consists of. Cheap to clone.
#[derive(Clone)]
pub struct PolicyBytes(Kind);

#[derive(Clone)]
enum Kind {
    Memory(Bytes),
    File(Arc<Staged>),
}

/// A file with a hidden name, until it is kept or nobody wants it any more.
struct Staged {
    file: Mutex<Option<Unfinished>>,
    path: PathBuf,
    digest: Digest,
    size: usize,
}

impl From<Bytes> for PolicyBytes {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Memory(bytes))
    }
}

impl From<Vec<u8>> for PolicyBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl fmt::Debug for PolicyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.0 {
            Kind::Memory(_) => "in memory",
            Kind::File(_) => "in a file",
        };
        write!(f, "{} bytes {place}", self.size())
    }
}

impl PolicyBytes {
    /// What was written to a file.
    pub(crate) fn of_file(file: Unfinished, digest: Digest, size: usize) -> Self {
        let path = file.path().to_owned();
        Self(Kind::File(Arc::new(Staged { file: Mutex::new(Some(file)), path, digest, size })))
    }

    /// How many there are.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.0 {
            Kind::Memory(bytes) => bytes.len(),
            Kind::File(staged) => staged.size,
        }
    }

    /// Whether they have to be read.
    pub(crate) fn is_in_file(&self) -> bool {
        matches!(self.0, Kind::File(_))
    }

    /// Their digest. Hashing 50 MB takes a tenth of a second, which belongs to no thread that requests wait for; what is in a file was
    /// hashed as it arrived.
    ///
    /// # Errors
    /// If the process is ending.
    pub async fn digest(&self) -> Result<Digest, Refusal> {
        match &self.0 {
            Kind::File(staged) => Ok(staged.digest),
            Kind::Memory(bytes) => {
                let bytes = bytes.clone();
                let hashed = tokio::task::spawn_blocking(move || {
                    let hash = || Digest::of(&bytes);
                    // To wait for an idle moment would take longer, above all at the start, when the lists keep the machine busy.
                    if bytes.len() <= SMALL { Some(hash()) } else { when_idle(hash) }
                });
                hashed.await.ok().flatten().ok_or(Refusal::Internal)
            }
        }
    }

    /// All of them, in memory. Blocks on the disk.
    pub(crate) fn read(&self) -> Result<Bytes, StateFolderError> {
        match &self.0 {
            Kind::Memory(bytes) => Ok(bytes.clone()),
            Kind::File(staged) => staged.read(),
        }
    }

    /// Makes them the file at `path`, on the disk when this returns. Blocks on the disk.
    pub(crate) fn keep_at(&self, path: &Path) -> Result<(), WriteError> {
        match &self.0 {
            Kind::Memory(bytes) => AtomicWrite::to(path).write(bytes),
            Kind::File(staged) => match staged.take() {
                Some(file) => file.finish(path, Durability::Disk),
                None => {
                    let error = std::io::ErrorKind::NotFound.into();
                    Err(WriteError { step: "keep a second time", path: staged.path.clone(), error })
                }
            },
        }
    }
}

impl Staged {
    fn take(&self) -> Option<Unfinished> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What was written, which was hashed before it reached the disk.
    fn read(&self) -> Result<Bytes, StateFolderError> {
        match netmarks_files::read(&self.path, self.size as u64) {
            Ok(Content::Whole(bytes)) if Digest::of(&bytes) == self.digest => Ok(bytes.into()),
            Ok(_) => Err(StateFolderError::Changed { path: self.path.clone() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StateFolderError::Changed { path: self.path.clone() })
            }
            Err(error) => Err(StateFolderError::Io { step: "read", path: self.path.clone(), error }),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(file) = self.take() {
            remove(file);
        }
    }
}

/// Removes what nobody wants. To remove 50 MB from the disk takes a moment, which belongs to no worker.
pub(crate) fn remove(file: Unfinished) {
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn_blocking(move || when_idle(move || drop(file))));
    }
}
