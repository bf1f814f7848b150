//! Snapshot files. One that is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netmarks_sources::snapshot_file::SnapshotFile;

fuzz_target!(|text: &[u8]| {
    let Ok(file) = SnapshotFile::from_json(text) else { return };
    let mut again = Vec::new();
    file.write_json(&mut again).expect("memory takes it");
    assert_eq!(SnapshotFile::from_json(&again).expect("it was written here"), file);
});
