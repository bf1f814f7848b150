//! How far the making of a plan is, in one line of a terminal.

use netmarks_planner::PlanProgress;

use super::super::terminal::print_passing;

/// Shows it until the next line takes its place.
pub(super) fn show(progress: PlanProgress) {
    print_passing(&line(progress));
}

/// Leaves the line empty.
pub(super) fn clear() {
    print_passing("");
}

fn line(progress: PlanProgress) -> String {
    let what = match progress {
        PlanProgress::Searching { round, most } => {
            format!("looking for moves, round {round} of at most {most}")
        }
        PlanProgress::Rehearsing { moves } => format!("{moves} moves so far"),
    };
    format!("{what}; Ctrl-C ends with what is found until then")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_steps_say_how_to_end_them() {
        let searching = line(PlanProgress::Searching { round: 2, most: 4 });
        assert_eq!(
            searching,
            "looking for moves, round 2 of at most 4; Ctrl-C ends with what is found until then"
        );
        assert!(line(PlanProgress::Rehearsing { moves: 7 }).starts_with("7 moves so far; Ctrl-C"));
    }
}
