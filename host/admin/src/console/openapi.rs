//! The API described by its own code.

use utoipa::OpenApi;
use utoipa::openapi;

use super::about::About;
use super::{decisions, stream, views};

/// What of the API the page reads.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "NetMARKS",
        description = "Who talks to whom across which node and zone, and every decision. Rates are bytes per second, times are seconds since the Unix epoch.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        views::map,
        views::applications,
        views::application,
        views::node,
        views::history,
        decisions::all,
        stream::follow
    ),
    components(schemas(About))
)]
struct Description;

/// The description, as `/openapi.json` has it.
#[must_use]
pub fn description() -> openapi::OpenApi {
    Description::openapi()
}
