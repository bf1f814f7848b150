//! A loaded policy and its calls.
//!
//! This is the scheduling path: per call one store, one instance, one function.

use std::time::{Duration, Instant};

use wasmtime::{Store, Trap};

use netmarks_core::needs::Needs;
use netmarks_core::request::{Column, PolicyRequest};

use crate::bindings::netmarks::policy::types;
use crate::bindings::{Policy as Bindings, PolicyPre};
use crate::description::Description;
use crate::engine::Engine;
use crate::engine_error::EngineError;
use crate::fault::{Cause, PolicyError, Stage};
use crate::limits::Limits;
use crate::parameters::Checked;
use crate::store::{self, CallState};
use crate::wasi::fault::WasiFault;
use netmarks_core::bounded::beginning;

/// Most parts of an explanation that are taken.
const PARTS: usize = 256;

/// A policy that was compiled, linked and tried. Calls may run side by side.
pub struct Policy {
    name: String,
    digest: String,
    engine: Engine,
    limits: Limits,
    instances: PolicyPre<CallState>,
    description: Description,
    parameters: Vec<Checked>,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("description", &self.description)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// One addend of a node's score, as the policy explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The peer that it is about, as a position in [`PolicyRequest::peer_names`].
    pub peer: Option<u32>,
    /// For people; at most 128 bytes.
    pub label: String,
    /// In the unit of the policy's raw score.
    pub amount: f64,
}

/// What one call took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCost {
    /// All linear memories of the instance at the end of the call, in bytes: they never shrink, so the most it had.
    pub memory_bytes: usize,
    /// From making the store to having read the result: the policy's share of the time that a pod waits.
    pub took: Duration,
}

/// A call that did not return, before it is known which limit to blame.
pub(crate) struct Failure {
    error: wasmtime::Error,
    memory_refused: bool,
}

impl Failure {
    pub(crate) fn into_cause(self, limits: &Limits) -> Cause {
        if let Some(fault) = self.error.downcast_ref::<WasiFault>() {
            return Cause::Wasi(fault.clone());
        }
        match self.error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Cause::Deadline(limits.deadline()),
            Some(Trap::StackOverflow) => Cause::Stack,
            // A guest whose allocation was refused aborts: the refusal is the reason, not the abort.
            _ if self.memory_refused => Cause::Memory { limit: limits.memory_bytes() },
            Some(_) => Cause::Trap(EngineError::new(&self.error)),
            None => Cause::Output { limit: limits.output_bytes(), source: EngineError::new(&self.error) },
        }
    }
}

impl Policy {
    pub(crate) fn unconfigured(
        name: String,
        digest: String,
        engine: Engine,
        limits: Limits,
        instances: PolicyPre<CallState>,
    ) -> Self {
        let description = Description {
            name: String::new(),
            version: String::new(),
            summary: String::new(),
            needs: Vec::new(),
            parameters: Vec::new(),
            parsed_needs: Needs::default(),
        };
        Self { name, digest, engine, limits, instances, description, parameters: Vec::new() }
    }

    pub(crate) fn configure(&mut self, description: Description, parameters: Vec<Checked>) {
        self.description = description;
        self.parameters = parameters;
    }

    pub(crate) fn parameters(&self) -> &[Checked] {
        &self.parameters
    }

    /// What the operator calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The artefact's digest, `sha256:...`.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What a request must hold for it.
    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.description.parsed_needs
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Scores all candidates: one finite number each, higher is better.
    ///
    /// Blocks for at most the policy's deadline plus one tick of the engine.
    ///
    /// # Errors
    /// If the policy traps, exceeds a limit, returns an error or returns something that is not one finite number
    /// per candidate.
    pub fn score(&self, request: &PolicyRequest) -> Result<Vec<f64>, PolicyError> {
        self.score_at(Stage::Score, request)
    }

    pub(crate) fn score_at(&self, stage: Stage, request: &PolicyRequest) -> Result<Vec<f64>, PolicyError> {
        let scores = self
            .with_request(request, |bindings, store, request| {
                bindings.netmarks_policy_scoring().call_score(store, request)
            })
            .map_err(|failure| self.error(stage, failure.into_cause(&self.limits)))?;
        self.check_scores(stage, request, scores)
    }

