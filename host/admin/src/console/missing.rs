//! Why there is nothing to see.

use netmarks_map::Scene;
use netmarks_state::{ClusterOrigin, ClusterState, MetricsState};
use serde::Serialize;
use utoipa::ToSchema;

/// Why there are no flows, and where to look further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Missing {
    pub(crate) reason: Reason,
    /// A sentence.
    pub(crate) says: String,
    /// The line of `netmarks doctor` that says more; `null` for a file and for the demo, behind which there is nothing to examine.
    #[schema(required)]
    pub(crate) doctor: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    NoPods,
    NoMetricsSource,
    MetricsNotAnswered,
    MetricsFailing,
    NoFlows,
}

/// What is missing in `scene`, if there is nothing to see.
pub(super) fn missing(state: &ClusterState, scene: &Scene) -> Option<Missing> {
    if !scene.flows.is_empty() && !scene.nodes.is_empty() {
        return None;
    }
    let (reason, says) = if state.origin() == ClusterOrigin::Sources {
        of_sources(state, scene)
    } else if scene.nodes.is_empty() {
        (Reason::NoPods, "the snapshot has no nodes".to_owned())
    } else {
        (Reason::NoFlows, "the snapshot has no flows".to_owned())
    };
    let doctor = (state.origin() == ClusterOrigin::Sources).then_some(match reason {
        Reason::NoPods => "watches",
        Reason::NoMetricsSource | Reason::MetricsNotAnswered | Reason::MetricsFailing => "metrics store",
        Reason::NoFlows => "series",
    });
    Some(Missing { reason, says, doctor })
}

fn of_sources(state: &ClusterState, scene: &Scene) -> (Reason, String) {
    let error = state.health().metrics.report().last_error;
    match (state.readiness().metrics, error) {
        _ if scene.nodes.is_empty() => {
            (Reason::NoPods, "neither nodes nor pods have been listed yet".to_owned())
        }
        (_, Some(error)) => (Reason::MetricsFailing, format!("the metrics store does not answer: {error}")),
        (MetricsState::Absent, None) => {
            (Reason::NoMetricsSource, "`metrics.url` is not set, so nobody measures flows".to_owned())
        }
        (MetricsState::NotYet, None) => {
            (Reason::MetricsNotAnswered, "the metrics store has not answered yet".to_owned())
        }
        (MetricsState::Answered { .. }, None) => {
            let says = "the metrics store answers, and has no traffic between applications";
            (Reason::NoFlows, says.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netmarks_core::index::Index;
    use netmarks_doctor::{METRICS_STORE, SERIES, WATCHES};
    use netmarks_map::{Flow, Node};

    #[test]
    fn each_reason_names_the_line_of_doctor_that_says_more() {
        let nothing = Scene::default();
        let nodes = Scene { nodes: vec![Node::default()], ..Scene::default() };
        let state = ClusterState::new;
        let failing = |metrics| {
            let state = state(metrics);
            state.health().metrics.record_failure("connection refused".to_owned());
            state
        };
        let answered = MetricsState::Answered { at: 1.0 };
        let file = || ClusterState::fixed(Index::default());
        for (state, scene, reason, doctor, says) in [
            (state(MetricsState::NotYet), &nothing, Reason::NoPods, Some(WATCHES), "listed yet"),
            (failing(MetricsState::NotYet), &nothing, Reason::NoPods, Some(WATCHES), "listed yet"),
            (
                state(MetricsState::Absent),
                &nodes,
                Reason::NoMetricsSource,
                Some(METRICS_STORE),
                "`metrics.url`",
            ),
            (
                state(MetricsState::NotYet),
                &nodes,
                Reason::MetricsNotAnswered,
                Some(METRICS_STORE),
                "answered yet",
            ),
            (
                failing(MetricsState::NotYet),
                &nodes,
                Reason::MetricsFailing,
                Some(METRICS_STORE),
                ": connection refused",
            ),
            (failing(answered), &nodes, Reason::MetricsFailing, Some(METRICS_STORE), ": connection refused"),
            (state(answered), &nodes, Reason::NoFlows, Some(SERIES), "no traffic"),
            (file(), &nodes, Reason::NoFlows, None, "the snapshot has no flows"),
            (file(), &nothing, Reason::NoPods, None, "the snapshot has no nodes"),
            (ClusterState::demo(Index::default()), &nodes, Reason::NoFlows, None, "no flows"),
        ] {
            let found = missing(&state, scene).unwrap();
            assert_eq!((found.reason, found.doctor), (reason, doctor), "{}", found.says);
            assert!(found.says.contains(says), "{}", found.says);
        }
        let flows = vec![Flow { source: 0, destination: 0, bytes_per_second: 1.0 }];
        assert_eq!(missing(&failing(answered), &Scene { flows, ..nodes }), None);
    }
}
