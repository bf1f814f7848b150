//! What grows with the cluster, as a drawing: four panels with three lines each, both axes logarithmic.

use std::fmt::Write as _;

use super::record::{Record, number};

/// What is measured, and where its panel stands.
const PANELS: [(&str, f64, f64); 4] = [
    ("request", 0.0, 0.0),
    ("change of a pod", 380.0, 0.0),
    ("memory", 0.0, 260.0),
    ("refresh", 380.0, 260.0),
];

/// What it is measured against, each with a colour that is told from the others in grey, too, and on dark pages.
const AXES: [(&str, &str); 3] = [("nodes", "#0072b2"), ("pods", "#d55e00"), ("flows", "#009e73")];

/// A panel's drawing, within its room of 380 by 260.
const LEFT: f64 = 54.0;
const TOP: f64 = 34.0;
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 180.0;

/// The ends of the axis of counts, in powers of ten.
const COUNTS: [f64; 2] = [2.0, 5.5];

/// A count and what was measured there.
type Point = (f64, f64);

/// The drawing; nothing if nothing of it was measured.
pub(super) fn drawn(record: &Record) -> Option<String> {
    record.figures().find(|(_, figure)| figure.name.starts_with("flat: "))?;
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 550\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>A request, a change of a pod, memory and a refresh against nodes, pods and flows</title>\n\
         <rect width=\"760\" height=\"550\" fill=\"#ffffff\"/>\n",
    );
    for (index, (axis, colour)) in AXES.iter().enumerate() {
        let x = 54.0 + 110.0 * index as f64;
        let _ = writeln!(
            text,
            "<path d=\"M{x} 534h24\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"538\">{axis}</text>",
            x + 30.0
        );
    }
    for (measure, x, y) in PANELS {
        panel(&mut text, record, measure, x, y);
    }
    text.push_str("</svg>\n");
    Some(text)
}

fn panel(text: &mut String, record: &Record, measure: &str, x: f64, y: f64) {
    let (lines, unit) = lines(record, measure);
    if lines.iter().all(Vec::is_empty) {
        return;
    }
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

/// The points of a measure against each of [`AXES`], by count, and its unit.
fn lines(record: &Record, measure: &str) -> ([Vec<Point>; 3], String) {
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
    (lines, unit)
}

#[cfg(test)]
mod tests {
    use super::super::record::Figure;
    use super::super::record::tests::record as record_of;
    use super::*;

    #[test]
    fn each_line_runs_through_its_points() {
        assert_eq!(drawn(&Record::default()), None);
        let figure = |axis: &str, count: u32, value: f64| Figure {
            row: "flat".to_owned(),
            name: format!("flat: request by {axis}, {count}"),
            unit: "us".to_owned(),
            samples: vec![value],
            detail: String::new(),
        };
        let figures =
            vec![figure("nodes", 1_000, 10.0), figure("nodes", 100, 1.0), figure("pods", 300, 10.0)];
        let record = record_of(figures);
        let text = drawn(&record).unwrap();
        // From the lowest line to the middle, and from the first count on.
        assert!(
            text.contains("M54.0 214.0L139.7 124.0") && text.contains("<title>10.0 us</title>"),
            "{text}"
        );
    }
}
