//! What every listener shares: the accept loop with its places and its end, TLS and its reload, bounded bodies.
//!
//! A door brings its routes; this crate knows none of them.
#![forbid(unsafe_code)]

mod activity;
mod answer;
mod arrivals;
mod body;
mod browser;
mod connection;
mod connections;
mod listener;
mod peer;
mod places;
mod seldom;
mod serve;
mod stop;
mod tls;
mod tracked;

pub use activity::ConnectionState;
pub use answer::streamed;
pub use body::{Arriving, BodyBudget, BodyError, BoundedBody};
pub use connections::Connections;
pub use listener::{ListenError, Listener};
pub use peer::Peer;
pub use places::{Census, CloseReason};
pub use seldom::Seldom;
pub use stop::Stop;
pub use tls::{Tls, TlsError};
