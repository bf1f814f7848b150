//! Takes the node names out of a request body, faster than a JSON parser can.
//!
//! An optimisation of one shape of body: what kube-scheduler sends with `nodeCacheCapable: true`, where thousands of plain names are all but the first kilobytes. Any other shape is left
//! to the parser, so this may refuse but must never differ from it.

use memchr::{memchr, memmem};
use netmarks_scoring::bounds::MOST_CANDIDATES;

/// The names come last in what kube-scheduler writes.
const KEY: &[u8] = b"\"NodeNames\":[";

/// What JSON takes for white space.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// What is between two names.
const SEPARATOR: &[u8] = b"\",\"";

/// Node names are about this long with their quotes and comma: how many there will be is guessed from it.
const TYPICAL_NAME: usize = 14;

/// Splits `{..., "NodeNames": [names]}` into the body without the names (`{..., "NodeNames":[]}`) and the names.
///
/// `None` for a body of any other shape: with escapes or spaces among the names, or anything behind them.
/// A quote inside a JSON text has a backslash before it, so what looks like the key behind a brace or comma is one; that
/// nothing but the closing brace follows the names makes it the outermost object's.
#[must_use]
pub(crate) fn split(body: &str) -> Option<(String, Vec<&str>)> {
    // Searching backwards would read all names first. Should this not be the last such key, what follows is not a list.
    let key = memmem::find(body.as_bytes(), KEY)?;
    // Another key can end like this one, behind an escaped quote.
    if key.checked_sub(1).and_then(|before| body.as_bytes().get(before)) == Some(&b'\\') {
        return None;
    }
    let start = key + KEY.len();
    let list = body.get(start..)?.trim_end_matches(SPACE).strip_suffix('}')?;
    let list = list.trim_end_matches(SPACE).strip_suffix(']')?;
    // A backslash is an escape, a control character is not JSON. Without a short cut the check is vectorised.
    if memchr(b'\\', list.as_bytes()).is_some() || list.bytes().fold(false, |any, byte| any | (byte < b' ')) {
        return None;
    }
    let names = between_quotes(list)?;
    let mut rest = String::with_capacity(start + 2);
    rest.push_str(body.get(..start)?);
    rest.push_str("]}");
    Some((rest, names))
}

/// The names of `"a","b","c"`; `None` where that is not what `list` is.
fn between_quotes(list: &str) -> Option<Vec<&str>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    let mut names = Vec::with_capacity(list.len() / TYPICAL_NAME + 1);
    let mut rest = list.strip_prefix('"')?.strip_suffix('"')?;
    // Most names are as long as the one before: then one comparison finds the end.
    let mut length = 0;
    loop {
        if rest.as_bytes().get(length..length + SEPARATOR.len()) != Some(SEPARATOR) {
            match memmem::find(rest.as_bytes(), SEPARATOR) {
                Some(end) => length = end,
                None => break,
            }
        }
        // The parser refuses them in words.
        if names.len() >= MOST_CANDIDATES {
            return None;
        }
        names.push(rest.get(..length)?);
        rest = rest.get(length + SEPARATOR.len()..)?;
    }
    names.push(rest);
    // No quote but those around the names: then none was taken for a part of one. Counting is vectorised.
    let quotes = list.bytes().filter(|byte| *byte == b'"').count();
    (quotes == 2 * names.len()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_taken_out_and_the_rest_stays_json() {
        let body = r#"{"Pod":{"a":"\"NodeNames\":["},"Nodes":null,"NodeNames":["n-1","n-2"]}"#;
        let (rest, names) = split(body).unwrap();
        assert_eq!(names, ["n-1", "n-2"]);
        assert_eq!(rest, r#"{"Pod":{"a":"\"NodeNames\":["},"Nodes":null,"NodeNames":[]}"#);
        let lengths = r#"{"NodeNames":["a","bcd","e","f","ghij","","k"]}"#;
        assert_eq!(split(lengths).unwrap().1, ["a", "bcd", "e", "f", "ghij", "", "k"]);
        assert_eq!(split("{\"NodeNames\":[]}\n").unwrap().1, Vec::<&str>::new());
    }

    #[test]
    fn every_other_shape_is_left_to_the_parser() {
        for body in [
            "",
            "{}",
            r#"{"NodeNames":null}"#,
            r#"{"NodeNames": ["a"]}"#,
            r#"{"NodeNames":["a", "b"]}"#,
            r#"{"NodeNames":["a""b"]}"#,
            r#"{"NodeNames":["a",]}"#,
            r#"{"NodeNames":[,"a"]}"#,
            r#"{"NodeNames":["a"b]}"#,
            r#"{"NodeNames":[1]}"#,
            r#"{"NodeNames":["a\u0062"]}"#,
            "{\"NodeNames\":[\"a\tb\"]}",
            r#"{"NodeNames":["a"],"Pod":{}}"#,
            r#"{"Pod":{"NodeNames":["a"]}}"#,
            r#"{"NodeNames":["a"]"#,
            r#"{"NodeNames":["a"}"#,
            r#"{"Pod":{"NodeNames":["a"]},"NodeNames":["b"]}"#,
            r#"{"NodeNames":["a"],"x\"NodeNames":["b"]}"#,
        ] {
            assert!(split(body).is_none(), "{body}");
        }
    }

    proptest! {
        /// Whatever the bytes, what is split off is what a JSON parser would find there.
        #[test]
        fn it_never_differs_from_the_parser(
            list in r#"("[a-z0-9.-]{0,4}"|[",\\ ab0\[\]{}]){0,12}"#,
            end in r"[ \n]?\]?[ ]?\}{0,2}",
        ) {
            let body = format!("{{\"Pod\":{{}},\"NodeNames\":[{list}{end}");
            if let Some((rest, names)) = split(&body) {
                let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
                prop_assert_eq!(&parsed["NodeNames"], &serde_json::json!(names));
                let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
                prop_assert_eq!(&rest["Pod"], &parsed["Pod"]);
            }
        }
    }
}
