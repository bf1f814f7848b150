//! The report for people: a column for each arm, a row for each figure.

use std::fmt::Write as _;

use netmarks_core::bounded::shortened;
use netmarks_core::printable;
use netmarks_core::units::bytes_per_second;
use netmarks_placement::ArmReport;
use netmarks_simulator::SimulationReport;
use netmarks_simulator::labels::{LABELS, Label};

use super::super::table::paragraph;

const LABEL: usize = 30;
const CELL: usize = 16;

/// The whole report in so many columns of a terminal.
pub(super) fn report(report: &SimulationReport, width: u16) -> String {
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
    for headline in report.headlines() {
        let _ = write!(text, "\n\n{}", paragraph("", &headline, width));
    }
    let columns = (usize::from(width).saturating_sub(LABEL) / CELL).max(1);
    for arms in report.study.arms.chunks(columns) {
        text.push_str("\n\n");
        text.push_str(&values(arms));
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
    for remark in report.remarks() {
        let _ = write!(text, "\n\n{}", paragraph("", &remark, width));
    }
    text
}

fn values(arms: &[ArmReport]) -> String {
    rows(arms, |arm, label| arm.figures.get(&label.figure).map(|found| label.unit.value(found.estimate)))
}

fn differences(arms: &[ArmReport]) -> String {
    rows(arms, |arm, label| {
        let difference = arm.figures.get(&label.figure)?.difference?;
        Some(label.unit.clear_difference(difference))
    })
}

fn rows(arms: &[ArmReport], cell: impl Fn(&ArmReport, &Label) -> Option<String>) -> String {
    let mut text = format!("{:LABEL$}", "");
    for arm in arms {
        let name = printable::one_line(&arm.name).into_owned();
        let _ = write!(text, "{:>CELL$}", shortened(&name, CELL - 2));
    }
    for label in LABELS {
        let cells: Vec<Option<String>> = arms.iter().map(|arm| cell(arm, &label)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(text, "\n{:LABEL$}", label.text);
        for cell in cells {
            let _ = write!(text, "{:>CELL$}", cell.unwrap_or_else(|| "-".to_owned()));
        }
    }
    text
}
