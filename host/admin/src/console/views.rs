//! `GET /v1/map`, `/v1/applications`, `/v1/nodes` and `/v1/history`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use netmarks_map::{
    ApplicationList, ApplicationView, Filter, Frame, ListQuery, MapQuery, MapView, NodeView, Sort,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::missing::{Missing, missing};
use super::replica::{NextReplica, next_replica};
use super::shared::Console;
use crate::answers::json;
use crate::error_answer::{ErrorAnswer, ErrorBody, bad_request};

/// Most nodes that can be asked for by name.
const NODES: usize = 64;

/// Most applications of one page, and how many there are unless it says.
const PAGE: usize = 500;
const USUAL_PAGE: usize = 50;

type Answer = Result<Response, ErrorAnswer>;
type Given<T> = Result<Query<T>, QueryRejection>;

/// What to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MapParameters {
    /// Only flows with an end in this namespace, and its pods.
    namespace: Option<String>,
    /// Only flows of this application, `NAMESPACE/NAME`.
    application: Option<String>,
    /// Only flows between applications of at least so many bytes per second.
    at_least: Option<f64>,
    /// Only nodes of the zones of this name; the empty one stands for nodes without a zone.
    zone: Option<String>,
    /// Only these nodes, at most 64, with commas between.
    nodes: Option<String>,
    /// As it was at this time, in seconds since the Unix epoch; see `/v1/history`.
    at: Option<f64>,
}

/// The cluster at one moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MapAnswer {
    #[serde(flatten)]
    view: MapView,
    /// Why there is nothing to see; `null` where there is.
    #[schema(required)]
    missing: Option<Missing>,
}

/// The cluster as a picture needs it: zones, nodes, the heaviest flows between both, applications.
#[utoipa::path(
    get, path = "/v1/map", tag = "cluster", params(MapParameters),
    responses(
        (status = 200, body = MapAnswer), (status = 304, description = "As `If-None-Match` says"),
        (status = 400, body = ErrorBody), (status = 404, body = ErrorBody, description = "Nothing is kept of that time"),
        (status = 503, body = ErrorBody, description = "Ask again"),
    )
)]
pub(super) async fn map(
    State(console): State<Console>,
    query: Given<MapParameters>,
    headers: HeaderMap,
) -> Answer {
    let Query(MapParameters { namespace, application, at_least, zone, nodes, at }) = query?;
    let nodes: Vec<String> = nodes.iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
    if nodes.len() > NODES {
        return Err(bad_request(format!("{} nodes are given; {NODES} are the most", nodes.len())));
    }
    let at_least = at_least.unwrap_or(0.0);
    let query = MapQuery { filter: Filter { namespace, application, at_least }, zone, nodes };
    let (answers, asked) = (console.answers.clone(), format!("map {query:?} {at:?}"));
    let make = move || {
        let scene = console.at(at)?;
        let view = MapView::new(&scene, &query);
        json(&MapAnswer { view, missing: missing(&console.state, &scene) })
    };
    answers.json(&headers, asked, make).await
}

/// Which page of which list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// `beyond` (bytes per second between nodes; unless it says), `total`, `pods` or `name`.
    sort: Option<Order>,
    /// Part of `NAMESPACE/NAME`, in upper or lower case.
    search: Option<String>,
    namespace: Option<String>,
    /// Only flows between applications of at least so many bytes per second.
    at_least: Option<f64>,
    offset: Option<usize>,
    /// At most 500, 50 unless it says.
    limit: Option<usize>,
    /// As it was at this time, in seconds since the Unix epoch.
    at: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    Beyond,
    Total,
    Pods,
    Name,
}

