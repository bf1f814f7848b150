//! What survives a restart, and what a damaged state folder costs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};

use crate::support::{
    Background, CANARY, NODES, RULES, actor, answering, decide, guest, in_mode, name, near, netmarks, of,
    open_with, policy, shown,
};
use netmarks_core::errors::chain;
use netmarks_policies::{
    ChangeOutcome, Mode, Origin, Refusal, Registry, Settings, State, StateFolder, StateFolderError,
    Submission,
};

const UPLOAD: Origin = Origin::Upload;

fn reopen(folder: &Path) -> Registry {
    open_with(Some(folder), RULES).unwrap().0
}

async fn put(registry: &Registry, submission: Submission) -> ChangeOutcome {
    registry.submit(submission).await.unwrap()
}

async fn configure(registry: &Registry, bytes: Vec<u8>, weight: f64) -> Result<ChangeOutcome, Refusal> {
    let settings = Settings { weight, ..netmarks("builtin").unwrap().settings };
    registry.configure(name("builtin").unwrap(), bytes.into(), settings, actor()).await
}

fn blob(folder: &Path, digest: &str) -> PathBuf {
    folder.join("blobs").join(format!("{}.wasm", digest.trim_start_matches("sha256:")))
}

#[tokio::test]
async fn everything_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (before, report) = {
        let registry = reopen(folder.path());
        put(&registry, netmarks("a").unwrap()).await;
        put(&registry, in_mode(CANARY, of("a", policy("spread").unwrap()).unwrap())).await;
        put(&registry, in_mode(Mode::Shadow, of("s", policy("zone-cost").unwrap()).unwrap())).await;
        put(&registry, of("r", guest("no-needs").unwrap()).unwrap()).await;
        registry.remove(name("r").unwrap(), UPLOAD, actor()).await.unwrap();
        put(&registry, of("r", guest("empty").unwrap()).unwrap()).await;
        (registry.manifest(), registry.report())
    };
    let registry = reopen(folder.path());
    assert_eq!(registry.manifest(), before);
    assert_eq!(registry.report(), report);
    let set = registry.current();
    assert_eq!((set.active.len(), set.shadows.len(), set.generation), (1, 1, before.generation));
    assert_eq!(set.canary.as_ref().unwrap().percent, 20);
    assert_eq!(registry.shadow_report().len(), 1);
    assert!(near(decide(&registry, &NODES[..3]).shares(), &[0.5, 0.6875, 1.0]));
    // The same submission again is still no change.
    assert!(!put(&registry, netmarks("a").unwrap()).await.changed);
}

#[tokio::test]
async fn a_folder_holds_what_is_needed_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let registry = reopen(folder.path());
    let blobs = || std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
    put(&registry, netmarks("a").unwrap()).await;
    let refused = in_mode(Mode::Active, of("bad", guest("trap-describe").unwrap()).unwrap());
    registry.submit(refused).await.unwrap_err();
    assert_eq!(blobs(), 1);
    // Twenty sets, of which the last nine can be gone back to; each one an artefact of its own.
    for version in 0..20_u8 {
        let mut bytes = policy("spread").unwrap();
        // A custom section named `v`: another artefact that does the same.
        bytes.extend([0, 3, 1, b'v', version]);
        put(&registry, in_mode(Mode::Active, of("a", bytes).unwrap())).await;
    }
    assert_eq!(blobs(), 9);
    assert_eq!(registry.report().earlier.len(), 8);
    drop(registry);
    // Not even what a process that died while writing left behind.
    for unfinished in [".unfinished-1", "blobs/.unfinished-2"] {
        std::fs::write(folder.path().join(unfinished), "half").unwrap();
    }
    let registry = reopen(folder.path());
    assert_eq!(blobs(), 9);
    assert!(!folder.path().join(".unfinished-1").exists());
    assert_eq!(registry.report().earlier.len(), 8);
}

