//! Submitting, moving, combining, canaries, draining, rolling back by hand, shadows: with a real engine and components.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use crate::support::{
    CANARY, NODES, actor, answering, decide, guest, hostile, in_mode, leave_for_shadows, lifecycle_state,
    name, near, netmarks, of, open, policy, shown, text, told,
};
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_engine::ParameterValue;
use netmarks_policies::{Mode, Notice, NoticeKind, Origin, Refusal, Registry, RevisionId, State, Submission};
use tokio_util::sync::CancellationToken;

const UPLOAD: Origin = Origin::Upload;

async fn put(registry: &Registry, submission: Submission) -> RevisionId {
    registry.submit(submission).await.unwrap().entry.unwrap().revision
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_another_mode_is_a_change() {
    let (registry, _inbox) = open().unwrap();
    let mut notices = registry.subscribe();
    let first = registry.submit(netmarks("a").unwrap()).await.unwrap();
    assert_eq!((first.generation, first.changed), (1, true));
    let again = registry.submit(netmarks("a").unwrap()).await.unwrap();
    assert_eq!((again.generation, again.changed, &again.entry), (1, false, &first.entry));
    assert_eq!(registry.current().generation, 1);

    let moved = registry.set_mode(name("a").unwrap(), Mode::Shadow, UPLOAD, actor()).await.unwrap();
    assert_eq!((moved.generation, moved.changed), (2, true));
    let again = registry.set_mode(name("a").unwrap(), Mode::Shadow, UPLOAD, actor()).await.unwrap();
    assert_eq!((again.generation, again.changed), (2, false));
    // The same bytes with other settings are another revision.
    let mut heavier = netmarks("a").unwrap();
    heavier.settings.weight = 2.0;
    let other = registry.submit(heavier).await.unwrap();
    assert_eq!((other.generation, other.changed), (3, true));
    assert_ne!(other.entry.unwrap().revision, first.entry.unwrap().revision);

    let told: Vec<Notice> = std::iter::from_fn(|| notices.try_recv().ok()).collect();
    let kinds: Vec<_> = told.iter().map(|notice| (notice.kind, notice.generation)).collect();
    assert_eq!(kinds, [(NoticeKind::Accepted, 1), (NoticeKind::Moved, 2), (NoticeKind::Accepted, 3)]);
    assert!(told.iter().all(|notice| notice.digest.as_ref().is_some_and(|d| d.starts_with("sha256:"))));
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
async fn every_mode_has_its_state_and_its_place() {
    let (registry, _inbox) = open().unwrap();
    put(&registry, netmarks("a").unwrap()).await;
    let next = put(&registry, of("a", policy("spread").unwrap()).unwrap()).await;
    for (mode, state, active, canary, shadows) in [
        (Mode::Ready, State::Ready, 1, false, 0),
        (Mode::Shadow, State::Shadow, 1, false, 1),
        (CANARY, State::Canary, 1, true, 0),
        (Mode::Active, State::Active, 1, false, 0),
        (Mode::Ready, State::Ready, 0, false, 0),
    ] {
        registry.set_mode(name("a").unwrap(), mode, UPLOAD, actor()).await.unwrap();
        assert_eq!(lifecycle_state(&registry, &next), Some(state));
        let set = registry.current();
        assert_eq!(
            (set.active.len(), set.canary.is_some(), set.shadows.len()),
            (active, canary, shadows),
            "{mode}"
        );
    }
    // Taking what answers out of the set is never the side effect of an upload.
    registry.set_mode(name("a").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    let refusal = registry.submit(of("a", policy("spread").unwrap()).unwrap()).await.unwrap_err();
    assert!(matches!(refusal, Refusal::AlreadyActive { .. }), "{refusal}");
    assert_eq!(shown(&registry), ["a active"]);
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
        assert!(reason.starts_with("rejected: policy `bad` failed at ") && reason.contains(says), "{reason}");
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
async fn scores_are_combined_by_weight_and_normalisation() {
    let (registry, _inbox) = open().unwrap();
    assert!(decide(&registry, &NODES).shares().is_none(), "nobody answers");
    put(&registry, netmarks("traffic").unwrap()).await;
    let alone = decide(&registry, &NODES);
    assert_eq!(alone.parts[0].result.as_ref().unwrap().raw, [80.0, 110.0, 160.0, 0.0]);
    assert!(near(alone.shares(), &[0.5, 0.6875, 1.0, 0.0]));

    // Three times the weight for the order alone: 1/3, 2/3, 1, 0.
    let mut order = netmarks("order").unwrap();
    (order.settings.weight, order.settings.normalisation) = (3.0, Normalisation::Rank);
    put(&registry, order).await;
    let both = decide(&registry, &NODES);
    let names: Vec<&str> = both.parts.iter().map(|part| part.member.name.as_str()).collect();
    assert_eq!(names, ["order", "traffic"]);
    assert!(Arc::ptr_eq(&both.parts[0].request, &both.parts[1].request), "equal needs are gathered once");
    let expected = [0.25 + 0.125, 0.5 + 0.171_875, 1.0, 0.0];
    assert!(near(both.shares(), &expected), "{:?}", both.shares());

    // One that needs nothing, and one that needs everything, are each told just that.
    let nothing = in_mode(Mode::Active, of("nothing", guest("no-needs").unwrap()).unwrap());
    put(&registry, nothing).await;
    put(&registry, in_mode(Mode::Active, of("columns", guest("columns").unwrap()).unwrap())).await;
    let all = decide(&registry, &NODES);
    assert!(all.parts.iter().all(|part| part.result.is_ok()), "{all:?}");
    let shares: Vec<_> = all.parts.iter().map(|part| &part.result.as_ref().unwrap().shares).collect();
    let mean =
        |node: usize| (shares[0][node] + shares[1][node] + 3.0 * shares[2][node] + shares[3][node]) / 6.0;
    assert!(near(all.shares(), &[mean(0), mean(1), mean(2), mean(3)]));
}

#[tokio::test]
async fn a_fault_is_skipped_or_neutral_as_its_policy_says() {
    let (registry, _inbox) = open().unwrap();
    put(&registry, netmarks("good").unwrap()).await;
    for (on_fault, scale) in [(OnFault::Skip, 1.0), (OnFault::Neutral, 0.25)] {
        let mut bad = hostile("bad", "trap").unwrap();
        (bad.settings.weight, bad.settings.on_fault) = (3.0, on_fault);
        put(&registry, bad).await;
        let scored = decide(&registry, &NODES);
        assert!(scored.parts[0].result.is_err() && scored.parts[1].result.is_ok());
        let expected = [0.5, 0.6875, 1.0, 0.0].map(|share| share * scale);
        assert!(near(scored.shares(), &expected), "{:?}", scored.shares());
        // For fewer candidates it behaves, and its part counts: 1 for each.
        let few = decide(&registry, &NODES[..3]);
        let expected = [0.5, 0.6875, 1.0].map(|share| share * 0.25 + 0.75);
        assert!(near(few.shares(), &expected), "{:?}", few.shares());
    }
    registry.remove(name("good").unwrap(), UPLOAD, actor()).await.unwrap();
    assert!(decide(&registry, &NODES).shares().is_none(), "all failed, so there is no answer");
}

#[tokio::test]
async fn a_canary_answers_for_its_share_of_the_workloads_and_always_for_the_same() {
    let (registry, _inbox) = open().unwrap();
    put(&registry, netmarks("a").unwrap()).await;
    put(&registry, netmarks("b").unwrap()).await;
    let next = put(&registry, in_mode(CANARY, of("a", policy("spread").unwrap()).unwrap())).await;
    let workloads: Vec<String> = (0..10_000).map(|index| format!("shop/workload-{index}")).collect();
    let chosen = || -> Vec<&String> {
        let set = registry.current();
        let of_canary = |workload: &&String| {
            let (members, canary) = set.members(|| workload.to_string());
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            assert_eq!(names, ["a", "b"], "the canary stands in the place of its name");
            assert_eq!(canary, members[0].id == next);
            canary
        };
        workloads.iter().filter(of_canary).collect()
    };
    let fifth = chosen();
    assert!((1_800..2_200).contains(&fifth.len()), "{}", fifth.len());
    // Neither a change of another policy nor a larger share moves a workload out of it.
    registry.remove(name("b").unwrap(), UPLOAD, actor()).await.unwrap();
    put(&registry, netmarks("b").unwrap()).await;
    assert_eq!(chosen(), fifth);
    let half = Mode::Canary { percent: 50 };
    registry.set_mode(name("a").unwrap(), half, UPLOAD, actor()).await.unwrap();
    let more = chosen();
    assert!((4_700..5_300).contains(&more.len()), "{}", more.len());
    assert!(fifth.iter().all(|workload| more.contains(workload)));
    // Active, it answers for all.
    registry.set_mode(name("a").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert!(registry.current().canary.is_none());
    assert_eq!(registry.current().active[0].id, next);
}

#[tokio::test]
async fn a_replaced_policy_drains_until_its_last_request_has_ended() {
    let (registry, _inbox) = open().unwrap();
    let old = put(&registry, netmarks("a").unwrap()).await;
    let request = registry.current();
    put(&registry, in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap())).await;
    let state_of = |revision: &RevisionId| {
        let report = registry.report();
        report.policies.iter().find(|policy| policy.entry.revision == *revision).map(|policy| policy.state)
    };
    assert_eq!(state_of(&old), Some(State::Draining));
    // It goes on with what it began with.
    let scored = netmarks_policies::score(&request.active, |needs| told(&NODES, needs));
    assert!(near(scored.shares(), &[0.5, 0.6875, 1.0, 0.0]));
    assert_eq!(request.generation, 1);
    drop((request, scored));
    assert_eq!(state_of(&old), None, "gone");
    assert_eq!(lifecycle_state(&registry, &old), None);
}

#[tokio::test]
async fn what_comes_back_while_it_drains_is_active_again_and_not_gone_with_its_last_request() {
    let (registry, _inbox) = open().unwrap();
    let old = put(&registry, netmarks("a").unwrap()).await;
    let request = registry.current();
    put(&registry, in_mode(Mode::Active, of("a", policy("spread").unwrap()).unwrap())).await;
    assert_eq!(lifecycle_state(&registry, &old), Some(State::Draining));
    // It is back as it was uploaded; the other one waits.
    registry.roll_back(actor()).await.unwrap();
    assert_eq!(lifecycle_state(&registry, &old), Some(State::Active));
    assert_eq!(shown(&registry), ["a active", "a ready"]);
    drop(request);
    let report = registry.report();
    assert_eq!(report.policies.len(), 2);
    assert_eq!(lifecycle_state(&registry, &old), Some(State::Active));
}

#[tokio::test]
async fn rolling_back_goes_back_one_set_and_says_when_there_is_none() {
    let (registry, _inbox) = open().unwrap();
    assert!(matches!(registry.roll_back(actor()).await, Err(Refusal::NoHistory)));
    put(&registry, netmarks("a").unwrap()).await;
    put(&registry, in_mode(Mode::Shadow, of("s", policy("spread").unwrap()).unwrap())).await;
    put(&registry, netmarks("b").unwrap()).await;
    assert_eq!(registry.report().earlier, [2]);
    let back = registry.roll_back(actor()).await.unwrap();
    assert_eq!((back.generation, back.changed), (4, true));
    // A shadow answers nobody, so it is no part of what is put back or taken away.
    assert_eq!(shown(&registry), ["a active", "b ready", "s shadow"]);
    assert_eq!(answering(&registry, "any"), ["a"]);
    // Back again: the set that answered before this one.
    registry.roll_back(actor()).await.unwrap();
    assert_eq!(shown(&registry), ["a active", "b active", "s shadow"]);
    // What was removed comes back as well.
    registry.remove(name("a").unwrap(), UPLOAD, actor()).await.unwrap();
    assert_eq!(answering(&registry, "any"), ["b"]);
    registry.roll_back(actor()).await.unwrap();
    assert_eq!(answering(&registry, "any"), ["a", "b"]);
    assert!(near(decide(&registry, &NODES).shares(), &[0.5, 0.6875, 1.0, 0.0]));
}

#[tokio::test]
async fn a_policy_is_tried_on_recent_requests_before_it_is_taken() {
    let (registry, _inbox) = open().unwrap();
    let bad = hostile("bad", "short").unwrap();
    registry.try_on(Arc::new(|needs| vec![told(&NODES[..3], needs), told(&NODES, needs)]));
    let refusal = registry.submit(bad.clone()).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Replay(_)), "{refusal}");
    let reason = netmarks_core::errors::chain(&refusal);
    assert!(reason.contains("recent requests") && reason.contains("3 scores for 4 candidates"), "{reason}");
    assert!(registry.current().active.is_empty());
    put(&registry, netmarks("good").unwrap()).await;
    registry.try_on(Arc::new(|needs| vec![told(&NODES[..3], needs)]));
    put(&registry, bad).await;
    assert_eq!(answering(&registry, "any"), ["bad", "good"]);
}

/// The shadows' numbers by hand: what answers scores 80, 110, 160, 0 bytes per second.
#[tokio::test]
async fn shadows_are_compared_with_what_answers() {
    let (registry, inbox) = open().unwrap();
    put(&registry, netmarks("live").unwrap()).await;
    assert_eq!(leave_for_shadows(&registry, &NODES, &[0.0; 4]), None, "nobody listens");
    put(&registry, in_mode(Mode::Shadow, netmarks("same").unwrap())).await;
    // Spread has no preference here, so any of the four nodes may be its choice.
    let spread = of("spread", policy("spread").unwrap()).unwrap();
    put(&registry, in_mode(Mode::Shadow, spread)).await;
    put(&registry, in_mode(Mode::Shadow, hostile("bad", "trap").unwrap())).await;

    let stop = CancellationToken::new();
    let watch = tokio::spawn(registry.clone().watch(inbox, stop.clone()));
    for _ in 0..3 {
        let shares = decide(&registry, &NODES).shares().unwrap().to_vec();
        assert_eq!(leave_for_shadows(&registry, &NODES, &shares), Some(true));
    }
    // What the active set would do if it preferred the first node, where the shadow wants the third.
    assert_eq!(leave_for_shadows(&registry, &NODES, &[1.0, 0.0, 0.0, 0.0]), Some(true));
    let report = async || loop {
        let report = registry.shadow_report();
        if report.iter().all(|shadow| shadow.requests + shadow.faults == 4) {
            return report;
        }
        tokio::task::yield_now().await;
    };
    let report = tokio::time::timeout(std::time::Duration::from_secs(60), report()).await.unwrap();
    let of = |name: &str| report.iter().find(|shadow| shadow.name == name).unwrap();

    let same = of("same");
    assert_eq!((same.requests, same.other_node, same.faults), (4, 1, 0));
    assert!((same.other_node_ratio - 0.25).abs() < 1e-12);
    assert!((same.active_local_bytes_per_second - (3.0 * 160.0 + 80.0)).abs() < 1e-9);
    assert!((same.shadow_local_bytes_per_second - 4.0 * 160.0).abs() < 1e-9);
    assert!((same.local_bytes_change.unwrap() - (640.0 / 560.0 - 1.0)).abs() < 1e-12);
    // Three times the same order, and once, by scipy.stats.spearmanr([1, 0, 0, 0], [80, 110, 160, 0]), -0.258....
    let once = -0.258_198_889_747_161_15;
    assert!((same.rank_correlation.unwrap() - (3.0 + once) / 4.0).abs() < 1e-12, "{same:?}");
    assert!(same.p50_microseconds > 0 && same.p99_microseconds >= same.p50_microseconds);

    let spread = of("spread");
    assert_eq!((spread.requests, spread.other_node, spread.rank_correlation), (4, 0, None));
    assert!((spread.shadow_local_bytes_per_second - 4.0 * (80.0 + 110.0 + 160.0) / 4.0).abs() < 1e-9);

    let bad = of("bad");
    assert_eq!((bad.requests, bad.faults), (0, 4));
    assert!(bad.last_fault.as_ref().unwrap().contains("it trapped"), "{bad:?}");
    assert_eq!(shown(&registry), ["bad shadow", "live active", "same shadow", "spread shadow"]);

    // What is no shadow any more is forgotten.
    registry.set_mode(name("same").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert!(registry.shadow_report().iter().all(|shadow| shadow.name != "same"));
    stop.cancel();
    watch.await.unwrap();
}
