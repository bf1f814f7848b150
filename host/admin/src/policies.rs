//! Changing policies over HTTP: `GET`, `PUT`, `POST` and `DELETE /v1/policies`. Answers are JSON; errors are a sentence in
//! `error`.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use netmarks_artefacts::Verifier;
use netmarks_controller::access::Operation;
use netmarks_core::errors::chain;
use netmarks_policies::{
    Actor, CallReport, ChangeOutcome, EntryReport, Mode, Origin, PolicyName, Refusal, Registry,
    RegistryReport, ShadowReport, Signature, Submission,
};
use netmarks_server::{BodyBudget, Peer};
use serde::Serialize;
use std::sync::Arc;

use crate::access::Access;
use crate::admit::admit;
use crate::answers::{Answers, json};
use crate::config::AdminConfig;
use crate::error_answer::{ErrorAnswer, ErrorBody, bad_request};
use crate::query;
use crate::upload::receive;

const MIB: usize = 1024 * 1024;

/// Uploads of the largest size that may arrive at once.
const UPLOADS: usize = 2;

/// Kubernetes sets it in every container.
const IN_POD: &str = "KUBERNETES_SERVICE_HOST";

/// The header that carries the signature of an upload: a Sigstore bundle, in one line as `cosign sign-blob --bundle` writes it.
pub const SIGNATURE: &str = "netmarks-signature";

/// Everything that the routes need; cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where policies change.
    pub registry: Registry,
    /// Who may change them.
    pub access: Access,
    /// Bounds uploads.
    pub bodies: BodyBudget,
    /// Whose signature an upload must carry, if any.
    pub verifier: Option<Arc<Verifier>>,
    answers: Answers,
}

impl Admin {
    /// The listener that `config` describes.
    #[must_use]
    pub fn new(
        config: &AdminConfig,
        registry: Registry,
        access: Access,
        verifier: Option<Arc<Verifier>>,
    ) -> Self {
        let largest = config.max_upload_mib as usize * MIB;
        let bodies = BodyBudget::new(largest * UPLOADS, largest);
        Self { registry, access, bodies, verifier, answers: Answers::default() }
    }

    /// All routes, for one connection.
    pub fn router(self, peer: Peer) -> Router {
        Router::new()
            .route("/v1/policies", get(list))
            .route("/v1/policies/{name}", put(submit).get(show).delete(remove))
            .route("/v1/policies/{name}/weigh", post(weigh))
            .route("/v1/policies/{name}/{mode}", post(set_mode))
            .route("/v1/rollback", post(roll_back))
            .route("/v1/shadow", get(shadow))
            .route("/v1/calls", get(calls))
            .layer(Extension(peer))
            .with_state(self)
    }

    async fn actor(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
        operation: Operation,
        policy: Option<&str>,
    ) -> Result<Actor, ErrorAnswer> {
        admit(&self.access, headers, peer, operation, policy).await
    }

    /// What `of` says of the policies now: who has just changed them asks next.
    async fn answer<T: Serialize + 'static>(
        &self,
        headers: &HeaderMap,
        of: impl FnOnce(&Registry) -> T + Send + 'static,
    ) -> Answer {
        let registry = self.registry.clone();
        self.answers.json_of_now(headers, move || json(&of(&registry))).await
    }
}

type Answer = Result<Response, ErrorAnswer>;

/// What is loaded, what was refused lately, and what can be rolled back to.
#[utoipa::path(
    get, path = "/v1/policies", tag = "policies",
    responses(
        (status = 200, body = RegistryReport), (status = 304, description = "As `If-None-Match` says"),
        (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    admin.actor(&headers, &peer, Operation::List, None).await?;
    admin.answer(&headers, Registry::report).await
}

/// The revisions of one policy.
#[utoipa::path(
    get, path = "/v1/policies/{name}", tag = "policies", params(("name" = String, Path)),
    responses(
        (status = 200, body = Vec<EntryReport>), (status = 304, description = "As `If-None-Match` says"),
        (status = 404, body = ErrorBody),
    )
)]
pub(crate) async fn show(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    admin.actor(&headers, &peer, Operation::Get, Some(&name)).await?;
    let mut report = admin.registry.report();
    report.policies.retain(|policy| policy.entry.name.as_str() == name);
    if report.policies.is_empty() {
        let known = String::from("see GET /v1/policies");
        return Err(Refusal::Unknown { name, known }.into());
    }
    admin.answer(&headers, move |_| report.policies).await
}

/// How the shadows compare with what answers.
#[utoipa::path(
    get, path = "/v1/shadow", tag = "policies",
    responses((status = 200, body = Vec<ShadowReport>), (status = 304, description = "As `If-None-Match` says"))
)]
pub(crate) async fn shadow(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    admin.actor(&headers, &peer, Operation::List, None).await?;
    admin.answer(&headers, Registry::shadow_report).await
}

/// What the calls of each loaded policy took in the last hour.
#[utoipa::path(
    get, path = "/v1/calls", tag = "policies",
    responses((status = 200, body = Vec<CallReport>), (status = 304, description = "As `If-None-Match` says"))
)]
pub(crate) async fn calls(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    admin.actor(&headers, &peer, Operation::List, None).await?;
    admin.answer(&headers, Registry::call_reports).await
}