/// Applications in pages.
#[utoipa::path(
    get, path = "/v1/applications", tag = "cluster", params(ListParameters),
    responses(
        (status = 200, body = ApplicationList), (status = 304, description = "As `If-None-Match` says"),
        (status = 400, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn applications(
    State(console): State<Console>,
    query: Given<ListParameters>,
    headers: HeaderMap,
) -> Answer {
    let Query(ListParameters { sort, search, namespace, at_least, offset, limit, at }) = query?;
    let sort = match sort {
        None | Some(Order::Beyond) => Sort::Beyond,
        Some(Order::Total) => Sort::Total,
        Some(Order::Pods) => Sort::Pods,
        Some(Order::Name) => Sort::Name,
    };
    let query = ListQuery {
        sort,
        search: search.unwrap_or_default(),
        offset: offset.unwrap_or(0),
        limit: limit.unwrap_or(USUAL_PAGE).min(PAGE),
    };
    let filter = Filter { namespace, at_least: at_least.unwrap_or(0.0), ..Filter::default() };
    let (answers, asked) = (console.answers.clone(), format!("applications {query:?} {filter:?} {at:?}"));
    let make = move || json(&ApplicationList::new(&*console.at(at)?, &filter, &query));
    answers.json(&headers, asked, make).await
}

/// When to look.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AtParameters {
    /// As it was at this time, in seconds since the Unix epoch; see `/v1/history`.
    at: Option<f64>,
}

/// One application, its peers, and where its next replica would go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplicationAnswer {
    #[serde(flatten)]
    view: ApplicationView,
    /// `null` for another time than now.
    #[schema(required)]
    next_replica: Option<NextReplica>,
}

/// One application: its peers, where they run, and the best nodes of its next replica.
#[utoipa::path(
    get, path = "/v1/applications/{namespace}/{name}", tag = "cluster",
    params(("namespace" = String, Path), ("name" = String, Path), AtParameters),
    responses(
        (status = 200, body = ApplicationAnswer), (status = 304, description = "As `If-None-Match` says"),
        (status = 404, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn application(
    State(console): State<Console>,
    Path((namespace, name)): Path<(String, String)>,
    query: Given<AtParameters>,
    headers: HeaderMap,
) -> Answer {
    let Query(AtParameters { at }) = query?;
    let name = format!("{namespace}/{name}");
    let (answers, asked) = (console.answers.clone(), format!("application {name} {at:?}"));
    let make = move || {
        let scene = console.at(at)?;
        let found = scene.application(&name).and_then(|index| scene.applications.get(index as usize));
        let found = found.and_then(|found| Some((found, ApplicationView::new(&scene, found.name.as_str())?)));
        let (application, view) =
            found.ok_or_else(|| ErrorAnswer::not_found("there is no such application"))?;
        let next_replica = at.is_none().then(|| {
            let filters = console.filters.as_ref();
            let candidates =
                filters.and_then(|filters| filters.candidates(&console.state, application.name.as_str()));
            next_replica(&console.scorer, &scene, application, candidates.as_ref())
        });
        json(&ApplicationAnswer { view, next_replica })
    };
    answers.json(&headers, asked, make).await
}

/// One node: its room, its applications, and whom they talk to on it and elsewhere.
#[utoipa::path(
    get, path = "/v1/nodes/{name}", tag = "cluster", params(("name" = String, Path), AtParameters),
    responses(
        (status = 200, body = NodeView), (status = 304, description = "As `If-None-Match` says"),
        (status = 404, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn node(
    State(console): State<Console>,
    Path(name): Path<String>,
    query: Given<AtParameters>,
    headers: HeaderMap,
) -> Answer {
    let Query(AtParameters { at }) = query?;
    let (answers, asked) = (console.answers.clone(), format!("node {name} {at:?}"));
    let make = move || {
        let view = NodeView::new(&*console.at(at)?, &name);
        json(&view.ok_or_else(|| ErrorAnswer::not_found("there is no such node"))?)
    };
    answers.json(&headers, asked, make).await
}

/// The times that can be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    /// Seconds since the Unix epoch; `null` where nothing is kept.
    #[schema(required)]
    oldest: Option<f64>,
    #[schema(required)]
    newest: Option<f64>,
    /// Seconds from one frame to the next.
    interval_seconds: u64,
    /// Memory that it takes, and that it may take.
    bytes: usize,
    most_bytes: usize,
    /// The oldest first.
    frames: Vec<Frame>,
}

/// The times that can be asked for with `at`, and how much traffic went how far then.
#[utoipa::path(
    get, path = "/v1/history", tag = "cluster",
    responses(
        (status = 200, body = HistoryAnswer), (status = 304, description = "As `If-None-Match` says"),
        (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn history(State(console): State<Console>, headers: HeaderMap) -> Answer {
    let answers = console.answers.clone();
    let make = move || {
        let history = console.history.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let frames = history.frames();
        json(&HistoryAnswer {
            oldest: frames.first().map(|frame| frame.at),
            newest: frames.last().map(|frame| frame.at),
            interval_seconds: super::follow::INTERVAL.as_secs(),
            bytes: history.bytes(),
            most_bytes: history.most_bytes(),
            frames,
        })
    };
    answers.json(&headers, "history".to_owned(), make).await
}
