//! Cuts out of a list what nobody here reads and what is a third of its bytes: who set which field of each object.
//!
//! A decoder would skip it token by token, some hundred for a pod. Here its end is searched for.

use memchr::{memchr2, memmem};

/// What it begins with. Within a text the quotes would be escaped, so this is always a key.
const BEGINNING: &[u8] = br#""managedFields":["#;

/// Empties the list `managedFields` of each object, where it is as the API server writes it; what is not certain to be that stays.
pub(super) fn cut(list: &mut Vec<u8>) {
    let beginning = memmem::Finder::new(BEGINNING);
    let (mut read, mut written) = (0, 0);
    while let Some(found) = list.get(read..).and_then(|rest| beginning.find(rest)) {
        let kept = read..read + found + BEGINNING.len();
        let length = list.get(kept.end..).and_then(certain_length).unwrap_or(0);
        read = kept.end + length;
        let end = written + kept.len();
        list.copy_within(kept, written);
        written = end;
    }
    let rest = list.len() - read;
    list.copy_within(read.., written);
    list.truncate(written + rest);
}

/// How long the content of a list is, whose opening bracket was before `rest`; `None` unless that is certain.
///
/// The first bracket closes the list, unless it begins another one or is in a text. In a text it is not where a quote and a letter
/// follow as below: that quote would end the text, and no letter follows a text. So it begins the key of the next field, which is
/// one of the object: the API server writes the managed fields last of the metadata.
fn certain_length(rest: &[u8]) -> Option<usize> {
    let bracket = memchr2(b'[', b']', rest)?;
    match rest.get(bracket..)? {
        [b']', b'}', b',', b'"', letter, ..] | [b']', b',', b'"', letter, ..]
            if letter.is_ascii_alphabetic() =>
        {
            Some(bracket)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn after(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        cut(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    /// As the API server writes it: metadata first, and in it the managed fields last.
    fn pod(name: &str, managed: &Value) -> String {
        format!(r#"{{"metadata":{{"name":"{name}","managedFields":{managed}}},"spec":{{"nodeName":"a"}}}}"#)
    }

    #[test]
    fn of_each_object_what_the_api_server_writes_is_cut() {
        let managed = json!([
            {"manager": "kubelet", "fieldsV1": {"f:metadata": {".": {}, "k:{\"uid\":\"7\"}": {}}}},
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:nodeName": {}}}},
        ]);
        let list = |managed: &Value| {
            format!(
                r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{},{}]}}"#,
                pod("a", managed),
                pod("b", managed)
            )
        };
        assert_eq!(after(&list(&managed)), list(&json!([])));
        assert_eq!(after(&list(&json!([]))), list(&json!([])));
        let sorted = |managed: &Value| format!(r#"{{"metadata":{{"managedFields":{managed},"name":"a"}}}}"#);
        assert_eq!(after(&sorted(&managed)), sorted(&json!([])));
    }

    #[test]
    fn what_is_not_certain_stays() {
        for managed in [
            json!([{"fieldsV1": {"v:[1]": {}}}]),
            json!([{"fieldsV1": {"f:x": []}}]),
            json!([{"manager": "]}"}]),
            json!([{"manager": "]},\"spec"}]),
        ] {
            let text = pod("a", &managed);
            assert_eq!(after(&text), text);
        }
        for text in [
            r#"{"metadata":{"managedFields":[{"manager":"a"}]}}"#,
            r#"{"metadata":{"managedFields":[{"manager":"],\"name"},{"manager":[]}],"name":"b"}}"#,
            r#"{"metadata":{"managedFields":[{"manager":"a"#,
            r#"{"metadata":{"managedFields":["#,
            r#"{"metadata":{"managedFields":null},"spec":{}}"#,
            r#"{"metadata":{"name":"\"managedFields\":[]},\"spec"},"spec":{}}"#,
            "",
        ] {
            assert_eq!(after(text), text);
        }
    }

    #[test]
    fn what_an_object_is_stays_the_same() {
        let text = pod("]},[", &json!([{"manager": "kubelet"}]));
        let (mut before, after): (Value, Value) =
            (serde_json::from_str(&text).unwrap(), serde_json::from_str(&after(&text)).unwrap());
        before["metadata"]["managedFields"] = json!([]);
        assert_eq!(after, before);
    }
}
