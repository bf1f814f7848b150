//! Builds requests for a policy's own tests, which run natively: `cargo test`, no host and no wasm.

use std::mem::ManuallyDrop;

use crate::bindings::exports::netmarks::policy::scoring;
use crate::bindings::netmarks::policy::types::{Column, Peers, Value};
use crate::{Kind, Need, Parameter, Policy, Request};

/// Builds the [`Request`] that the host would send to one policy.
///
/// Wrong use panics, as a failing test should: a column that the policy does not need, an undeclared parameter, rows
/// of a wrong length.
#[derive(Debug)]
pub struct RequestBuilder {
    raw: scoring::Request,
    needs: &'static [Need],
    parameters: &'static [Parameter],
    make: fn(ManuallyDrop<scoring::Request>) -> Result<Request, String>,
}

#[allow(clippy::panic, reason = "used by tests only, which report by panicking")]
impl RequestBuilder {
    /// A pod with this many candidate nodes, without peers, with empty columns and default parameters.
    #[must_use]
    pub fn new<P: Policy>(candidates: u32) -> Self {
        let columns = P::NEEDS.iter().filter(|need| need.is_column());
        let raw = scoring::Request {
            candidates,
            nodes: candidates,
            peers: Peers {
                outbound: Vec::new(),
                inbound: Vec::new(),
                first: if P::NEEDS.contains(&Need::Peers) { vec![0] } else { Vec::new() },
                node: Vec::new(),
                pods: Vec::new(),
            },
            columns: columns.map(|_| Column::Numbers(Vec::new())).collect(),
            parameters: P::PARAMETERS.iter().map(|parameter| default(&parameter.kind)).collect(),
        };
        Self { raw, needs: P::NEEDS, parameters: P::PARAMETERS, make: Request::new::<P> }
    }

    /// Adds nodes that are not candidates, which columns per node then describe too.
    #[must_use]
    pub fn other_nodes(mut self, count: u32) -> Self {
        self.raw.nodes += count;
        self
    }

    /// Adds a peer: bytes per second to it and from it, and how many of its pods run on which node.
    #[must_use]
    pub fn peer(mut self, outbound: f64, inbound: f64, placements: &[(u32, u32)]) -> Self {
        let peers = &mut self.raw.peers;
        let Some(start) = peers.first.last().copied() else {
            panic!("the policy does not need peers");
        };
        peers.outbound.push(outbound);
        peers.inbound.push(inbound);
        for ((node, pods), end) in placements.iter().zip(start + 1..) {
            peers.node.push(*node);
            peers.pods.push(*pods);
            if let Some(first) = peers.first.get_mut(peers.outbound.len()) {
                *first = end;
            } else {
                peers.first.push(end);
            }
        }
        if placements.is_empty() {
            peers.first.push(start);
        }
        self
    }

    /// Sets a column of numbers.
    #[must_use]
    pub fn numbers(self, need: Need, numbers: &[f64]) -> Self {
        self.column(need, Column::Numbers(numbers.to_vec()))
    }

    /// Sets a column of indexes.
    #[must_use]
    pub fn indexes(self, need: Need, indexes: &[u32]) -> Self {
        self.column(need, Column::Indexes(indexes.to_vec()))
    }

    /// Sets a column of texts.
    #[must_use]
    pub fn texts(self, need: Need, texts: &[&str]) -> Self {
        self.column(need, Column::Texts(texts.iter().map(|text| (*text).to_owned()).collect()))
    }

    /// Gives a number parameter.
    #[must_use]
    pub fn number(self, name: &str, value: f64) -> Self {
        self.parameter(name, Value::Number(value))
    }

    /// Gives a text or choice parameter.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.parameter(name, Value::Text(value.to_owned()))
    }

    /// Gives a toggle.
    #[must_use]
    pub fn toggle(self, name: &str, value: bool) -> Self {
        self.parameter(name, Value::Toggle(value))
    }

    /// What the policy would be told.
    #[must_use]
    pub fn build(self) -> Request {
        (self.make)(ManuallyDrop::new(self.raw)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn column(mut self, need: Need, column: Column) -> Self {
        match need.position(self.needs).and_then(|position| self.raw.columns.get_mut(position)) {
            Some(slot) => *slot = column,
            None => panic!("the policy does not need `{}`", need.name()),
        }
        self
    }

    fn parameter(mut self, name: &str, value: Value) -> Self {
        let position = self.parameters.iter().position(|parameter| parameter.name == name);
        match position.and_then(|position| self.raw.parameters.get_mut(position)) {
            Some(slot) if std::mem::discriminant(slot) == std::mem::discriminant(&value) => *slot = value,
            _ => panic!("the policy declares no parameter `{name}` of that kind"),
        }
        self
    }
}

fn default(kind: &Kind) -> Value {
    match kind {
        Kind::Number { default, .. } => Value::Number(*default),
        Kind::Text { default } | Kind::Choice { default, .. } => Value::Text((*default).to_owned()),
        Kind::Toggle { default } => Value::Toggle(*default),
    }
}
