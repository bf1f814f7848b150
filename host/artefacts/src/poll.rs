//! Following a tag: look often and cheaply, download only what changed.
//!
//! Apart from fetching because it decides only when: the first look at once, then one every interval, later and later while
//! it fails, and never at the same moment as a thousand others.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::digest::Digest;
use crate::error::FetchError;
use crate::fetcher::{Fetched, Fetcher};
use crate::reference::Reference;

/// How often to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollConfig {
    /// Time between two looks; up to a tenth is added or taken away at random.
    pub interval: Duration,
    /// Longest time between two attempts while they fail; the time doubles from `interval` on.
    pub max_backoff: Duration,
}

impl Default for PollConfig {
    /// A minute, and a quarter of an hour: registries count requests.
    fn default() -> Self {
        Self { interval: Duration::from_secs(60), max_backoff: Duration::from_secs(900) }
    }
}

/// Follows what one reference names.
#[derive(Debug)]
pub struct Poll {
    fetcher: Arc<Fetcher>,
    reference: Reference,
    config: PollConfig,
    seen: Option<Digest>,
    looked: bool,
    failures: u32,
}

impl Poll {
    /// Nothing is asked until [`Poll::next`].
    #[must_use]
    pub fn new(fetcher: Arc<Fetcher>, reference: Reference, config: PollConfig) -> Self {
        Self { fetcher, reference, config, seen: None, looked: false, failures: 0 }
    }

    /// What is followed.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Waits for the next component, or the next failure; `None` when cancelled, or when the reference is pinned by digest and
    /// its component was handed over.
    ///
    /// What failed is tried again: a tag that moved before its signature arrived is accepted once it did.
    ///
    /// Cancel safe: a change that was not returned is found by the next call.
    pub async fn next(&mut self, shutdown: &CancellationToken) -> Option<Result<Fetched, FetchError>> {
        loop {
            if self.seen.is_some() && self.reference.is_pinned() {
                return None;
            }
            if self.looked {
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    () = tokio::time::sleep(pause(self.config, self.failures, fastrand::f64())) => {}
                }
            }
            let outcome = tokio::select! {
                () = shutdown.cancelled() => return None,
                outcome = self.look() => outcome,
            };
            self.looked = true;
            match outcome {
                Ok(None) => self.failures = 0,
                Ok(Some((digest, fetched))) => {
                    self.failures = 0;
                    self.seen = Some(digest);
                    return Some(Ok(fetched));
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    return Some(Err(error));
                }
            }
        }
    }

    async fn look(&self) -> Result<Option<(Digest, Fetched)>, FetchError> {
        let digest = self.fetcher.resolve(&self.reference).await?;
        if self.seen == Some(digest) {
            return Ok(None);
        }
        // By the digest just seen, so that what is handed over is what was compared.
        let fetched = self.fetcher.fetch(&self.reference.pinned(digest)).await?;
        Ok(Some((digest, fetched)))
    }
}

/// The time to the next look, with `random` from 0 to 1.
fn pause(config: PollConfig, failures: u32, random: f64) -> Duration {
    // Beyond 2^20 every interval is past every back-off.
    let doubled = config.interval.saturating_mul(1 << failures.min(20));
    let longest = config.max_backoff.max(config.interval);
    doubled.min(longest).mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_with_each_failure_up_to_the_longest() {
        let config = PollConfig { interval: Duration::from_secs(10), max_backoff: Duration::from_secs(60) };
        let seconds: Vec<u64> = (0..6).map(|failures| pause(config, failures, 0.5).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 60, 60, 60]);
        assert_eq!(pause(config, u32::MAX, 0.5).as_secs(), 60);
        assert_eq!(pause(config, 0, 0.0), Duration::from_secs(9));
        assert_eq!(pause(config, 0, 1.0), Duration::from_secs(11));
        // A back-off shorter than the interval would make failures more frequent than successes.
        let odd = PollConfig { interval: Duration::from_secs(10), max_backoff: Duration::from_secs(1) };
        assert_eq!(pause(odd, 3, 0.5), Duration::from_secs(10));
    }
}
