//! `netmarks snapshot` without a cluster: files that are made up, renamed, refused, and disks that are full.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::process::Command;

use crate::support::binary::{failure, netmarks, success};
use crate::support::worked_example_file;
use netmarks_test_cluster::process::isolated;
use serde_json::Value;

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

#[test]
fn a_file_of_the_published_shape_loses_its_names_and_keeps_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (made, key, renamed) = (at("made-up.json"), at("key.json"), at("to-send.json"));
    let output = netmarks(&["snapshot", "--generate", "company", "--seed", "7", "--file", &made]).unwrap();
    let said = success(&output).unwrap();
    assert!(said.contains("96 nodes, 3485 pods, 344 flows"), "{said}");
    let remarks = String::from_utf8(output.stderr).unwrap();
    assert!(
        remarks.contains("547 applications, 344 edges between 161 of them, at most 34 of one"),
        "{remarks}"
    );
    assert!(remarks.contains("the heaviest 20 edges carry 72%"), "{remarks}");

    let rename = ["snapshot", "--input", &made, "--anonymise", "--key-file", &key, "--file", &renamed];
    success(&netmarks(&rename).unwrap()).unwrap();
    let text = std::fs::read_to_string(&renamed).unwrap();
    assert!(
        !text.contains("service-") && !text.contains("machine-") && text.contains("\"anonymised\": true")
    );
    let names = json(&std::fs::read(&key).unwrap());
    let alias = json(text.as_bytes())["nodes"][0]["name"].as_str().unwrap().to_owned();
    assert!(names["names"][&alias].as_str().unwrap().starts_with("machine-"));
    // The same key gives the same file; without one, nobody can say what a word stands for.
    success(&netmarks(&rename).unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(&renamed).unwrap(), text);
    let other = netmarks(&["snapshot", "--input", &made, "--anonymise", "--file", "-"]).unwrap();
    assert_ne!(success(&other).unwrap().trim(), text.trim());
}

#[test]
fn version_1_is_read_and_written_as_version_2() {
    let sample = worked_example_file().display().to_string();
    let output = netmarks(&["snapshot", "--input", &sample, "--file", "-"]).unwrap();
    let file = json(success(&output).unwrap().as_bytes());
    assert_eq!((&file["version"], &file["nodes"][0]["name"]), (&2.into(), &"node-1".into()));
}

#[test]
fn the_role_lists_and_does_nothing_else() {
    let role = success(&netmarks(&["snapshot", "--print-role"]).unwrap()).unwrap();
    let verbs: Vec<&str> = role.lines().filter(|line| line.contains("verbs:")).collect();
    assert_eq!(verbs, ["    verbs: [\"list\"]"; 3]);
    assert!(!role.contains("secrets"), "{role}");
}

mod hostile {
    use super::*;

    #[test]
    fn a_full_disk_leaves_the_older_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made-up.json");
        std::fs::write(&file, "older").unwrap();
        // A file may grow to 64 blocks of 512 bytes, and a write beyond that fails instead of ending the program.
        let script = format!(
            "trap '' XFSZ; ulimit -f 64; exec {} snapshot --generate company --file {}",
            env!("CARGO_BIN_EXE_netmarks"),
            file.display()
        );
        let output = isolated(Command::new("sh").args(["-c", &script])).output().unwrap();
        let errors = failure(&output).unwrap();
        assert!(errors.contains("failed to write snapshot"), "{errors}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "older");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (newer, out) = (at("newer.json"), at("out.json"));
        std::fs::write(&newer, r#"{"version": 9}"#).unwrap();
        let sample = worked_example_file().display().to_string();
        let cases: [(&[&str], &str); 4] = [
            (
                &["--input", &newer, "--file", &out],
                "it has version 9, and this program reads versions 1 to 2",
            ),
            (&["--input", &at("none.json"), "--file", &out], "failed to read snapshot"),
            (&["--input", &sample, "--anonymise", "--key-file", &out, "--file", &out], "name the same file"),
            (
                &["--input", &sample, "--anonymise", "--key-file", &newer, "--file", &out],
                "it is not a key file",
            ),
        ];
        for (arguments, complaint) in cases {
            let errors = failure(&netmarks(&[&["snapshot"], arguments].concat()).unwrap()).unwrap();
            assert!(errors.contains(complaint), "{errors}");
            assert!(!std::path::Path::new(&out).exists());
        }
        for usage in [
            &["snapshot"] as &[&str],
            &["snapshot", "--file", &out, "--input", &sample, "--generate", "company"],
            &["snapshot", "--file", &out, "--metrics-url", "http://127.0.0.1:9090"],
            &["snapshot", "--file", &out, "--seed", "1"],
            &["snapshot", "--print-role", "--file", &out],
        ] {
            assert_eq!(netmarks(usage).unwrap().status.code(), Some(2), "{usage:?}");
        }
    }
}
