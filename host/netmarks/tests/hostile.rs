//! Input that is made to do harm, handed to the program as its users would hand it over.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod terminal;
