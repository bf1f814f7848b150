//! The key file leads back, stays with its owner, and is never replaced by another key.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use netmarks_snapshots::anonymise::{Aliases, KeyFile, anonymise};
use netmarks_snapshots::generate::generate;
use netmarks_snapshots::generate::shape::Shape;

#[test]
fn a_second_snapshot_has_the_same_words_and_each_leads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let mut written = Vec::new();
    for seed in [1, 2] {
        let key_file = KeyFile::open(&path).unwrap();
        let mut aliases = Aliases::new(key_file.key().clone());
        written.push(anonymise(generate(Shape::Company, seed, 1), &mut aliases));
        key_file.write(&aliases).unwrap();
    }
    let names = |at: usize| written[at].nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(0), names(1));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let content: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for file in &written {
        for pod in &file.pods {
            let (namespace, name) = pod.name.split_once('/').unwrap();
            let original = |alias: &str| content["names"][alias].as_str().unwrap().to_owned();
            assert!(original(namespace).starts_with("team-") && original(name).starts_with("service-"));
        }
    }
}

mod hostile {
    use super::*;

    #[test]
    fn what_is_no_key_file_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let token = "token: s3cr3t";
        for content in [token.to_owned(), format!(r#"{{"key": "{}", "names": {{}}}}"#, "zz".repeat(32))] {
            fs::write(&path, &content).unwrap();
            let error = KeyFile::open(&path).unwrap_err();
            let error = netmarks_core::errors::chain(&error);
            assert!(error.contains("it is not a key file") && !error.contains("s3cr3t"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
