//! From bytes to machine code: the expensive part of accepting a policy, and the one that no deadline stops.
//!
//! Apart from loading, because a service has it done by another process ([`Compiler`]): that one gets little
//! priority, bounded memory and bounded time, and can be killed. Its result comes back through a pipe, or from a
//! cache folder that belongs to this program; machine code is never taken from where policies come from.

#![allow(
    unsafe_code,
    reason = "wasmtime cannot check machine code, so mapping some is unsafe; the one call says whose it is"
)]

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::engine::{Engine, configuration};
use crate::fault::{Cause, CompilerError, EngineError, PolicyError, Stage};
use crate::idle::enter_idle_class;
use crate::limits::Limits;
use crate::load::{Artefact, check_header};

/// What compiling one artefact may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space of the compiling process, in MiB.
    pub memory_mib: u32,
    /// Its CPU time, and three times as much by the clock, in seconds.
    pub seconds: u32,
}

impl Default for CompileLimits {
    fn default() -> Self {
        // A Rust policy takes 0.1 s and an interpreter of 20 MB some 20 s on one slow core, in a few hundred MiB.
        Self { memory_mib: 2_048, seconds: 120 }
    }
}

/// What waits for a compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody: requests are being answered, and go first.
    Background,
    /// Everybody: until it is done there is no policy.
    NothingAnswers,
}

/// The last argument of a compiling process that may take its share of the machine.
pub const URGENT: &str = "--urgent";

/// Compiles in another process.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// This program, and the arguments with which it does nothing but [`serve_compiler`].
    pub command: Vec<PathBuf>,
    /// What one compilation may cost.
    pub limits: CompileLimits,
    /// Where machine code is kept, by digest and engine. Only this program's user may be able to write there.
    pub cache: Option<PathBuf>,
}

/// An artefact that was compiled, and nothing else yet.
#[derive(Clone)]
pub struct Compiled(pub(crate) Component);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}

impl Compiler {
    /// Compiles an artefact, or finds it in the cache. Blocks for as long as the limits allow.
    ///
    /// # Errors
    /// If the artefact is none, too large, does not validate, or exceeds the limits.
    pub fn compile(
        &self,
        engine: &Engine,
        artefact: Artefact<'_>,
        limits: &Limits,
        urgency: Urgency,
    ) -> Result<Compiled, PolicyError> {
        let at = |stage, cause| PolicyError { policy: artefact.name.to_owned(), stage, cause };
        check_header(artefact.bytes, limits).map_err(|cause| at(Stage::Check, cause))?;
        let kept = self.cache.as_ref().map(|folder| {
            let digest = artefact.digest();
            folder.join(format!("{}-{}.cwasm", digest.trim_start_matches("sha256:"), engine.compatibility()))
        });
        if let Some(file) = &kept
            && let Ok(bytes) = fs::read(file)
            && let Some(code) = intact(&bytes)
            // A file of an older format is compiled again.
            && let Ok(component) = map(engine, code)
        {
            return Ok(Compiled(component));
        }
        let code = self.run(artefact.bytes, urgency).map_err(|error| at(Stage::Compile, error))?;
        let component = map(engine, &code)
            .map_err(|error| at(Stage::Compile, Cause::Refused(EngineError::new(&error))))?;
        if let Some(file) = &kept
            && let Err(error) = keep(file, &code)
        {
            tracing::warn!(file = %file.display(), %error, "compiled policy not cached");
        }
        Ok(Compiled(component))
    }

    /// One compilation by the other process.
    fn run(&self, artefact: &[u8], urgency: Urgency) -> Result<Vec<u8>, Cause> {
        let failed = |step: &'static str| move |error| Cause::Compiler(CompilerError::Io { step, error });
        let (program, arguments) =
            self.command.split_first().ok_or(Cause::Compiler(CompilerError::NotConfigured))?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(self.limits.memory_mib.to_string())
            .arg(self.limits.seconds.to_string())
            .args((urgency == Urgency::NothingAnswers).then_some(URGENT))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed("start"))?;
        let outcome = exchange(&mut child, artefact, Duration::from_secs(u64::from(self.limits.seconds) * 3));
        // Whatever happened: no process is left behind.
        let killed = child.kill();
        let status = child.wait().map_err(failed("wait for"))?;
        killed.map_err(failed("stop"))?;
        let (code, said) =
            outcome.map_err(failed("talk to"))?.ok_or(Cause::Compiler(CompilerError::TimedOut))?;
        if status.success() {
            return Ok(code);
        }
        Err(match status.code() {
            // It said why the artefact is none.
            Some(1) => Cause::Refused(EngineError::text(&said)),
            _ => Cause::Compiler(CompilerError::Stopped {
                status: status.to_string(),
                memory_mib: self.limits.memory_mib,
                seconds: self.limits.seconds,
            }),
        })
    }
}

/// Writes the artefact, reads machine code and messages; `None` if that took too long.
fn exchange(child: &mut Child, artefact: &[u8], patience: Duration) -> io::Result<Option<(Vec<u8>, String)>> {
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("no pipes"));
    };
    // Machine code is a small multiple of its source; more would be no compiler's.
    let most = artefact.len() as u64 * 32 + 16 * 1024 * 1024;
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        // A compiler that refuses early does not read on, and says itself why.
        scope.spawn(move || {
            enter_idle_class();
            drop(stdin.write_all(artefact));
        });
        let messages = scope.spawn(move || {
            let mut said = Vec::new();
            stderr.by_ref().take(4_096).read_to_end(&mut said).map(|_| said)
        });
        scope.spawn(move || {
            let mut code = Vec::new();
            let read = stdout.by_ref().take(most).read_to_end(&mut code).map(|_| code);
            // The receiver may have given up.
            drop(sender.send(read));
        });
        let code = receiver.recv_timeout(patience);
        if code.is_err() {
            child.kill()?;
        }
        let said = messages.join().map_err(|_| io::Error::other("the reader of its messages panicked"))??;
        match code {
            Ok(code) => {
                let code = code?;
                child.wait()?;
                Ok(Some((code, String::from_utf8_lossy(&said).trim().to_owned())))
            }
            Err(_) => Ok(None),
        }
    })
}

/// What the other process does: bounds itself and compiles stdin to stdout. Returns its exit code: 0, or 1 with the
/// reason on stderr.
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
    use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};
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

/// Maps machine code of our own making.
fn map(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` was made by this program, in a process that `Compiler::run` started or an earlier one of that
    // kind, and reached us through a pipe or a folder that only this program's user can write.
    unsafe { Component::deserialize(&engine.wasmtime, code) }
}

/// Writes a file so that it is there whole or not at all, as long as the machine itself does not stop.
fn keep(file: &Path, code: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(&Sha256::digest(code))?;
    temporary.write_all(code)?;
    temporary.persist(file)?;
    Ok(())
}

/// The machine code in what [`keep`] wrote; `None` if it was damaged since. wasmtime looks at its headers only, and
/// pages that a power failure left empty would be run.
fn intact(bytes: &[u8]) -> Option<&[u8]> {
    let (digest, code) = bytes.split_at_checked(<Sha256 as Digest>::output_size())?;
    (Sha256::digest(code)[..] == *digest).then_some(code)
}

impl Engine {
    /// What machine code must have been compiled with to run here, as a name for files.
    fn compatibility(&self) -> String {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        self.wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
