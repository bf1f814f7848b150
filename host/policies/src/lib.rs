//! The life of policies: received, checked, compiled, tried, shadowed, live, drained, gone.
//!
//! A [`Registry`] holds what an operator wants (a [`Manifest`]: names, digests, settings, modes) and publishes what
//! answers (a [`PolicySet`]: loaded policies, one immutable generation). One task owns the state and takes one change
//! at a time; everybody else reads what it published last, and never waits for it. A change first proves itself, then
//! reaches the disk, then the set. Where artefacts come from and who may change them is not known here: other crates
//! submit.

#![forbid(unsafe_code)]

mod background;
mod breach;
mod call_history;
mod change;
mod commands;
mod errors;
mod incoming;
mod keeping;
mod latency;
mod lifecycle;
mod loading;
mod manifest;
mod notice;
mod operations;
mod origin;
mod policy_bytes;
mod promotion;
mod proof;
mod registry;
mod report;
mod revision;
mod rollback;
mod saved_state;
mod set;
mod settings;
mod shadow;
mod signature;
mod state;
mod state_folder;
mod state_task;
mod submission;

pub use background::RegistryTask;
pub use breach::{Breach, RollbackRules};
pub use call_history::CallSteps;
pub use change::{ChangeOptions, Fallback, PolicyChange};
pub use errors::{Refusal, StateFolderError};
pub use incoming::Incoming;
pub use lifecycle::{Event, State, step};
pub use loading::{Compiling, Replay};
pub use manifest::{Entry, Manifest};
pub use notice::{Notice, NoticeKind};
pub use origin::{Actor, Origin};
pub use policy_bytes::PolicyBytes;
pub use promotion::PromotionRules;
pub use registry::{Inbox, Registry, RegistryOptions};
pub use report::{CallReport, EarlierSet, EntryReport, RegistryReport, Rejection};
pub use revision::{Loaded, RevisionId};
pub use set::{Canary, PartScore, PartScores, PolicySet, Scored, score};
pub use settings::{Mode, PolicyName, Settings};
pub use shadow::{Comparison, ShadowReport, Spread};
pub use signature::Signature;
pub use state_folder::StateFolder;
pub use submission::{Answering, ChangeOutcome, Submission};
