//! The table of targets, and which figures each row is judged by.

use super::record::{Record, number};

/// One row of the table.
pub(super) struct Target {
    pub(super) row: &'static str,
    pub(super) what: &'static str,
    /// As it is written in the table.
    pub(super) target: &'static str,
    /// All of them have to be within their bounds.
    pub(super) figures: &'static [(&'static str, Bound)],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// What came of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Met,
    Missed,
    /// At least one of its figures is not there, which is not met either.
    NotMeasured,
}

impl Outcome {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not met",
        }
    }
}

impl Target {
    pub(super) fn outcome(&self, record: &Record) -> Outcome {
        let mut outcome = Outcome::Met;
        for (name, bound) in self.figures {
            // A quick run shows that everything runs, not what it measures.
            let measured = record.figure(name).filter(|(run, _)| !run.quick);
            match measured.and_then(|(_, figure)| figure.median()) {
                None => return Outcome::NotMeasured,
                Some(median) if bound.holds(median) => {}
                Some(_) => outcome = Outcome::Missed,
            }
        }
        outcome
    }

    /// What was measured, in the order of its figures.
    pub(super) fn measured(&self, record: &Record) -> String {
        let text = |(name, _): &(&str, Bound)| {
            record.figure(name).map_or_else(|| "not measured".to_owned(), |(_, figure)| figure.text())
        };
        let mut texts: Vec<String> = self.figures.iter().map(text).collect();
        texts.dedup_by(|one, other| one == other && one == "not measured");
        texts.join("; ")
    }
}

impl Bound {
    pub(super) fn holds(self, value: f64) -> bool {
        match self {
            AtMost(most) => value <= most,
            AtLeast(least) => value >= least,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, bound) = match self {
            AtMost(most) => ("<=", most),
            AtLeast(least) => (">=", least),
        };
        write!(f, "{sign} {}", number(*bound))
    }
}

pub(super) const TARGETS: [Target; 15] = [
    Target {
        row: "1",
        what: "CPU per request under load (user + system), plain HTTP, 500 / 5,000 names, against a Go extender that reads the body and answers `[]` without decoding",
        target: "<= 1.1x / <= 1.4x",
        figures: &[
            ("500 names: CPU of a request, against answering `[]`", AtMost(1.1)),
            ("5000 names: CPU of a request, against answering `[]`", AtMost(1.4)),
        ],
    },
    Target {
        row: "1b",
        what: "latency of one call as the client sees it, p50 and p99, against the same, at as many names",
        target: "<= 1.2x / <= 1.5x",
        figures: &[
            ("500 names: latency p50, against answering `[]`", AtMost(1.2)),
            ("500 names: latency p99, against answering `[]`", AtMost(1.2)),
            ("5000 names: latency p50, against answering `[]`", AtMost(1.5)),
            ("5000 names: latency p99, against answering `[]`", AtMost(1.5)),
        ],
    },
    Target {
        row: "2",
        what: "policy call (fresh instance) at 500 candidates, 20 peers x 50 pods, minus the same score in native Rust; against instantiating an empty guest",
        target: "<= 10 us; <= 1.2x",
        figures: &[
            ("policy call minus native, 500 candidates, p50", AtMost(10.0)),
            ("policy call against an empty guest, 500 candidates, p50", AtMost(1.2)),
        ],
    },
    Target {
        row: "3",
        what: "the whole request at 500 names, p50, server side",
        target: "<= 35 us",
        figures: &[("whole request on the server, 500 names, p50", AtMost(35.0))],
    },
    Target {
        row: "4",
        what: "scheduling throughput of a real kube-scheduler, 500 / 5,000 nodes (1,000+ measured pods), scoring for real, against the Go extender of row 1: the floor of the protocol",
        target: ">= 0.99x / >= 0.97x",
        figures: &[
            ("500 nodes: netmarks against answering `[]`", AtLeast(0.99)),
            ("5000 nodes: netmarks against answering `[]`", AtLeast(0.97)),
        ],
    },
    Target {
        row: "5",
        what: "the same against a Go extender that decodes the request and answers 0 for every name",
        target: ">= 1.2x / >= 1.1x",
        figures: &[
            ("500 nodes: netmarks against answering 0 for all", AtLeast(1.2)),
            ("5000 nodes: netmarks against answering 0 for all", AtLeast(1.1)),
        ],
    },
    Target {
        row: "6",
        what: "resident memory with 5,000 nodes, 150,000 pods, 2,000 applications, 20,000 flows, fed through list/watch and Prometheus answers",
        target: "<= 120 MB",
        figures: &[("memory: resident", AtMost(120.0))],
    },
    Target {
        row: "7",
        what: "a bound pod seen by the watch -> counted in the next request's scores, at that size",
        target: "<= 5 ms p99, cost independent of cluster size",
        figures: &[("bound pod, from the API server's event to an answer, p99", AtMost(5.0))],
    },
    Target {
        row: "8",
        what: "a metrics refresh of 20,000 flows: CPU; the slowest request while it runs against the p99 without",
        target: "<= 100 ms CPU; no request slower than 1.5x its p99",
        figures: &[
            ("refresh: CPU", AtMost(100.0)),
            ("refresh: slowest request against p99 without", AtMost(1.5)),
        ],
    },
    Target {
        row: "9",
        what: "hot swap under load (a policy swapped every second at 2,000 requests/s for a minute; also with an upload of 50 MiB and a compile bomb under way)",
        target: "no failed request, no mixed generation, p99 <= 1.5x of steady",
        figures: &[
            ("p99 with a swap every second against steady", AtMost(1.5)),
            ("p99 with 50 MiB and a compile bomb refused against steady", AtMost(1.5)),
        ],
    },
    Target {
        row: "10",
        what: "overload, 10x the sustainable rate: memory beyond steady; slowest answer; time until full speed",
        target: "bounded memory (256 MB, `server.max_bodies_mib`); every answer within its deadline (`httpTimeout`, 400 ms; empty where it must be); full speed again within 1 s",
        figures: &[
            ("overload: memory beyond steady", AtMost(256.0)),
            ("overload: slowest answer", AtMost(400.0)),
            ("overload: until full speed again", AtMost(1.0)),
        ],
    },
    Target {
        row: "11",
        what: "`netmarks serve` from exec to ready at row 6's size, API time excluded",
        target: "<= 2 s",
        figures: &[("exec to ready", AtMost(2.0))],
    },
    Target {
        row: "12",
        what: "pods with admission's default terms against the same pods without, no extender in either, 500 / 5,000 nodes",
        target: ">= 0.95x",
        figures: &[
            ("500 nodes: three preferred terms against none", AtLeast(0.95)),
            ("5000 nodes: three preferred terms against none", AtLeast(0.95)),
        ],
    },
    Target {
        row: "13",
        what: "an admission review at row 6's size: p99; rate on one core; pods alike, and no two alike",
        target: "<= 10 ms; >= 500/s",
        figures: &[
            ("review at 5000 nodes, one workload, p99", AtMost(10.0)),
            ("review at 5000 nodes, one workload, rate on one core", AtLeast(500.0)),
            ("review at 5000 nodes, no two pods alike, p99", AtMost(10.0)),
            ("review at 5000 nodes, no two pods alike, rate on one core", AtLeast(500.0)),
        ],
    },
    Target {
        row: "14",
        what: "`netmarks simulate`: 5,000 nodes, 50,000 pods, one arm",
        target: "<= 60 s on 2 cores",
        figures: &[("simulate, 5000 nodes, one arm", AtMost(60.0))],
    },
];

