//! Kubernetes events about one policy: one for each change of its condition, none for repetitions.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource as _};
use netmarks_core::errors::chain;

use crate::decide::ReplicaCondition;
use crate::resource::ScoringPolicy;
use crate::status::ReplicaState;
use netmarks_core::bounded::beginning;

/// Longest note that the API server takes, in bytes.
const NOTE_BYTES: usize = 1_024;

/// Publishes events about one policy, as one replica.
pub(crate) struct EventPublisher {
    client: Client,
    reporter: Reporter,
    recorder: Recorder,
    last: Option<(i64, ReplicaCondition)>,
    /// The note that the recorder has for each reason.
    notes: BTreeMap<&'static str, String>,
}

impl EventPublisher {
    pub(crate) fn new(client: Client, replica: &str) -> Self {
        let reporter = Reporter {
            controller: "netmarks".to_owned(),
            instance: Some(beginning(replica, 128).to_owned()),
        };
        let recorder = Recorder::new(client.clone(), reporter.clone());
        Self { client, reporter, recorder, last: None, notes: BTreeMap::new() }
    }

    /// Publishes `condition` of a generation of the policy, if it differs from the last. A failure is only logged, because
    /// the status says the same.
    pub(crate) async fn publish(
        &mut self,
        object: &DynamicObject,
        generation: i64,
        condition: &ReplicaCondition,
    ) {
        if self.last.as_ref().is_some_and(|(of, last)| *of == generation && last == condition) {
            return;
        }
        let (type_, action) = match condition.state {
            ReplicaState::Pending => return,
            ReplicaState::FetchFailed => (EventType::Warning, "Fetch"),
            ReplicaState::Rejected => (EventType::Warning, "Submit"),
            ReplicaState::Degraded => (EventType::Warning, "Withdraw"),
            ReplicaState::Active | ReplicaState::Canary | ReplicaState::Shadow | ReplicaState::Ready => {
                (EventType::Normal, "Submit")
            }
        };
        if self.notes.get(condition.reason).is_some_and(|note| *note != condition.message) {
            // A recorder counts events of one reason as one and keeps the first note. Another note is another event, so
            // it needs a new recorder.
            self.recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            self.notes.clear();
        }
        self.notes.insert(condition.reason, condition.message.clone());
        let event = Event {
            type_,
            reason: condition.reason.to_owned(),
            note: Some(beginning(&condition.message, NOTE_BYTES).to_owned()),
            action: action.to_owned(),
            secondary: None,
        };
        self.last = Some((generation, condition.clone()));
        if let Err(error) = self.recorder.publish(&event, &about(object)).await {
            tracing::warn!(error = chain(&error), "failed to publish an event about a ScoringPolicy");
        }
    }
}

fn about(object: &DynamicObject) -> ObjectReference {
    let mut reference = object.object_ref(&ApiResource::erase::<ScoringPolicy>(&()));
    // Every write of a status makes another version, and events about each would not be counted as one.
    reference.resource_version = None;
    reference
}
