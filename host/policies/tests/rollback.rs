//! Automatic rollback: a policy that passes its trial and then misbehaves for real.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use crate::support::{
    Background, CANARY, LEAVE_NOTHING_ACTIVE, NODES, RULES, actor, answering, decide, earlier, guest,
    hostile, in_mode, name, netmarks, of, open_with, policy, shown,
};
use netmarks_policies::{Inbox, Mode, Notice, NoticeKind, Origin, Refusal, Registry, RollbackRules};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

const UPLOAD: Origin = Origin::Upload;

/// A registry that watches its policies.
struct Watched {
    registry: Registry,
    notices: Receiver<Notice>,
    _background: Background,
}

impl Watched {
    fn start() -> Self {
        Self::with(None, RULES)
    }

    fn with(folder: Option<&Path>, rules: RollbackRules) -> Self {
        let (registry, inbox): (Registry, Inbox) = open_with(folder, rules).unwrap();
        let background = Background::run(&registry, inbox);
        Self { notices: registry.subscribe(), registry, _background: background }
    }

    async fn put(&self, submission: netmarks_policies::Submission) {
        self.registry.submit(submission).await.unwrap();
    }

    /// The next notice that a policy was degraded.
    async fn degraded(&mut self) -> Notice {
        let degraded = async {
            loop {
                let notice = self.notices.recv().await.unwrap();
                if notice.kind == NoticeKind::Degraded {
                    return notice;
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), degraded).await.unwrap()
    }

    /// As many calls as the rules need, for as many nodes as make the hostile fixture misbehave.
    fn misbehave(&self) {
        (0..RULES.min_calls).for_each(|_| drop(decide(&self.registry, &NODES)));
    }
}

#[tokio::test]
async fn faults_above_the_limit_put_the_previous_set_back() {
    let mut watched = Watched::start();
    watched.put(netmarks("a").unwrap()).await;
    watched.put(in_mode(Mode::Shadow, of("s", policy("spread").unwrap()).unwrap())).await;
    watched.put(hostile("a", "trap").unwrap()).await;
    // Nine faults say nothing yet; the tenth does.
    (1..RULES.min_calls).for_each(|_| drop(decide(&watched.registry, &NODES)));
    assert_eq!(answering(&watched.registry, "any"), ["a"]);
    assert_eq!(watched.registry.current().active[0].policy.description().name, "hostile");
    drop(decide(&watched.registry, &NODES));
    let notice = watched.degraded().await;
    assert_eq!((notice.policy.unwrap().as_str(), notice.generation), ("a", 4));
    assert!(notice.message.starts_with("10 of 10 calls failed within 3600 s"), "{}", notice.message);
    assert!(notice.message.contains("it trapped"), "{}", notice.message);
    assert_eq!(shown(&watched.registry), ["a active", "a ready!", "s shadow"]);
    assert_eq!(watched.registry.current().active[0].policy.description().name, "netmarks");
    let report = watched.registry.report();
    let reason = report.policies.iter().find_map(|policy| policy.entry.degraded.clone()).unwrap();
    assert_eq!(reason, notice.message);
}

#[tokio::test]
async fn slow_calls_above_the_limit_do_too() {
    let mut watched = Watched::with(None, RollbackRules { max_latency_ms: 1e-6, ..RULES });
    watched.put(netmarks("a").unwrap()).await;
    watched.put(in_mode(Mode::Active, of("b", policy("spread").unwrap()).unwrap())).await;
    watched.misbehave();
    let notice = watched.degraded().await;
    assert!(notice.message.contains("10 of 10 calls took more than"), "{}", notice.message);
}

#[tokio::test]
async fn what_was_rolled_back_comes_back_only_by_hand_and_then_is_counted_anew() {
    let mut watched = Watched::start();
    watched.put(netmarks("a").unwrap()).await;
    let bad = hostile("a", "trap").unwrap();
    watched.put(bad.clone()).await;
    watched.misbehave();
    watched.degraded().await;
    let settled = watched.registry.manifest();

    // Whoever delivers it again and again, as a pipeline does, is told so, in every mode.
    for mode in [Mode::Active, Mode::Ready, CANARY] {
        let refusal = watched.registry.submit(in_mode(mode, bad.clone())).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Degraded { .. }), "{refusal}");
        assert!(refusal.to_string().contains("calls failed within"), "{refusal}");
    }
    // Calls that had begun before are over now; they count for nothing.
    assert_eq!(watched.registry.manifest(), settled);

    // By hand it gets another chance, and loses it by the same rules.
    watched.registry.set_mode(name("a").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert_eq!(shown(&watched.registry), ["a active"]);
    (1..RULES.min_calls).for_each(|_| drop(decide(&watched.registry, &NODES)));
    assert_eq!(shown(&watched.registry), ["a active"], "counting began again");
    drop(decide(&watched.registry, &NODES));
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["a active", "a ready!"]);
    // Another version is welcome.
    watched.put(in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap())).await;
    assert_eq!(shown(&watched.registry), ["a active"]);
}

