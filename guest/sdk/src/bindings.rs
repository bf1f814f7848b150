//! Holds the types and glue that wit-bindgen generates from the contract.
//!
//! Apart because generated code keeps none of this workspace's lints. Policies use it through the rest of the SDK.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "netmarks_policy_sdk::bindings",
});
