//! Properties that every policy must have, whatever it prefers: the contract in a form that can be tried.
//!
//! Cases say what one policy prefers; these hold for all.

use std::collections::BTreeMap;

use fastrand::Rng;
use netmarks_core::errors::chain;
use netmarks_core::request::{Candidates, PolicyRequest, gather};
use netmarks_engine::{Cause, Limits, ParameterKind, ParameterValue, PolicyError, Stage};

use crate::conformance_report::{ConformanceReport, Property};
use crate::error::Error;
use crate::policy::{Policy, patiently};
use crate::report::number;
use crate::scenarios::{self, Scenario};

/// How far sums of the same numbers in another order may be apart, as a share.
const SAME: f64 = 1e-9;
/// The same for an explanation, whose addends may have been rounded once more.
const ADDS_UP: f64 = 1e-6;
/// Candidates of a scenario that are explained.
const EXPLAINED: usize = 3;
/// An explanation of this many parts may have been cut.
const MOST_PARTS: usize = 256;
/// Nodes of the largest scenario.
const MOST_NODES: usize = 5_000;

/// Which scenarios the properties are tried in, beside the edges and a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conformance {
    /// Chooses the random scenarios.
    pub seed: u64,
    /// Number of random scenarios.
    pub scenarios: u64,
}

impl Default for Conformance {
    fn default() -> Self {
        Self { seed: 1, scenarios: 64 }
    }
}

impl Policy {
    /// Checks the properties that every policy must have.
    ///
    /// # Errors
    /// If one does not hold: then with an example for each that does not.
    pub fn conformance(&self) -> Result<&Self, Error> {
        let report = self.run_conformance(&Conformance::default())?;
        if report.passed() { Ok(self) } else { Err(Error::Conformance(report)) }
    }

    /// Checks the properties and reports on each.
    ///
    /// # Errors
    /// If the policy is refused, so that there is nothing to check.
    pub fn run_conformance(&self, settings: &Conformance) -> Result<ConformanceReport, PolicyError> {
        run(self, settings)
    }
}

fn run(policy: &Policy, settings: &Conformance) -> Result<ConformanceReport, PolicyError> {
    let mut report = ConformanceReport::new(policy.name(), settings.seed);
    let loaded = policy.load()?;
    report.tell(Property::Description, "loaded again", described_again(policy, &loaded));
    let edges = scenarios::edges();
    for scenario in &edges {
        scored(&loaded, scenario, &mut report);
    }
    for number in 0..settings.scenarios {
        scored(&loaded, &scenarios::random(settings.seed, number), &mut report);
    }
    parameters(policy, &loaded, &edges, &mut report);
    let large = scenarios::large(MOST_NODES);
    let request = request(&loaded, &large, &large.nodes);
    let result = patiently(|| loaded.score(&request)).map(drop).map_err(|error| chain(&error));
    report.tell(Property::Limits, &large.what, result);
    Ok(report)
}

fn described_again(policy: &Policy, first: &netmarks_engine::Policy) -> Result<(), String> {
    let again = policy.load().map_err(|error| chain(&error))?;
    // The description has no equality of its own; its text names everything in it.
    let (first, again) = (format!("{:?}", first.description()), format!("{:?}", again.description()));
    if first == again { Ok(()) } else { Err(format!("it was {first} and is {again}")) }
}

fn request(policy: &netmarks_engine::Policy, scenario: &Scenario, nodes: &[String]) -> PolicyRequest {
    let names: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let snapshot = &scenario.snapshot;
    gather(snapshot, &scenario.pod, &Candidates::new(snapshot, &names), policy.needs(), &[])
}