/// The operator whose pager rang after it was over types the command that helps.
#[tokio::test]
async fn rolling_back_by_hand_after_an_automatic_rollback_does_not_bring_the_bad_policy_back() {
    let mut watched = Watched::start();
    watched.put(netmarks("first").unwrap()).await;
    watched.put(netmarks("a").unwrap()).await;
    watched.put(hostile("a", "trap").unwrap()).await;
    watched.misbehave();
    watched.degraded().await;
    assert_eq!(earlier(&watched.registry), [1], "nobody goes back to the set that failed");
    watched.registry.roll_back(actor()).await.unwrap();
    assert_eq!(answering(&watched.registry, "any"), ["first"]);
    // Also not when the policy itself is long removed.
    watched.registry.remove(name("a").unwrap(), UPLOAD, actor()).await.unwrap();
    watched.registry.roll_back(actor()).await.unwrap();
    assert_eq!(answering(&watched.registry, "any"), ["a", "first"]);
    assert!(
        watched.registry.current().active.iter().all(|member| member.policy.description().name == "netmarks")
    );
}

#[tokio::test]
async fn calls_of_a_set_that_was_replaced_do_not_roll_back_what_replaced_it() {
    let mut watched = Watched::start();
    watched.put(netmarks("a").unwrap()).await;
    watched.put(hostile("a", "trap").unwrap()).await;
    let late = watched.registry.current();
    watched.misbehave();
    watched.degraded().await;
    let settled = watched.registry.manifest();
    // Requests that began with the bad set end with it.
    for _ in 0..100 {
        let scored = netmarks_policies::score(&late.active, |needs| crate::support::told(&NODES, needs));
        for part in &scored.parts {
            watched.registry.count(part);
        }
    }
    // One more change, after which all that was in the queue would have been done.
    watched.put(netmarks("b").unwrap()).await;
    assert_eq!(watched.registry.manifest().generation, settled.generation + 1);
    let degraded = std::iter::from_fn(|| match watched.notices.try_recv() {
        Ok(notice) => Some(notice.kind),
        Err(TryRecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(degraded.collect::<Vec<_>>(), [NoticeKind::Accepted]);
}

#[tokio::test]
async fn a_canary_leaves_by_itself() {
    let mut watched = Watched::start();
    watched.put(netmarks("a").unwrap()).await;
    watched.put(netmarks("b").unwrap()).await;
    let most = Mode::Canary { percent: 99 };
    watched.put(in_mode(most, hostile("a", "nan").unwrap())).await;
    assert!(watched.registry.current().members(|| "default/p".to_owned()).1, "the workload is the canary's");
    watched.misbehave();
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["a active", "a ready!", "b active"]);
    assert!(watched.registry.current().canary.is_none());
}

#[tokio::test]
async fn without_an_earlier_set_the_others_go_on_and_the_last_one_stays() {
    let mut watched = Watched::start();
    // The first set of all has a good and a bad one; no set before it answered.
    watched.put(hostile("bad", "trap").unwrap()).await;
    watched.put(in_mode(Mode::Active, of("good", guest("netmarks").unwrap()).unwrap())).await;
    watched.misbehave();
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["bad ready!", "good active"]);

    let mut watched = Watched::start();
    watched.put(hostile("only", "trap").unwrap()).await;
    watched.misbehave();
    let notice = watched.degraded().await;
    assert_eq!(notice.generation, 2);
    assert_eq!(shown(&watched.registry), ["only active!"], "some scores are better than none");
    // It is degraded once and stays so: nothing is left to be done.
    watched.misbehave();
    watched.misbehave();
    watched.put(in_mode(Mode::Shadow, netmarks("next").unwrap())).await;
    assert_eq!(watched.registry.current().generation, 3);
    // And it is nothing to fall back on for what comes after it.
    watched.put(in_mode(Mode::Active, of("only", guest("hostile").unwrap()).unwrap())).await;
    assert_eq!(shown(&watched.registry), ["next shadow", "only active"]);
    watched.put(hostile("only", "nan").unwrap()).await;
    watched.misbehave();
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["next shadow", "only active", "only ready!"]);
    let live = watched.registry.current().active[0].settings.parameters.clone();
    assert!(live.is_empty(), "the one between the two: {live:?}");
}

