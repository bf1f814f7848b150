//! What became of a plan's moves, for people: a line as each happens, and tables at the end.

use netmarks_evictions::event::{Event, Skip, Unreplaced};
use netmarks_evictions::progress::Progress;
use netmarks_evictions::report::{Counts, MoveResult, Moved};
use netmarks_evictions::{Check, Checked, Report};

use super::super::table::{Column, Table, paragraph};
use super::guard;

/// What is said when something happens.
pub(super) fn told(progress: &Progress<'_>) -> Option<String> {
    Some(match progress {
        Progress::Began { done: 0, .. } => return None,
        Progress::Began { done, all } => {
            format!("the journal has {done} of {all} moves; it goes on from there")
        }
        Progress::Before { figures } => {
            format!("held against what the journal has of before the first move: {}", guard::words(figures))
        }
        Progress::Move { number, all, planned, event } => {
            let what = match event {
                // What it leads to is said.
                Event::Evicting(_) => return None,
                Event::Refused { answer } => format!("is not evicted yet: {answer}"),
                Event::Unanswered { error } => {
                    format!("may be evicted, as the API server gave no answer: {error}")
                }
                Event::Evicted => format!("leaves {}", planned.from),
                Event::Replaced { by, node } if planned.is_there(node) => {
                    format!("is replaced by {by} on {node}")
                }
                Event::Replaced { by, node } => {
                    format!("is replaced by {by} on {node}, where {} was planned", planned.to)
                }
                Event::Unreplaced { why } => why.text(),
                Event::Skipped { why } => why.text(),
            };
            format!("{} of {all}: {} {what}", number + 1, planned.pod)
        }
        Progress::Worse { why } => format!("no move begins: {why}"),
        Progress::Fine => "errors and response times are as before; moves go on".to_owned(),
        Progress::WatchFailed { namespace, error } => {
            format!("the watch of the pods of {namespace} is broken and begun again: {error}")
        }
    })
}

/// The report as a table, with its sum above it.
pub(super) fn report(report: &Report, width: u16) -> String {
    let Counts { moved, elsewhere, unreplaced, skipped, left } = report.counts;
    let unreplaced = match unreplaced {
        0 => String::new(),
        pods => {
            format!(" {pods} were evicted and not replaced, since what their controllers want has changed.")
        }
    };
    let sum = format!(
        "{moved} of {} pods run where the plan wants them, {elsewhere} on another node, {skipped} were left out, {left} are left.{unreplaced}",
        report.moves.len()
    );
    let mut table = Table::new([
        Column::number("STEP"),
        Column::new("POD"),
        Column::new("FROM"),
        Column::new("TO"),
        Column::new("RESULT"),
        Column::sentences("NOW"),
    ]);
    for (index, moved) in report.moves.iter().enumerate() {
        table.row([
            (index + 1).to_string(),
            moved.planned.pod.clone(),
            moved.planned.from.clone(),
            moved.planned.to.clone(),
            result(moved.result).to_owned(),
            now(moved),
        ]);
    }
    with_sum(&sum, &table, report.moves.is_empty(), width)
}

fn result(result: MoveResult) -> &'static str {
    match result {
        MoveResult::Moved => "moved",
        MoveResult::Elsewhere => "elsewhere",
        MoveResult::Unreplaced => "not replaced",
        MoveResult::Skipped => "left out",
        MoveResult::Evicted => "evicted",
        MoveResult::Left => "left",
    }
}

fn now(moved: &Moved) -> String {
    let Moved { replacement, node, unreplaced, skipped, .. } = moved;
    if let (Some(by), Some(node)) = (replacement, node) {
        return format!("{by} on {node}");
    }
    let why = unreplaced.as_ref().map(Unreplaced::text).or_else(|| skipped.as_ref().map(Skip::text));
    why.map_or_else(|| "-".to_owned(), |why| format!("the pod {why}"))
}

/// What the API server would say, as a table.
pub(super) fn checks(checked: &[Checked], width: u16) -> String {
    let allowed = checked.iter().filter(|checked| checked.is_allowed()).count();
    let sum = format!(
        "{allowed} of {} pods would be evicted now. Each was asked for as if it were the only one.",
        checked.len()
    );
    let mut table = Table::new([
        Column::number("STEP"),
        Column::new("POD"),
        Column::new("FROM"),
        Column::new("TO"),
        Column::sentences("ANSWER"),
    ]);
    for (index, Checked { planned, check }) in checked.iter().enumerate() {
        let answer = match check {
            Check::Allowed => "it would be evicted".to_owned(),
            Check::Skipped { skipped } => format!("it {}", skipped.text()),
            Check::Refused { answer } => format!("not now: {answer}"),
            Check::Denied { answer } => format!("not allowed: {answer}"),
        };
        table.row([
            (index + 1).to_string(),
            planned.pod.clone(),
            planned.from.clone(),
            planned.to.clone(),
            answer,
        ]);
    }
    with_sum(&sum, &table, checked.is_empty(), width)
}

