//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod captures;
mod json_patch;
mod patches;
mod reviews;
