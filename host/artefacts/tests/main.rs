//! The integration tests of this crate, one module a subject: one binary, so that what they share is linked once.

mod access;
mod cosign;
mod docker_registry;
mod folder;
mod hostile_registry;
mod hostile_uploads;
mod other_tools;
mod signatures;
mod support;
mod urls_and_files;
