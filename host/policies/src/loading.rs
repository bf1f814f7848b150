//! From bytes to a loaded revision, step by step, with its state visible meanwhile.
//!
//! Apart from the registry, whose lock is never held here: compiling takes as long as it takes.

use std::sync::Arc;

use netmarks_core::needs::Needs;
use netmarks_core::request::PolicyRequest;
use netmarks_engine::{Artefact, Compiler, Engine, Policy, Urgency};

use crate::fault::Refusal;
use crate::lifecycle::Event;
use crate::revision::Loaded;
use crate::settings::{PolicyName, Settings};

/// Who compiles.
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
    (name, bytes, settings): (PolicyName, &[u8], Settings),
    mut progress: impl FnMut(Event),
) -> Result<Loaded, Refusal> {
    let artefact = Artefact { name: name.as_str(), bytes };
    let run = settings.run();
    let policy = match compiling {
        Compiling::Here => Policy::load(engine, artefact, &run),
        Compiling::Elsewhere(compiler) => {
            compiler.compile(engine, artefact, &run.limits, urgency).and_then(|compiled| {
                progress(Event::Checked);
                progress(Event::Compiled);
                Policy::load_compiled(engine, artefact, &compiled, &run)
            })
        }
    }
    .map_err(Refusal::Policy)?;
    if matches!(compiling, Compiling::Here) {
        progress(Event::Checked);
        progress(Event::Compiled);
    }
    // What it would have done lately: a policy that fails on a cluster as it is must not learn that in front of it.
    for request in replay(policy.needs()) {
        policy.score(&request).map_err(Refusal::Replay)?;
    }
    progress(Event::Tried);
    Ok(Loaded::new(name, settings, policy))
}
