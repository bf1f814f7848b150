//! Why a call of WASI stops a policy.

/// Why a policy that called WASI was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WasiFault {
    /// It wanted to open, read, connect or wait for something.
    #[error(
        "it called `{function}`, and nothing is behind that: a policy has no files, network, processes or time"
    )]
    Nothing {
        /// `INTERFACE#FUNCTION`, without a version.
        function: String,
    },
    /// It ended its own process.
    #[error("it exited")]
    Exited,
    /// It asked for more than any runtime does.
    #[error("it asked for too many {what}")]
    TooMany { what: &'static str },
}
