//! Hashing of what can be 64 MiB: on blocking threads, a few at a time, so that no thread that answers requests does it.

use netmarks_core::digest::Digest;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// What takes less time to hash than to hand over.
const SMALL: usize = 64 * 1024;

/// Hashes under way at once, in the whole process: each fills a core.
static UNDER_WAY: Semaphore = Semaphore::const_new(2);

/// The digest of `bytes`, which come back.
///
/// # Errors
/// If the runtime ends meanwhile.
pub async fn digest<T: AsRef<[u8]> + Send + 'static>(bytes: T) -> Result<(T, Digest), JoinError> {
    if bytes.as_ref().len() <= SMALL {
        let digest = Digest::of(bytes.as_ref());
        return Ok((bytes, digest));
    }
    // It is never closed. The permit moves into the closure: a caller that leaves must not free it while the work goes on.
    let permit = UNDER_WAY.acquire().await.ok();
    let work = move || {
        let _permit = permit;
        let digest = Digest::of(bytes.as_ref());
        (bytes, digest)
    };
    tokio::task::spawn_blocking(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a runtime of one thread: what ran on it would keep the other future from being polled in between.
    #[tokio::test]
    async fn others_are_answered_while_it_hashes() {
        let bytes = vec![7; 16 << 20];
        let expected = Digest::of(&bytes);
        let mut hashing = std::pin::pin!(digest(bytes));
        assert!(futures::poll!(hashing.as_mut()).is_pending(), "it was hashed on this thread");
        let (back, found) = hashing.await.unwrap();
        assert_eq!((back.len(), found), (16 << 20, expected));
    }

    #[tokio::test]
    async fn what_is_small_is_hashed_at_once() {
        let mut hashing = std::pin::pin!(digest(b"abc"));
        assert!(futures::poll!(hashing.as_mut()).is_ready());
    }
}
