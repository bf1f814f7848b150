//! From the bytes of an artefact to a policy that has proven itself.
//!
//! Nothing here is on the scheduling path: it may take a second, and every step can
//! refuse, in an order in which each later one may rely on the earlier.

use std::collections::BTreeMap;

use wasmtime::component::{Component, HasSelf, Linker};

use netmarks_core::application::Application;
use netmarks_core::needs::{ColumnNeed, Needs};
use netmarks_core::request::{Column, Peers, PolicyRequest};

use crate::artefact::Artefact;
use crate::bindings::{Policy as Bindings, PolicyPre};
use crate::compile::Compiled;
use crate::contract::{CONTRACT, IMPORTS};
use crate::description::Description;
use crate::engine::Engine;
use crate::engine_error::EngineError;
use crate::fault::{Cause, PolicyError, Stage};
use crate::grants::{Grant, Grants};
use crate::limits::Limits;
use crate::parameters::{self, ParameterValue};
use crate::policy::{Failure, Policy};
use crate::store::CallState;
use crate::wasi;
use netmarks_core::bounded::beginning;

/// How one policy is to run: what its operator sets, and the engine enforces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSettings {
    /// Values for the settings that the policy declares; the others keep their defaults.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// What one call may use.
    pub limits: Limits,
    /// What it may import beyond the log.
    pub grants: Grants,
}

impl Policy {
    /// Checks, compiles, links, describes, configures and tries an artefact. Takes from milliseconds (a Rust policy)
    /// to seconds (an interpreter) of every core; call it where nothing waits.
    ///
    /// # Errors
    /// The first stage that failed, and why.
    pub fn load(
        engine: &Engine,
        artefact: Artefact<'_>,
        settings: &RunSettings,
    ) -> Result<Self, PolicyError> {
        let compiled = Compiled::in_place(engine, artefact, &settings.limits)?;
        Self::load_compiled(engine, artefact, &compiled, settings)
    }

    /// The same for an artefact that was compiled before: milliseconds.
    ///
    /// # Errors
    /// The first stage that failed, and why.
    pub fn load_compiled(
        engine: &Engine,
        artefact: Artefact<'_>,
        compiled: &Compiled,
        settings: &RunSettings,
    ) -> Result<Self, PolicyError> {
        Self::prove(engine, artefact, &compiled.0, settings)
    }

    /// Every stage after compilation.
    pub(crate) fn prove(
        engine: &Engine,
        artefact: Artefact<'_>,
        component: &Component,
        settings: &RunSettings,
    ) -> Result<Self, PolicyError> {
        let RunSettings { parameters: given, limits, .. } = settings;
        let at = |stage: Stage| move |cause: Cause| artefact.failed(stage, cause);
        let (mut policy, description) = Self::introduce(engine, artefact, component, settings)?;
        let values = parameters::check(&description.parameters, given)
            .map_err(|error| at(Stage::Configure)(Cause::Parameter(error)))?;
        policy.configure(description, values);

        let lent: Vec<_> = policy.parameters().iter().map(parameters::Checked::lend).collect();
        policy
            .call(|bindings, store| bindings.netmarks_policy_scoring().call_check(store, &lent))
            .map_err(|failure| at(Stage::Configure)(failure.into_cause(limits)))?
            .map_err(|said| at(Stage::Configure)(Cause::Said(beginning(&said, 1_024).to_owned())))?;
        drop(lent);

        policy.score_at(Stage::Trial, &trial_request(policy.needs()))?;
        Ok(policy)
    }

    /// The stages up to its description, which a tool can show even where a later one fails.
    pub(crate) fn introduce(
        engine: &Engine,
        artefact: Artefact<'_>,
        component: &Component,
        settings: &RunSettings,
    ) -> Result<(Self, Description), PolicyError> {
        let RunSettings { limits, grants, .. } = settings;
        let at = |stage: Stage| move |cause: Cause| artefact.failed(stage, cause);
        // They may be others than those that it was compiled under.
        artefact.check_limits(limits)?;
        check_interfaces(engine, component, grants).map_err(at(Stage::Check))?;
        let instances = link(engine, component, grants)
            .map_err(|error| at(Stage::Link)(Cause::Refused(EngineError::new(&error))))?;

        let policy = Policy::unconfigured(
            artefact.name.to_owned(),
            artefact.digest(),
            engine.clone(),
            *limits,
            instances,
        );
        let describing = |failure: Failure| at(Stage::Describe)(failure.into_cause(limits));
        let description = policy
            .call(|bindings, store| bindings.netmarks_policy_scoring().call_describe(store))
            .map_err(describing)?;
        let description =
            Description::check(description).map_err(|error| at(Stage::Describe)(error.into()))?;
        Ok((policy, description))
    }
}

