//! The life of policies: received, checked, compiled, tried, shadowed, live, drained, gone.
//!
//! A [`Registry`] holds what an operator wants (a [`Manifest`]: names, digests, settings, modes) and publishes what
//! answers (a [`PolicySet`]: loaded policies, one immutable generation). Requests load the set and never wait for the
//! registry; a change first proves itself, then reaches the disk, then the set. Where artefacts come from and who may
//! change them is not known here: other crates submit.

mod book;
mod duty;
mod fault;
mod guard;
mod latency;
mod lifecycle;
mod loading;
mod manifest;
mod notice;
mod operations;
mod promotion;
mod registry;
mod report;
mod revision;
mod set;
mod settings;
mod shadow;
mod store;
mod submission;

pub use fault::{Refusal, StoreError};
pub use guard::{Breach, RollbackRules};
pub use lifecycle::{Event, State, step};
pub use loading::{Compiling, Replay};
pub use manifest::{Change, Entry, Fallback, Manifest};
pub use notice::{Notice, NoticeKind};
pub use promotion::PromotionRules;
pub use registry::{Inbox, Options, Registry};
pub use report::{EntryReport, Rejection, Report};
pub use revision::{Loaded, RevisionId};
pub use set::{Canary, PartScore, PartScores, PolicySet, Scored, score};
pub use settings::{Actor, Mode, Origin, PolicyName, Settings};
pub use shadow::{Comparison, ShadowReport};
pub use store::Store;
pub use submission::{Outcome, Submission};
