//! Pods that a scheduler binds a second: rows 4, 5 and 12.

use std::collections::BTreeMap;

use clap::ValueEnum as _;

use super::Extent;
use super::report::ratio;
use super::run::{Bench, Setting};
use crate::bench::record::{Figure, Run};

/// What steers the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Scenario {
    /// Nothing
    None,
    /// An extender in Go that reads the body and answers `[]`: what the protocol costs at least
    Blind,
    /// An extender in Go that decodes the request and answers 0 for every name
    Dense,
    /// This program, scoring by 20 peers of 50 pods each
    Netmarks,
    /// No extender; pods with the three preferred terms that admission adds by default
    Terms,
    /// The same with one term
    #[value(name = "terms-1")]
    Terms1,
    /// The same with two
    #[value(name = "terms-2")]
    Terms2,
    /// The same with eleven
    #[value(name = "terms-11")]
    Terms11,
}

/// In one of the two orders.
pub(super) const SCENARIOS: [Scenario; 8] = [
    Scenario::None,
    Scenario::Blind,
    Scenario::Dense,
    Scenario::Netmarks,
    Scenario::Terms,
    Scenario::Terms1,
    Scenario::Terms2,
    Scenario::Terms11,
];

/// Two scenarios to compare.
struct Comparison {
    row: &'static str,
    what: &'static str,
    of: Scenario,
    against: Scenario,
}

const COMPARISONS: [Comparison; 8] = [
    Comparison {
        row: "4",
        what: "netmarks against answering `[]`",
        of: Scenario::Netmarks,
        against: Scenario::Blind,
    },
    Comparison {
        row: "4",
        what: "netmarks against no extender",
        of: Scenario::Netmarks,
        against: Scenario::None,
    },
    Comparison {
        row: "4",
        what: "answering `[]` against no extender",
        of: Scenario::Blind,
        against: Scenario::None,
    },
    Comparison {
        row: "5",
        what: "netmarks against answering 0 for all",
        of: Scenario::Netmarks,
        against: Scenario::Dense,
    },
    Comparison {
        row: "12",
        what: "three preferred terms against none",
        of: Scenario::Terms,
        against: Scenario::None,
    },
    Comparison {
        row: "12",
        what: "one preferred term against none",
        of: Scenario::Terms1,
        against: Scenario::None,
    },
    Comparison {
        row: "12",
        what: "two preferred terms against none",
        of: Scenario::Terms2,
        against: Scenario::None,
    },
    Comparison {
        row: "12",
        what: "eleven preferred terms against none",
        of: Scenario::Terms11,
        against: Scenario::None,
    },
];

/// What one run of a scenario showed.
#[derive(Clone, Copy)]
struct Seen {
    pods_per_second: f64,
    /// CPU time of the extender's process for each call, in microseconds.
    cpu: f64,
}

/// Of each scenario, one for each round; None where it was not measured.
type Rounds = BTreeMap<Scenario, Vec<Option<Seen>>>;

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn setting(self, nodes: u32, pods: u32) -> Setting {
        let (extender, terms) = match self {
            Self::None => ("none", 0),
            Self::Blind => ("blind", 0),
            Self::Dense => ("dense", 0),
            Self::Netmarks => ("netmarks", 0),
            Self::Terms => ("none", 3),
            Self::Terms1 => ("none", 1),
            Self::Terms2 => ("none", 2),
            Self::Terms11 => ("none", 11),
        };
        Setting { terms, ..Setting::new(nodes, pods, extender) }
    }
}

/// Runs the scenarios by turns, each round in the other order than the one before.
pub(super) fn measure(bench: &Bench, scenarios: &[Scenario], extent: &Extent, run: &mut Run) {
    for nodes in &extent.nodes {
        let mut rounds = Rounds::new();
        let mut order = scenarios.to_vec();
        for round in 1..=extent.rounds {
            for scenario in &order {
                let place = format!("{nodes}-nodes-{round}-{}", scenario.name());
                let outcome = bench.measure(&place, &scenario.setting(*nodes, extent.pods));
                rounds.entry(*scenario).or_default().push(outcome.as_ref().map(|outcome| Seen {
                    pods_per_second: outcome.figure("pods_per_second"),
                    cpu: outcome.figure("cpu_us"),
                }));
            }
            order.reverse();
        }
        let compared = COMPARISONS.iter().filter_map(|comparison| comparison.figure(*nodes, &rounds));
        for figure in compared.chain(cpu(*nodes, &rounds)) {
            run.add(figure);
        }
    }
}

impl Comparison {
    /// None where nobody asked for it.
    fn figure(&self, nodes: u32, rounds: &Rounds) -> Option<Figure> {
        let (of, against) = pairs(rounds, self.of, self.against, |seen| seen.pods_per_second)?;
        Some(ratio(self.row, format!("{nodes} nodes: {}", self.what), "pods/s", &of, &against))
    }
}

/// What a call costs while pods are scheduled. It has no target: netmarks follows the cluster meanwhile, the other does not.
fn cpu(nodes: u32, rounds: &Rounds) -> Option<Figure> {
    let (of, against) = pairs(rounds, Scenario::Netmarks, Scenario::Blind, |seen| seen.cpu)?;
    Some(ratio(
        "1",
        format!("{nodes} nodes: CPU of a call, its watch included, against `[]`"),
        "us",
        &of,
        &against,
    ))
}

/// A figure of two scenarios, of the rounds that have both, so that they were measured beside each other. None where nobody
/// asked for both.
fn pairs(
    rounds: &Rounds,
    of: Scenario,
    against: Scenario,
    figure: fn(Seen) -> f64,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let both = rounds.get(&of)?.iter().zip(rounds.get(&against)?);
    Some(both.filter_map(|(of, against)| Some((figure((*of)?), figure((*against)?)))).unzip())
}
