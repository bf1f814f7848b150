//! A plan for people: what it gains, how much of that in how few moves, the moves, and what routing has to do with it.

use std::fmt::Write as _;

use netmarks_core::units::bytes_per_second;
use netmarks_planner::{Plan, PlanEnd, PlanReport};

use super::super::table::{Column, Table, paragraph};

/// Services in the table; JSON has all.
const SERVICES: usize = 10;

pub(super) fn plan(plan: &Plan, width: u16) -> String {
    let report = &plan.report;
    let mut text = paragraph("", &headline(plan), width);
    if !report.curve.is_empty() {
        let mut table = Table::new([
            Column::number("MOVES"),
            Column::number("OF PODS"),
            Column::number("WITHIN NODES"),
            Column::number("WITHIN ZONES"),
            Column::number("OF ALL GAIN"),
        ]);
        for point in &report.curve {
            table.row([
                point.moves.to_string(),
                percent(point.share_of_pods),
                signed(point.within_nodes),
                signed(point.within_zones),
                percent(point.share_of_gain),
            ]);
        }
        let _ = write!(text, "\n\n{}", table.fit(width));
    }
    if !plan.moves.is_empty() {
        let mut table = Table::new([
            Column::number("STEP"),
            Column::new("POD"),
            Column::new("FROM"),
            Column::new("TO"),
            Column::number("WITHIN NODES"),
            Column::sentences("RISKS"),
        ]);
        for (index, step) in plan.moves.iter().enumerate() {
            let risks: Vec<String> = step.risks.iter().map(ToString::to_string).collect();
            table.row([
                (index + 1).to_string(),
                step.pod.clone(),
                step.from.clone(),
                step.to.clone(),
                signed(step.gain.within_nodes_bytes_per_second),
                if risks.is_empty() { "-".to_owned() } else { risks.join("; ") },
            ]);
        }
        let _ = write!(text, "\n\n{}", table.fit(width));
    }
    if !report.services.is_empty() {
        let mut table = Table::new([
            Column::new("SERVICE"),
            Column::number("TRAFFIC"),
            Column::number("LOCAL BEFORE"),
            Column::number("AFTER"),
            Column::sentences("ROUTING"),
        ]);
        for service in report.services.iter().take(SERVICES) {
            table.row([
                service.service.clone(),
                bytes_per_second(service.bytes_per_second),
                bytes_per_second(service.within_nodes_before),
                bytes_per_second(service.within_nodes_after),
                service.advice.to_string(),
            ]);
        }
        let _ = write!(text, "\n\n{}", table.fit(width));
    }
    for left in &report.left_out {
        let sentence = format!("Not moved, {} pods such as {}: {}.", left.pods, left.example, left.why);
        let _ = write!(text, "\n\n{}", paragraph("", &sentence, width));
    }
    for remark in &report.remarks {
        let _ = write!(text, "\n\n{}", paragraph("", remark, width));
    }
    text
}

/// What it gains, and why it has no more moves.
pub(super) fn headline(plan: &Plan) -> String {
    let PlanReport {
        before, after, all_moves_gain, all_moves, found, found_without_caps, bound, ended, ..
    } = &plan.report;
    let why = match ended {
        PlanEnd::NothingLeft => "no other move was found that is worth it".to_owned(),
        PlanEnd::StopAt => {
            format!(
                "it ends at {} of what {all_moves} moves would gain",
                percent(plan.conditions.limits.stop_at)
            )
        }
        PlanEnd::Moves => format!("the number of moves is used up, of {all_moves} that would gain"),
    };
    format!(
        "{} moves keep {} within nodes, now {} of {}; {why}. All moves would gain {}. A search that need not ask kube-scheduler keeps {}, {} \
         without the limits on nodes and zones, and no placement keeps more than {}. The largest share of an application on one node is {}, \
         now {}.",
        plan.moves.len(),
        bytes_per_second(after.within_nodes),
        bytes_per_second(before.within_nodes),
        bytes_per_second(plan.report.bytes_per_second),
        bytes_per_second(*all_moves_gain),
        bytes_per_second(*found),
        bytes_per_second(*found_without_caps),
        bytes_per_second(*bound),
        percent(after.largest_share_on_node),
        percent(before.largest_share_on_node),
    )
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn signed(rate: f64) -> String {
    if rate < 0.0 { format!("-{}", bytes_per_second(-rate)) } else { format!("+{}", bytes_per_second(rate)) }
}
