//! The report for people: a column for each arm, a row for each figure.

use std::fmt::Write as _;

use netmarks_core::bounded::shortened;
use netmarks_core::printable;
use netmarks_core::units::bytes_per_second;
use netmarks_placement::{ArmReport, Estimate, Figure};
use netmarks_simulator::Report;

use super::super::table::paragraph;

const LABEL: usize = 30;
const CELL: usize = 16;

/// How a figure is written.
#[derive(Clone, Copy)]
enum Unit {
    Percent,
    Bytes,
    Number,
    Milliseconds,
}

const FIGURES: [(Figure, &str, Unit); 20] = [
    (Figure::BytesWithinNode, "bytes within a node", Unit::Percent),
    (Figure::BytesWithinZone, "bytes within a zone, two nodes", Unit::Percent),
    (Figure::BytesAcrossZones, "bytes across zones", Unit::Percent),
    (Figure::CallsWithinNode, "calls within a node", Unit::Percent),
    (Figure::GainedAffinity, "gained affinity", Unit::Percent),
    (Figure::NodeBytesPerSecond, "between nodes", Unit::Bytes),
    (Figure::ZoneBytesPerSecond, "between zones", Unit::Bytes),
    (Figure::PricePerMonth, "price in a month", Unit::Number),
    (Figure::ResponseP50Ms, "response p50", Unit::Milliseconds),
    (Figure::ResponseP99Ms, "response p99", Unit::Milliseconds),
    (Figure::BytesWithinNodeLocalRouting, "routed locally: within a node", Unit::Percent),
    (Figure::BytesAcrossZonesLocalRouting, "routed locally: across zones", Unit::Percent),
    (Figure::ResponseP50MsLocalRouting, "routed locally: response p50", Unit::Milliseconds),
    (Figure::ResponseP99MsLocalRouting, "routed locally: response p99", Unit::Milliseconds),
    (Figure::CpuDeviation, "CPU deviation over nodes", Unit::Percent),
    (Figure::MemoryDeviation, "memory deviation over nodes", Unit::Percent),
    (Figure::CpuMost, "CPU of the fullest node", Unit::Percent),
    (Figure::LargestShareOnNode, "largest share on one node", Unit::Percent),
    (Figure::LargestShareInZone, "largest share in one zone", Unit::Percent),
    (Figure::PodsWithoutNode, "pods without a node", Unit::Number),
];

/// The whole report in so many columns of a terminal.
pub(super) fn report(report: &Report, width: u16) -> String {
    let conditions = &report.conditions;
    let what = format!(
        "{} pods of {} applications on {} nodes; {} flows carry {}.",
        conditions.pods,
        conditions.applications,
        conditions.nodes,
        conditions.flows,
        bytes_per_second(conditions.bytes_per_second),
    );
    let mut text = paragraph("", &what, width);
    let columns = (usize::from(width).saturating_sub(LABEL) / CELL).max(1);
    for arms in report.study.arms.chunks(columns) {
        text.push_str("\n\n");
        text.push_str(&values(arms));
    }
    if let Some(found) = &report.as_found {
        let share = |figure| {
            found.get(&figure).map_or_else(|| "-".to_owned(), |value| format!("{:.1}%", value * 100.0))
        };
        let found = format!(
            "As found in the snapshot: {} of the bytes within a node, {} across zones, gained affinity {}.",
            share(Figure::BytesWithinNode),
            share(Figure::BytesAcrossZones),
            share(Figure::GainedAffinity),
        );
        let _ = write!(text, "\n\n{}", paragraph("", &found, width));
    }
    if let [first, others @ ..] = report.study.arms.as_slice()
        && !others.is_empty()
    {
        let _ = write!(text, "\n\nDifference to `{}`, run by run:", printable::one_line(&first.name));
        for arms in others.chunks(columns) {
            text.push_str("\n\n");
            text.push_str(&differences(arms));
        }
    }
    for remark in remarks(report) {
        let _ = write!(text, "\n\n{}", paragraph("", &remark, width));
    }
    text
}

fn values(arms: &[ArmReport]) -> String {
    rows(arms, |arm, figure, unit| arm.figures.get(&figure).map(|found| cell(found.estimate, unit, false)))
}

fn differences(arms: &[ArmReport]) -> String {
    rows(arms, |arm, figure, unit| {
        let difference = arm.figures.get(&figure)?.difference?;
        let none = difference == Estimate::default();
        Some(match difference.is_clear() {
            true => cell(difference, unit, true),
            false if none => "none".to_owned(),
            false => "not clear".to_owned(),
        })
    })
}

fn rows(arms: &[ArmReport], cell: impl Fn(&ArmReport, Figure, Unit) -> Option<String>) -> String {
    let mut text = format!("{:LABEL$}", "");
    for arm in arms {
        let name = printable::one_line(&arm.name).into_owned();
        let _ = write!(text, "{:>CELL$}", shortened(&name, CELL - 2));
    }
    for (figure, label, unit) in FIGURES {
        let cells: Vec<Option<String>> = arms.iter().map(|arm| cell(arm, figure, unit)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(text, "\n{label:LABEL$}");
        for cell in cells {
            let _ = write!(text, "{:>CELL$}", cell.unwrap_or_else(|| "-".to_owned()));
        }
    }
    text
}

/// A mean with half of its interval's width.
fn cell(Estimate { mean, half_width }: Estimate, unit: Unit, signed: bool) -> String {
    let sign = if signed && mean > 0.0 { "+" } else { "" };
    match unit {
        Unit::Percent => {
            let unit = if signed { " pp" } else { "%" };
            format!("{sign}{:.1}{unit} ±{:.1}", mean * 100.0, half_width * 100.0)
        }
        Unit::Bytes if mean < 0.0 => format!("-{}", bytes_per_second(-mean)),
        Unit::Bytes => format!("{sign}{}", bytes_per_second(mean)),
        Unit::Number => format!("{sign}{mean:.1} ±{half_width:.1}"),
        Unit::Milliseconds => format!("{sign}{mean:.2} ms ±{half_width:.2}"),
    }
}

fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    let repetitions = report.conditions.repetitions;
    for arm in &report.study.arms {
        if arm.repetitions < repetitions {
            remarks.push(format!("`{}`: {} of {repetitions} runs are done.", arm.name, arm.repetitions));
        }
        if arm.faults > 0 {
            remarks.push(format!(
                "`{}`: a policy failed in {} of {} decisions; those count without its score.",
                arm.name, arm.faults, arm.decisions
            ));
        }
    }
    remarks.push(format!(
        "± is half of a 95% interval over {repetitions} runs; pp are percentage points. A difference whose interval has zero in it is not clear. Traffic is \
         spread evenly over an application's pods, except in the lines `routed locally`. Response times are a model's, not \
         measurements."
    ));
    if report.conditions.flows == 0 {
        remarks.push(
            "The snapshot has no traffic, so there is nothing to gain; `netmarks doctor` says why."
                .to_owned(),
        );
    }
    for missing in &report.conditions.missing {
        remarks.push(format!("The snapshot lacks {missing}"));
    }
    for (sentence, pods) in &report.conditions.left_out {
        remarks.push(format!("Left out for {pods} pods: {sentence}"));
    }
    remarks
}
