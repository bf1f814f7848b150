//! Answers of the metrics store. What is taken from them is finite.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks_sources::prometheus::choice::EdgeLabels;
use netmarks_sources::prometheus::decode::{Interner, decode};

fuzz_target!(|body: &[u8]| {
    let labels = EdgeLabels {
        source_namespace: "source_workload_namespace".to_owned(),
        source_name: "source_workload".to_owned(),
        destination_namespace: "destination_workload_namespace".to_owned(),
        destination_name: "destination_workload".to_owned(),
    };
    if let Ok(answer) = decode(body, &labels, &mut Interner::default()) {
        assert!(answer.samples.iter().all(|sample| sample.value.is_finite()));
    }
});
