//! Text from outside as a terminal may show it.
//!
//! Names of pods, series and policies are chosen by others. A control character among them moves the cursor, changes the title or
//! hides the rest of a line; a bidirectional one shows a name in another order than it is read in. Whatever prints or logs
//! passes its text through here.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal would do something else with `c` than show it in its place.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Of no width, marks of direction, separators of lines and paragraphs, embeddings and overrides.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            // Invisible operators and isolates; the byte order mark; annotations; tags.
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped<'a>(text: &'a str, kept: &[char], escape: fn(&mut String, char)) -> Cow<'a, str> {
    let acts = |c: &char| acts(*c) && !kept.contains(c);
    if !text.chars().any(|c| acts(&c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(&c) { escape(&mut shown, c) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

fn for_people(shown: &mut String, c: char) {
    shown.extend(c.escape_default());
}

/// As JSON writes a character by its number: a pair of surrogates where it takes two.
fn for_json(shown: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // A `String` takes whatever is written.
        let _ = write!(shown, "\\u{unit:04x}");
    }
}

/// One name or value: what acts is shown as in Rust, `\n`, `\u{1b}`; also line breaks, which would make a row of their own.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, &[], for_people)
}

/// A text of several lines, which stay apart.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, &['\n'], for_people)
}

/// A JSON document: it stays the same document, since all that acts stands within its strings.
#[must_use]
pub fn json(document: &str) -> Cow<'_, str> {
    escaped(document, &['\n'], for_json)
}

#[cfg(test)]
mod hostile {
    use super::*;

    /// Clears the screen, rings, sets a title by C1, overwrites the line, and turns the order of writing around.
    const NAME: &str = "a\u{1b}[2J\u{7}\u{9d}0;t\u{9c}\r\u{202e}b\u{2066}\u{200b}\u{feff}\u{e0041}\u{7f}c\n";

    #[test]
    fn nothing_that_acts_on_a_terminal_is_left() {
        for shown in [one_line(NAME), lines(NAME), json(NAME)] {
            assert!(!shown.trim_end_matches('\n').chars().any(acts), "{shown:?}");
        }
        assert_eq!(one_line("a\u{1b}[2J\nb\u{9b}"), "a\\u{1b}[2J\\nb\\u{9b}");
        assert_eq!(lines("a\nb\r"), "a\nb\\r");
    }

    #[test]
    fn json_means_the_same() {
        let document = serde_json::to_string_pretty(&[NAME]).unwrap();
        let shown = json(&document);
        assert_ne!(shown, document);
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [NAME]);
    }

    #[test]
    fn what_is_only_foreign_stays() {
        for text in ["größe", "购物车", "cart-0", "сервис", "🛒", "`a b`"] {
            assert!(matches!(one_line(text), Cow::Borrowed(shown) if shown == text), "{text}");
        }
    }
}
