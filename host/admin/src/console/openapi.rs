//! The API described by its own code.

use netmarks_scoring::Agreement;
use utoipa::OpenApi;
use utoipa::openapi;

use super::views::Order;
use super::{about, decisions, stream, views};
use crate::policies;

/// What the page reads and changes.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "NetMARKS",
        description = "Who talks to whom across which node and zone, every decision, every policy. Rates are bytes per second, times are seconds since the Unix epoch.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        about::about,
        views::map,
        views::applications,
        views::application,
        views::node,
        views::history,
        decisions::all,
        stream::follow,
        policies::list,
        policies::show,
        policies::submit,
        policies::set_mode,
        policies::weigh,
        policies::remove,
        policies::roll_back,
        policies::shadow,
        policies::calls
    ),
    components(schemas(Order, Agreement))
)]
struct Description;

/// The description, as `/openapi.json` has it.
#[must_use]
pub fn description() -> openapi::OpenApi {
    Description::openapi()
}
