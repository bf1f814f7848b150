//! Submitting: what changes something, what is refused and why, and who may change what.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use crate::support::{
    CANARY, LEAVE_NOTHING_ACTIVE, NODES, actor, answering, decide, guest, hostile, in_mode, name, near,
    netmarks, of, open, put, shown, text, told,
};
use netmarks_engine::ParameterValue;
use netmarks_policies::{ChangeOptions, Mode, Notice, NoticeKind, Origin, Refusal, Signature, Submission};

const UPLOAD: Origin = Origin::Upload;

#[tokio::test]
async fn the_same_again_changes_nothing_and_another_mode_is_a_change() {
    let (registry, _inbox) = open().unwrap();
    let mut notices = registry.subscribe();
    let first = registry.submit(netmarks("a").unwrap()).await.unwrap();
    assert_eq!((first.generation, first.changed), (1, true));
    let again = registry.submit(netmarks("a").unwrap()).await.unwrap();
    assert_eq!((again.generation, again.changed, &again.entry), (1, false, &first.entry));
    assert_eq!(registry.current().generation, 1);

    // Signed by a key that was not trusted then: the entry says what holds now, and nothing is compiled for it.
    let signed = Submission { signature: Signature::checked(Some("a key".into())), ..netmarks("a").unwrap() };
    let signed = registry.submit(signed).await.unwrap();
    assert_eq!((signed.generation, signed.changed), (2, true));
    let entry = signed.entry.unwrap();
    assert_eq!(entry.signature.signer(), "a key");
    assert_eq!(entry.revision, first.entry.as_ref().unwrap().revision);

    let options = LEAVE_NOTHING_ACTIVE;
    let moved = registry.set_mode_with(name("a").unwrap(), Mode::Shadow, options, UPLOAD, actor()).await;
    let moved = moved.unwrap();
    assert_eq!((moved.generation, moved.changed), (3, true));
    let again = registry.set_mode(name("a").unwrap(), Mode::Shadow, UPLOAD, actor()).await.unwrap();
    assert_eq!((again.generation, again.changed), (3, false));
    // The same bytes with other settings are another revision.
    let mut heavier = netmarks("a").unwrap();
    heavier.settings.weight = 2.0;
    let other = registry.submit(heavier).await.unwrap();
    assert_eq!((other.generation, other.changed), (4, true));
    assert_ne!(other.entry.unwrap().revision, first.entry.unwrap().revision);

    let told: Vec<Notice> = std::iter::from_fn(|| notices.try_recv().ok()).collect();
    let kinds: Vec<_> = told.iter().map(|notice| (notice.kind, notice.generation)).collect();
    let accepted = NoticeKind::Accepted;
    assert_eq!(kinds, [(accepted, 1), (accepted, 2), (NoticeKind::Moved, 3), (accepted, 4)]);
    assert_eq!(told[1].message, "`a` is active; signed by a key");
    assert!(told.iter().all(|notice| notice.digest.as_ref().is_some_and(|d| d.starts_with("sha256:"))));
}

