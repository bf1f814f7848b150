#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod hostile;
mod moments;
mod scenes;
mod size;
mod sums;
mod views;
