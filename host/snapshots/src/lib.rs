//! Makes snapshot files without an extender: [`collect`] reads a cluster and its metrics store with read-only rights,
//! [`anonymise`] replaces names, [`generate`] makes clusters of a published shape.
//!
//! The format itself is `netmarks_sources::snapshot_file`. Nothing here knows of policies, doors or the command line.

#![forbid(unsafe_code)]

pub mod anonymise;
pub mod collect;
pub mod generate;
