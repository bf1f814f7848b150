//! What is wrong with a configuration: every mistake with its place, its key, what stands there and what could.

use std::fmt;

use super::tree::{Place, Tree};

/// How alike two words must be (0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.75;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file with its line, the environment variable or the flag.
    place: Option<Place>,
    /// What it is about, if that is known.
    pub(super) key: Option<String>,
    /// The value names a file that does not exist.
    missing: bool,
    /// Names the key, what was found and what is allowed.
    message: String,
}

impl Mistake {
    /// A mistake in the value of `key`, or in that it has no value.
    pub(super) fn at(tree: &Tree, key: &str, message: impl Into<String>) -> Self {
        Self {
            place: tree.place(key).cloned(),
            key: Some(key.to_owned()),
            missing: false,
            message: message.into(),
        }
    }

    /// The same, of a value that names a file which does not exist.
    pub(super) fn missing(self) -> Self {
        Self { missing: true, ..self }
    }

    /// A mistake that stands nowhere else than in its message.
    pub(super) fn of_nothing(message: String) -> Self {
        Self { place: None, key: None, missing: false, message }
    }

    /// A mistake of a place that has no key.
    pub(super) fn of(place: &Place, message: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), key: None, missing: false, message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key: _, missing: _, message } = self;
        match place {
            Some(place) => write!(f, "{place}: {message}"),
            None => f.write_str(message),
        }
    }
}

/// All mistakes of a configuration that can be seen at once; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// Nothing, if there is no mistake.
    ///
    /// # Errors
    /// With the mistakes, if there are any.
    pub fn none(mistakes: Vec<Mistake>) -> Result<(), Self> {
        if mistakes.is_empty() { Ok(()) } else { Err(Self(mistakes)) }
    }

    /// Whether all that is wrong is that files do not exist which the command line names.
    #[must_use]
    pub fn only_missing_of_command_line(&self) -> bool {
        self.0.iter().all(|mistake| mistake.missing && matches!(mistake.place, Some(Place::Flag(_))))
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [mistake] => mistake.fmt(f),
            mistakes => {
                write!(f, "the configuration has {} mistakes", mistakes.len())?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n{mistake}"))
            }
        }
    }
}

/// The known word that `word` was probably meant to be: one that is spelt much the same, or else the only one that has `word`
/// as its first or last words, as `window_seconds` has `window`.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let alike = known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), *candidate))
        // One slip is a large share of a short word.
        .filter(|(alike, candidate)| *alike >= ALIKE || strsim::damerau_levenshtein(word, candidate) == 1)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate);
    alike.or_else(|| {
        let mut longer = known.into_iter().filter(|candidate| {
            let before = candidate.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'));
            before || candidate.strip_suffix(word).is_some_and(|rest| rest.ends_with('_'))
        });
        longer.next().filter(|_| longer.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_its_unit_is_known_again() {
        let known = ["interval_seconds", "timeout_seconds", "window_seconds", "request_timeout_ms"];
        for (word, near) in [
            ("window", Some("window_seconds")),
            ("interval", Some("interval_seconds")),
            ("windw_seconds", Some("window_seconds")),
            ("timeout_ms", Some("request_timeout_ms")),
            ("seconds", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(word, known), near, "{word}");
        }
    }
}
