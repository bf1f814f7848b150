//! From bytes to a loaded revision, step by step. Blocks: compiling takes seconds.

use std::sync::Arc;

use netmarks_core::needs::Needs;
use netmarks_core::request::PolicyRequest;
use netmarks_engine::{Artefact, Compiled, Compiler, Engine, Policy, Urgency, when_idle};

use crate::errors::Refusal;
use crate::lifecycle::Event;
use crate::manifest::Entry;
use crate::policy_bytes::PolicyBytes;
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

/// Does `work` when the machine is `idle`, or at once; `None` if it panicked. Not for calls of a policy: their deadlines go on while they do
/// not get to run.
fn run<T: Send>(idle: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    if idle { when_idle(work) } else { Some(work()) }
}

/// Checks, compiles and tries an artefact; tells `progress` of each step that passed. Blocks for as long as the
/// compiler's limits allow.
pub(crate) fn load(
    engine: &Engine,
    (compiling, urgency): (&Compiling, Urgency),
    replay: &Replay,
    (entry, bytes): (&Entry, &PolicyBytes),
    mut progress: impl FnMut(Event),
) -> Result<Loaded, Refusal> {
    let Entry { name, digest, settings, .. } = entry;
    let run_settings = settings.run();
    let beside_requests = matches!((compiling, urgency), (Compiling::Elsewhere(_), Urgency::Background));
    // Small ones are in memory; a large one takes a moment to be read, and another to be given back.
    let large = beside_requests && bytes.is_in_file();
    let bytes = run(large, || bytes.read()).ok_or(Refusal::Internal)?.map_err(Refusal::Lost)?;
    let artefact = Artefact::with_digest(name.as_str(), &bytes, digest);
    let compiled = match compiling {
        Compiling::Here => Compiled::in_place(engine, artefact, &run_settings.limits),
        Compiling::Elsewhere(compiler) => compiler.compile(engine, artefact, &run_settings.limits, urgency),
    };
    run(large, move || drop(bytes));
    let compiled = compiled.map_err(Refusal::Policy)?;
    progress(Event::Checked);
    progress(Event::Compiled);
    // Nothing looks at the bytes of what is compiled.
    let artefact = Artefact::with_digest(name.as_str(), &[], digest);
    let policy = match Policy::load_compiled(engine, artefact, &compiled, &run_settings) {
        Ok(policy) => policy,
        Err(error) => {
            // All of its code goes with this.
            run(beside_requests, move || drop(compiled));
            return Err(Refusal::Policy(error));
        }
    };
    // What it would have done lately: a policy that fails on a cluster as it is must not learn that in front of it.
    for request in replay(policy.needs()) {
        policy.score(&request).map_err(Refusal::Replay)?;
    }
    progress(Event::Tried);
    Ok(Loaded::new(name.clone(), settings.clone(), policy))
}
