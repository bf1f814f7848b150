//! The API server: pods as they are watched, a node, and an eviction with what came of it.

use std::time::Duration;

use futures::stream::{BoxStream, SelectAll, StreamExt as _, select_all};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::core::Status;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Client};
use netmarks_sources::kubernetes::brief;
use tokio::time::timeout;

use crate::moves::Move;
use crate::seen::{NodeSeen, Pods};

/// How long one request may take; admission webhooks have 30 s at most.
pub(crate) const REQUEST: Duration = Duration::from_secs(40);

/// A pod that has finished needs no move, and neither is it in the way.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Objects per page of a list, as `client-go` has it.
const PAGE_SIZE: u32 = 500;

/// What the API server said to an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The pod ends.
    Accepted,
    /// There is no pod of this name with this uid.
    Missing,
    /// Not now: a budget, or the API server has too much to do.
    Refused(String),
    /// Nothing that says what became of it.
    Unanswered(String),
    /// Never: a right, an admission webhook.
    Denied(String),
}

/// Asks to evict the pod of a move, if it still has this uid. With `dry_run`, everything is checked and nothing is done.
pub(crate) async fn evict(client: &Client, planned: &Move, uid: &str, dry_run: bool) -> Answer {
    let (namespace, name) = planned.parts();
    let eviction = Eviction {
        // The client's own `evict` calls this field `delete_options`, which the API server does not read.
        delete_options: Some(DeleteOptions {
            preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None }),
            ..DeleteOptions::default()
        }),
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
    };
    let parameters = PostParams { dry_run, field_manager: None };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let asked = pods.create_subresource::<_, Status>("eviction", name, &parameters, &eviction);
    match timeout(REQUEST, asked).await {
        Ok(Ok(_)) => Answer::Accepted,
        Ok(Err(kube::Error::Api(status))) => answer(&status),
        Ok(Err(error)) => Answer::Unanswered(brief(&error)),
        Err(_) => Answer::Unanswered(format!("no answer within {} s", REQUEST.as_secs())),
    }
}

fn answer(status: &Status) -> Answer {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let texts = std::iter::once(&status.message).chain(causes.map(|cause| &cause.message));
    let texts: Vec<&str> =
        texts.map(|text| text.trim_end_matches('.')).filter(|text| !text.is_empty()).collect();
    let text = texts.join(": ");
    match status.code {
        // 409: the uid is another one, so the pod that was meant is gone.
        404 | 409 => Answer::Missing,
        429 => Answer::Refused(text),
        500.. => Answer::Unanswered(text),
        _ => Answer::Denied(text),
    }
}

/// The node of this name, as it is now. Needs the right to list nodes and no other.
pub(crate) async fn node(client: &Client, name: &str) -> Result<NodeSeen, String> {
    let nodes: Api<Node> = Api::all(client.clone());
    let only = ListParams::default().fields(&format!("metadata.name={name}"));
    match timeout(REQUEST, nodes.list(&only)).await {
        Ok(Ok(list)) => Ok(NodeSeen::of(list.items.first())),
        Ok(Err(error)) => Err(brief(&error)),
        Err(_) => Err(format!("no answer within {} s", REQUEST.as_secs())),
    }
}

/// What a watch said.
pub(crate) enum Said {
    Pods,
    /// It is tried again.
    Failed(Failure),
}

/// A watch that failed.
pub(crate) struct Failure {
    pub(crate) namespace: String,
    pub(crate) error: String,
    /// Whether a right is missing, or the credentials are not valid.
    pub(crate) refused: bool,
}

/// The pods of some namespaces, kept as the API server tells them.
pub(crate) struct Watch {
    events: SelectAll<BoxStream<'static, (String, watcher::Result<watcher::Event<Pod>>)>>,
    namespaces: Vec<String>,
    pub(crate) pods: Pods,
}

impl Watch {
    pub(crate) fn start(client: &Client, moves: &[Move]) -> Self {
        let mut namespaces: Vec<String> = moves.iter().map(|planned| planned.parts().0.to_owned()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let events = namespaces.iter().map(|namespace| {
            let config = Config::default().fields(UNFINISHED).page_size(PAGE_SIZE);
            let name = namespace.clone();
            let events = watcher(Api::<Pod>::namespaced(client.clone(), namespace), config).default_backoff();
            events.map(move |event| (name.clone(), event)).boxed()
        });
        Self { events: select_all(events), namespaces, pods: Pods::default() }
    }

    /// Whether every namespace was listed once.
    pub(crate) fn is_complete(&self) -> bool {
        self.namespaces.iter().all(|namespace| self.pods.is_listed(namespace))
    }

    /// Waits for the next event, and takes it. Cancel safe: an event is taken as soon as it is there.
    pub(crate) async fn next(&mut self) -> Said {
        match self.events.next().await {
            Some((namespace, Ok(event))) => {
                self.pods.take(&namespace, event);
                Said::Pods
            }
            Some((namespace, Err(error))) => {
                let refused = is_refused(&error);
                Said::Failed(Failure { namespace, error: brief(&error), refused })
            }
            // Without a namespace there is nothing to watch, and no watch ends by itself.
            None => std::future::pending().await,
        }
    }
}

fn is_refused(error: &watcher::Error) -> bool {
    let mut causes =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    causes.any(|cause| match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => matches!(status.code, 401 | 403),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(code: u16, causes: &serde_json::Value) -> Answer {
        let status = json!({"code": code, "message": "Cannot evict it.", "details": {"causes": causes}});
        answer(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn what_an_answer_means() {
        let said = "Cannot evict it: it needs 3 healthy pods and has 3".to_owned();
        let causes = json!([{"reason": "DisruptionBudget", "message": "it needs 3 healthy pods and has 3"}]);
        assert_eq!(of(429, &causes), Answer::Refused(said));
        assert_eq!(of(404, &json!([])), Answer::Missing);
        assert_eq!(of(409, &json!([])), Answer::Missing);
        assert_eq!(of(403, &json!([])), Answer::Denied("Cannot evict it".to_owned()));
        assert_eq!(of(400, &json!([])), Answer::Denied("Cannot evict it".to_owned()));
        assert_eq!(of(500, &json!([])), Answer::Unanswered("Cannot evict it".to_owned()));
        assert_eq!(of(503, &json!([])), Answer::Unanswered("Cannot evict it".to_owned()));
    }
}
