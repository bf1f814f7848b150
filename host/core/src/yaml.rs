//! What is wrong with a YAML text, for whoever wrote it.
//!
//! The parser's own messages show the lines around the fault, which may hold a password, and advise on its options, which only a
//! programmer can change.

use serde_saphyr::{Error, MessageFormatter as _, UserMessageFormatter};

/// A text that is not YAML, or not of the form that was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct YamlError {
    /// Where, from 1; 0 if that is not known.
    pub line: u64,
    /// What is wrong, without anything of the text but a key.
    pub message: String,
}

impl From<&Error> for YamlError {
    fn from(error: &Error) -> Self {
        let inner = error.without_snippet();
        let message = match inner {
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key `{key}` stands there twice")
            }
            other => UserMessageFormatter.format_message(other).into_owned(),
        };
        Self { line: error.location().map_or(0, |location| location.line()), message }
    }
}

impl From<Error> for YamlError {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> YamlError {
        serde_saphyr::from_str::<std::collections::BTreeMap<String, u8>>(text).unwrap_err().into()
    }

    #[test]
    fn the_line_is_named_and_no_option_of_the_parser() {
        assert_eq!(error("a: 1\na: 2\n").to_string(), "line 2: the key `a` stands there twice");
        for (text, line) in [("a: 1\nb: [\n", 2), ("a: {b: 2\nc: 1\n", 1), ("a: x\n", 1), ("- 1\n", 1)] {
            let YamlError { line: found, message } = error(text);
            assert_eq!(found, line, "{text}: {message}");
            assert!(!message.contains("Policy") && !message.contains("Options"), "{message}");
        }
    }

    #[test]
    fn nothing_of_the_text_is_shown() {
        let message = error("password: hunter2\nb: [\n").to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
