//! From bytes to a loaded revision, step by step. Blocks: compiling takes seconds.

use std::sync::Arc;

use netmarks_core::needs::Needs;
use netmarks_core::request::PolicyRequest;
use netmarks_engine::{Artefact, Compiled, Compiler, Engine, Policy, Unkept, Urgency, when_idle};

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

/// What is told while a revision is loaded.
pub(crate) trait Listener {
    /// A step passed.
    fn passed(&mut self, step: Event);

    /// This machine code can be kept for the next time. Blocks no longer than the loading may.
    fn keep(&mut self, code: Unkept);
}

/// Does `work` when the machine is `idle`, or at once; `None` if it panicked. Not for calls of a policy: their deadlines go on while they do
/// not get to run.
fn run<T: Send>(idle: bool, work: impl FnOnce() -> T + Send) -> Option<T> {
    if idle { when_idle(work) } else { Some(work()) }
}

/// Checks, compiles and tries an artefact; reports to `listener`. Blocks for as long as the
/// compiler's limits allow.
pub(crate) fn load(
    engine: &Engine,
    (compiling, urgency): (&Compiling, Urgency),
    replay: &Replay,
    (entry, bytes): (&Entry, &PolicyBytes),
    listener: &mut impl Listener,
) -> Result<Loaded, Refusal> {
    let Entry { name, digest, settings, .. } = entry;
    let run_settings = settings.run();
    let beside_requests = matches!((compiling, urgency), (Compiling::Elsewhere(_), Urgency::Background));
    // Small ones are in memory; a large one takes a moment to be read, and another to be given back.
    let large = beside_requests && bytes.is_in_file();
    let bytes = run(large, || bytes.read()).ok_or(Refusal::Internal)?.map_err(Refusal::Lost)?;
    let artefact = Artefact::with_digest(name.as_str(), &bytes, digest);
    let compiled = match compiling {
        Compiling::Here => {
            Compiled::in_place(engine, artefact, &run_settings.limits).map(|compiled| (compiled, None))
        }
        Compiling::Elsewhere(compiler) => compiler.compile(engine, artefact, &run_settings.limits, urgency),
    };
    run(large, move || drop(bytes));
    let (compiled, unkept) = compiled.map_err(Refusal::Policy)?;
    if let Some(unkept) = unkept {
        listener.keep(unkept);
    }
    listener.passed(Event::Checked);
    listener.passed(Event::Compiled);
    // Nothing looks at the bytes of what is compiled.
    let artefact = Artefact::with_digest(name.as_str(), &[], digest);
    // All of its code goes with one that fails: at normal priority, since that takes a lock that calls of other policies need.
    let loaded = Policy::load_compiled(engine, artefact, &compiled, &run_settings);
    let policy = loaded.map_err(Refusal::Policy)?;
    // What it would have done lately: a policy that fails on a cluster as it is must not learn that in front of it.
    for request in replay(policy.needs()) {
        policy.score(&request).map_err(Refusal::Replay)?;
    }
    listener.passed(Event::Tried);
    Ok(Loaded::new(name.clone(), settings.clone(), policy))
}
