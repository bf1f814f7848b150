//! Runs cases and says how the answer differs from what was expected.

use std::collections::BTreeMap;
use std::path::Path;

use netmarks_core::errors::chain;
use netmarks_engine::PolicyError;

use crate::cases::{Case, Cases, Expected};
use crate::error::Error;
use crate::expected::{ExpectedError, Tolerance};
use crate::policy::{self, Policy};
use crate::report::{CaseResult, CasesReport, Difference, Failed, NodeRow};
use crate::scores::Scores;

impl Policy {
    /// Runs the cases of a file.
    ///
    /// # Errors
    /// If the file cannot be used, or a case fails: then with the differences of every case that does.
    pub fn cases(&self, path: impl AsRef<Path>) -> Result<&Self, Error> {
        let report = self.run_cases(&Cases::read(path.as_ref())?);
        if report.passed() { Ok(self) } else { Err(Error::Cases(report)) }
    }

    /// Runs cases and reports on each.
    #[must_use]
    pub fn run_cases(&self, cases: &Cases) -> CasesReport {
        let results = cases.cases.iter().map(|case| CaseResult {
            name: case.name.clone(),
            difference: difference(case, score(self, case)),
        });
        CasesReport { policy: self.name().to_owned(), cases: results.collect() }
    }
}

fn score(policy: &Policy, case: &Case) -> Result<Scores, PolicyError> {
    let loaded = policy.load_with(&case.parameters, policy.settings().limits)?;
    let index = case.setting.index(case.taken_out.as_deref());
    policy::score(&loaded, &index.snapshot(), &case.pod, &case.nodes)
}

fn difference(case: &Case, answer: Result<Scores, PolicyError>) -> Option<Difference> {
    match (&case.expected, answer) {
        (Expected::Scores { order, scores, tolerance }, Ok(got)) => compare(order, scores, *tolerance, &got),
        (Expected::Scores { .. }, Err(error)) => Some(Difference::Failed(failed(&error))),
        (Expected::Error(expected), Ok(got)) => Some(Difference::DidNotFail {
            expected: expected.clone(),
            scores: got.iter().map(|(node, score)| (node.to_owned(), score)).collect(),
        }),
        (Expected::Error(expected), Err(error)) => {
            let got = failed(&error);
            (!meets(expected, &got)).then(|| Difference::FailedOtherwise { expected: expected.clone(), got })
        }
    }
}

fn failed(error: &PolicyError) -> Failed {
    Failed {
        stage: error.stage.as_str().to_owned(),
        cause: error.cause.kind().to_owned(),
        message: chain(error),
    }
}

fn meets(expected: &ExpectedError, got: &Failed) -> bool {
    let ExpectedError { stage, cause, message } = expected;
    stage.as_ref().is_none_or(|stage| *stage == got.stage)
        && cause.as_ref().is_none_or(|cause| *cause == got.cause)
        && message.as_ref().is_none_or(|message| got.message.contains(message))
}

fn compare(
    order: &[Vec<String>],
    scores: &BTreeMap<String, f64>,
    tolerance: Tolerance,
    got: &Scores,
) -> Option<Difference> {
    let nodes: Vec<NodeRow> = got
        .iter()
        .map(|(node, got)| {
            let expected = scores.get(node).copied();
            let met = expected.is_none_or(|expected| tolerance.allows(expected, got));
            NodeRow { node: node.to_owned(), expected, got, met }
        })
        .collect();
    let ranked = got.order_by(|better, score| tolerance.allows(better, score));
    // What is not listed comes after what is: one group more than listed shows that it does.
    let met_order = order.iter().enumerate().all(|(position, group)| {
        let mut group: Vec<&str> = group.iter().map(String::as_str).collect();
        group.sort_unstable();
        ranked.get(position) == Some(&group)
    });
    if met_order && nodes.iter().all(|row| row.met) {
        return None;
    }
    let ranked = ranked.into_iter().map(|group| group.into_iter().map(str::to_owned).collect()).collect();
    Some(Difference::Scores {
        nodes,
        expected_order: (!met_order).then(|| order.to_vec()),
        got_order: ranked,
    })
}
