//! RFC 6902, as far as this door uses it: `add`. Strict, as the API server is: what is around the place must be there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use serde_json::Value;

pub(crate) fn apply(document: &Value, operations: &[Value]) -> Value {
    let mut document = document.clone();
    for operation in operations {
        assert_eq!(operation["op"], "add", "nothing is ever taken away or exchanged");
        let path = operation["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        let last = last.replace("~1", "/").replace("~0", "~");
        match document.pointer_mut(parent) {
            Some(Value::Array(list)) if last == "-" => list.push(operation["value"].clone()),
            Some(Value::Object(fields)) => drop(fields.insert(last, operation["value"].clone())),
            other => panic!("{path}: {other:?}"),
        }
    }
    document
}
