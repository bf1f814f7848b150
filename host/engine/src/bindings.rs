//! The contract of `wit/policy.wit` as Rust, generated.
//!
//! Inputs are borrowed so that the host's columns are copied once, into the guest.
#![allow(unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "policy",
    ownership: Borrowing { duplicate_if_necessary: false },
});
