//! The properties that every policy must have, and what came of trying them.

use std::fmt;

use netmarks_core::printable::one_line;
use serde::Serialize;
use strum::VariantArray;

/// Failures told per property; the rest are counted.
const TOLD: usize = 3;

/// What must hold for every policy, whatever it prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// It describes itself the same each time.
    Description,
    /// It returns one finite number per candidate, in random scenarios and at the edges of what may come.
    Answers,
    /// The same request gets the same answer, to the last bit.
    Repeatable,
    /// The order in which candidates are listed does not matter.
    NodeOrder,
    /// An explanation adds up to the score, and names peers that exist.
    Explanations,
    /// Each parameter may be set to the limits that the policy declares: it answers, or `check` refuses.
    Parameters,
    /// 5,000 nodes with 20 peers of 50 pods each are scored within memory and time.
    Limits,
}

impl Property {
    /// All of them, in the order in which they are reported.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// As a sentence about a policy.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Description => "describes itself the same each time",
            Self::Answers => "returns one finite number per candidate",
            Self::Repeatable => "answers the same request the same",
            Self::NodeOrder => "does not mind the order of the nodes",
            Self::Explanations => "explains scores by what adds up to them",
            Self::Parameters => "works at the limits of its parameters",
            Self::Limits => "scores 5,000 nodes within memory and time",
        }
    }
}

/// What came of all properties.
#[derive(Clone, Debug, Serialize)]
pub struct ConformanceReport {
    /// What the policy under test is called.
    pub policy: String,
    /// Chose the random scenarios.
    pub seed: u64,
    /// In the order of [`Property::ALL`].
    pub properties: Vec<PropertyResult>,
}

/// What came of one.
#[derive(Clone, Debug, Serialize)]
pub struct PropertyResult {
    /// Told by its [`sentence`](Property::sentence).
    pub property: Property,
    /// Tries; 0 if the policy has nothing to try it on.
    pub tried: u32,
    /// Tries in which it did not hold.
    pub failed: u32,
    /// The first three failures: what was tried, and what came of it.
    pub examples: Vec<String>,
}

impl ConformanceReport {
    /// A report on nothing yet.
    pub(crate) fn new(policy: &str, seed: u64) -> Self {
        let untried = |property: &Property| PropertyResult {
            property: *property,
            tried: 0,
            failed: 0,
            examples: Vec::new(),
        };
        Self { policy: policy.to_owned(), seed, properties: Property::ALL.iter().map(untried).collect() }
    }

    /// Whether all of them hold.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures() == 0
    }

    /// How many do not.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.properties.iter().filter(|property| property.failed > 0).count()
    }

    /// Counts one try of a property, and keeps what it broke on.
    pub(crate) fn tell(&mut self, property: Property, what: &str, result: Result<(), String>) {
        let Some(entry) = self.properties.iter_mut().find(|entry| entry.property == property) else { return };
        entry.tried += 1;
        if let Err(problem) = result {
            entry.failed += 1;
            if entry.examples.len() < TOLD {
                entry.examples.push(format!("{what}: {problem}"));
            }
        }
    }
}

impl fmt::Display for ConformanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PropertyResult { property, tried, failed, examples } in &self.properties {
            let sentence = property.sentence();
            if *failed == 0 {
                let tried = if *tried == 0 { "nothing to try".to_owned() } else { format!("{tried} tried") };
                writeln!(f, "ok    {sentence} ({tried})")?;
                continue;
            }
            writeln!(f, "FAIL  {sentence} ({failed} of {tried} not)")?;
            for example in examples {
                writeln!(f, "      {}", one_line(example))?;
            }
        }
        let Self { policy, seed, properties } = self;
        match self.failures() {
            0 => write!(f, "{policy}: all {} properties hold", properties.len()),
            failures => {
                write!(f, "{policy}: {failures} of {} properties do not hold (seed {seed})", properties.len())
            }
        }
    }
}
