//! A state folder on a disk that hangs, is full, read-only, or fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use netmarks_test_cluster::repository;

use crate::support::admin::{Administered, BY_SPREAD, BY_TRAFFIC, bytes};
use crate::support::{NODES, eventually, request};

/// A library that stands before the disk, from its source in `tests/support`.
fn library(name: &str, folder: &Path) -> PathBuf {
    let library = folder.join(format!("{name}.so"));
    let source = repository(&format!("host/netmarks/tests/support/{name}.c"));
    let built = Command::new("clang").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.unwrap().success());
    library
}

/// The 99th percentile of so many requests.
async fn p99(server: &Administered) -> Duration {
    let mut took = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        let scores = server.server.prioritize(&request(&NODES)).await.unwrap();
        took.push(begun.elapsed());
        assert_eq!(scores.len(), BY_TRAFFIC.len());
    }
    took.sort();
    took[took.len() * 99 / 100]
}

/// Whatever of an upload waits for the disk, requests, metrics and readiness do not.
#[tokio::test(flavor = "multi_thread")]
async fn requests_do_not_wait_for_an_upload_on_a_disk_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = folder.path().join("hanging");
    let [library, hangs] =
        [&library("hanging_disk", folder.path()), &hanging].map(|path| path.display().to_string());
    let environment = [("LD_PRELOAD", library.as_str()), ("HANGING_DISK", hangs.as_str())];
    let server = Administered::start_in(folder, &environment, |_| ()).await.unwrap();
    let steady = p99(&server).await;

    std::fs::write(&hanging, "").unwrap();
    let component = bytes("netmarks").unwrap();
    // As large as uploads get: what is appended to a component as a custom section is hashed and written with it.
    let upload = server.put("second", "mode=shadow", padded(component, 8 << 20));
    let beside = async {
        eventually("the upload is being saved", async || {
            let unfinished = files(server.server.folder.path());
            Ok(unfinished.iter().any(|file| file.contains(".unfinished-")).then_some(()))
        })
        .await
        .unwrap();
        let during = p99(&server).await;
        for path in ["/metrics", "/readyz", "/healthz"] {
            server.server.get(path).await.unwrap();
        }
        let list = server.list().await.unwrap();
        assert!(!list.contains(&"second shadow".to_owned()), "it is not saved yet: {list:?}");
        std::fs::remove_file(&hanging).unwrap();
        during
    };
    let (uploaded, during) = tokio::join!(upload, beside);
    uploaded.unwrap().ok().unwrap();
    assert_eq!(server.list().await.unwrap(), ["netmarks active", "second shadow"]);
    println!("p99 of /prioritize: {steady:?} steady, {during:?} while the disk hangs");
}

/// What fails, by the name of the call and the number of the error, and what people are told.
const FAILURES: [(&str, &str); 4] = [
    ("write 28", "No space left on device"),
    ("open 30", "Read-only file system"),
    ("fsync 5", "Input/output error"),
    // The manifest has its name by then.
    ("fsync-folder 5", "Input/output error"),
];

/// What cannot be saved is refused and does not take place, neither now nor after a kill; everything else goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_full_or_failing_disk_does_not_take_does_not_take_place() {
    let folder = tempfile::tempdir().unwrap();
    let failing = folder.path().join("failing");
    let state = folder.path().join("state");
    let [library, fails, state] =
        [&library("failing_disk", folder.path()), &failing, &state].map(|path| path.display().to_string());
    let environment = [("LD_PRELOAD", library.as_str()), ("FAILING_DISK", &fails), ("FAILING_BELOW", &state)];
    let mut server = Administered::start_in(folder, &environment, |_| ()).await.unwrap();
    // Its artefact is there from here on, so that the manifest alone changes with its settings.
    server.put("netmarks", "mode=active", bytes("netmarks").unwrap()).await.unwrap().ok().unwrap();
    for (failure, said) in FAILURES {
        for (query, component) in [("mode=active", "spread"), ("mode=active&normalisation=rank", "netmarks")]
        {
            std::fs::write(&failing, failure).unwrap();
            let refused = server.put("netmarks", query, bytes(component).unwrap()).await.unwrap();
            assert!(refused.status.is_server_error(), "{failure}: {} {}", refused.status, refused.body);
            let sentence = refused.body["error"].as_str().unwrap();
            assert!(sentence.contains(said) && sentence.contains(&state), "{failure}: {sentence}");
            assert_eq!(server.scores().await.unwrap(), BY_TRAFFIC, "{failure}");
            for path in ["/metrics", "/readyz", "/healthz"] {
                server.server.get(path).await.unwrap();
            }
            std::fs::remove_file(&failing).unwrap();
            server = server.restart_after_kill().await.unwrap();
            assert_eq!(server.scores().await.unwrap(), BY_TRAFFIC, "{component} after {failure}");
        }
    }
    server.put("netmarks", "mode=active", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    let server = server.restart_after_kill().await.unwrap();
    assert_eq!(server.scores().await.unwrap(), BY_SPREAD);
}

/// A component with a custom section of so many bytes at its end.
fn padded(mut component: Vec<u8>, bytes: u32) -> Vec<u8> {
    let leb = |mut value: u32| {
        let mut encoded = Vec::new();
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            encoded.push(if value == 0 { low } else { low | 0x80 });
            if value == 0 {
                return encoded;
            }
        }
    };
    component.push(0);
    component.extend(leb(bytes + 2));
    component.extend([1, b'x']);
    component.extend(vec![0; bytes as usize]);
    component
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path.display().to_string()) }
    }
    found
}