/// All properties of one scenario.
fn scored(policy: &netmarks_engine::Policy, scenario: &Scenario, report: &mut ConformanceReport) {
    let what = &scenario.what;
    let request = request(policy, scenario, &scenario.nodes);
    let score = |request: &PolicyRequest| patiently(|| policy.score(request)).map_err(|error| chain(&error));
    let scores = match score(&request) {
        Ok(scores) => scores,
        Err(error) => return report.tell(Property::Answers, what, Err(error)),
    };
    report.tell(Property::Answers, what, Ok(()));

    let again = score(&request).and_then(|again| same(&scenario.nodes, &scores, &again, 0.0));
    report.tell(Property::Repeatable, what, again);

    let mut order: Vec<usize> = (0..scenario.nodes.len()).collect();
    Rng::with_seed(report.seed).shuffle(&mut order);
    let nodes: Vec<String> = order.iter().filter_map(|at| scenario.nodes.get(*at).cloned()).collect();
    let expected: Vec<f64> = order.iter().filter_map(|at| scores.get(*at).copied()).collect();
    let permuted = score(&self::request(policy, scenario, &nodes));
    let largest = scores.iter().fold(0.0f64, |largest, score| largest.max(score.abs()));
    let result = permuted.and_then(|permuted| same(&nodes, &expected, &permuted, SAME * largest));
    report.tell(Property::NodeOrder, what, result);

    for (node, score) in (0u32..).zip(&scores).take(EXPLAINED) {
        report.tell(Property::Explanations, what, explained(policy, &request, node, *score));
    }
}

fn same(nodes: &[String], expected: &[f64], got: &[f64], tolerance: f64) -> Result<(), String> {
    let pairs = nodes.iter().zip(expected.iter().zip(got));
    for (node, (expected, got)) in pairs {
        if (expected - got).abs() > tolerance {
            return Err(format!("`{node}` scored {}, then {}", number(*expected), number(*got)));
        }
    }
    Ok(())
}

fn explained(
    policy: &netmarks_engine::Policy,
    request: &PolicyRequest,
    node: u32,
    score: f64,
) -> Result<(), String> {
    let parts = patiently(|| policy.explain(request, node)).map_err(|error| chain(&error))?;
    let peers = request.peers.outbound.len();
    if let Some(peer) = parts.iter().filter_map(|part| part.peer).find(|peer| *peer as usize >= peers) {
        return Err(format!("candidate {node} is explained by peer {peer} of {peers}"));
    }
    if parts.is_empty() || parts.len() >= MOST_PARTS {
        return Ok(());
    }
    let sum: f64 = parts.iter().map(|part| part.amount).sum();
    let size: f64 = score.abs() + parts.iter().map(|part| part.amount.abs()).sum::<f64>();
    if (sum - score).abs() <= ADDS_UP * size {
        Ok(())
    } else {
        Err(format!("candidate {node} scored {}, and its parts add up to {}", number(score), number(sum)))
    }
}

/// Every parameter at the limits that it declares, one at a time.
fn parameters(
    policy: &Policy,
    loaded: &netmarks_engine::Policy,
    edges: &[Scenario],
    report: &mut ConformanceReport,
) {
    for parameter in &loaded.description().parameters {
        let values: Vec<ParameterValue> = match &parameter.kind {
            ParameterKind::Number { minimum, maximum, .. } => {
                [*minimum, *maximum].map(ParameterValue::Number).into()
            }
            ParameterKind::Toggle { .. } => [false, true].map(ParameterValue::Toggle).into(),
            ParameterKind::Choice { options, .. } => {
                options.iter().cloned().map(ParameterValue::Text).collect()
            }
            // Nobody knows which texts mean something.
            ParameterKind::Text { .. } => Vec::new(),
        };
        for value in values {
            let what = format!("`{}` = {}", parameter.name, shown(&value));
            let given = BTreeMap::from([(parameter.name.clone(), value)]);
            report.tell(Property::Parameters, &what, answers(policy, &given, edges));
        }
    }
}

fn answers(
    policy: &Policy,
    given: &BTreeMap<String, ParameterValue>,
    edges: &[Scenario],
) -> Result<(), String> {
    let limits: Limits = policy.settings().limits;
    let loaded = match policy.load_with(given, limits) {
        Ok(loaded) => loaded,
        // Refusing what makes no sense together is what `check` is for.
        Err(PolicyError { stage: Stage::Configure, cause: Cause::Said(_), .. }) => return Ok(()),
        Err(error) => return Err(chain(&error)),
    };
    for scenario in edges {
        let request = request(&loaded, scenario, &scenario.nodes);
        patiently(|| loaded.score(&request))
            .map_err(|error| format!("{}: {}", scenario.what, chain(&error)))?;
    }
    Ok(())
}

fn shown(value: &ParameterValue) -> String {
    match value {
        ParameterValue::Toggle(toggle) => toggle.to_string(),
        ParameterValue::Number(value) => number(*value),
        ParameterValue::Text(text) => text.clone(),
    }
}