/// The policy that scores is not displaced unasked, and nobody goes back to a set that scored nothing.
#[tokio::test]
async fn the_set_is_never_silently_empty() {
    let (registry, _inbox) = open().unwrap();
    let a = || name("a").unwrap();
    registry.submit(netmarks("a").unwrap()).await.unwrap();
    for mode in [Mode::Shadow, Mode::Ready, Mode::Canary { percent: 50 }] {
        let refusal = registry.set_mode(a(), mode, UPLOAD, actor()).await.unwrap_err();
        assert!(matches!(refusal, Refusal::NothingActive { .. }), "{refusal}");
    }
    assert!(matches!(registry.remove(a(), UPLOAD, actor()).await, Err(Refusal::NothingActive { .. })));
    assert_eq!(shown(&registry), ["a active"]);
    let removed = registry.remove_with(a(), LEAVE_NOTHING_ACTIVE, UPLOAD, actor()).await.unwrap();
    assert_eq!((removed.generation, removed.answering), (2, vec![]));
    // The way back leads to the newest set that scored, over the empty one, and not back to that.
    registry.submit(netmarks("b").unwrap()).await.unwrap();
    let back = registry.roll_back(actor()).await.unwrap();
    assert_eq!(shown(&registry), ["a active", "b ready"]);
    let answering: Vec<&str> = back.answering.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(answering, ["a"]);
    registry.roll_back(actor()).await.unwrap();
    assert_eq!(shown(&registry), ["a ready", "b active"]);
    // Alone, or beside another.
    registry.set_mode(a(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert_eq!(shown(&registry), ["a active", "b active"]);
    let only = ChangeOptions { only: true, ..ChangeOptions::default() };
    let outcome = registry.set_mode_with(a(), Mode::Active, only, UPLOAD, actor()).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(shown(&registry), ["a active", "b ready"]);
}

/// Two that deploy the same at the same time, such as two runs of a pipeline.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_at_the_same_time_is_one_change() {
    let (registry, _inbox) = open().unwrap();
    let both = [netmarks("a").unwrap(), netmarks("a").unwrap(), netmarks("a").unwrap()];
    let tasks = both.map(|submission| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.submit(submission).await.unwrap() })
    });
    let mut changed = 0;
    for task in tasks {
        let outcome = task.await.unwrap();
        assert_eq!(outcome.generation, 1);
        changed += u32::from(outcome.changed);
    }
    assert_eq!((changed, registry.current().generation), (1, 1));
    assert_eq!(registry.report().policies.len(), 1);
}

#[tokio::test]
async fn what_does_not_prove_itself_is_rejected_with_the_reason_and_leaves_no_trace() {
    let (registry, _inbox) = open().unwrap();
    put(&registry, netmarks("live").unwrap()).await;
    let before = registry.manifest();
    let always = |behaviour: &str, when: &str| {
        let mut submission = hostile("bad", behaviour).unwrap();
        submission.settings.limits.deadline_ms = if behaviour == "spin" { 40 } else { 10_000 };
        submission.settings.parameters.insert("candidates".into(), ParameterValue::Number(0.0));
        submission.settings.parameters.insert("when".into(), ParameterValue::Text(when.into()));
        submission
    };
    let made = |bytes: Vec<u8>| in_mode(Mode::Active, of("bad", bytes).unwrap());
    let mut wrong_parameter = netmarks("bad").unwrap();
    wrong_parameter.settings.parameters.insert("price".into(), ParameterValue::Number(1.0));
    let mut spins = made(guest("spin-describe").unwrap());
    spins.settings.limits.deadline_ms = 40;
    for (submission, says) in [
        (made(b"no component".to_vec()), "failed at check"),
        (made(Vec::new()), "failed at check"),
        (made(text("core-module").unwrap()), "failed at"),
        (made(text("foreign-import").unwrap()), "failed at check"),
        (made(text("wasi-import").unwrap()), "failed at check"),
        (made(text("lacks-export").unwrap()), "failed at"),
        (made(text("wrong-version").unwrap()), "failed at check"),
        (made(guest("bad-need").unwrap()), "failed at describe"),
        (made(guest("bad-other-nodes").unwrap()), "failed at describe"),
        (made(guest("bad-parameter").unwrap()), "failed at describe"),
        (made(guest("trap-describe").unwrap()), "failed at describe"),
        (made(guest("huge-describe").unwrap()), "failed at describe"),
        (made(guest("big-table").unwrap()), "failed at"),
        (spins, "failed at describe"),
        (wrong_parameter, "failed at configure"),
        (always("trap", "check"), "failed at configure"),
        (always("error", "check"), "told to fail"),
        (always("trap", "score"), "failed at trial"),
        (always("spin", "score"), "missed its deadline of 40ms"),
        (always("overrun", "score"), "failed at trial"),
        (always("recurse", "score"), "exhausted its stack"),
        (always("nan", "score"), "candidate 0 is NaN"),
        (always("short", "score"), "2 scores for 3 candidates"),
        (always("huge-list", "score"), "failed at trial"),
    ] {
        let refusal = registry.submit(submission).await.unwrap_err();
        let reason = netmarks_core::errors::chain(&refusal);
        assert!(reason.starts_with("policy `bad` failed at ") && reason.contains(says), "{reason}");
        let report = registry.report();
        assert_eq!((report.rejected[0].name.as_str(), &report.rejected[0].reason), ("bad", &reason));
        assert_eq!(report.rejected[0].by, "tester");
        assert_eq!(report.policies.len(), 1, "{:?}", report.policies);
        assert_eq!(registry.manifest(), before);
        assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
    }
    assert!(registry.report().rejected.len() <= 16, "what is remembered is bounded");
}

