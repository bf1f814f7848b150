//! The one place that knows how files of this machine are written, read and followed.
//!
//! - [`AtomicWrite`]: a file is written whole or not at all. Blocking.
//! - [`Unfinished`]: the same for one that arrives in pieces. Blocking.
//! - [`AppendFile`]: lines are added by one process at a time, each on the disk before the next. Blocking.
//! - [`read`]: a regular file is read up to a limit. Blocking; [`read_small`] is its async form.
//! - [`Stamp`]: what a file is like without opening it. Blocking.
//! - [`FileWatch`]: waits until one of some files has changed. Async.
//!
//! Nothing here opens a pipe or a device: opening may wait forever, and so may reading.

#![forbid(unsafe_code)]

mod append;
mod read;
mod stamp;
mod unfinished;
mod watch;
mod write;

pub use append::{AppendError, AppendFile};
pub use read::{Content, SMALL, read, read_small};
pub use stamp::{Stamp, not_regular};
pub use unfinished::Unfinished;
pub use watch::{FileWatch, INTERVAL};
pub use write::{AtomicWrite, Durability, Readers, WriteError, remove_unfinished};
