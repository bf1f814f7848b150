//! A state folder on a disk that hangs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use netmarks_test_cluster::repository;

use crate::support::admin::{Administered, BY_TRAFFIC, bytes};
use crate::support::{NODES, eventually, request};

/// A library that makes every flush to the disk wait.
fn library(folder: &Path) -> PathBuf {
    let library = folder.join("hanging_disk.so");
    let source = repository("host/netmarks/tests/support/hanging_disk.c");
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
    let [library, hangs] = [&library(folder.path()), &hanging].map(|path| path.display().to_string());
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
