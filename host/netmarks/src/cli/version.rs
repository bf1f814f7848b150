//! What `netmarks --version` says: what it was built from and with, and which policies it runs.

use std::sync::LazyLock;

/// For a report of a fault: version, revision, compiler, wasmtime, and the versions of the contract that are accepted.
pub(super) static LONG: LazyLock<String> = LazyLock::new(|| {
    let engine = netmarks_engine::version();
    format!(
        "{}\nrevision: {}\nrustc: {}\nwasmtime: {}\ncontracts: {}",
        env!("CARGO_PKG_VERSION"),
        env!("NETMARKS_REVISION"),
        env!("NETMARKS_RUSTC").trim_start_matches("rustc "),
        engine.wasmtime,
        engine.contracts.join(", "),
    )
});
