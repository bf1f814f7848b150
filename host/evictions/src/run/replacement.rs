//! What a run does while the replacement of a pod is awaited that was evicted.

use std::time::Duration;

use super::{Action, Facts, Run};
use crate::event::{Event, Subject, Unreplaced};
use crate::moves::Move;
use crate::seen::{ControllerSeen, PodSeen};
use crate::stop::Stop;

impl Run {
    pub(super) fn replacement(
        &self,
        number: usize,
        planned: &Move,
        subject: &Subject,
        since: Duration,
        facts: &Facts<'_>,
        now: Duration,
    ) -> Action {
        let (namespace, _) = planned.parts();
        let pods = facts.pods;
        let alive = || pods.of(namespace, &subject.controller.uid).filter(|(_, pod)| !pod.terminating);
        let new = || alive().filter(|(_, pod)| !subject.known.contains(&pod.uid));
        let leaves = pods.get(&planned.pod).is_some_and(|pod| pod.uid == subject.pod_uid);
        let ready = new().filter_map(|(name, pod)| Some((name, pod.node.as_ref().filter(|_| pod.ready)?)));
        // One where it should be goes first: that another came at the same time does not make the move fail.
        let found = ready.min_by_key(|(name, node)| (!planned.is_there(node), *name));
        if let (Some((name, node)), false) = (found, leaves) {
            let event = Event::Replaced { by: format!("{namespace}/{name}"), node: node.clone() };
            return Action::Record { number, event };
        }
        if !leaves && new().next().is_none() {
            let Some(seen) = facts.controller else {
                return Action::See {
                    namespace: namespace.to_owned(),
                    controller: subject.controller.clone(),
                };
            };
            if let Some(why) = Unreplaced::by(seen, alive().count()) {
                return Action::Record { number, event: Event::Unreplaced { why } };
            }
        }
        let until = since + Duration::from_secs(subject.grace_seconds) + self.limits.ready_within;
        if now < until {
            return Action::Wait { until };
        }
        let state = match (new().min_by_key(|(name, _)| *name), leaves) {
            (_, true) if found.is_some() => "its replacement is ready, but it has not ended".to_owned(),
            (None, true) => "it has not ended".to_owned(),
            (None, false) => {
                let unseen = match facts.controller {
                    Some(ControllerSeen::Unknown { why }) => {
                        format!(", and how many pods it wants cannot be seen: {why}")
                    }
                    _ => String::new(),
                };
                format!("its controller has made no replacement{unseen}")
            }
            (Some((name, PodSeen { node: Some(node), .. })), _) => {
                format!("its replacement {namespace}/{name} on {node} is not ready")
            }
            (Some((name, PodSeen { unschedulable, .. })), _) => {
                let why = unschedulable.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                format!("its replacement {namespace}/{name} is pending{why}")
            }
        };
        let seconds = until.saturating_sub(since).as_secs();
        Action::Stop(Stop::NotReplaced { pod: planned.pod.clone(), seconds, state })
    }
}
