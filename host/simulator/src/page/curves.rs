//! Traffic between nodes as curves.

use maud::{Markup, html};
use netmarks_core::units::bytes_per_second;
use netmarks_placement::{Between, Distance};

use super::view::View;

/// Most curves of one map: the heaviest.
pub(super) const CURVES: usize = 200;

/// Width of the heaviest curve.
const WIDEST: f64 = 9.0;
/// A curve as thin as this can still be seen.
const THINNEST: f64 = 0.4;

pub(super) fn within_zone(curve: &Between) -> bool {
    curve.distance == Distance::Zone
}

/// The heaviest curves between the nodes' centres, as thick as their bytes per second.
pub(super) fn curves(view: &View, centres: &[(f64, f64)]) -> Markup {
    let most = view.curves.first().map_or(1.0, |curve| curve.amount);
    html! {
        @for curve in view.curves.iter().take(CURVES) {
            @if let (Some(from), Some(to)) = (centres.get(curve.nodes.0), centres.get(curve.nodes.1)) {
                @let width = (curve.amount / most * WIDEST).max(THINNEST);
                path class=(if within_zone(curve) { "z" } else { "x" }) d=(bent(*from, *to)) stroke-width=(format!("{width:.1}")) {
                    title { (bytes_per_second(curve.amount)) }
                }
            }
        }
    }
}

/// Bent to one side, so that curves along a row of nodes do not lie on one another.
fn bent((x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> String {
    let (middle_x, middle_y) = ((x + to_x) / 2.0, (y + to_y) / 2.0);
    let (bend_x, bend_y) = ((to_y - y) * 0.18, (x - to_x) * 0.18);
    format!("M{x:.0} {y:.0}Q{:.0} {:.0} {to_x:.0} {to_y:.0}", middle_x + bend_x, middle_y + bend_y)
}
