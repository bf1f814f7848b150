//! A policy that arrives in pieces: each is hashed and written to the state folder as it comes, when nothing else wants the core. So an upload
//! takes the memory of one piece, whatever its size.

use std::sync::Arc;
use std::time::Duration;

use netmarks_core::digest::{Digest, Hasher};
use netmarks_engine::when_idle;
use netmarks_files::Unfinished;
use tokio::time::Instant;

use crate::errors::{Refusal, StateFolderError};
use crate::policy_bytes::{PolicyBytes, remove};
use crate::registry::Registry;
use crate::state_folder::StateFolder;

/// So much is gathered before it is written. A policy in Rust has a tenth of it, and is never written before it is kept.
const AT_ONCE: usize = 1 << 20;

/// A piece that takes longer to write found a machine without an idle moment.
const LONG: Duration = Duration::from_secs(2);

/// Takes the pieces of one policy. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    folder: Option<Arc<StateFolder>>,
    gathered: Vec<u8>,
    begun: Option<Begun>,
    /// Whether the last piece waited for long: the next one does not, or an upload would take minutes on a busy machine.
    waited: bool,
}

/// What was written so far.
#[derive(Debug)]
struct Begun {
    file: Unfinished,
    hasher: Hasher,
    size: usize,
}

impl Registry {
    /// For a policy that arrives in pieces and is to be submitted.
    #[must_use]
    pub fn incoming(&self) -> Incoming {
        Incoming::new(self.shared.folder.clone())
    }
}

impl Incoming {
    /// Writes to this state folder; without one, all is gathered in memory.
    #[must_use]
    pub fn new(folder: Option<Arc<StateFolder>>) -> Self {
        Self { folder, gathered: Vec::new(), begun: None, waited: false }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// If the disk does not take it, or the process is ending; nothing can be added then.
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.gathered.extend_from_slice(piece);
        match self.folder.clone() {
            Some(folder) if self.gathered.len() >= AT_ONCE => self.write(folder).await,
            _ => Ok(()),
        }
    }

