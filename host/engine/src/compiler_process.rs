//! What the compiling process does: it bounds itself and compiles one artefact.

use std::io::{self, Read as _, Write as _};

use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};

use crate::compile::{CompileLimits, Urgency};
use crate::engine::configuration;
use crate::engine_error::EngineError;
use crate::fault::CompilerError;
use crate::idle::enter_idle_class;

/// Bounds this process and compiles stdin to stdout. Returns the exit code: 0, or 1 with the reason on stderr.
#[must_use]
pub fn serve_compiler(limits: CompileLimits, urgency: Urgency) -> u8 {
    match compile_stdin(limits, urgency) {
        Ok(()) => 0,
        Err(error) => {
            // Where nobody reads it, the code says enough.
            let _ = writeln!(io::stderr().lock(), "{}", netmarks_core::errors::chain(&error));
            1
        }
    }
}

fn compile_stdin(limits: CompileLimits, urgency: Urgency) -> Result<(), CompilerError> {
    let at = |step: &'static str| move |error: io::Error| CompilerError::Io { step, error };
    let bound = |resource, most: u64| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| at("bound")(error.into()))
    };
    // Who asked waits for the end on one thread; with that gone, nobody wants the result.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| at("bind")(error.into()))?;
    bound(Resource::As, u64::from(limits.memory_mib) * 1024 * 1024)?;
    bound(Resource::Cpu, u64::from(limits.seconds))?;
    bound(Resource::Core, 0)?;
    if urgency == Urgency::Background {
        // Both: the idle class runs only when nothing else wants the core, `nice` is for systems that refuse it.
        nice(19).map_err(|error| at("lower the priority of")(error.into()))?;
        enter_idle_class();
    }

    let mut artefact = Vec::new();
    io::stdin().lock().read_to_end(&mut artefact).map_err(at("read the artefact in"))?;
    let mut configuration = configuration();
    // One core is enough for what nobody waits for.
    configuration.parallel_compilation(false);
    let code = wasmtime::Engine::new(&configuration)
        .and_then(|engine| engine.precompile_component(&artefact))
        .map_err(|error| CompilerError::Refused(EngineError::new(&error)))?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&code).and_then(|()| stdout.flush()).map_err(at("write the result of"))
}
