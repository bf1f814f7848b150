//! Bodies of kube-scheduler's requests. What is read is what serde reads of the same body, and the answer is JSON with the names that
//! came in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks_core::application::Identity;
use netmarks_extender::protocol::{decode, encode};
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let Ok(request) = decode(body, Identity::App.into()) else { return };
    let all: Vec<(u32, u32)> = (0..).zip(&request.nodes).map(|(candidate, _)| (candidate, 10)).collect();
    let answer: Value = serde_json::from_slice(&encode(&request.nodes, &all)).expect("the answer is JSON");
    let hosts: Vec<&str> =
        answer.as_array().into_iter().flatten().filter_map(|entry| entry["Host"].as_str()).collect();
    assert_eq!(hosts, request.nodes);
    // What is not used is not read as strictly as this, and keys in other cases mean the same: so there are conditions.
    if let Ok(Value::Object(read)) = serde_json::from_slice::<Value>(body)
        && read.keys().filter(|key| key.eq_ignore_ascii_case("nodenames")).count() == 1
        && let Some(Value::Array(names)) = read.get("NodeNames")
    {
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        assert_eq!(names, hosts);
    }
});
