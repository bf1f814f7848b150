//! The metrics store's clock: what it is asked about is an instant of its own time, and ours may be set while we run, or be wrong.
//!
//! Every answer over HTTP says when it was sent. As long as both clocks agree, ours counts, which is finer. Where they do not, the
//! store's counts; between its answers the monotonic clock tells how far it went on.

use std::time::Instant;

use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap};

/// Seconds that the clocks may be apart: a range of any preset is longer, and an answer's instant has whole seconds.
const APART: f64 = 30.0;

/// Holds what is known of the store's clock.
#[derive(Debug, Default)]
pub(super) struct StoreClock {
    /// What it showed, in seconds since the Unix epoch, and when.
    shown: Option<(f64, Instant)>,
}

impl StoreClock {
    /// What it shows at `now`, when ours shows `ours` (seconds since the Unix epoch).
    pub(super) fn at(&self, now: Instant, ours: f64) -> f64 {
        let Some((shown, then)) = self.shown else { return ours };
        let theirs = shown + now.saturating_duration_since(then).as_secs_f64();
        if agree(theirs, ours) { ours } else { theirs }
    }

    /// Takes what an answer says that came at `now`, when ours showed `ours`. Gives whether it is another time there than was thought.
    pub(super) fn hear(&mut self, said: f64, now: Instant, ours: f64) -> bool {
        let thought = self.at(now, ours);
        let wrong = !agree(said, thought);
        if agree(said, ours) {
            self.shown = Some((ours, now));
        } else if wrong || self.shown.is_none() {
            self.shown = Some((said, now));
        }
        wrong
    }
}

fn agree(left: f64, right: f64) -> bool {
    (left - right).abs() <= APART
}

/// When an answer says that it was sent, in seconds since the Unix epoch.
pub(super) fn sent_at(headers: &HeaderMap) -> Option<f64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = DateTimeParser::new().parse_timestamp(date).ok()?;
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let seconds = date.as_second() as f64;
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderValue;

    use super::*;

    const DAY: f64 = 86_400.0;

    #[test]
    fn while_they_agree_ours_counts() {
        let (mut clock, start) = (StoreClock::default(), Instant::now());
        assert_eq!(clock.at(start, 1_000.25), 1_000.25, "nothing is known of theirs");
        assert!(!clock.hear(1_000.0, start, 1_000.25));
        let later = start + Duration::from_secs(15);
        assert_eq!(clock.at(later, 1_015.5), 1_015.5);
        // It is slewed by a second, and then another one.
        assert!(!clock.hear(1_015.0, later, 1_016.5));
        assert_eq!(clock.at(later, 1_016.5), 1_016.5);
    }

    #[test]
    fn a_step_of_ours_in_either_direction_changes_nothing() {
        for step in [DAY, -DAY] {
            let (mut clock, start) = (StoreClock::default(), Instant::now());
            clock.hear(100_000.0, start, 100_000.5);
            for seconds in 1..100_u32 {
                let (now, theirs) =
                    (start + Duration::from_secs(seconds.into()), 100_000.5 + f64::from(seconds));
                assert!((clock.at(now, theirs + step) - theirs).abs() < 1e-6);
                assert!(!clock.hear(theirs.floor(), now, theirs + step), "it is what was thought");
            }
            let back = start + Duration::from_secs(100);
            assert_eq!(clock.at(back, 100_100.5), 100_100.5);
            assert!(!clock.hear(100_100.0, back, 100_100.5));
        }
    }

    #[test]
    fn what_the_store_says_counts_where_ours_was_wrong_from_the_beginning() {
        let (mut clock, start) = (StoreClock::default(), Instant::now());
        assert!(clock.hear(100_000.0, start, 100_000.0 + DAY), "whoever asked by ours asked for tomorrow");
        let later = start + Duration::from_secs(15);
        assert_eq!(clock.at(later, 100_015.0 + DAY), 100_015.0);
        assert!(!clock.hear(100_016.0, later, 100_015.0 + DAY));
        assert_eq!(clock.at(later, 100_015.0 + DAY), 100_015.0, "no jumps by the seconds of a header");
        // The monotonic clock may stand still with the machine.
        assert!(clock.hear(103_600.0, later, 103_600.25));
        assert_eq!(clock.at(later, 103_600.25), 103_600.25);
    }

    #[test]
    fn an_answer_says_when_it_was_sent() {
        let of = |text: &str| {
            let headers = [(DATE, HeaderValue::from_str(text).unwrap())].into_iter().collect();
            sent_at(&headers)
        };
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777.0));
        assert_eq!(of("yesterday"), None);
        assert_eq!(sent_at(&HeaderMap::new()), None);
    }
}