    /// As [`Self::score`], with what the call took.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn measure(&self, request: &PolicyRequest) -> Result<(Vec<f64>, CallCost), PolicyError> {
        let started = Instant::now();
        let (scores, memory_bytes) = self
            .with_request(request, |bindings, store, request| {
                let scores = bindings.netmarks_policy_scoring().call_score(&mut *store, request)?;
                Ok((scores, store.data().memory_used(&self.limits)))
            })
            .map_err(|failure| self.error(Stage::Score, failure.into_cause(&self.limits)))?;
        let cost = CallCost { memory_bytes, took: started.elapsed() };
        Ok((self.check_scores(Stage::Score, request, scores)?, cost))
    }

    fn check_scores(
        &self,
        stage: Stage,
        request: &PolicyRequest,
        scores: Result<Vec<f64>, String>,
    ) -> Result<Vec<f64>, PolicyError> {
        let at = |cause: Cause| self.error(stage, cause);
        let scores = scores.map_err(|said| at(Cause::Said(beginning(&said, 1_024).to_owned())))?;
        let expected = request.candidates as usize;
        if scores.len() != expected {
            return Err(at(Cause::WrongLength { expected, returned: scores.len() }));
        }
        match scores.iter().position(|score| !score.is_finite()) {
            Some(candidate) => {
                let value = scores.get(candidate).copied().unwrap_or(f64::NAN);
                Err(at(Cause::NotFinite { candidate, value }))
            }
            None => Ok(scores),
        }
    }

    /// The addends of the score of the candidate `node`.
    ///
    /// # Errors
    /// As [`Self::score`].
    pub fn explain(&self, request: &PolicyRequest, node: u32) -> Result<Vec<Part>, PolicyError> {
        let at = |cause: Cause| self.error(Stage::Explain, cause);
        let parts = self
            .with_request(request, |bindings, store, request| {
                bindings.netmarks_policy_scoring().call_explain(store, request, node)
            })
            .map_err(|failure| at(failure.into_cause(&self.limits)))?
            .map_err(|said| at(Cause::Said(beginning(&said, 1_024).to_owned())))?;
        if let Some((candidate, part)) = parts.iter().enumerate().find(|(_, part)| !part.amount.is_finite()) {
            return Err(at(Cause::NotFinite { candidate, value: part.amount }));
        }
        Ok(parts
            .into_iter()
            .take(PARTS)
            .map(|part| Part {
                peer: part.peer,
                label: beginning(&part.label, 128).to_owned(),
                amount: part.amount,
            })
            .collect())
    }

    fn error(&self, stage: Stage, cause: Cause) -> PolicyError {
        PolicyError { policy: self.name.clone(), stage, cause }
    }

    /// Lends `request` in the contract's form to one call.
    fn with_request<R>(
        &self,
        request: &PolicyRequest,
        call: impl FnOnce(&Bindings, &mut Store<CallState>, types::Request<'_>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let texts: Vec<Vec<&str>> = request
            .columns
            .iter()
            .map(|column| match column {
                Column::Texts(texts) => texts.iter().map(String::as_str).collect(),
                Column::Numbers(_) | Column::Indexes(_) => Vec::new(),
            })
            .collect();
        let columns: Vec<types::Column<'_>> = request
            .columns
            .iter()
            .zip(&texts)
            .map(|(column, texts)| match column {
                Column::Numbers(numbers) => types::Column::Numbers(numbers),
                Column::Indexes(indexes) => types::Column::Indexes(indexes),
                Column::Texts(_) => types::Column::Texts(texts),
            })
            .collect();
        let parameters: Vec<types::Value<'_>> = self.parameters.iter().map(Checked::lend).collect();
        let peers = &request.peers;
        let request = types::Request {
            candidates: request.candidates,
            nodes: request.nodes,
            peers: types::Peers {
                outbound: &peers.outbound,
                inbound: &peers.inbound,
                first: &peers.first,
                node: &peers.node,
                pods: &peers.pods,
            },
            columns: &columns,
            parameters: &parameters,
        };
        self.call(|bindings, store| call(bindings, store, request))
    }

    /// One call in a store of its own.
    pub(crate) fn call<R>(
        &self,
        call: impl FnOnce(&Bindings, &mut Store<CallState>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let mut store = store::fresh(&self.engine, &self.limits);
        let result = self.instances.instantiate(&mut store).and_then(|bindings| call(&bindings, &mut store));
        store.data_mut().publish_messages(&self.name);
        result.map_err(|error| Failure { error, memory_refused: store.data().memory_refused })
    }
}
