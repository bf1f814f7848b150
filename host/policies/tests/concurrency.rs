//! What does not wait for what: readers for the disk, operations for a proof, a rollback for a comparison.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{
    Background, LEAVE_NOTHING_ACTIVE, NODES, RULES, actor, answering, decide, hostile, in_mode,
    leave_for_shadows, name, near, netmarks, of, open, open_on, open_with, policy, put, shown,
};
use netmarks_engine::{Engine, EngineSettings, Tick};
use netmarks_policies::{Mode, NoticeKind, Origin, State};

const UPLOAD: Origin = Origin::Upload;

/// Lets every task of a single-threaded runtime run until it has to wait for another thread.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// The only blocking thread is taken, so that a change waits for the disk as long as the test wants. Everything else
/// happens on one worker, which a lock held meanwhile would stop for good.
#[test]
fn who_reads_does_not_wait_for_the_disk_and_sees_nothing_that_is_not_saved() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let saved = || std::fs::read(folder.path().join("manifest.json")).unwrap();
        let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
        put(&registry, netmarks("a").unwrap()).await;
        put(&registry, in_mode(Mode::Shadow, of("s", policy("spread").unwrap()).unwrap())).await;
        let (manifest, report, on_disk) = (registry.manifest(), registry.report(), saved());

        let (release, held) = std::sync::mpsc::channel::<()>();
        let disk = tokio::task::spawn_blocking(move || held.recv());
        let removals = ["a", "s"].map(|policy| {
            let registry = registry.clone();
            tokio::spawn(async move {
                let (name, options) = (name(policy).unwrap(), LEAVE_NOTHING_ACTIVE);
                registry.remove_with(name, options, UPLOAD, actor()).await.unwrap()
            })
        });
        settle().await;
        assert!(removals.iter().all(|removal| !removal.is_finished()));
        assert_eq!(registry.manifest(), manifest);
        assert_eq!(registry.report(), report);
        assert_eq!(registry.shadow_report().len(), 1);
        assert_eq!(registry.current().generation, manifest.generation);
        assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
        assert_eq!(saved(), on_disk);

        drop(release);
        for removal in removals {
            assert!(removal.await.unwrap().changed);
        }
        assert!(disk.await.unwrap().is_err(), "it was held until it was released");
        assert!(registry.manifest().entries.is_empty() && registry.shadow_report().is_empty());
        assert_eq!(registry.current().generation, manifest.generation + 2);
        assert_ne!(saved(), on_disk);
    });
}

#[tokio::test]
async fn other_operations_go_on_while_a_policy_proves_itself() {
    let (registry, _inbox) = open().unwrap();
    put(&registry, netmarks("live").unwrap()).await;
    put(&registry, in_mode(Mode::Shadow, of("s", policy("spread").unwrap()).unwrap())).await;
    let (begin, mut begun) = tokio::sync::mpsc::channel::<()>(1);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    registry.set_replay(Arc::new(move |_| {
        begin.blocking_send(()).unwrap();
        // Released by dropping the other end.
        held.lock().unwrap().recv().unwrap_err();
        Vec::new()
    }));
    let submitted = tokio::spawn({
        let (registry, next) = (registry.clone(), netmarks("next").unwrap());
        async move { registry.submit(next).await.unwrap() }
    });
    begun.recv().await.unwrap();
    settle().await;
    let report = registry.report();
    let next = report.policies.iter().find(|policy| policy.entry.name.as_str() == "next").unwrap();
    assert_eq!((next.state, report.generation), (State::Compiled, 2));
    assert_eq!(shown(&registry), ["live active", "s shadow"]);

    registry.set_mode(name("s").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert_eq!(answering(&registry, "any"), ["live", "s"]);
    registry.roll_back(actor()).await.unwrap();
    assert_eq!(answering(&registry, "any"), ["live"]);
    registry.remove(name("s").unwrap(), UPLOAD, actor()).await.unwrap();
    assert_eq!(shown(&registry), ["live active"]);

    drop(release);
    let outcome = submitted.await.unwrap();
    assert_eq!((outcome.generation, outcome.changed), (6, true));
    assert_eq!(answering(&registry, "any"), ["live", "next"]);
}

/// Ends the calls under way, and with them the blocking threads that a runtime waits for.
struct Advance(Engine);

impl Drop for Advance {
    fn drop(&mut self) {
        self.0.advance();
    }
}

#[tokio::test]
async fn a_breach_does_not_wait_for_a_comparison() {
    let engine = Engine::new(EngineSettings { concurrent_calls: 8, tick: Tick::ByHand }).unwrap();
    let (registry, inbox) = open_on(engine.clone(), None, RULES).unwrap();
    put(&registry, netmarks("a").unwrap()).await;
    put(&registry, hostile("a", "trap").unwrap()).await;
    put(&registry, in_mode(Mode::Shadow, hostile("endless", "spin").unwrap())).await;
    let mut notices = registry.subscribe();
    let background = Background::run(&registry, inbox);
    let advance = Advance(engine);

    // The shadow runs until the test lets its deadline pass.
    assert_eq!(leave_for_shadows(&registry, &NODES, &[0.0; 4]), Some(true));
    settle().await;
    (0..RULES.min_calls).for_each(|_| drop(decide(&registry, &NODES)));
    let notice = tokio::time::timeout(Duration::from_secs(60), notices.recv()).await.unwrap().unwrap();
    assert_eq!(notice.kind, NoticeKind::Degraded);
    assert_eq!(shown(&registry), ["a active", "a ready!", "endless shadow"]);
    let compared = || {
        let report = registry.shadow_report();
        (report[0].requests, report[0].faults)
    };
    assert_eq!(compared(), (0, 0), "the comparison is under way");

    let ended = async {
        while compared() != (0, 1) {
            advance.0.advance();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    background.stop().await;
}