/// Takes the component in the body; answers when it has its place, or was refused.
///
/// Also `parameters.KEY=VALUE` and `limits.KEY=N` are parameters.
#[utoipa::path(
    put, path = "/v1/policies/{name}", tag = "policies",
    params(
        ("name" = String, Path),
        ("mode" = Option<String>, Query, description = "`ready` (unless it says), `shadow`, `canary` or `active`"),
        ("percent" = Option<u8>, Query, description = "Of a canary, 1 to 99"),
        ("weight" = Option<f64>, Query, description = "Above 0; 1 unless it says"),
        ("normalisation" = Option<String>, Query, description = "`max` (unless it says), `min-max`, `rank` or `none`"),
        ("on_fault" = Option<String>, Query, description = "`skip` (unless it says) or `neutral`"),
        ("grants" = Option<String>, Query, description = "`wasi`"),
        ("netmarks-signature" = Option<String>, Header, description = "A Sigstore bundle, where signatures are required"),
    ),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses(
        (status = 200, body = ChangeOutcome), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "Ask again"),
    )
)]
pub(crate) async fn submit(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let name: PolicyName = name.parse()?;
    let exists = admin.registry.manifest().named(&name).is_some();
    let operation = if exists { Operation::Update } else { Operation::Create };
    // Before the body: who may not upload must not make us read one.
    let actor = admin.actor(&headers, &peer, operation, Some(name.as_str())).await?;
    let (settings, mode) = query::settings(&pairs).map_err(bad_request)?;
    let bytes = receive(&admin.bodies, admin.registry.incoming(), body).await?;
    let mut signed_by = None;
    if let Some(verifier) = &admin.verifier {
        let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
        let signature = signature.ok_or_else(|| {
            bad_request(format!(
                "uploads must be signed: send the header `{SIGNATURE}` (`netmarks policy push --key` signs)"
            ))
        })?;
        let digest = bytes.digest().await?;
        let signer = verifier.verify(digest, signature).map_err(|error| {
            tracing::warn!(target: "netmarks::audit", policy = %name, user = actor.user, from = actor.from, "bad signature");
            ErrorAnswer { status: StatusCode::FORBIDDEN, reason: chain(&error) }
        })?;
        signed_by = Some(signer);
    }
    if std::env::var_os(IN_POD).is_some() {
        tracing::warn!(
            policy = %name,
            "an uploaded policy reaches this replica only; where there are several, have a ScoringPolicy bring it"
        );
    }
    let (origin, signature) = (Origin::Upload, Signature::checked(signed_by));
    let submission = Submission { name, bytes, settings, mode, origin, signature, actor };
    Ok(changed(admin.registry.submit(submission).await?))
}

/// Gives the newest revision another mode.
#[utoipa::path(
    post, path = "/v1/policies/{name}/{mode}", tag = "policies",
    params(
        ("name" = String, Path),
        ("mode" = String, Path, description = "`activate`, `shadow`, `canary` or `ready`"),
        ("percent" = Option<u8>, Query, description = "Of a canary, 1 to 99"),
        ("only" = Option<bool>, Query, description = "Makes ready whatever else answers"),
        ("leave_nothing_active" = Option<bool>, Query, description = "Allows that nothing is active then"),
    ),
    responses(
        (status = 200, body = ChangeOutcome), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    )
)]
pub(crate) async fn set_mode(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path((name, mode)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let name: PolicyName = name.parse()?;
    let actor = admin.actor(&headers, &peer, Operation::Update, Some(name.as_str())).await?;
    let mode = if mode == "activate" { "active" } else { &mode };
    let (percent, options) = query::options(&pairs).map_err(bad_request)?;
    let mode: Mode = query::mode(mode, percent).map_err(bad_request)?;
    Ok(changed(admin.registry.set_mode_with(name, mode, options, Origin::Upload, actor).await?))
}

/// The same artefact under the same settings, and another weight.
#[utoipa::path(
    post, path = "/v1/policies/{name}/weigh", tag = "policies",
    params(("name" = String, Path), ("weight" = f64, Query, description = "Above 0")),
    responses(
        (status = 200, body = ChangeOutcome), (status = 400, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    )
)]
pub(crate) async fn weigh(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let name: PolicyName = name.parse()?;
    let actor = admin.actor(&headers, &peer, Operation::Update, Some(name.as_str())).await?;
    let [(key, weight)] = pairs.as_slice() else {
        return Err(bad_request("give `weight`, and nothing else"));
    };
    let weight = (key == "weight").then(|| weight.parse().ok()).flatten();
    let weight = weight.ok_or_else(|| bad_request("give `weight` as a number above 0, and nothing else"))?;
    Ok(changed(admin.registry.weigh(name, weight, Origin::Upload, actor).await?))
}

/// Removes all revisions of a policy.
#[utoipa::path(
    delete, path = "/v1/policies/{name}", tag = "policies",
    params(
        ("name" = String, Path),
        ("leave_nothing_active" = Option<bool>, Query, description = "Allows that nothing is active then"),
    ),
    responses(
        (status = 200, body = ChangeOutcome), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody),
    )
)]
pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answer {
    let name: PolicyName = name.parse()?;
    let actor = admin.actor(&headers, &peer, Operation::Delete, Some(name.as_str())).await?;
    let (_, options) = query::options(&pairs).map_err(bad_request)?;
    Ok(changed(admin.registry.remove_with(name, options, Origin::Upload, actor).await?))
}

/// Goes back to the newest earlier set that scored.
#[utoipa::path(
    post, path = "/v1/rollback", tag = "policies",
    responses(
        (status = 200, body = ChangeOutcome), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    )
)]
pub(crate) async fn roll_back(
    State(admin): State<Admin>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    let actor = admin.actor(&headers, &peer, Operation::Update, None).await?;
    Ok(changed(admin.registry.roll_back(actor).await?))
}

fn changed(outcome: ChangeOutcome) -> Response {
    Json(outcome).into_response()
}
