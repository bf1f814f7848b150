//! Names in answers: how much room they take, and how much is shown of long ones.

/// The longest name that is shown as a whole, in bytes of JSON: `namespace/name`, as long as Kubernetes lets both be.
pub const LONGEST_NAME: usize = 63 + 1 + 253;

/// The longest name of a zone or region: a label has 63 bytes at most, and a file may have anything.
const LONGEST_ZONE: usize = 64;

/// Ends what was cut.
const CUT: char = '\u{2026}';

/// A text of at most `most` bytes of JSON; the end of a longer one is cut.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let (mut length, mut kept) = (0, 0);
    for (start, character) in text.char_indices() {
        length += escaped_character(character);
        if length + CUT.len_utf8() <= most {
            kept = start + character.len_utf8();
        }
        if length > most {
            let mut cut = text.get(..kept).unwrap_or_default().to_owned();
            cut.push(CUT);
            return cut;
        }
    }
    text.to_owned()
}

/// The name of an application or a node as it is shown.
pub(crate) fn shown(name: &str) -> String {
    shortened(name, LONGEST_NAME)
}

/// The name of a zone or region as it is shown.
pub(crate) fn shown_zone(name: Option<&str>) -> Option<String> {
    name.map(|name| shortened(name, LONGEST_ZONE))
}

/// What a name that was cut begins with; `None` for one that was not.
pub(crate) fn beginning(name: &str) -> Option<&str> {
    name.strip_suffix(CUT)
}

/// How long a name is in JSON, with its quotes and a comma.
pub(crate) fn escaped(name: &str) -> usize {
    name.chars().map(escaped_character).sum::<usize>() + 3
}

fn escaped_character(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        character if character < ' ' => 6,
        character => character.len_utf8(),
    }
}

/// How long a number is.
pub(crate) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |last| last as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_json() {
        for text in ["plain", "é\u{10ffff}\u{7f}", "\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}", ""] {
            assert_eq!(escaped(text), serde_json::to_string(text).unwrap().len() + 1, "{text:?}");
        }
    }

    #[test]
    fn only_what_is_too_long_is_cut_and_between_characters() {
        assert_eq!(shortened("zone-a", 6), "zone-a");
        assert_eq!(shortened("zone-ab", 6), "zon\u{2026}");
        assert_eq!(shortened("\u{1}\u{1}", 11), "\u{1}\u{2026}");
        for most in 3..20 {
            for text in ["éééééééééé", "\"\"\"\"\"\"\"\"\"\"\"\"", "\u{1}\u{1}\u{1}\u{1}"] {
                let cut = shortened(text, most);
                assert!(escaped(&cut) - 3 <= most, "{cut:?} of {most}");
                assert!(cut == text || text.starts_with(beginning(&cut).unwrap()), "{cut:?}");
            }
        }
    }
}
