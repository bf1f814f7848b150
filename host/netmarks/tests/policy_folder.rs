//! The watched folder of the real program, and hostile guests from every source.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use crate::support::admin::{Administered, BY_RANK, BY_SPREAD, BY_TRAFFIC, bytes};
use crate::support::binary::replace;
use crate::support::eventually;
use anyhow::Result;
use netmarks_test_cluster::repository::text_file;
use serde_json::json;

/// A server that watches the folder `watched` beside its state.
async fn watching(folder: tempfile::TempDir) -> Administered {
    let watched = folder.path().join("watched");
    std::fs::create_dir_all(&watched).unwrap();
    Administered::start(folder, |config| config["policies"]["folder"] = json!(watched)).await.unwrap()
}

async fn until_listed(running: &Administered, expected: &[&str]) {
    let what = format!("the list is {expected:?}");
    eventually(&what, async || Ok((running.list().await? == expected).then_some(()))).await.unwrap();
}

async fn until_scored(running: &Administered, expected: &[i64]) {
    let what = format!("the scores are {expected:?}");
    eventually(&what, async || Ok((running.scores().await? == expected).then_some(()))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_added_changed_and_removed() {
    let running = watching(tempfile::tempdir().unwrap()).await;
    let watched = running.server.folder.path().join("watched");
    let patient = "limits: {deadline_ms: 10000}\n";
    // It answers, as no settings say otherwise; then the built-in one leaves.
    replace(&watched.join("mine.yaml"), patient).unwrap();
    replace(&watched.join("mine.wasm"), bytes("spread").unwrap()).unwrap();
    until_listed(&running, &["mine active", "netmarks active"]).await;
    running.post("/v1/policies/netmarks/ready").await.unwrap().ok().unwrap();
    assert_eq!(running.scores().await.unwrap(), BY_SPREAD);

    // Another component under the name, other settings, another mode and back.
    replace(&watched.join("mine.wasm"), bytes("netmarks").unwrap()).unwrap();
    until_scored(&running, &BY_TRAFFIC).await;
    replace(&watched.join("mine.yaml"), format!("{patient}normalisation: rank\n")).unwrap();
    until_scored(&running, &BY_RANK).await;
    replace(&watched.join("mine.yaml"), format!("{patient}normalisation: rank\nmode: shadow\n")).unwrap();
    until_listed(&running, &["mine shadow", "netmarks ready"]).await;
    replace(&watched.join("mine.yaml"), format!("{patient}normalisation: rank\n")).unwrap();
    until_scored(&running, &BY_RANK).await;

    // Settings that make no sense leave everything as it is, and so does a file that is not a component.
    for (file, content) in [("mine.yaml", b"wieght: 2\n".to_vec()), ("mine.wasm", b"garbage".to_vec())] {
        let before = running.server.logged("policy of the folder not taken over").unwrap().len();
        replace(&watched.join(file), content).unwrap();
        eventually("it is refused", async || {
            Ok((running.server.logged("policy of the folder not taken over")?.len() > before).then_some(()))
        })
        .await
        .unwrap();
        assert_eq!(running.scores().await.unwrap(), BY_RANK);
        replace(&watched.join("mine.yaml"), format!("{patient}normalisation: rank\n")).unwrap();
    }

    // What the folder manages is not changed from elsewhere; the other way round neither.
    for path in ["/v1/policies/mine/shadow", "/v1/policies/mine/canary?percent=5"] {
        let reason = running.post(path).await.unwrap().refused(409).unwrap();
        assert!(reason.contains("the policy folder; change it there"), "{reason}");
    }
    let reason = running.put("mine", "", bytes("spread").unwrap()).await.unwrap().refused(409).unwrap();
    assert!(reason.contains("the policy folder"), "{reason}");
    running.put("theirs", "", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    replace(&watched.join("theirs.wasm"), bytes("zone-cost").unwrap()).unwrap();
    eventually("it is refused", async || {
        let lines = running.server.logged("policy of the folder not taken over")?;
        let says = |line: &serde_json::Value| {
            line["error"].as_str().is_some_and(|reason| reason.contains("the admin listener"))
        };
        Ok(lines.iter().any(says).then_some(()))
    })
    .await
    .unwrap();
    std::fs::remove_file(watched.join("theirs.wasm")).unwrap();

    let line = eventually("the audit log names the folder", async || {
        Ok(running.audit()?.into_iter().find(|line| line["user"] == "policy folder"))
    })
    .await
    .unwrap();
    assert!(line["from"].as_str().unwrap().ends_with("watched/mine.wasm"), "{line}");

    // A file that is gone takes its policy with it.
    running.post("/v1/policies/netmarks/activate").await.unwrap().ok().unwrap();
    std::fs::remove_file(watched.join("mine.wasm")).unwrap();
    until_listed(&running, &["netmarks active", "theirs ready"]).await;
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_while_nobody_looked_is_removed() {
    let running = watching(tempfile::tempdir().unwrap()).await;
    let watched = running.server.folder.path().join("watched");
    // What cannot be a policy at all is a problem of its own, for as long as it is there.
    std::fs::create_dir(watched.join("folder.wasm")).unwrap();
    for name in ["gone", "stays"] {
        replace(&watched.join(format!("{name}.yaml")), "mode: ready\nlimits: {deadline_ms: 10000}\n")
            .unwrap();
        replace(&watched.join(format!("{name}.wasm")), bytes("spread").unwrap()).unwrap();
    }
    until_listed(&running, &["gone ready", "netmarks active", "stays ready"]).await;
    std::fs::remove_file(watched.join("gone.wasm")).unwrap();
    // Written to a moment ago, so that the first look cannot tell whether it is whole.
    replace(&watched.join("stays.wasm"), bytes("spread").unwrap()).unwrap();
    let running = running.restart().await.unwrap();
    until_listed(&running, &["netmarks active", "stays ready"]).await;
    // A change is listed a moment before it is in the audit log.
    let removed = eventually("the removal is in the audit log", async || {
        let removed = running.audit()?.into_iter().filter(|line| line["change"] == "removed");
        let removed: Vec<_> = removed.map(|line| line["policy"].clone()).collect();
        Ok((!removed.is_empty()).then_some(removed))
    })
    .await
    .unwrap();
    assert_eq!(removed, ["gone"]);
}

/// A fixture: its file's name, its component, its parameters.
type Fixture = (String, Vec<u8>, Vec<(&'static str, &'static str)>);

/// Every fixture that is refused before it could answer.
fn refused() -> Result<Vec<Fixture>> {
    let mut all = vec![
        ("garbage".to_owned(), b"garbage".to_vec(), Vec::new()),
        (
            "half".to_owned(),
            {
                let mut half = bytes("netmarks")?;
                half.truncate(half.len() / 2);
                half
            },
            Vec::new(),
        ),
    ];
    for name in
        ["core-module", "foreign-import", "lacks-export", "wasi-import", "wasi-next-import", "wrong-version"]
    {
        all.push((name.to_owned(), wat::parse_file(text_file(name))?, Vec::new()));
    }
    for name in [
        "bad-need",
        "bad-other-nodes",
        "bad-parameter",
        "big-table",
        "huge-describe",
        "spin-describe",
        "trap-describe",
    ] {
        all.push((name.to_owned(), bytes(name)?, Vec::new()));
    }
    for when in ["check", "score"] {
        for behaviour in
            ["trap", "spin", "overrun", "recurse", "error", "huge-error", "log-then-spin", "huge-log"]
        {
            all.push((
                format!("{behaviour}-in-{when}"),
                bytes("hostile")?,
                vec![("behaviour", behaviour), ("when", when)],
            ));
        }
    }
    for behaviour in ["nan", "infinity", "minus-infinity", "short", "long", "none", "huge-list"] {
        all.push((behaviour.to_owned(), bytes("hostile")?, vec![("behaviour", behaviour)]));
    }
    Ok(all)
}

/// Ends what never ends soon, and lets a busy machine finish the rest.
fn deadline(name: &str) -> u32 {
    if name.contains("spin") { 40 } else { 10_000 }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_guest_gets_in_by_upload() {
    let running = watching(tempfile::tempdir().unwrap()).await;
    for (name, bytes, parameters) in refused().unwrap() {
        let mut path = format!("/v1/policies/{name}?mode=active&limits.deadline_ms={}", deadline(&name));
        for (key, value) in parameters {
            path.push_str(&format!("&parameters.{key}={value}"));
        }
        let answer = running.send(running.call(reqwest::Method::PUT, &path).body(bytes)).await.unwrap();
        let reason = answer.refused(422).unwrap();
        assert!(reason.starts_with(&format!("policy `{name}` failed at ")), "{reason}");
        assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC, "{name}");
    }
    assert_eq!(
        (running.list().await.unwrap(), running.generation().await.unwrap()),
        (vec!["netmarks active".to_owned()], 1)
    );
    assert_eq!(kept(running.server.folder.path()), 1, "what was refused is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_guest_gets_in_by_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let watched = folder.path().join("watched");
    std::fs::create_dir_all(&watched).unwrap();
    let all = refused().unwrap();
    for (name, bytes, parameters) in &all {
        let parameters: serde_json::Map<_, _> =
            parameters.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let settings = json!({"limits": {"deadline_ms": deadline(name)}, "parameters": parameters});
        replace(&watched.join(format!("{name}.yaml")), settings.to_string()).unwrap();
        replace(&watched.join(format!("{name}.wasm")), bytes).unwrap();
    }
    // Among them one that is good.
    replace(&watched.join("zzz.yaml"), "mode: ready\nlimits: {deadline_ms: 10000}\n").unwrap();
    replace(&watched.join("zzz.wasm"), bytes("spread").unwrap()).unwrap();
    let running = watching(folder).await;
    until_listed(&running, &["netmarks active", "zzz ready"]).await;
    let lines = running.server.logged("policy of the folder not taken over").unwrap();
    for (name, ..) in &all {
        let says = format!("{name}.wasm: policy `{name}` failed at ");
        let refused =
            lines.iter().any(|line| line["error"].as_str().is_some_and(|reason| reason.contains(&says)));
        assert!(refused, "{name}: {lines:?}");
    }
    assert_eq!(lines.len(), all.len());
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
}

/// The artefacts in the state folder.
fn kept(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("state/blobs")).unwrap().count()
}
