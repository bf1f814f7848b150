//! From bytes to a loaded revision, step by step. Blocks: compiling takes seconds.

use std::sync::Arc;

use netmarks_core::needs::Needs;
use netmarks_core::request::PolicyRequest;
use netmarks_engine::{Artefact, Compiled, Compiler, Engine, Policy, Urgency};

use crate::errors::Refusal;
use crate::lifecycle::Event;
use crate::manifest::Entry;
use crate::revision::Loaded;

#[derive(Clone, Debug)]
pub enum Compiling {
    /// This process, on all cores, without bounds: for commands that do nothing else.
    Here,
    /// A process of its own with bounded memory, time and priority: for one that answers requests.
    Elsewhere(Compiler),
}

/// Makes requests like those that were answered lately, for some needs: a new policy is tried on them.
pub type Replay = Arc<dyn Fn(&Needs) -> Vec<PolicyRequest> + Send + Sync>;

/// Checks, compiles and tries an artefact; tells `progress` of each step that passed. Blocks for as long as the
/// compiler's limits allow.
pub(crate) fn load(
    engine: &Engine,
    (compiling, urgency): (&Compiling, Urgency),
    replay: &Replay,
    (entry, bytes): (&Entry, &[u8]),
    mut progress: impl FnMut(Event),
) -> Result<Loaded, Refusal> {
    let Entry { name, digest, settings, .. } = entry;
    let artefact = Artefact::with_digest(name.as_str(), bytes, digest);
    let run = settings.run();
    let compiled = match compiling {
        Compiling::Here => Compiled::in_place(engine, artefact, &run.limits),
        Compiling::Elsewhere(compiler) => compiler.compile(engine, artefact, &run.limits, urgency),
    };
    let compiled = compiled.map_err(Refusal::Policy)?;
    progress(Event::Checked);
    progress(Event::Compiled);
    let policy = Policy::load_compiled(engine, artefact, &compiled, &run).map_err(Refusal::Policy)?;
    // What it would have done lately: a policy that fails on a cluster as it is must not learn that in front of it.
    for request in replay(policy.needs()) {
        policy.score(&request).map_err(Refusal::Replay)?;
    }
    progress(Event::Tried);
    Ok(Loaded::new(name.clone(), settings.clone(), policy))
}
