//! Shadows: what they would have chosen, beside what answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use crate::support::{
    Background, NODES, actor, decide, hostile, in_mode, leave_for_shadows, name, netmarks, of, open, policy,
    put, shown,
};
use netmarks_policies::{Mode, Origin, Spread};

const UPLOAD: Origin = Origin::Upload;

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

    let background = Background::run(&registry, inbox);
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
    assert!((same.active_local_bytes_per_second.mean - (3.0 * 160.0 + 80.0) / 4.0).abs() < 1e-9);
    assert!((same.active_local_bytes_per_second.deviation - 40.0).abs() < 1e-9);
    assert_eq!(same.shadow_local_bytes_per_second, Spread { mean: 160.0, deviation: 0.0 });
    assert!((same.local_bytes_change.unwrap() - (640.0 / 560.0 - 1.0)).abs() < 1e-12);
    // Three times the same order, and once, by scipy.stats.spearmanr([1, 0, 0, 0], [80, 110, 160, 0]), -0.258....
    let once = -0.258_198_889_747_161_15;
    assert!((same.rank_correlation.unwrap() - (3.0 + once) / 4.0).abs() < 1e-12, "{same:?}");
    assert!(same.p50_microseconds > 0 && same.p99_microseconds >= same.p50_microseconds);

    let spread = of("spread");
    assert_eq!((spread.requests, spread.other_node, spread.rank_correlation), (4, 0, None));
    assert!((spread.shadow_local_bytes_per_second.mean - (80.0 + 110.0 + 160.0) / 4.0).abs() < 1e-9);

    let bad = of("bad");
    assert_eq!((bad.requests, bad.faults), (0, 4));
    assert!(bad.last_fault.as_ref().unwrap().contains("it trapped"), "{bad:?}");

    // Time and memory of every call, for answers and beside them.
    let calls = registry.call_reports();
    assert_eq!(calls.len(), 4);
    let sum = |column: &[u32]| column.iter().sum::<u32>();
    for (name, called, failed) in [("live", 3, 0), ("same", 4, 0), ("spread", 4, 0), ("bad", 4, 4)] {
        let of = &calls.iter().find(|of| of.name == name).unwrap().steps;
        assert_eq!((sum(&of.calls), sum(&of.faults)), (called, failed), "{of:?}");
        let used = of.most_memory_bytes.iter().max().unwrap();
        assert_eq!(*used > 0, failed == 0, "{of:?}");
        assert!(of.most_microseconds.iter().zip(&of.mean_microseconds).all(|(most, mean)| most >= mean));
    }
    assert_eq!(shown(&registry), ["bad shadow", "live active", "same shadow", "spread shadow"]);

    // What is no longer a shadow is forgotten.
    registry.set_mode(name("same").unwrap(), Mode::Active, UPLOAD, actor()).await.unwrap();
    assert!(registry.shadow_report().iter().all(|shadow| shadow.name != "same"));
    background.stop().await;
}