fn check_interfaces(engine: &Engine, component: &Component, grants: &Grants) -> Result<(), Cause> {
    let component = component.component_type();
    for (import, _) in component.imports(&engine.wasmtime) {
        let grant = Grant::for_import(import);
        if !IMPORTS.contains(&import) && !grant.is_some_and(|grant| grants.contains(&grant)) {
            return Err(Cause::ForbiddenImport { import: import.to_owned(), granted: IMPORTS[0], grant });
        }
    }
    let exports: Vec<&str> = component.exports(&engine.wasmtime).map(|(name, _)| name).collect();
    if exports.contains(&CONTRACT) {
        return Ok(());
    }
    let unversioned = |name: &str| name.split('@').next() == CONTRACT.split('@').next();
    Err(match exports.iter().find(|name| unversioned(name)) {
        Some(found) => Cause::WrongVersion { found: (*found).to_owned(), expected: CONTRACT },
        None if exports.is_empty() => {
            Cause::MissingExport { expected: CONTRACT, found: "nothing".to_owned() }
        }
        None => Cause::MissingExport { expected: CONTRACT, found: exports.join(", ") },
    })
}

fn link(engine: &Engine, component: &Component, grants: &Grants) -> wasmtime::Result<PolicyPre<CallState>> {
    let mut linker: Linker<CallState> = Linker::new(&engine.wasmtime);
    Bindings::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    if grants.contains(&Grant::Wasi) {
        wasi::link(&mut linker, component)?;
    }
    PolicyPre::new(linker.instantiate_pre(component)?)
}

/// A small request with every kind of entry that the policy asked for: peers with and without pods, a node without
/// any, numbers large and small.
fn trial_request(needs: &Needs) -> PolicyRequest {
    let (candidates, others) = (3, u32::from(needs.other_nodes));
    let nodes = candidates + others;
    let peers = if needs.peers {
        let mut peers = Peers {
            outbound: vec![1e9, 0.0, 0.5],
            inbound: vec![1.0, 2e3, 0.0],
            first: vec![0, 2, 3, 3],
            node: vec![0, 1, 1],
            pods: vec![1, 40, 2],
        };
        if needs.other_nodes {
            peers.first = vec![0, 2, 3, 4];
            peers.node.push(candidates);
            peers.pods.push(1);
        }
        peers
    } else {
        Peers::default()
    };
    let peer_names: Vec<Application> = if needs.peers {
        ["a", "b", "c"].map(|name| Application::new("trial", name)).into()
    } else {
        Vec::new()
    };
    let per_node = |value: f64| Column::Numbers(vec![value; nodes as usize]);
    let columns = needs
        .columns
        .iter()
        .map(|need| match need {
            ColumnNeed::NodeName => Column::Texts((0..nodes).map(|node| format!("node-{node}")).collect()),
            ColumnNeed::NodeZone
            | ColumnNeed::NodeRegion
            | ColumnNeed::NodeOwnPods
            | ColumnNeed::NodeTarget => Column::Indexes((0..nodes).collect()),
            ColumnNeed::NodeCpuAllocatable => per_node(8.0),
            ColumnNeed::NodeCpuRequested | ColumnNeed::NodeTargetCpu => per_node(0.5),
            ColumnNeed::NodeMemoryAllocatable => per_node(32e9),
            ColumnNeed::NodeMemoryRequested => per_node(1e9),
            // Of as many zones as there are nodes, the first of which is unknown.
            ColumnNeed::ZoneRoundTrips => {
                let known = |pair: u32| pair >= nodes && !pair.is_multiple_of(nodes);
                Column::Numbers(
                    (0..nodes * nodes).map(|pair| if known(pair) { 0.001 } else { 0.0 }).collect(),
                )
            }
            ColumnNeed::PeerName => Column::Texts(peer_names.iter().map(ToString::to_string).collect()),
            ColumnNeed::PeerPods => Column::Indexes(vec![41, 2, others]),
            ColumnNeed::PeerReplicas => Column::Indexes(vec![50, 2, 3]),
            ColumnNeed::PeerLocalShare => Column::Numbers(vec![1.0, 0.0, 0.5]),
            ColumnNeed::PeerCpuRequest => Column::Numbers(vec![0.5, 0.0, 2.0]),
            ColumnNeed::PeerMemoryRequest => Column::Numbers(vec![5e8, 0.0, 2e9]),
            ColumnNeed::PodName => Column::Texts(vec!["trial/pod".to_owned()]),
            ColumnNeed::PodLabels => Column::Texts(vec!["app".to_owned(), "trial".to_owned()]),
            ColumnNeed::PodCpuRequest => Column::Numbers(vec![0.1]),
            ColumnNeed::PodMemoryRequest => Column::Numbers(vec![1e8]),
            ColumnNeed::PodReplicas => Column::Indexes(vec![3]),
            ColumnNeed::PodTarget => Column::Indexes(vec![(0..nodes).sum()]),
            ColumnNeed::PodTargetNotOffered => Column::Indexes(vec![0]),
        })
        .collect();
    PolicyRequest { candidates, nodes, peers, columns, peer_names }
}
