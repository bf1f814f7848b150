//! Input that no cluster, scheduler or operator sends, and that is made to do harm.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod disk;
mod memory;
mod pages;
mod requests;
mod terminal;
mod unread;