/// Prints these rows of the targets, and what was measured for them.
pub(crate) fn print_rows(record: &Record, rows: &[&str]) {
    for run in &record.runs {
        println!("\n{} on {}, {}", run.revision, run.date, run.machine);
        if run.quick {
            println!("quick: this shows that everything runs, not what it measures");
        }
    }
    let mut met = 0;
    for target in TARGETS.iter().filter(|target| rows.contains(&target.row)) {
        let outcome = target.outcome(record);
        met += usize::from(outcome == Outcome::Met);
        println!("\n{:>2}  {}: {}", target.row, target.what, outcome.text());
        for (name, bound) in target.figures {
            let found =
                record.figure(name).map_or_else(|| "not measured".to_owned(), |(_, figure)| figure.text());
            println!("      {name:<66} {bound:<10} {found}");
        }
    }
    println!("\n{met} of {} rows are met", rows.len());
}

#[cfg(test)]
mod tests {
    use super::super::record::Figure;
    use super::super::record::tests::record as record_of;
    use super::*;

    fn record(figures: &[(&str, f64)]) -> Record {
        let figure = |(name, value): &(&str, f64)| Figure {
            row: "2".to_owned(),
            name: (*name).to_owned(),
            unit: "x".to_owned(),
            samples: vec![*value],
            detail: String::new(),
        };
        record_of(figures.iter().map(figure).collect())
    }

    #[test]
    fn a_row_is_met_by_all_of_its_figures_or_not_at_all() {
        let target = TARGETS.iter().find(|target| target.row == "2").unwrap();
        let [(call, _), (ratio, _)] = target.figures else { panic!("two figures") };
        for (figures, outcome, measured) in [
            (&[(*call, 9.0), (*ratio, 1.1)][..], Outcome::Met, "9.00x; 1.10x"),
            (&[(*call, 9.0), (*ratio, 1.3)], Outcome::Missed, "9.00x; 1.30x"),
            (&[(*call, 11.0)], Outcome::NotMeasured, "11.0x; not measured"),
            (&[], Outcome::NotMeasured, "not measured"),
        ] {
            let mut record = record(figures);
            assert_eq!((target.outcome(&record), &*target.measured(&record)), (outcome, measured));
            record.runs[0].quick = true;
            assert_eq!(target.outcome(&record), Outcome::NotMeasured);
        }
    }

    #[test]
    fn every_figure_judges_one_row() {
        let mut names: Vec<&str> =
            TARGETS.iter().flat_map(|target| target.figures).map(|(name, _)| *name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
