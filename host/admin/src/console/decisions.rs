//! `GET /v1/decisions`: the last decisions, whole or in brief.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Response, header};
use netmarks_scoring::{Agreement, DecisionFilter, Decisions, Door, Empty, Remembered};
use netmarks_server::streamed;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::shared::Console;
use crate::error_answer::{ErrorAnswer, ErrorBody};

/// Decisions of an answer unless the request says how many. At most there are as many as are kept.
const USUAL: usize = 20;

/// Which decisions to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionParameters {
    /// At most so many, newest first; 20 unless it says.
    limit: Option<usize>,
    /// Only those of this pod, `NAMESPACE/NAME`.
    pub(crate) pod: Option<String>,
    /// Only the one that a pod names by this id.
    id: Option<String>,
    /// Only the one of this serial.
    serial: Option<String>,
    /// Only of pods of this application, `NAMESPACE/NAME`.
    pub(crate) application: Option<String>,
    /// Only those whose best node this is, or whose pod went there.
    pub(crate) node: Option<String>,
    /// Only by `extender` or `admission`.
    pub(crate) door: Option<Door>,
    /// Only those that compare so with where the pod went: `agrees`, `differs`, `empty` or `unknown`.
    outcome: Option<Agreement>,
    /// Only those older than the one of this serial.
    before: Option<String>,
    /// Whether each is in brief.
    brief: Option<bool>,
}

impl DecisionParameters {
    pub(crate) fn filter(&self) -> DecisionFilter {
        let Self { limit: _, pod, id, serial, application, node, door, outcome, before, brief: _ } = self;
        DecisionFilter {
            pod: pod.clone(),
            id: id.clone(),
            serial: serial.clone(),
            application: application.clone(),
            node: node.clone(),
            door: *door,
            agreement: *outcome,
            before: before.clone(),
        }
    }
}

/// A decision in brief.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// Names it.
    serial: String,
    /// Seconds since the Unix epoch.
    at: f64,
    door: Door,
    /// `NAMESPACE/NAME`.
    pod: String,
    /// `NAMESPACE/NAME`.
    #[schema(required)]
    application: Option<String>,
    /// `null` if no node has a score.
    #[schema(required)]
    best: Option<Best>,
    /// The node that the pod was seen on.
    #[schema(required)]
    chosen: Option<String>,
    /// Whether that is one of the best; `null` where it is not known, or no node has a score.
    #[schema(required)]
    agrees: Option<bool>,
    /// Why no node has a score.
    #[schema(required)]
    empty: Option<Empty>,
    generation: u64,
    canary: bool,
    /// Those that were asked.
    policies: Vec<String>,
    /// How many of them failed.
    faults: usize,
    /// Nodes that were offered.
    candidates: usize,
    /// Nodes that have a score.
    named: usize,
    took_microseconds: u64,
}

/// The best node of a decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Best {
    node: String,
    score: u32,
    /// In the unit of the policy, such as bytes per second.
    raw: f64,
}

impl From<&Remembered> for Summary {
    fn from(remembered: &Remembered) -> Self {
        let Remembered { serial, chosen, decision } = remembered;
        let best = decision.nodes.first().filter(|_| decision.empty.is_none());
        let agrees = match Agreement::new(decision, chosen.as_deref()) {
            Agreement::Agrees => Some(true),
            Agreement::Differs => Some(false),
            Agreement::Empty | Agreement::Unknown => None,
        };
        Self {
            serial: serial.clone(),
            at: decision.at,
            door: decision.door,
            pod: decision.pod.clone(),
            application: decision.application.as_ref().map(ToString::to_string),
            best: best.map(|best| Best { node: best.node.clone(), score: best.score, raw: best.raw }),
            chosen: chosen.clone(),
            agrees,
            empty: decision.empty,
            generation: decision.generation,
            canary: decision.canary,
            policies: decision.policies.iter().map(|policy| policy.policy.clone()).collect(),
            faults: decision.policies.iter().filter(|policy| policy.fault.is_some()).count(),
            candidates: decision.candidates,
            named: decision.named,
            took_microseconds: decision.took_microseconds,
        }
    }
}

/// The decisions that are asked for, written on another thread while they are read.
///
/// # Errors
/// If no thread is free for it.
pub(crate) fn list(
    lists: &Arc<Semaphore>,
    decisions: Arc<Decisions>,
    query: DecisionParameters,
) -> Result<Response<Body>, ErrorAnswer> {
    let permit = lists.clone().try_acquire_owned().map_err(|_| ErrorAnswer::busy())?;
    let body = streamed(permit, move |to| {
        let recent = decisions.recent(query.limit.unwrap_or(USUAL), &query.filter());
        if query.brief == Some(true) {
            let recent: Vec<Summary> = recent.iter().map(Summary::from).collect();
            return Ok(serde_json::to_writer(to, &recent)?);
        }
        Ok(serde_json::to_writer(to, &recent)?)
    });
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

/// The last decisions, newest first.
#[utoipa::path(
    get, path = "/v1/decisions", tag = "decisions", params(DecisionParameters),
    responses(
        (status = 200, body = Vec<Remembered>, description = "With `brief=true`, an array of `Summary`"),
        (status = 400, body = ErrorBody), (status = 503, body = ErrorBody, description = "Ask again"),
    )
)]
pub(super) async fn all(
    State(console): State<Console>,
    query: Result<Query<DecisionParameters>, QueryRejection>,
) -> Result<Response<Body>, ErrorAnswer> {
    let Query(query) = query?;
    list(&console.lists, console.decisions.clone(), query)
}