#[tokio::test]
async fn a_set_that_failed_itself_is_nothing_to_fall_back_on() {
    let mut watched = Watched::start();
    for behaviour in ["trap", "nan"] {
        watched.put(hostile("only", behaviour).unwrap()).await;
        watched.misbehave();
        let notice = watched.degraded().await;
        assert_eq!(shown(&watched.registry), ["only active!"], "{}", notice.message);
    }
    let told = watched.registry.current().active[0].settings.parameters["behaviour"].clone();
    assert_eq!(told, netmarks_engine::ParameterValue::Text("nan".into()));
}

#[tokio::test]
async fn the_set_before_a_restart_is_put_back_too() {
    let folder = tempfile::tempdir().unwrap();
    {
        let (registry, _inbox) = open_with(Some(folder.path()), RULES).unwrap();
        registry.submit(netmarks("a").unwrap()).await.unwrap();
        registry.submit(hostile("a", "trap").unwrap()).await.unwrap();
    }
    let mut watched = Watched::with(Some(folder.path()), RULES);
    assert_eq!(watched.registry.current().active[0].policy.description().name, "hostile");
    watched.misbehave();
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["a active", "a ready!"]);
    assert_eq!(watched.registry.current().active[0].policy.description().name, "netmarks");
}

/// A rollback that could not be saved was not made; it must be made as soon as it can.
#[tokio::test]
async fn a_rollback_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut watched = Watched::with(Some(folder.path()), RULES);
    watched.put(netmarks("a").unwrap()).await;
    watched.put(hostile("a", "trap").unwrap()).await;
    // What cannot be replaced by a file: a folder with something in it.
    let (manifest, aside) = (folder.path().join("manifest.json"), folder.path().join("aside.json"));
    std::fs::rename(&manifest, &aside).unwrap();
    std::fs::create_dir_all(manifest.join("something")).unwrap();
    watched.misbehave();
    // Behind the rollback in the queue of changes, and refused like it.
    let removal = watched.registry.remove_with(name("a").unwrap(), LEAVE_NOTHING_ACTIVE, UPLOAD, actor());
    let refusal = removal.await.unwrap_err();
    assert!(matches!(refusal, Refusal::Store(_)), "{refusal}");
    assert_eq!(shown(&watched.registry), ["a active"]);
    std::fs::remove_dir_all(&manifest).unwrap();
    std::fs::rename(&aside, &manifest).unwrap();
    let tried_again = async {
        loop {
            watched.misbehave();
            tokio::task::yield_now().await;
            if shown(&watched.registry) != ["a active"] {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), tried_again).await.unwrap();
    watched.degraded().await;
    assert_eq!(shown(&watched.registry), ["a active", "a ready!"]);
}
