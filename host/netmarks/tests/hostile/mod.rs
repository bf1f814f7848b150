//! Input that no cluster, scheduler or operator sends.

mod pages;
mod requests;
mod unread;
