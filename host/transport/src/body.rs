//! The body of an answer. Its size is the server's to choose, and ours to limit.

use reqwest::Response;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("the answer is larger than allowed")]
    TooLarge,
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
}

/// The body as it streams in, given up once it is larger than `limit` bytes.
///
/// # Errors
/// If it is larger, or ends before it is complete.
pub async fn body(mut response: Response, limit: u64) -> Result<Vec<u8>, AnswerError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit {
        return Err(AnswerError::TooLarge);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(AnswerError::Broken)? {
        if (body.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(AnswerError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
