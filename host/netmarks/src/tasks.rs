//! The tasks of the process, their lives and deaths. A task that ends before shutdown takes the process down with its name:
//! better restarted than half alive.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Holds the tasks of the process, by name.
#[derive(Debug, Default)]
pub struct Tasks {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    /// Cancelled when the process was told to stop: it says so, and goes on as before.
    pub stopping: CancellationToken,
    /// Cancelled when the tasks are to end.
    pub shutdown: CancellationToken,
}

impl Tasks {
    /// Runs what `task` makes of the token that is cancelled at shutdown. Its end before that is an error.
    pub fn follow<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.serve(name, task(self.shutdown.clone()));
    }

    /// Runs a task that knows by itself when to end. Its end before shutdown is an error.
    pub fn serve(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for `stop` and `delay` after it, or for the death of a task, then for all tasks to finish. In the delay
    /// everything goes on, sources included, so that who still asks gets the answer that any other replica gives.
    ///
    /// # Errors
    /// If a task panicked, or ended before it should.
    pub async fn run(mut self, stop: impl Future<Output = ()>, delay: Duration) -> Result<()> {
        let stopping = self.stopping.clone();
        let stopped = async {
            stop.await;
            stopping.cancel();
            tokio::time::sleep(delay).await;
        };
        let mut result = tokio::select! {
            () = stopped => Ok(()),
            Some(ended) = self.tasks.join_next_with_id() => match self.named(ended) {
                Ok(name) => Err(anyhow!("the task `{name}` ended unexpectedly")),
                Err(error) => Err(error),
            },
        };
        self.stopping.cancel();
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next_with_id().await {
            if let (Err(error), Ok(())) = (self.named(ended), &result) {
                result = Err(error).context("while stopping");
            }
        }
        result
    }

    /// The name of a task that ended, unless it panicked.
    fn named(&self, ended: Result<(Id, ()), JoinError>) -> Result<&'static str> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let name = self.names.get(&id).copied().unwrap_or("without a name");
        ended.map(|_| name).with_context(|| format!("the task `{name}` panicked"))
    }
}
