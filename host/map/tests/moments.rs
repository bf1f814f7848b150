//! The last hour.

use netmarks_map::{Amounts, History, MapQuery, MapView, Placed, Scene};
use proptest::prelude::*;

use crate::scenes::{any_scene, application, counted, flow, node, small};
use crate::size::large;

const HOUR: f64 = 3_600.0;

/// Node by node and application by application; rates as nearly as they are kept.
fn assert_like(kept: &Scene, scene: &Scene) {
    let names = |scene: &Scene| -> Vec<(String, u32)> {
        scene.nodes.iter().map(|node| (node.name.clone(), node.pods)).collect()
    };
    let mut expected = names(scene);
    let mut found = names(kept);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let placed = |scene: &Scene| -> Vec<(String, String, u32)> {
        let each = scene.applications.iter().flat_map(|application| {
            let at = |placed: &Placed| {
                (application.name.to_string(), scene.nodes[placed.node as usize].name.clone(), placed.pods)
            };
            application.placement.iter().map(at).collect::<Vec<_>>()
        });
        let mut each: Vec<_> = each.collect();
        each.sort_unstable();
        each
    };
    assert_eq!(placed(kept), placed(scene));
    let (one, other) = (totals(kept), totals(scene));
    assert!((one - other).abs() <= other * 0.005 + 1e-6, "{one} was kept of {other}");
    assert_eq!(kept.flows.len(), scene.flows.len());
}

fn totals(scene: &Scene) -> f64 {
    scene.flows.iter().map(|flow| flow.bytes_per_second).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_moment_can_be_asked_for(scenes in prop::collection::vec(any_scene(), 1..8)) {
        let mut history = History::new(32 << 20, HOUR);
        for (at, scene) in scenes.iter().enumerate() {
            history.push(at as f64 * 30.0, scene);
        }
        for (at, scene) in scenes.iter().enumerate() {
            assert_like(&history.at(at as f64 * 30.0 + 29.0).unwrap(), scene);
        }
        prop_assert_eq!(history.frames().len(), scenes.len());
        prop_assert!(history.at(-1.0).is_none());
    }
}

#[test]
fn a_small_cluster_is_kept_as_it_was() {
    let mut history = History::new(32 << 20, HOUR);
    history.push(1.0, &small());
    let mut later = small();
    later.flows[1].bytes_per_second = 400.0;
    later.applications[3].placement = vec![Placed { node: 1, pods: 2 }];
    later.at = Some(130.0);
    history.push(31.0, &later);
    assert_eq!(history.at(30.0).unwrap(), small());
    assert_eq!(history.at(1e9).unwrap().at, Some(130.0));
    assert_eq!(totals(&history.at(31.0).unwrap()), 483.0);
    let view = MapView::new(&history.at(1.0).unwrap(), &MapQuery::default());
    assert_eq!(view, MapView::new(&small(), &MapQuery::default()));
    let frames = history.frames();
    assert_eq!((frames[0].pods, frames[0].amounts), (7, view.totals));
}

#[test]
fn what_is_older_than_the_hour_is_forgotten() {
    let mut history = History::new(32 << 20, HOUR);
    for at in 0..300 {
        let mut scene = small();
        scene.flows[1].bytes_per_second = f64::from(at);
        history.push(f64::from(at) * 30.0, &scene);
    }
    let frames = history.frames();
    assert_eq!((frames.len(), frames[0].at), (121, 179.0 * 30.0));
    assert_eq!(
        history
            .at(179.0 * 30.0)
            .unwrap()
            .flows
            .iter()
            .find(|flow| flow.source == 3)
            .unwrap()
            .bytes_per_second,
        179.0
    );
    assert!(history.at(178.0 * 30.0).is_none());
}

#[test]
fn small_changes_add_up() {
    let mut history = History::new(32 << 20, HOUR);
    for at in 0..100 {
        let mut scene = small();
        scene.flows[0].bytes_per_second = 1_000.0 * 1.003f64.powi(at);
        history.push(f64::from(at), &scene);
        let kept = history.at(f64::from(at)).unwrap();
        let rate = kept.flows.iter().map(|flow| flow.bytes_per_second).fold(0.0, f64::max);
        assert!((rate / scene.flows[0].bytes_per_second - 1.0).abs() < 0.005, "{rate}");
    }
}

mod hostile {
    use super::*;

    #[test]
    fn a_large_cluster_that_changes_all_the_time_stays_within_its_memory() {
        let mut scene = large();
        // The usual memory has an hour of them; a smaller one has not even the first.
        for (most, moments, kept) in [(4 << 20, 30, 0), (32 << 20, 121, 121)] {
            let mut history = History::new(most, HOUR);
            for at in 0..moments {
                for (index, flow) in scene.flows.iter_mut().enumerate() {
                    flow.bytes_per_second *= if (index + at).is_multiple_of(2) { 1.03 } else { 1.0 / 1.03 };
                }
                for application in scene.applications.iter_mut().skip(at % 30).step_by(30) {
                    for placed in &mut application.placement {
                        placed.pods += 1;
                    }
                }
                history.push(at as f64 * 30.0, &scene);
                assert!(history.bytes() <= most, "{} of {most}", history.bytes());
            }
            eprintln!(
                "{} moments of 5,000 nodes whose flows all change take {} bytes of {most}",
                history.frames().len(),
                history.bytes()
            );
            assert_eq!(history.frames().len(), kept);
            assert_eq!(history.at(0.0).is_some(), kept > 0, "the oldest can be asked for, too");
        }
    }

    #[test]
    fn names_that_come_and_go_are_forgotten() {
        let mut history = History::new(8 << 20, 300.0);
        for at in 0..2_000u32 {
            let long = "x".repeat(2_000);
            let scene = counted(Scene {
                at: Some(f64::from(at)),
                zones: vec![netmarks_map::Zone::default()],
                nodes: vec![node(&format!("n{at}-{long}"), 0)],
                applications: vec![application(&format!("ns/{at}-{long}"), &[(0, 1)])],
                flows: vec![flow(0, 0, 5.0)],
            });
            history.push(f64::from(at) * 30.0, &scene);
            assert!(history.bytes() <= 8 << 20);
        }
        assert_eq!(history.frames().len(), 11);
        assert!(history.at(1_995.0 * 30.0).unwrap().nodes[0].name.starts_with("n1995-"));
    }

    #[test]
    fn a_clock_that_jumps_back_begins_again_and_no_memory_keeps_nothing() {
        let mut history = History::new(32 << 20, HOUR);
        history.push(1_000.0, &small());
        history.push(1_030.0, &small());
        history.push(500.0, &small());
        assert_eq!(history.frames().iter().map(|frame| frame.at).collect::<Vec<_>>(), [500.0]);
        history.push(1e12, &small());
        assert_eq!(history.frames().len(), 1, "far ahead, all else is old");
        for most in [0, 10] {
            let mut history = History::new(most, HOUR);
            history.push(1.0, &small());
            assert!(history.frames().is_empty() && history.at(1.0).is_none());
        }
        let mut history = History::new(1 << 20, HOUR);
        history.push(1.0, &Scene::default());
        assert_eq!(history.frames()[0].amounts, Amounts::default());
    }
}
