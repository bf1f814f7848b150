//! Configuration files: read, or refused with sentences.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks::config::load::load;

fuzz_target!(|text: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("netmarks.yaml");
    std::fs::write(&file, text).expect("the folder takes it");
    if let Err(error) = load(Some(&file), &[], &Vec::new()) {
        assert!(!format!("{error:#}").is_empty());
    }
});
