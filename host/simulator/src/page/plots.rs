//! Points with their 95% intervals, a row for each arm.

use maud::{Markup, html};
use netmarks_placement::ArmReport;

use super::names::{shown, shown_within};
use crate::labels::{Group, Label, Unit};

const WIDTH: f64 = 720.0;
/// Where the axis begins and ends.
const LEFT: f64 = 180.0;
const RIGHT: f64 = 700.0;
const ROW: f64 = 20.0;
const HEADING: f64 = 24.0;
const AXIS: f64 = 26.0;

/// One figure's place in the picture.
struct Panel<'a> {
    label: &'a Label,
    top: f64,
    low: f64,
    high: f64,
}

impl Panel<'_> {
    fn x(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        LEFT + (RIGHT - LEFT) * if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The plot of a group's figures.
pub(super) fn plot(arms: &[ArmReport], group: Group, labels: &[&Label]) -> Markup {
    let height = HEADING + ROW * arms.len() as f64 + AXIS;
    let panels = labels.iter().enumerate().map(|(index, label)| panel(arms, label, index as f64 * height));
    let panels: Vec<Panel<'_>> = panels.collect();
    let (title, description) = (format!("plot-{group:?}-title"), format!("plot-{group:?}-text"));
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", height * panels.len() as f64)) role="img" aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { (group.title()) " by arm" }
            desc id=(description) {
                "For each figure a row for each arm: a point at the mean, a line over its 95% interval. The table below has the numbers."
            }
            @for panel in &panels { (drawn(arms, panel)) }
        }
    }
}

fn panel<'a>(arms: &[ArmReport], label: &'a Label, top: f64) -> Panel<'a> {
    let found = arms.iter().filter_map(|arm| arm.figures.get(&label.figure)).map(|found| found.estimate);
    let ends = found.flat_map(|found| [found.mean - found.half_width, found.mean + found.half_width]);
    let (low, high) = ends
        .filter(|end| end.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
    // Shares are between 0 and 1 always; other figures begin at 0, so that distances can be compared.
    let (low, high) = match label.unit {
        Unit::Percent => (0.0, high.max(1.0)),
        _ => (low.min(0.0), if high > 0.0 { high } else { 1.0 }),
    };
    Panel { label, top, low, high }
}

fn drawn(arms: &[ArmReport], panel: &Panel<'_>) -> Markup {
    let bottom = panel.top + HEADING + ROW * arms.len() as f64;
    let px = |value: f64| format!("{value:.1}");
    html! {
        text x="0" y=(px(panel.top + 16.0)) font-weight="600" { (panel.label.text) }
        line class="axis" x1=(LEFT) x2=(RIGHT) y1=(px(bottom)) y2=(px(bottom)) {}
        text class="dim" x=(LEFT) y=(px(bottom + 14.0)) { (panel.label.unit.number(panel.low)) }
        text class="dim" x=(RIGHT) y=(px(bottom + 14.0)) text-anchor="end" { (panel.label.unit.number(panel.high)) }
        @for (row, arm) in arms.iter().enumerate() {
            @if let Some(found) = arm.figures.get(&panel.label.figure) {
                @let y = px(panel.top + HEADING + ROW * row as f64 + 10.0);
                @let estimate = found.estimate;
                text x="170" y=(px(panel.top + HEADING + ROW * row as f64 + 14.0)) text-anchor="end" { (shown_within(&arm.name, 24)) }
                line class="whisker" x1=(px(panel.x(estimate.mean - estimate.half_width)))
                    x2=(px(panel.x(estimate.mean + estimate.half_width))) y1=(y) y2=(y) {}
                circle class="point" cx=(px(panel.x(estimate.mean))) cy=(y) r="4" {
                    title { (shown(&arm.name)) ": " (panel.label.unit.value(estimate)) }
                }
            }
        }
    }
}
