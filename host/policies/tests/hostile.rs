//! A state folder that nobody of ours wrote, disks that fail once, and policies that fill what is remembered of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::process::Command;

use crate::support::{
    Background, NODES, RULES, actor, answering, decide, hostile, in_mode, name, netmarks, of, open,
    open_with, policy, shown,
};
use netmarks_policies::{Mode, Origin, Refusal, Registry, StateFolder, StateFolderError};
use serde_json::{Value, json};

/// A folder with the saved policies `a` (active, earlier version kept) and `s` (shadow).
async fn saved(folder: &Path) {
    let (registry, _inbox) = open_with(Some(folder), RULES).unwrap();
    registry.submit(in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap())).await.unwrap();
    registry.submit(netmarks("a").unwrap()).await.unwrap();
    let mut shadow = of("s", policy("zone-cost").unwrap()).unwrap();
    shadow.mode = Mode::Shadow;
    registry.submit(shadow).await.unwrap();
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn a_manifest_that_no_operation_made_is_kept_aside_and_the_configuration_begins() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path()).await;
    let sound = manifest(folder.path());
    let damages: [(&str, Value); 11] = [
        ("/current/entries/0/settings/weight", json!(-1.0)),
        ("/current/entries/0/settings/weight", json!(1e308)),
        ("/history/0/entries/0/settings/weight", json!(-1.0)),
        ("/current/entries/0/revision", json!("000000000000")),
        ("/current/entries/0/digest", json!("sha256:abc")),
        ("/current/entries/0/mode", json!("sometimes")),
        ("/current/generation", json!(u64::MAX)),
        ("/current/generation", json!("7")),
        ("/current/entries", json!(vec![sound["current"]["entries"][0].clone(); 10_000])),
        ("/history", json!(vec![sound["current"].clone(); 9])),
        ("/current", json!("../../etc/passwd")),
    ];
    let mut texts: Vec<String> = vec![String::new(), "{".to_owned(), "\0".repeat(100), "[".repeat(100_000)];
    for (pointer, value) in damages {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}: {sound}")) = value;
        texts.push(damaged.to_string());
    }
    let mut canary = sound.clone();
    canary["current"]["entries"][0]["mode"] = json!("canary");
    canary["current"]["entries"][0]["percent"] = json!(250);
    texts.push(canary.to_string());
    for text in texts {
        let shown_text = text.chars().take(200).collect::<String>();
        std::fs::write(folder.path().join("manifest.json"), &text).unwrap();
        let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
        assert_eq!(shown(&registry), Vec::<String>::new(), "{shown_text}");
        // It is kept, and policies can be changed again.
        let aside: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().starts_with("manifest.json.unusable-"))
            .collect();
        let [aside] = &aside[..] else { panic!("{aside:?}: {shown_text}") };
        assert_eq!(std::fs::read_to_string(aside.path()).unwrap(), text);
        registry.submit(netmarks("b").unwrap()).await.unwrap();
        assert_eq!(shown(&registry), ["b active"]);
        assert_eq!(std::fs::read_dir(folder.path().join("blobs")).unwrap().count(), 3, "its artefacts, too");
        std::fs::remove_file(aside.path()).unwrap();
    }
    std::fs::write(folder.path().join("manifest.json"), sound.to_string()).unwrap();
    let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
    assert_eq!(registry.manifest().entries.len(), 2, "the sound one is believed");
}

#[tokio::test]
async fn pipes_in_the_state_folder_hold_up_nobody() {
    for file in ["manifest.json", "lock", "blob"] {
        let folder = tempfile::tempdir().unwrap();
        saved(folder.path()).await;
        let path = if file == "blob" {
            std::fs::read_dir(folder.path().join("blobs")).unwrap().next().unwrap().unwrap().path()
        } else {
            folder.path().join(file)
        };
        pipe(&path);
        match StateFolder::open(folder.path()) {
            Err(StateFolderError::Io { path: named, .. }) => assert_eq!((file, named), ("lock", path)),
            Err(other) => panic!("{other}"),
            Ok(opened) => drop(opened),
        }
        if file != "lock" {
            let opened = open_with(Some(folder.path()), RULES);
            assert_eq!(opened.is_err(), file == "manifest.json");
        }
    }
}

