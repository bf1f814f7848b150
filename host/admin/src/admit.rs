//! Lets a caller in, or turns them away with a line in the audit log.

use axum::http::HeaderMap;
use netmarks_controller::access::Operation;
use netmarks_policies::Actor;
use netmarks_server::Peer;

use crate::access::Access;
use crate::error_answer::ErrorAnswer;

/// Who is calling, if they may do this.
///
/// # Errors
/// If they may not, or nobody can say.
pub(crate) async fn admit(
    access: &Access,
    headers: &HeaderMap,
    peer: &Peer,
    operation: Operation,
    policy: Option<&str>,
) -> Result<Actor, ErrorAnswer> {
    access.check(headers, peer, operation, policy).await.map_err(|denied| {
        tracing::warn!(
            target: "netmarks::audit", from = %peer.address, operation = operation.verb(),
            policy = policy.unwrap_or_default(), error = denied.reason, "turned away"
        );
        denied.into()
    })
}
