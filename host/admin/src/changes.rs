//! Counts the changes of policies for `/metrics`.

use netmarks_policies::Notice;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry as Metrics;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChangeLabels {
    change: &'static str,
}

/// Counts changes by kind.
#[derive(Debug)]
pub struct ChangeCounter {
    changes: Family<ChangeLabels, Counter>,
}

impl ChangeCounter {
    /// All at zero, and exposed by `metrics`.
    #[must_use]
    pub fn new(metrics: &mut Metrics) -> Self {
        let changes = Family::default();
        metrics.register("policy_changes", "Changes of the policies, by kind", Family::clone(&changes));
        Self { changes }
    }

    /// Counts what `notices` brings, until cancelled or nobody can bring any more.
    pub async fn follow(self, mut notices: Receiver<Notice>, shutdown: CancellationToken) {
        loop {
            let notice = tokio::select! {
                () = shutdown.cancelled() => return,
                notice = notices.recv() => notice,
            };
            match notice {
                Ok(notice) => {
                    self.changes.get_or_create(&ChangeLabels { change: notice.kind.as_str() }).inc();
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}
