//! The body of an upload: taken piece by piece, into the state folder where there is one.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use netmarks_core::errors::chain;
use netmarks_policies::{Incoming, PolicyBytes, Refusal};
use netmarks_server::{BodyBudget, BodyError};
use tokio::time::{Instant, timeout};

use crate::error_answer::{ErrorAnswer, bad_request};

/// A client that takes longer to send is given up: 64 MiB at 2 MB/s.
const UPLOAD: Duration = Duration::from_secs(30);

/// Reads a whole upload.
///
/// # Errors
/// If it is too large, too slow or too much beside others, breaks off, or cannot be written.
pub(crate) async fn receive(
    bodies: &BodyBudget,
    mut policy: Incoming,
    body: Body,
) -> Result<PolicyBytes, ErrorAnswer> {
    // Of what has arrived all counts until it is a policy on its way: on the disk, too, there is no more than that.
    let mut arriving = bodies.begin(body);
    let mut left = UPLOAD;
    loop {
        let asked = Instant::now();
        let piece = match timeout(left, arriving.next()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(policy.finish().await?),
            Ok(Err(error)) => return Err(refused(&error)),
            Err(_) => {
                let reason = format!("the policy did not arrive within {UPLOAD:?}");
                return Err(ErrorAnswer { status: StatusCode::REQUEST_TIMEOUT, reason });
            }
        };
        // How long it then takes to write is not up to the client.
        left = left.saturating_sub(asked.elapsed());
        let written = arriving.unless_given_up(policy.push(&piece)).await;
        written.map_err(|error| refused(&error))??;
    }
}

fn refused(error: &BodyError) -> ErrorAnswer {
    match error {
        BodyError::TooLarge { most } => {
            let reason = format!(
                "the policy has more than {most} bytes; raise `admin.max_upload_mib` if it is meant to"
            );
            ErrorAnswer { status: StatusCode::PAYLOAD_TOO_LARGE, reason }
        }
        BodyError::Overloaded => Refusal::Busy.into(),
        BodyError::Broken(_) => bad_request(chain(error)),
    }
}
