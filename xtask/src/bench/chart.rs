//! What grows with the cluster, as a drawing: a panel for each measure, with a line for each count that it was measured against, both axes
//! logarithmic.

use std::fmt::Write as _;

use super::record::{Record, number};

/// What is measured, in the order of the panels.
const MEASURES: [&str; 5] = ["request", "change of a pod", "memory", "refresh", "review"];

/// Panels beside each other.
const COLUMNS: usize = 2;

/// Across and down, for each panel.
const ROOM: (f64, f64) = (380.0, 260.0);

/// What it is measured against, each with a colour that is told from the others in grey, too, and on dark pages.
const AXES: [(&str, &str); 3] = [("nodes", "#0072b2"), ("pods", "#d55e00"), ("flows", "#009e73")];

/// A panel's drawing, within its [`ROOM`].
const LEFT: f64 = 54.0;
const TOP: f64 = 34.0;
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 180.0;

/// The ends of the axis of counts, in powers of ten.
const COUNTS: [f64; 2] = [2.0, 5.5];

/// A count and what was measured there.
type Point = (f64, f64);

/// A measure that there are figures of.
struct Panel {
    measure: &'static str,
    unit: String,
    /// Against each of [`AXES`], by count.
    lines: [Vec<Point>; 3],
}

/// What the drawing shows, in words; nothing if nothing of it was measured.
pub(super) fn title(record: &Record) -> Option<String> {
    let measures: Vec<&str> = panels(record).iter().map(|panel| panel.measure).collect();
    (!measures.is_empty()).then(|| format!("What grows with the cluster: {}", measures.join(", ")))
}

/// The drawing; nothing if nothing of it was measured.
pub(super) fn drawn(record: &Record) -> Option<String> {
    let title = title(record)?;
    let panels = panels(record);
    let height = ROOM.1 * panels.len().div_ceil(COLUMNS) as f64 + 30.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"760\" height=\"{height}\" fill=\"#ffffff\"/>\n",
    );
    for (index, (axis, colour)) in AXES.iter().enumerate() {
        let x = 54.0 + 110.0 * index as f64;
        let _ = writeln!(
            text,
            "<path d=\"M{x} {}h24\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"{}\">{axis}</text>",
            height - 16.0,
            x + 30.0,
            height - 12.0
        );
    }
    for (index, panel) in panels.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        draw(&mut text, panel, ROOM.0 * column as f64, ROOM.1 * row as f64);
    }
    text.push_str("</svg>\n");
    Some(text)
}

fn draw(text: &mut String, panel: &Panel, x: f64, y: f64) {
    let Panel { measure, unit, lines } = panel;
    let values = lines.iter().flatten().map(|(_, value)| value.log10());
    let low = values.clone().fold(f64::INFINITY, f64::min).floor();
    // At least two decades, so that noise does not look like growth.
    let high = values.fold(f64::NEG_INFINITY, f64::max).ceil().max(low + 2.0);
    let at = |(count, value): Point| {
        let across = (count.log10() - COUNTS[0]) / (COUNTS[1] - COUNTS[0]);
        let up = (value.log10() - low) / (high - low);
        (x + LEFT + WIDTH * across, y + TOP + HEIGHT * (1.0 - up))
    };
    let _ = writeln!(
        text,
        "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{measure}, {unit}</text>",
        x + LEFT,
        y + 20.0
    );
    let mut decade = low;
    while decade <= high {
        let (left, line) = at((10f64.powf(COUNTS[0]), 10f64.powf(decade)));
        let _ = writeln!(
            text,
            "<path d=\"M{left:.1} {line:.1}h{WIDTH}\" stroke=\"#d0d0d0\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            line + 4.0,
            power(decade)
        );
        decade += 1.0;
    }
    for count in [100.0, 1_000.0, 10_000.0, 100_000.0] {
        let (middle, bottom) = at((count, 10f64.powf(low)));
        let _ = writeln!(
            text,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            power(count.log10())
        );
    }
    for (points, (_, colour)) in lines.iter().zip(AXES).filter(|(points, _)| !points.is_empty()) {
        let path: Vec<String> =
            points.iter().map(|point| at(*point)).map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let _ = writeln!(
            text,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        for (point, (x, y)) in points.iter().map(|point| (point, at(*point))) {
            let _ = writeln!(
                text,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"><title>{} {unit}</title></circle>",
                number(point.1)
            );
        }
    }
}

fn power(exponent: f64) -> String {
    let value = 10f64.powf(exponent);
    if value >= 1_000.0 { format!("{}k", value / 1_000.0) } else { format!("{value}") }
}

/// The measures that there are figures of.
fn panels(record: &Record) -> Vec<Panel> {
    let panels = MEASURES.into_iter().map(|measure| panel(record, measure));
    panels.filter(|panel| panel.lines.iter().any(|points| !points.is_empty())).collect()
}

fn panel(record: &Record, measure: &'static str) -> Panel {
    let mut unit = String::new();
    let lines = AXES.map(|(axis, _)| {
        let prefix = format!("flat: {measure} by {axis}, ");
        let mut points: Vec<Point> = record
            .figures()
            .filter_map(|(_, figure)| {
                let count = figure.name.strip_prefix(&prefix)?.parse().ok()?;
                unit.clone_from(&figure.unit);
                Some((count, figure.median()?))
            })
            .collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points
    });
    Panel { measure, unit, lines }
}

#[cfg(test)]
mod tests {
    use super::super::record::Figure;
    use super::super::record::tests::record as record_of;
    use super::*;

    fn figure(measure: &str, axis: &str, count: u32, value: f64) -> Figure {
        Figure {
            row: "flat".to_owned(),
            name: format!("flat: {measure} by {axis}, {count}"),
            unit: "us".to_owned(),
            samples: vec![value],
            detail: String::new(),
        }
    }

    #[test]
    fn each_line_runs_through_its_points() {
        let figures = vec![
            figure("request", "nodes", 1_000, 10.0),
            figure("request", "nodes", 100, 1.0),
            figure("request", "pods", 300, 10.0),
        ];
        let text = drawn(&record_of(figures)).unwrap();
        // From the lowest line to the middle, and from the first count on.
        assert!(
            text.contains("M54.0 214.0L139.7 124.0") && text.contains("<title>10.0 us</title>"),
            "{text}"
        );
    }

    #[test]
    fn what_was_measured_is_drawn_side_by_side_and_named() {
        let measured = [figure("review", "nodes", 500, 2.0), figure("memory", "flows", 100, 3.0)];
        let titled = |figures: &[Figure]| title(&record_of(figures.to_vec()));
        assert_eq!(titled(&measured).as_deref(), Some("What grows with the cluster: memory, review"));
        assert_eq!(titled(&measured[..1]).as_deref(), Some("What grows with the cluster: review"));
        let text = drawn(&record_of(measured.to_vec())).unwrap();
        // One row of panels.
        assert!(text.contains("viewBox=\"0 0 760 290\""), "{text}");
        for (x, measure) in [(54, "memory"), (434, "review")] {
            let head = format!("<text x=\"{x}\" y=\"20\" font-weight=\"bold\">{measure}, us</text>");
            assert!(text.contains(&head), "{text}");
        }
        for nothing in [vec![], vec![figure("something else", "nodes", 500, 2.0)]] {
            assert_eq!(drawn(&record_of(nothing)), None);
        }
    }
}
