//! When and how a server ends.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// When and how a server ends. Two steps, since those who send clients here learn of the first one only after a while.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Clients are asked to leave, each at a moment when it has nothing under way: HTTP/1.1 by `Connection: close` with
    /// its next answer, HTTP/2 by GOAWAY. Whoever connects is still served.
    pub begun: CancellationToken,
    /// Nobody is accepted any more, and connections that were idle all the time are closed.
    pub closing: CancellationToken,
    /// How long the requests under way may take after that.
    pub drain: Duration,
}