#[tokio::test]
async fn settings_that_cannot_work_and_rules_are_refused_before_anything_is_compiled() {
    let (registry, _inbox) = open().unwrap();
    // None of these bytes is a component: were they looked at, the refusal would be another.
    let garbage = |name: &str, mode: Mode| in_mode(mode, of(name, b"garbage".to_vec()).unwrap());
    let mut weightless = garbage("a", Mode::Active);
    weightless.settings.weight = 0.0;
    assert!(matches!(registry.submit(weightless).await, Err(Refusal::Settings { .. })));
    let none = registry.submit(garbage("a", Mode::Canary { percent: 100 })).await;
    assert!(matches!(none, Err(Refusal::Percent { percent: 100 })));
    put(&registry, in_mode(CANARY, netmarks("a").unwrap())).await;
    assert!(matches!(registry.submit(garbage("b", CANARY)).await, Err(Refusal::Canary { .. })));
    let other = Submission { origin: Origin::Folder, ..garbage("a", Mode::Active) };
    assert!(matches!(registry.submit(other).await, Err(Refusal::Managed { .. })));
}

#[tokio::test]
async fn a_name_is_changed_only_from_where_it_came() {
    let (registry, _inbox) = open().unwrap();
    for (policy, origin) in [("f", Origin::Folder), ("u", UPLOAD), ("k", Origin::Kubernetes)] {
        put(&registry, Submission { origin, ..netmarks(policy).unwrap() }).await;
    }
    let before = registry.manifest();
    for (policy, from) in [("f", UPLOAD), ("u", Origin::Folder), ("k", UPLOAD), ("u", Origin::Kubernetes)] {
        let managed = |refusal: Refusal| assert!(matches!(refusal, Refusal::Managed { .. }), "{refusal}");
        let spread = in_mode(Mode::Active, of(policy, crate::support::policy("spread").unwrap()).unwrap());
        managed(registry.submit(Submission { origin: from, ..spread }).await.unwrap_err());
        managed(registry.remove(name(policy).unwrap(), from, actor()).await.unwrap_err());
        managed(registry.set_mode(name(policy).unwrap(), Mode::Ready, from, actor()).await.unwrap_err());
    }
    assert_eq!(registry.manifest(), before);
    let gone = registry.remove(name("f").unwrap(), Origin::Folder, actor()).await.unwrap();
    assert_eq!((gone.changed, gone.entry), (true, None));
    assert_eq!(shown(&registry), ["k active", "u active"]);
}

#[tokio::test]
async fn a_policy_is_tried_on_recent_requests_before_it_is_taken() {
    let (registry, _inbox) = open().unwrap();
    let bad = hostile("bad", "short").unwrap();
    registry.set_replay(Arc::new(|needs| vec![told(&NODES[..3], needs), told(&NODES, needs)]));
    let refusal = registry.submit(bad.clone()).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Replay(_)), "{refusal}");
    let reason = netmarks_core::errors::chain(&refusal);
    assert!(reason.contains("recent requests") && reason.contains("3 scores for 4 candidates"), "{reason}");
    assert!(registry.current().active.is_empty());
    put(&registry, netmarks("good").unwrap()).await;
    registry.set_replay(Arc::new(|needs| vec![told(&NODES[..3], needs)]));
    put(&registry, bad).await;
    assert_eq!(answering(&registry, "any"), ["bad", "good"]);
}