/// The artefact of a policy cannot be read at one start, and can at a later moment.
#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_once_costs_a_policy_nothing_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let digest = {
        let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
        registry.submit(netmarks("old").unwrap()).await.unwrap();
        let outcome = registry.submit(hostile("trap", "trap").unwrap()).await.unwrap();
        outcome.entry.unwrap().digest
    };
    let blob = folder.path().join("blobs").join(format!("{}.wasm", digest.trim_start_matches("sha256:")));
    let aside = folder.path().join("aside");
    std::fs::rename(&blob, &aside).unwrap();
    let (registry, inbox) = open_with(Some(folder.path()), RULES).unwrap();
    let report = registry.report();
    let trap = report.policies.iter().find(|policy| policy.entry.name.as_str() == "trap").unwrap();
    assert!(trap.not_restored.as_ref().unwrap().contains("failed to read"), "{trap:?}");
    assert_eq!((trap.entry.degraded.as_deref(), trap.entry.mode), (None, Mode::Active));
    assert_eq!(answering(&registry, "any"), ["old"]);

    // It loads when it can be read again, by itself, and keeps its place.
    let background = Background::run(&registry, inbox);
    std::fs::rename(&aside, &blob).unwrap();
    let mut notices = registry.subscribe();
    while registry.report().policies.iter().any(|policy| policy.not_restored.is_some()) {
        notices.recv().await.unwrap();
    }
    assert_eq!(answering(&registry, "any"), ["old", "trap"]);
    background.stop().await;
}

/// Many operations that need the compiler at once: it runs for one at a time, and few may wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_of_policies_that_are_not_loaded_take_turns_at_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..32).map(|number| format!("p{number}")).collect();
    {
        let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
        registry.submit(netmarks("a").unwrap()).await.unwrap();
        for name in &names {
            let mut ready = of(name, policy("spread").unwrap()).unwrap();
            ready.mode = Mode::Ready;
            registry.submit(ready).await.unwrap();
        }
    }
    let blobs = folder.path().join("blobs");
    let away = folder.path().join("away");
    std::fs::rename(&blobs, &away).unwrap();
    let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
    for blob in std::fs::read_dir(&away).unwrap().flatten() {
        std::fs::copy(blob.path(), blobs.join(blob.file_name())).unwrap();
    }
    let moves: Vec<_> = names
        .iter()
        .map(|policy| {
            let (registry, name) = (registry.clone(), name(policy).unwrap());
            tokio::spawn(async move { registry.set_mode(name, Mode::Shadow, Origin::Upload, actor()).await })
        })
        .collect();
    let (mut moved, mut busy) = (0, 0);
    for outcome in moves {
        match outcome.await.unwrap() {
            Ok(_) => moved += 1,
            Err(Refusal::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(moved >= 1 && busy >= 1, "{moved} moved, {busy} were told to come again");
}

#[tokio::test]
async fn what_is_remembered_of_a_refusal_is_bounded() {
    let (registry, _inbox) = open().unwrap();
    for number in 0..20 {
        let long = format!("p{number}");
        let mut submission = of(&long, policy("spread").unwrap()).unwrap();
        submission.settings.parameters =
            [("x".repeat(1 << 20), serde_json::from_value(json!("y".repeat(1 << 20))).unwrap())].into();
        registry.submit(submission).await.unwrap_err();
    }
    let rejected = registry.report().rejected;
    let bytes: usize = rejected.iter().map(|rejection| rejection.reason.len()).sum();
    assert!(!rejected.is_empty() && bytes <= 16 * 1024, "{} with {bytes} bytes", rejected.len());
    assert!(decides_nothing(&registry));
}

fn decides_nothing(registry: &Registry) -> bool {
    registry.current().active.is_empty() || decide(registry, &NODES).shares().is_some()
}
