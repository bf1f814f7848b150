//! How files are written and followed.
#![forbid(unsafe_code)]

mod watch;

pub use watch::{FileWatch, INTERVAL};