fn with_sum<const N: usize>(sum: &str, table: &Table<N>, empty: bool, width: u16) -> String {
    let sum = paragraph("", sum, width);
    if empty { sum } else { format!("{sum}\n\n{}", table.fit(width)) }
}

#[cfg(test)]
mod tests {
    use netmarks_core::digest::Digest;
    use netmarks_evictions::Move;

    use super::*;

    fn planned(name: &str) -> Move {
        let (from, to) = ("node-a".to_owned(), "node-b".to_owned());
        Move {
            pod: format!("shop/{name}"),
            uid: None,
            application: String::new(),
            from,
            to,
            or: vec!["node-e".to_owned()],
            gain: 1.0,
        }
    }

    fn moved(name: &str, result: MoveResult) -> Moved {
        let (replacement, node, unreplaced, skipped) = (None, None, None, None);
        Moved { planned: planned(name), result, replacement, node, unreplaced, skipped }
    }

    #[test]
    fn the_report_says_where_each_pod_is_and_fits_a_terminal() {
        let at = |node: &str, moved| Moved {
            replacement: Some("shop/cart-new".to_owned()),
            node: Some(node.to_owned()),
            ..moved
        };
        let shown = report(
            &Report {
                plan: Digest::of(b""),
                counts: Counts { moved: 1, elsewhere: 1, unreplaced: 1, skipped: 1, left: 2 },
                stopped: None,
                moves: vec![
                    at("node-b", moved("cart-1", MoveResult::Moved)),
                    at("node-c", moved("cart-2", MoveResult::Elsewhere)),
                    Moved { skipped: Some(Skip::TargetCordoned), ..moved("ads-1", MoveResult::Skipped) },
                    moved("ads-2", MoveResult::Evicted),
                    moved("ads-3", MoveResult::Left),
                    Moved {
                        unreplaced: Some(Unreplaced::Enough { wants: 2, has: 2 }),
                        ..moved("web-1", MoveResult::Unreplaced)
                    },
                ],
            },
            80,
        );
        for line in [
            "1 of 6 pods run where the plan wants them, 1 on another node, 1 were left",
            "2 are left. 1 were evicted and not replaced",
            "the pod is not replaced: its controller wants 2 pods now, and has 2",
            "shop/cart-new on node-c",
            "the pod stays: its target is cordoned",
        ] {
            assert!(shown.split_whitespace().collect::<Vec<_>>().join(" ").contains(line), "{line}: {shown}");
        }
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }

    #[test]
    fn each_event_is_a_sentence_about_its_pod() {
        let (planned, replaced) = (planned("cart-1"), |node: &str| Event::Replaced {
            by: "shop/cart-new".to_owned(),
            node: node.to_owned(),
        });
        let say = |event: &Event| told(&Progress::Move { number: 2, all: 9, planned: &planned, event });
        for (event, says) in [
            (Event::Evicted, "3 of 9: shop/cart-1 leaves node-a"),
            (replaced("node-b"), "3 of 9: shop/cart-1 is replaced by shop/cart-new on node-b"),
            (replaced("node-e"), "3 of 9: shop/cart-1 is replaced by shop/cart-new on node-e"),
            (
                replaced("node-c"),
                "3 of 9: shop/cart-1 is replaced by shop/cart-new on node-c, where node-b was planned",
            ),
            (Event::Skipped { why: Skip::Gone }, "3 of 9: shop/cart-1 does not exist any more"),
            (
                Event::Refused { answer: "it needs 3 healthy pods".to_owned() },
                "3 of 9: shop/cart-1 is not evicted yet: it needs 3 healthy pods",
            ),
        ] {
            assert_eq!(say(&event).as_deref(), Some(says));
        }
        assert_eq!(told(&Progress::Began { done: 0, all: 9 }), None);
    }

    #[test]
    fn the_answers_of_the_api_server_are_a_table() {
        let checked = [
            Checked { planned: planned("cart-1"), check: Check::Allowed },
            Checked { planned: planned("cart-2"), check: Check::Refused { answer: "no budget".to_owned() } },
        ];
        let shown = checks(&checked, 100);
        assert!(
            shown.contains("1 of 2 pods would be evicted now") && shown.contains("not now: no budget"),
            "{shown}"
        );
    }
}
