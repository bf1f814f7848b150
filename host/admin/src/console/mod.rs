//! The page and what it reads: the map of the cluster, its applications and nodes, the decisions, the last hour.
//!
//! Everything here is read; policies are changed in [`crate::policies`]. Who may list policies may look.

mod about;
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
use axum::{Extension, Router};
use netmarks_controller::access::Operation;
use netmarks_server::Peer;

use crate::access::Access;
use crate::admit::admit;

pub use follow::{HISTORY_SECONDS, follow_cluster, follow_pods};
pub use openapi::description;
pub use shared::Console;
pub(crate) use shared::Taken;

impl Console {
    /// All routes, for one connection; `access` says who may ask.
    pub fn router(self, access: Access, peer: Peer) -> Router {
        let (rules, caller) = (Extension(access.clone()), Extension(peer.clone()));
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
            .route("/v1/about", get(about::about))
            .route("/v1/map", get(views::map))
            .route("/v1/applications", get(views::applications))
            .route("/v1/applications/{namespace}/{name}", get(views::application))
            .route("/v1/nodes/{name}", get(views::node))
            .route("/v1/history", get(views::history))
            .route("/v1/decisions", get(decisions::all))
            .route("/v1/decisions/stream", get(stream::follow))
            .layer(rules)
            .layer(caller)
            .with_state(self)
            .layer(middleware::from_fn(allowed))
            .merge(files::router())
    }
}
