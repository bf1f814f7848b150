//! The page and what it reads: the map of the cluster, its applications and nodes, the decisions, the last hour.
//!
//! Everything here is read; policies are changed in [`crate::policies`]. Who may list policies may look.

mod about;
mod answers;
mod content;
pub(crate) mod decisions;
mod files;
mod follow;
mod missing;
mod openapi;
mod replica;
mod shared;
mod stream;
mod views;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use netmarks_controller::access::Operation;
use netmarks_server::Peer;

use self::about::About;
use crate::access::Access;
use crate::admit::admit;

pub use follow::{follow_cluster, follow_pods};
pub use openapi::description;
pub use shared::Console;
pub(crate) use shared::scene_of;

/// How far back the history goes, in seconds.
pub const HISTORY_SECONDS: u64 = 3_600;

impl Console {
    /// All routes, for one connection; `access` says who may ask.
    pub fn router(self, access: Access, peer: Peer) -> Router {
        let about = About {
            version: env!("CARGO_PKG_VERSION"),
            origin: self.state.origin().as_str(),
            access: access.as_str(),
            changes: true,
            history_seconds: HISTORY_SECONDS,
        };
        let allowed = move |request: Request, next: Next| {
            let (access, peer) = (access.clone(), peer.clone());
            async move {
                match admit(&access, request.headers(), &peer, Operation::List, None).await {
                    Ok(_) => next.run(request).await,
                    Err(error) => error.into_response(),
                }
            }
        };
        Router::new()
            .route("/v1/about", get(async move || Json(about)))
            .route("/v1/map", get(views::map))
            .route("/v1/applications", get(views::applications))
            .route("/v1/applications/{namespace}/{name}", get(views::application))
            .route("/v1/nodes/{name}", get(views::node))
            .route("/v1/history", get(views::history))
            .route("/v1/decisions", get(decisions::all))
            .route("/v1/decisions/stream", get(stream::follow))
            .with_state(self)
            .layer(middleware::from_fn(allowed))
            .route("/openapi.json", get(async || Json(description())))
            .merge(files::router())
    }
}
