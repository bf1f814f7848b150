//! Uploads that are larger than what is gathered in memory: written as they arrive, kept where they are taken, gone where they are not.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;

use crate::support::admin::{Administered, bytes};
use crate::support::eventually;

/// A component with so many bytes more, in a section that says nothing.
fn padded(mut component: Vec<u8>, padding: usize) -> Vec<u8> {
    let mut section = vec![1, b'x'];
    section.resize(section.len() + padding, 0);
    // Its kind, and its length in groups of seven bits.
    component.push(0);
    let mut length = section.len();
    while length >= 0x80 {
        component.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    component.push(u8::try_from(length).unwrap());
    component.extend(section);
    component
}

/// Files that are arriving or were left behind, and all.
fn blobs(state: &Path) -> (usize, usize) {
    let names = std::fs::read_dir(state.join("blobs")).unwrap();
    let names: Vec<_> = names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    (names.iter().filter(|name| name.starts_with('.')).count(), names.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_policy_is_kept_whole_and_nothing_else_stays() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |_| ()).await.unwrap();
    let state = running.server.folder.path().join("state");
    let (_, before) = blobs(&state);
    let large = padded(bytes("spread").unwrap(), 5_000_000);
    let taken = running.put("large", "mode=ready", large.clone()).await.unwrap().ok().unwrap();
    let digest = taken["entry"]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    assert_eq!(std::fs::read(state.join(format!("blobs/{digest}.wasm"))).unwrap(), large);
    assert_eq!(blobs(&state), (0, before + 1));

    running.put("large", "mode=ready", large).await.unwrap().ok().unwrap();
    running.put("other", "", vec![0; 5_000_000]).await.unwrap().refused(422).unwrap();
    let address = running.url.trim_start_matches("http://");
    let mut broken = TcpStream::connect(address).unwrap();
    let head =
        format!("PUT /v1/policies/broken HTTP/1.1\r\nHost: {address}\r\nContent-Length: 5000000\r\n\r\n");
    broken.write_all(&[head.as_bytes(), &vec![0; 2_000_000]].concat()).unwrap();
    eventually("a part is on the disk", async || Ok((blobs(&state).0 > 0).then_some(()))).await.unwrap();
    drop(broken);
    eventually("nothing is left of what was not taken", async || {
        Ok((blobs(&state) == (0, before + 1)).then_some(()))
    })
    .await
    .unwrap();

    std::fs::write(state.join("blobs/.unfinished-x"), b"of a process that was killed").unwrap();
    let running = running.restart_after_kill().await.unwrap();
    assert_eq!(blobs(&state), (0, before + 1));
    assert!(running.list().await.unwrap().contains(&"large ready".to_owned()));
}
