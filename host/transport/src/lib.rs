//! What every HTTP client shares: what went wrong below HTTP, and bodies within a limit.

#![forbid(unsafe_code)]

mod body;
mod tls;

pub use body::{AnswerError, body};
pub use tls::answers_without_tls;
