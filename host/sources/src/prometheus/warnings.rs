//! What a metrics store warns of: how many and how long they are depends on the store, so they are kept within bounds.

use netmarks_core::bounded::{REASON, shortened};
use netmarks_core::flow::book::Completeness;

/// Most warnings that are kept of one refresh.
const MOST: usize = 16;

/// How Prometheus marks what it thinks of a query; every other warning is about the answer.
const ABOUT_THE_QUERY: &str = "PromQL ";

/// The warnings of one answer, or of all answers of a refresh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    kept: Vec<String>,
    /// How many there were beside those kept.
    more: u64,
    partial: bool,
}

impl Warnings {
    /// Takes a warning as the store wrote it.
    pub fn push(&mut self, warning: &str) {
        self.partial |= !warning.starts_with(ABOUT_THE_QUERY);
        let warning = shortened(warning, REASON);
        if self.kept.iter().any(|kept| *kept == warning) {
            return;
        }
        if self.kept.len() < MOST {
            self.kept.push(warning.into_owned());
        } else {
            self.more += 1;
        }
    }

    /// Takes those of another answer.
    pub fn extend(&mut self, other: &Self) {
        for warning in &other.kept {
            self.push(warning);
        }
        self.more += other.more;
        self.partial |= other.partial;
    }

    /// Whether the answer may lack something: Thanos, Mimir, VictoriaMetrics and Prometheus' remote read warn of parts that did
    /// not answer.
    #[must_use]
    pub fn completeness(&self) -> Completeness {
        if self.partial { Completeness::Partial } else { Completeness::Complete }
    }

    /// All that are kept; the last says how many are not.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        self.kept.iter().cloned().chain(more).collect()
    }
}

/// What warnings have in common that differ in numbers and identifiers only, such as addresses, times and request ids.
#[must_use]
pub fn kind(warning: &str) -> String {
    let words = warning
        .split_whitespace()
        .map(|word| if word.bytes().any(|byte| byte.is_ascii_digit()) { "#" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_about_the_query_leaves_the_answer_complete() {
        let mut warnings = Warnings::default();
        warnings
            .push("PromQL warning: metric might not be a counter, name does not end in _total: \"x\" (1:5)");
        assert_eq!(warnings.completeness(), Completeness::Complete);
        warnings.push("receive series from Addr: 10.0.0.7:10901: rpc error: code = Unavailable");
        assert_eq!((warnings.completeness(), warnings.texts().len()), (Completeness::Partial, 2));
    }

    #[test]
    fn warnings_that_vary_in_numbers_are_of_one_kind() {
        let at = |address: &str| format!("no answer from {address} in 4.2s");
        assert_eq!(kind(&at("10.0.0.7:10901")), kind(&at("10.0.0.8:10901")));
        assert_ne!(kind("no answer from store-a"), kind("no answer from the ruler"));
    }

    mod hostile {
        use super::*;

        #[test]
        fn any_number_of_any_length_stays_small() {
            let mut warnings = Warnings::default();
            for number in 0..10_000 {
                warnings.push(&format!("{number} {}", "x".repeat(10_000)));
            }
            let texts = warnings.texts();
            assert_eq!((texts.len(), texts.last().map(String::as_str)), (MOST + 1, Some("and 9984 more")));
            assert!(texts.iter().all(|text| text.len() <= REASON));
        }
    }
}
