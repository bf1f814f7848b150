//! How a revision proves itself: loaded and tried on blocking threads, outside of the task that owns the state, so that
//! other operations go on meanwhile.

use std::sync::Arc;

use netmarks_engine::{Unkept, Urgency};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::errors::{Refusal, StateFolderError};
use crate::lifecycle::Event;
use crate::loading::{self, Listener};
use crate::manifest::Entry;
use crate::policy_bytes::PolicyBytes;
use crate::registry::Registry;
use crate::revision::Loaded;
use crate::state::Progress;

/// Permission to compile, until it is dropped.
#[derive(Debug)]
pub(crate) struct CompilerTurn {
    _waiting: OwnedSemaphorePermit,
    _compiling: OwnedSemaphorePermit,
}

/// Steps of a proof that are told.
const STEPS: usize = 3;

/// Who hears of it while a revision proves itself.
#[derive(Debug)]
struct Told<'a> {
    passed: mpsc::Sender<Event>,
    registry: &'a Registry,
}

impl Listener for Told<'_> {
    fn passed(&mut self, step: Event) {
        let _ = self.passed.try_send(step);
    }

    fn keep(&mut self, code: Unkept) {
        self.registry.shared.keeping.keep(code);
    }
}

impl Registry {
    /// Checks, compiles and tries a revision; its lifecycle state follows. The caller holds the turn. Where something answers, `urgency` says
    /// what waits for it.
    pub(crate) async fn prove(
        &self,
        entry: &Entry,
        bytes: PolicyBytes,
        urgency: Urgency,
    ) -> Result<Arc<Loaded>, Refusal> {
        self.shared.commands.advance(Progress::Received(Box::new(entry.clone()))).await?;
        // Room for every step: the blocking thread must not wait for the task that owns the state, which may itself be
        // waiting for a blocking thread to write a file.
        let (passed, mut steps) = mpsc::channel(STEPS);
        let (registry, to_load) = (self.clone(), entry.clone());
        let work = tokio::task::spawn_blocking(move || {
            let shared = &registry.shared;
            let nothing_answers = registry.current().active.is_empty();
            let urgency = if nothing_answers { Urgency::NothingAnswers } else { urgency };
            let (compiling, replay) = ((&shared.compiling, urgency), shared.replay.load_full());
            let mut listener = Told { passed, registry: &registry };
            loading::load(&shared.engine, compiling, &replay, (&to_load, &bytes), &mut listener)
        });
        while let Some(event) = steps.recv().await {
            self.shared.commands.advance(Progress::Step(entry.revision.clone(), event)).await?;
        }
        let loaded = work.await.unwrap_or(Err(Refusal::Internal));
        if loaded.is_err() {
            self.shared.commands.advance(Progress::Step(entry.revision.clone(), Event::Failed)).await?;
        }
        loaded.map(Arc::new)
    }

    /// A turn at the compiler, of which there is one: whatever compiles holds it, to the end of its work. Few may wait for it.
    ///
    /// # Errors
    /// [`Refusal::Busy`] if enough wait already.
    pub(crate) async fn turn(&self) -> Result<CompilerTurn, Refusal> {
        let waiting = self.shared.waiting.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let compiling = self.shared.compiler.clone().acquire_owned().await.map_err(|_| Refusal::Internal)?;
        Ok(CompilerTurn { _waiting: waiting, _compiling: compiling })
    }

    /// Loads what is not loaded any more: what answered before a restart, what could not be restored. Of several that need the
    /// same revision, one loads it.
    pub(crate) async fn reload(&self, needed: &[Entry]) -> Result<(), Refusal> {
        let is_loaded = |entry: &Entry| self.state().loaded(&entry.revision).is_some();
        if needed.iter().all(is_loaded) {
            return Ok(());
        }
        let _turn = self.turn().await?;
        for entry in needed {
            if is_loaded(entry) {
                continue;
            }
            let bytes = self.artefact(entry.digest.clone()).await?;
            let loaded = self.prove(entry, bytes, Urgency::Return).await?;
            self.shared.commands.advance(Progress::Reloaded(loaded)).await?;
        }
        Ok(())
    }

    /// An artefact from the state folder.
    async fn artefact(&self, digest: String) -> Result<PolicyBytes, Refusal> {
        let Some(folder) = self.shared.folder.clone() else {
            return Err(Refusal::Lost(StateFolderError::NoFolder { digest }));
        };
        let reading = tokio::task::spawn_blocking(move || folder.artefact(&digest));
        let bytes = reading.await.map_err(|_| Refusal::Internal)?;
        bytes.map(PolicyBytes::from).map_err(Refusal::Lost)
    }
}
