//! What became of all moves.

use netmarks_core::digest::Digest;
use serde::Serialize;

use crate::event::{Skip, Unreplaced};
use crate::moves::Move;
use crate::run::{Outcome, Run};
use crate::stop::Stop;

/// What became of all moves, over all runs of their journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// By which the journal knows them.
    pub plan: Digest,
    pub counts: Counts,
    /// Why it ended early; null if nothing is left to do.
    pub stopped: Option<Stopped>,
    /// In the plan's order.
    pub moves: Vec<Moved>,
}

/// How many moves came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The replacement is where it should be.
    pub moved: usize,
    /// The replacement is on a node that the plan does not name, or the old one.
    pub elsewhere: usize,
    /// The pod was evicted, and no replacement comes.
    pub unreplaced: usize,
    /// Nothing was evicted.
    pub skipped: usize,
    /// They have not ended, or not begun.
    pub left: usize,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    #[serde(flatten)]
    pub stop: Stop,
    /// The same as a sentence.
    pub text: String,
}

/// A move, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    #[serde(flatten)]
    pub planned: Move,
    pub result: MoveResult,
    /// The replacement, `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// Where the replacement runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why no replacement comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreplaced: Option<Unreplaced>,
    /// Why nothing was evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skip>,
}

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveResult {
    /// The replacement is where it should be.
    Moved,
    /// The replacement is on another node.
    Elsewhere,
    /// The pod was evicted, and no replacement comes.
    Unreplaced,
    /// Nothing was evicted.
    Skipped,
    /// The pod was evicted, and its replacement is not ready.
    Evicted,
    /// Nothing was done yet.
    Left,
}

impl Report {
    pub(crate) fn new(run: &Run, stop: Option<Stop>) -> Self {
        let mut counts = Counts::default();
        let moves = run.moves().iter().enumerate().map(|(number, planned)| {
            let moved = |result| Moved {
                planned: planned.clone(),
                result,
                replacement: None,
                node: None,
                unreplaced: None,
                skipped: None,
            };
            match run.outcomes().get(number) {
                Some(Outcome::Replaced { by, node }) => {
                    let there = planned.is_there(node);
                    *(if there { &mut counts.moved } else { &mut counts.elsewhere }) += 1;
                    let result = if there { MoveResult::Moved } else { MoveResult::Elsewhere };
                    Moved { replacement: Some(by.clone()), node: Some(node.clone()), ..moved(result) }
                }
                Some(Outcome::Unreplaced(why)) => {
                    counts.unreplaced += 1;
                    Moved { unreplaced: Some(why.clone()), ..moved(MoveResult::Unreplaced) }
                }
                Some(Outcome::Skipped(why)) => {
                    counts.skipped += 1;
                    Moved { skipped: Some(why.clone()), ..moved(MoveResult::Skipped) }
                }
                None => {
                    counts.left += 1;
                    let under_way = number == run.outcomes().len() && run.is_evicted();
                    moved(if under_way { MoveResult::Evicted } else { MoveResult::Left })
                }
            }
        });
        let moves = moves.collect();
        let stopped = stop.map(|stop| Stopped { text: stop.to_string(), stop });
        Self { plan: run.plan(), counts, stopped, moves }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::run::Limits;

    #[test]
    fn a_node_that_is_as_good_is_where_the_plan_wants_the_pod() {
        let planned = |name: &str| Move {
            pod: format!("shop/{name}"),
            uid: None,
            application: String::new(),
            from: "a".to_owned(),
            to: "b".to_owned(),
            or: vec!["c".to_owned()],
            gain: 1.0,
        };
        let replaced = |node: &str| Event::Replaced { by: "shop/new".to_owned(), node: node.to_owned() };
        let gone = Event::Unreplaced { why: Unreplaced::ControllerGone };
        let before = [replaced("b"), replaced("c"), replaced("d"), Event::Skipped { why: Skip::Gone }, gone];
        let run = Run::new(["1", "2", "3", "4", "5", "6"].map(planned).into(), Limits::default(), &before);
        let report = Report::new(&run, None);
        assert_eq!(report.counts, Counts { moved: 2, elsewhere: 1, unreplaced: 1, skipped: 1, left: 1 });
        assert_eq!((report.moves[1].result, report.moves[1].node.as_deref()), (MoveResult::Moved, Some("c")));
    }
}
