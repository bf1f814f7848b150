//! What answers: places, combined scores, canaries, draining, going back by hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use crate::support::{
    CANARY, LEAVE_NOTHING_ACTIVE, NODES, actor, answering, decide, earlier, guest, hostile, in_mode,
    lifecycle_state, name, near, netmarks, of, open, policy, put, shown, told,
};
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_policies::{Mode, Origin, Refusal, RevisionId, State};

const UPLOAD: Origin = Origin::Upload;

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
        let options = LEAVE_NOTHING_ACTIVE;
        registry.set_mode_with(name("a").unwrap(), mode, options, UPLOAD, actor()).await.unwrap();
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
    assert_eq!(earlier(&registry), [2]);
    let back = registry.roll_back(actor()).await.unwrap();
    assert_eq!((back.generation, back.changed), (4, true));
    // A shadow answers nobody, so it is not part of what is put back or taken away.
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