#[tokio::test]
async fn one_can_still_go_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    {
        let registry = reopen(folder.path());
        put(&registry, netmarks("a").unwrap()).await;
        put(&registry, in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap())).await;
    }
    let registry = reopen(folder.path());
    assert!(near(decide(&registry, &NODES).shares(), &[1.0; 4]));
    registry.roll_back(actor()).await.unwrap();
    assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
    drop(registry);
    // And that is saved as well.
    let registry = reopen(folder.path());
    assert_eq!(shown(&registry), ["a active", "a ready"]);
    assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
    // An earlier set whose artefact is gone is refused, and nothing changes.
    put(&registry, in_mode(Mode::Active, of("a", guest("no-needs").unwrap()).unwrap())).await;
    let earlier = registry.manifest();
    drop(registry);
    let digest = netmarks_engine::digest(&policy("netmarks").unwrap());
    std::fs::remove_file(blob(folder.path(), &digest)).unwrap();
    let registry = reopen(folder.path());
    let refusal = registry.roll_back(actor()).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Lost(StateFolderError::Io { .. })), "{refusal}");
    assert_eq!(registry.manifest(), earlier);
    assert_eq!(registry.report().policies.len(), 1, "{:?}", registry.report().policies);
}

#[tokio::test]
async fn a_degraded_policy_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let bad = crate::support::hostile("a", "trap").unwrap();
    {
        let (registry, inbox) = open_with(Some(folder.path()), RULES).unwrap();
        put(&registry, netmarks("a").unwrap()).await;
        put(&registry, bad.clone()).await;
        let mut notices = registry.subscribe();
        let background = Background::run(&registry, inbox);
        (0..RULES.min_calls).for_each(|_| drop(decide(&registry, &NODES)));
        let notice = tokio::time::timeout(std::time::Duration::from_secs(60), notices.recv()).await;
        assert_eq!(notice.unwrap().unwrap().kind, netmarks_policies::NoticeKind::Degraded);
        background.stop().await;
    }
    let registry = reopen(folder.path());
    assert_eq!(shown(&registry), ["a active", "a ready!"]);
    assert!(matches!(registry.submit(bad).await, Err(Refusal::Degraded { .. })));
}

#[tokio::test]
async fn the_configuration_begins_and_operators_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let builtin = policy("netmarks").unwrap();
    let registry = reopen(folder.path());
    assert!(configure(&registry, builtin.clone(), 1.0).await.unwrap().changed);
    assert!(!configure(&registry, builtin.clone(), 1.0).await.unwrap().changed);
    assert_eq!(registry.manifest().entries[0].origin, Origin::Configuration);
    drop(registry);

    // Unchanged, it is not a reason for a new generation after a restart; changed, it is taken over.
    let registry = reopen(folder.path());
    assert!(!configure(&registry, builtin.clone(), 1.0).await.unwrap().changed);
    assert_eq!(registry.current().generation, 1);
    assert!(configure(&registry, builtin.clone(), 2.0).await.unwrap().changed);
    assert_eq!(registry.current().active[0].settings.weight.to_bits(), 2.0_f64.to_bits());

    // In the mode that an operator gave it, as long as something answers.
    put(&registry, netmarks("other").unwrap()).await;
    registry.set_mode(name("builtin").unwrap(), Mode::Ready, UPLOAD, actor()).await.unwrap();
    assert!(configure(&registry, builtin.clone(), 3.0).await.unwrap().changed);
    assert_eq!(shown(&registry), ["builtin ready", "other active"]);
    drop(registry);
    let registry = reopen(folder.path());
    assert!(!configure(&registry, builtin.clone(), 3.0).await.unwrap().changed);
    assert_eq!(shown(&registry), ["builtin ready", "other active"]);
    // What was removed stays removed, until nothing answers.
    registry.remove(name("builtin").unwrap(), UPLOAD, actor()).await.unwrap();
    assert!(!configure(&registry, builtin.clone(), 3.0).await.unwrap().changed);
    registry.remove(name("other").unwrap(), UPLOAD, actor()).await.unwrap();
    assert_eq!(answering(&registry, "any"), ["builtin"]);
    drop(registry);
    let registry = reopen(folder.path());
    assert!(!configure(&registry, builtin.clone(), 3.0).await.unwrap().changed);
    assert_eq!(answering(&registry, "any"), ["builtin"]);
}

#[tokio::test]
async fn what_was_uploaded_over_the_configuration_stays() {
    let folder = tempfile::tempdir().unwrap();
    let builtin = policy("netmarks").unwrap();
    let registry = reopen(folder.path());
    configure(&registry, builtin.clone(), 1.0).await.unwrap();
    put(&registry, in_mode(Mode::Active, of("builtin", policy("spread").unwrap()).unwrap())).await;
    drop(registry);
    let registry = reopen(folder.path());
    assert!(!configure(&registry, builtin.clone(), 1.0).await.unwrap().changed);
    // A configuration that changes is told who has the name now.
    let refusal = configure(&registry, builtin, 2.0).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Managed { origin: Origin::Upload, .. }), "{refusal}");
    assert_eq!(registry.current().active[0].policy.description().name, "spread");
}

