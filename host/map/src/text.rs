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
