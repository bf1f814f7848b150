//! What the API server would say to each move, with nothing done.

use std::collections::HashMap;

use kube::Client;
use serde::Serialize;

use crate::apply::{ApplyError, listed};
use crate::cluster::{Answer, evict, node};
use crate::event::Skip;
use crate::moves::Move;
use crate::progress::Progress;
use crate::run::movable;
use crate::seen::NodeSeen;
use crate::shutdown::Shutdown;

/// A move, and what would become of it now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    #[serde(flatten)]
    pub planned: Move,
    #[serde(flatten)]
    pub check: Check,
}

impl Checked {
    /// Whether the pod would be evicted.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.check == Check::Allowed
    }
}

/// What would become of a move now. Each is asked for as if it were the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Check {
    /// The API server would evict the pod.
    Allowed,
    /// It would be left out.
    Skipped {
        /// The reason.
        skipped: Skip,
    },
    /// The API server would refuse now, and may do otherwise later.
    Refused {
        /// What it said.
        answer: String,
    },
    /// The API server would never allow it, or gave no answer.
    Denied {
        /// What it said.
        answer: String,
    },
}

/// Asks the API server about each move (`dryRun=All`); admission webhooks and budgets are asked, too. Ends early after `shutdown`.
///
/// # Errors
/// If pods cannot be watched.
pub async fn dry_run(
    client: &Client,
    moves: &[Move],
    shutdown: &Shutdown,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Checked>, ApplyError> {
    let watch = listed(client, moves, shutdown, tell).await?;
    let mut nodes = HashMap::new();
    let mut checked = Vec::new();
    for planned in moves {
        if shutdown.is_asked() {
            break;
        }
        let closed = match closed(client, planned, &mut nodes).await {
            Ok(closed) => closed,
            Err(answer) => {
                checked.push(Checked { planned: planned.clone(), check: Check::Denied { answer } });
                continue;
            }
        };
        let uid = match movable(planned, &watch.pods) {
            Ok((pod, _)) => closed.map_or(Ok(&pod.uid), Err),
            Err(why) => Err(why),
        };
        let check = match uid {
            Err(skipped) => Check::Skipped { skipped },
            Ok(uid) => match evict(client, planned, uid, true).await {
                Answer::Accepted => Check::Allowed,
                Answer::Missing => Check::Skipped { skipped: Skip::Gone },
                Answer::Refused(answer) => Check::Refused { answer },
                Answer::Unanswered(answer) | Answer::Denied(answer) => Check::Denied { answer },
            },
        };
        checked.push(Checked { planned: planned.clone(), check });
    }
    Ok(checked)
}

/// Why no node of the move takes a pod, if none does; each node is asked for once.
async fn closed(
    client: &Client,
    planned: &Move,
    nodes: &mut HashMap<String, NodeSeen>,
) -> Result<Option<Skip>, String> {
    loop {
        let missing = match planned.closed(|name| nodes.get(name).copied()) {
            Ok(closed) => return Ok(closed),
            Err(missing) => missing.to_owned(),
        };
        let seen = node(client, &missing).await?;
        nodes.insert(missing, seen);
    }
}
