//! What every listener shares: the accept loop with its limits and its end, TLS and its reload, bounded bodies.
//!
//! A door brings its routes; this crate knows none of them.
#![forbid(unsafe_code)]

mod body;
mod listener;
mod serve;
mod tls;

pub use body::{BodyBudget, BodyError, BoundedBody};
pub use listener::{ListenError, Listener};
pub use serve::{Peer, Stop};
pub use tls::{Tls, TlsError};
