//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod access;
mod crd;
mod isolation;
mod oci;
mod reconcile;
mod support;