    /// The policy, when nothing follows.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub async fn finish(mut self) -> Result<PolicyBytes, Refusal> {
        if self.begun.is_some()
            && let Some(folder) = self.folder.clone()
        {
            self.write(folder).await?;
        }
        Ok(match self.begun.take() {
            Some(Begun { file, hasher, size }) => PolicyBytes::of_file(file, hasher.finish(), size),
            None => std::mem::take(&mut self.gathered).into(),
        })
    }

    /// Hashes and writes what was gathered, when the machine is idle; at once where the last piece had to wait for long.
    async fn write(&mut self, folder: Arc<StateFolder>) -> Result<(), Refusal> {
        let asked = Instant::now();
        let gives_way = !std::mem::take(&mut self.waited);
        let permit = if gives_way {
            Some(folder.writing().acquire_owned().await.map_err(|_| Refusal::Internal)?)
        } else {
            None
        };
        let (begun, mut piece) = (self.begun.take(), std::mem::take(&mut self.gathered));
        let work = move || {
            let mut begun = match begun {
                Some(begun) => begun,
                None => Begun { file: folder.begin()?, hasher: Digest::hasher(), size: 0 },
            };
            begun.hasher.update(&piece);
            begun.file.write(&piece)?;
            begun.size += piece.len();
            piece.clear();
            Ok::<_, StateFolderError>((begun, piece))
        };
        let written = tokio::task::spawn_blocking(move || match permit {
            Some(_held) => when_idle(work),
            None => Some(work()),
        });
        let written = written.await.ok().flatten().ok_or(Refusal::Internal)?;
        self.waited = gives_way && asked.elapsed() > LONG;
        let (begun, piece) = written.map_err(Refusal::Store)?;
        (self.begun, self.gathered) = (Some(begun), piece);
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            remove(begun.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::state_folder::WRITING;

    fn hidden(folder: &Path) -> usize {
        std::fs::read_dir(folder.join("blobs")).unwrap().count()
    }

    async fn arrive(folder: Option<&Arc<StateFolder>>, content: &[u8]) -> PolicyBytes {
        let mut incoming = Incoming::new(folder.cloned());
        for piece in content.chunks(100_000) {
            incoming.push(piece).await.unwrap();
            assert!(folder.is_none() || incoming.gathered.len() < AT_ONCE);
        }
        incoming.finish().await.unwrap()
    }

    #[tokio::test]
    async fn what_is_large_is_in_a_file_until_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(StateFolder::open(folder.path()).unwrap());
        let content = b"0123456789".repeat(333_333);
        let bytes = arrive(Some(&store), &content).await;
        let digest = Digest::of(&content);
        assert_eq!((bytes.size(), bytes.digest().await.unwrap()), (content.len(), digest));
        assert_eq!(bytes.read().unwrap(), content);
        assert_eq!(hidden(folder.path()), 1);
        store.keep(&digest.to_string(), &bytes).unwrap();
        assert_eq!(store.artefact(&digest.to_string()).unwrap(), content);
        assert_eq!(hidden(folder.path()), 1, "it took its name");
        drop(bytes);
        assert_eq!(hidden(folder.path()), 1);
    }

    #[tokio::test]
    async fn what_is_small_or_has_no_folder_is_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(StateFolder::open(folder.path()).unwrap());
        let large = vec![7; 3 << 20];
        for (folder, content) in
            [(Some(&store), &large[..AT_ONCE - 1]), (Some(&store), &large[..0]), (None, &large[..])]
        {
            let bytes = arrive(folder, content).await;
            assert_eq!(bytes.read().unwrap(), content);
            assert_eq!(bytes.digest().await.unwrap(), Digest::of(content));
        }
        assert_eq!(hidden(folder.path()), 0);
    }

    #[test]
    fn what_nobody_wants_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(StateFolder::open(folder.path()).unwrap());
        let content = vec![7; 2 << 20];
        for whole in [false, true] {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let mut incoming = Incoming::new(Some(store.clone()));
                incoming.push(&content).await.unwrap();
                assert_eq!(hidden(folder.path()), 1);
                if whole { drop(incoming.finish().await.unwrap()) } else { drop(incoming) }
            });
            // Waits for the thread that removes it.
            drop(runtime);
            assert_eq!(hidden(folder.path()), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_piece_that_waited_for_long_the_next_one_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(StateFolder::open(folder.path()).unwrap());
        let (piece, all) = (vec![7; AT_ONCE], u32::try_from(WRITING).unwrap());
        let mut incoming = Incoming::new(Some(store.clone()));
        let held = store.writing().acquire_many_owned(all).await.unwrap();
        let others_end = async {
            tokio::time::advance(LONG * 2).await;
            drop(held);
        };
        let (pushed, ()) = tokio::join!(incoming.push(&piece), others_end);
        pushed.unwrap();
        let _held = store.writing().acquire_many_owned(all).await.unwrap();
        tokio::time::timeout(LONG, incoming.push(&piece)).await.unwrap().unwrap();
        let third = tokio::time::timeout(LONG, incoming.push(&piece)).await;
        assert!(third.is_err(), "the one after that gives way again");
    }

    #[tokio::test]
    async fn what_was_changed_on_the_disk_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(StateFolder::open(folder.path()).unwrap());
        let bytes = arrive(Some(&store), &vec![7; 2 << 20]).await;
        let file = std::fs::read_dir(folder.path().join("blobs")).unwrap().next().unwrap().unwrap();
        std::fs::write(file.path(), b"other").unwrap();
        let said = bytes.read().unwrap_err().to_string();
        assert!(said.contains("was changed on the disk") && said.ends_with("; submit it again"), "{said}");
        std::fs::remove_file(file.path()).unwrap();
        assert!(matches!(bytes.read(), Err(StateFolderError::Changed { .. })));
    }
}
