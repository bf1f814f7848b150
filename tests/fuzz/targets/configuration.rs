//! Configuration files: read, or refused with sentences.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use netmarks::config::load::load_text;

fuzz_target!(|text: &str| {
    if let Err(error) = load_text(Path::new("netmarks.yaml"), text) {
        assert!(!format!("{error:#}").is_empty());
    }
});
