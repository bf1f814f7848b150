//! Changing policies over HTTP: `GET`, `PUT`, `POST` and `DELETE /v1/policies`.
//!
//! A listener of its own, apart from the scheduler's, so that who may ask for scores is not who may change them. It is
//! off unless configured.

pub mod access;
mod listener;
mod query;
mod routes;

pub use listener::start;
pub use query::{mode, settings};
pub use routes::{Admin, SIGNATURE};
