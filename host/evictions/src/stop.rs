//! Why a run ends before its last move.

use serde::Serialize;

/// Why a run ends before its last move. Whatever it is, but for a loss, the same command goes on where it ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Stop {
    /// Too much is not as the plan has it.
    #[error(
        "{moves} moves turned out otherwise than planned, and {most} may; the cluster is not what the plan was made for, so make a \
         new one, or go on with a larger --most-elsewhere"
    )]
    Elsewhere { moves: u32, most: u32 },
    /// The next move costs more than the moves so far have gained: some that it counts on turned out otherwise.
    #[error(
        "{pod} would cost {costs} within nodes, and the moves so far have gained {gained}: it counts on some that turned out otherwise, and \
         more would leave a node than before the first move"
    )]
    Loss { pod: String, costs: String, gained: String },
    /// An eviction was refused for too long, as a rule by a budget.
    #[error(
        "the eviction of {pod} was refused for {seconds} s; see `kubectl get poddisruptionbudgets` in its namespace, then go on. The \
         last answer: {answer}"
    )]
    Refused { pod: String, seconds: u64, answer: String },
    /// An eviction can never be done so.
    #[error(
        "the API server does not allow to evict {pod}: {answer}; `netmarks plan --print-role` prints the rights that it takes"
    )]
    Denied { pod: String, answer: String },
    /// The API server gave no answer.
    #[error("the API server did not answer for {seconds} s when it was to evict {pod}: {error}")]
    Unanswered { pod: String, seconds: u64, error: String },
    /// A target cannot be looked at.
    #[error(
        "the API server does not say what the node {node} is like: {error}; `netmarks plan --print-role` prints the rights that it takes"
    )]
    Node { node: String, error: String },
    /// A replacement did not come, or is not ready.
    #[error(
        "{pod} was evicted {seconds} s ago, and {state}; nothing is taken back by force. Once it is ready, the same command goes on"
    )]
    NotReplaced { pod: String, seconds: u64, state: String },
    /// The mesh's figures are worse than before the first move.
    #[error("for {seconds} s, {why}; no further pod is evicted")]
    Worse { seconds: u64, why: String },
    /// The time is over in which moves may begin.
    #[error("the time is over in which moves may begin (--window-seconds)")]
    Window,
    /// Somebody said so.
    #[error("it was told to stop")]
    Interrupted,
}
