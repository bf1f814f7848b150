//! Pods that a scheduler binds a second: rows 4, 5 and 12.

use std::collections::BTreeMap;

use clap::ValueEnum as _;

use super::Extent;
use super::report::ratio;
use super::run::{Bench, Setting};
use crate::bench::{Figure, Run};

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
    /// The same with eleven
    #[value(name = "terms-11")]
    Terms11,
}

/// In one of the two orders.
pub(super) const SCENARIOS: [Scenario; 7] = [
    Scenario::None,
    Scenario::Blind,
    Scenario::Dense,
    Scenario::Netmarks,
    Scenario::Terms,
    Scenario::Terms1,
    Scenario::Terms11,
];

/// Two scenarios to compare.
struct Comparison {
    row: &'static str,
    what: &'static str,
    of: Scenario,
    against: Scenario,
}

const COMPARISONS: [Comparison; 7] = [
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
        what: "eleven preferred terms against none",
        of: Scenario::Terms11,
        against: Scenario::None,
    },
];

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
            Self::Terms11 => ("none", 11),
        };
        Setting { terms, ..Setting::new(nodes, pods, extender) }
    }
}

/// Runs the scenarios by turns, each round in the other order than the one before.
pub(super) fn measure(bench: &Bench, scenarios: &[Scenario], extent: &Extent, run: &mut Run) {
    for nodes in &extent.nodes {
        // Of each scenario, one for each round; None where it was not measured.
        let mut rates: BTreeMap<Scenario, Vec<Option<f64>>> = BTreeMap::new();
        let mut order = scenarios.to_vec();
        for round in 1..=extent.rounds {
            for scenario in &order {
                let name = scenario.name();
                let place = format!("{nodes}-nodes-{round}-{name}");
                let outcome = bench.measure(&place, &scenario.setting(*nodes, extent.pods));
                let rate = outcome.as_ref().map(|outcome| outcome.figure("pods_per_second"));
                rates.entry(*scenario).or_default().push(rate);
            }
            order.reverse();
        }
        for figure in COMPARISONS.iter().filter_map(|comparison| comparison.figure(*nodes, &rates)) {
            run.add(figure);
        }
    }
}

impl Comparison {
    /// None where nobody asked for it.
    fn figure(&self, nodes: u32, rates: &BTreeMap<Scenario, Vec<Option<f64>>>) -> Option<Figure> {
        let (of, against) = (rates.get(&self.of)?, rates.get(&self.against)?);
        // Only rounds that have both, so that they were measured beside each other.
        let (of, against): (Vec<f64>, Vec<f64>) =
            of.iter().zip(against).filter_map(|(of, against)| Some(((*of)?, (*against)?))).unzip();
        Some(ratio(self.row, format!("{nodes} nodes: {}", self.what), "pods/s", &of, &against))
    }
}
