//! Snapshots that are made up and anonymised; `tests/e2e` has those of a cluster.

mod anonymised;
mod generated;
mod key_files;
