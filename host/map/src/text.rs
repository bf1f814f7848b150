//! How much room texts take in an answer.

/// How long a name is in JSON.
pub(crate) fn escaped(name: &str) -> usize {
    let extra = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 1,
        character if character < ' ' => 5,
        _ => 0,
    };
    name.len() + name.chars().map(extra).sum::<usize>() + 3
}

/// How long a number is.
pub(crate) fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |last| last as usize + 1)
}

/// A name of at most so many bytes.
pub(crate) fn shortened(mut name: String, most: usize) -> String {
    if name.len() > most {
        name.truncate(name.floor_char_boundary(most));
        name.push('\u{2026}');
    }
    name
}