#[tokio::test]
async fn a_damaged_artefact_costs_its_policy_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let digest = {
        let registry = reopen(folder.path());
        put(&registry, netmarks("good").unwrap()).await;
        let outcome =
            put(&registry, in_mode(Mode::Active, of("hurt", policy("spread").unwrap()).unwrap())).await;
        outcome.entry.unwrap().digest
    };
    let file = blob(folder.path(), &digest);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let registry = reopen(folder.path());
    assert_eq!(answering(&registry, "any"), ["good"]);
    assert_eq!(shown(&registry), ["good active", "hurt active"]);
    let report = registry.report();
    let hurt = report.policies.iter().find(|policy| policy.entry.name.as_str() == "hurt").unwrap();
    assert_eq!(hurt.state, State::Rejected);
    let reason = hurt.not_restored.as_ref().unwrap();
    assert!(hurt.entry.degraded.is_none() && reason.contains("submit the policy again"), "{reason}");

    // It cannot be activated by word alone: there is nothing that could answer.
    for mode in [Mode::Active, Mode::Shadow] {
        let refusal = registry.set_mode(name("hurt").unwrap(), mode, UPLOAD, actor()).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Lost(StateFolderError::Damaged { .. })), "{}", chain(&refusal));
    }
    // What the message says helps.
    let outcome = put(&registry, in_mode(Mode::Active, of("hurt", policy("spread").unwrap()).unwrap())).await;
    assert!(outcome.changed && outcome.entry.unwrap().degraded.is_none());
    assert_eq!(answering(&registry, "any"), ["good", "hurt"]);
    drop(registry);
    assert_eq!(shown(&reopen(folder.path())), ["good active", "hurt active"]);
}

/// The one policy that there is, from the configuration: a damaged file must not keep the program from starting.
#[tokio::test]
async fn a_damaged_artefact_of_the_configuration_is_mended_by_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let builtin = policy("netmarks").unwrap();
    let digest = {
        let registry = reopen(folder.path());
        configure(&registry, builtin.clone(), 1.0).await.unwrap().entry.unwrap().digest
    };
    std::fs::write(blob(folder.path(), &digest), "damaged").unwrap();
    let registry = reopen(folder.path());
    assert!(registry.current().active.is_empty());
    configure(&registry, builtin, 1.0).await.unwrap();
    assert_eq!(shown(&registry), ["builtin active"]);
    assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
    drop(registry);
    assert_eq!(answering(&reopen(folder.path()), "any"), ["builtin"]);
}

#[tokio::test]
async fn a_damaged_manifest_is_kept_aside_with_its_artefacts_and_can_be_mended() {
    let folder = tempfile::tempdir().unwrap();
    {
        put(&reopen(folder.path()), netmarks("a").unwrap()).await;
    }
    let manifest = folder.path().join("manifest.json");
    let whole = std::fs::read(&manifest).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"", b"[]", b"{\"current\": 1}"] {
        std::fs::write(&manifest, damaged).unwrap();
        assert!(reopen(folder.path()).current().active.is_empty());
        assert!(!manifest.exists());
        assert_eq!(std::fs::read_dir(folder.path().join("blobs")).unwrap().count(), 1);
    }
    // Mended, everything is there again.
    std::fs::write(&manifest, whole).unwrap();
    assert_eq!(answering(&reopen(folder.path()), "any"), ["a"]);
}

#[tokio::test]
async fn a_change_that_cannot_be_saved_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let registry = reopen(folder.path());
    put(&registry, netmarks("a").unwrap()).await;
    let before = registry.manifest();
    std::fs::remove_file(folder.path().join("manifest.json")).unwrap();
    std::fs::create_dir_all(folder.path().join("manifest.json/something")).unwrap();
    let spread = in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap());
    let refusal = registry.submit(spread).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Store(_)), "{refusal}");
    assert_eq!(registry.manifest(), before);
    assert_eq!(registry.report().policies.len(), 1, "{:?}", registry.report().policies);
    assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
}

#[tokio::test]
async fn a_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let registry = reopen(folder.path());
    let Err(error) = StateFolder::open(folder.path()) else { panic!("opened twice") };
    assert!(matches!(error, StateFolderError::Locked { .. }), "{error}");
    drop(registry);
    drop(StateFolder::open(folder.path()).unwrap());
}
