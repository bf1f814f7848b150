//! Files of plans. One that is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks_planner::Plan;

fuzz_target!(|text: &[u8]| {
    let Ok(plan) = Plan::from_json(text) else { return };
    let again = serde_json::to_vec(&plan).expect("a plan is JSON");
    assert_eq!(Plan::from_json(&again).expect("it was written here"), plan);
});
