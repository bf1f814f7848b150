//! How an error is shown: once, where it is handled, with all its causes.
//!
//! Every crate logs by this rule: `Display` of our errors never includes their source.

/// An error and its causes in one line: `policy `x` failed at trial: it trapped`.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outside")]
    struct Outside(#[source] std::fmt::Error);

    #[test]
    fn every_cause_is_named_once() {
        assert_eq!(chain(&Outside(std::fmt::Error)), format!("outside: {}", std::fmt::Error));
    }
}
