//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod answering;
mod concurrency;
mod hostile;
mod restart;
mod rollback;
mod shadows;
mod submission;
mod support;
