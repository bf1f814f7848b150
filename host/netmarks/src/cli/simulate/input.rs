//! What is simulated: the snapshot, and the order in which its pods are placed.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use netmarks_placement::Order;
use netmarks_simulator::World;
use netmarks_sources::snapshot_file::SnapshotFile;
use serde::Deserialize;

use super::super::demo;
use super::super::exit::Ended;

/// An order as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OrderName {
    Fixed(Order),
    /// The node by its name.
    Drain(String),
}

impl FromStr for OrderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let order = match text.split_once('=').unwrap_or((text, "")) {
            ("creation", "") => Order::Creation,
            ("random", "") => Order::Random,
            ("applications", "") => Order::Applications,
            ("rollout", "") => Order::Rollout { rounds: 1 },
            ("rollout", rounds) => match rounds.parse() {
                Ok(rounds @ 1..=100) => Order::Rollout { rounds },
                _ => return Err(format!("`{rounds}` is not a number of rounds from 1 to 100")),
            },
            ("drain", node) if !node.is_empty() => return Ok(Self::Drain(node.to_owned())),
            _ => {
                return Err(format!(
                    "`{text}` is not an order; use one of `creation`, `random`, `applications`, `rollout`, `rollout=ROUNDS`, `drain=NODE`"
                ));
            }
        };
        Ok(Self::Fixed(order))
    }
}

impl OrderName {
    /// # Errors
    /// If there is no node of that name.
    pub(super) fn resolve(&self, world: &World) -> Result<Order> {
        Ok(match self {
            Self::Fixed(order) => order.clone(),
            Self::Drain(name) => {
                Order::Drain { node: world.node(name).map_err(|error| Ended::not_found(error.to_string()))? }
            }
        })
    }
}

/// The world of a snapshot file, or of the built-in sample.
///
/// # Errors
/// If the file cannot be read, or has nothing to place.
pub(super) fn world(file: Option<&Path>) -> Result<World> {
    let Some(file) = file else { return Ok(World::new(demo::sample()?)?) };
    let snapshot = SnapshotFile::read(file)?;
    World::new(snapshot).with_context(|| format!("failed to simulate {}", file.display()))
}

/// What is read of a decision.
#[derive(Deserialize)]
struct Decided {
    pod: String,
}

/// The pods of recorded decisions, oldest first, each once.
///
/// # Errors
/// If the file is not what `/v1/decisions` answers, or the snapshot has none of its pods.
pub(super) fn replay(file: &Path, world: &World) -> Result<Order> {
    let failed = || format!("failed to read the decisions {}", file.display());
    let text = std::fs::read(file).with_context(failed)?;
    let decisions: Vec<Decided> = serde_json::from_slice(&text)
        .context("it is not a JSON list of decisions, as /v1/decisions answers")
        .with_context(failed)?;
    let inventory = world.inventory();
    let by_name: HashMap<&str, usize> =
        inventory.pods.iter().enumerate().map(|(index, pod)| (pod.name.as_str(), index)).collect();
    let mut pods = Vec::new();
    // The newest comes first there.
    for decided in decisions.iter().rev() {
        if let Some(pod) = by_name.get(decided.pod.as_str()).filter(|pod| !pods.contains(*pod)) {
            pods.push(*pod);
        }
    }
    if pods.is_empty() {
        bail!(Ended::not_found(format!(
            "the snapshot has none of the pods of {}; take both from the same server, the snapshot last",
            file.display()
        )));
    }
    Ok(Order::Again { pods })
}
