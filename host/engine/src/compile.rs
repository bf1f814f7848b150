//! From bytes to machine code: the expensive part of accepting a policy, and the one that no deadline stops.
//!
//! A tool compiles in its own process ([`Compiled::in_place`]). A service has another process do it ([`Compiler`]): that
//! one gets little priority, bounded memory and bounded time, and can be killed. Its result comes back through a pipe, or
//! from a cache folder that belongs to this program.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use netmarks_files::WriteError;
use wasmtime::component::Component;

use crate::artefact::Artefact;
use crate::engine::Engine;
use crate::engine_error::EngineError;
use crate::fault::{Cause, CompilerError, PolicyError, Stage};
use crate::idle::{enter_idle_class, when_idle};
use crate::limits::Limits;
use crate::machine_code::{self, CacheFile};

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
    /// What answered before is to answer again, perhaps in place of a policy that fails: what is kept is loaded at once. What has to be
    /// compiled again is compiled in the background, since that takes seconds of a core.
    Return,
    /// Everybody: until it is done there is no policy.
    NothingAnswers,
}

impl Urgency {
    /// Does `work` that belongs to the compilation, and in which no lock is held, and waits for it; `None` if it panicked.
    fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> Option<T> {
        match self {
            Self::Background => when_idle(work),
            Self::Return | Self::NothingAnswers => Some(work()),
        }
    }
}

/// The last argument of a compiling process that may take its share of the machine.
pub const URGENT: &str = "--urgent";

/// Compiles in another process.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// This program, and the arguments with which it does nothing but [`serve_compiler`](crate::serve_compiler).
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

/// Machine code that was compiled and is not kept yet. Without being kept it is compiled again after a restart.
#[derive(Debug)]
#[must_use]
pub struct Unkept {
    file: CacheFile,
    code: Vec<u8>,
}

impl Unkept {
    /// Keeps it for the next time. Blocks on the disk, for as long as copying and hashing some 50 MB takes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(self) -> Result<(), WriteError> {
        self.file.write(&self.code)
    }
}

impl Compiled {
    /// Compiles in this process, on every core: for tools, and where one policy is all there is to do.
    ///
    /// # Errors
    /// If the bytes are not a component, are too large, or do not validate.
    pub fn in_place(engine: &Engine, artefact: Artefact<'_>, limits: &Limits) -> Result<Self, PolicyError> {
        artefact.check(limits)?;
        Component::new(&engine.wasmtime, artefact.bytes).map(Self).map_err(|error| refused(artefact, &error))
    }
}

impl Compiler {
    /// Compiles an artefact, or finds it in the cache. Blocks for as long as the limits allow. What was compiled and can be kept comes
    /// with it: to keep it belongs to no compilation that others wait for.
    ///
    /// # Errors
    /// If the bytes are not a component, are too large, do not validate, or exceed the limits.
    pub fn compile(
        &self,
        engine: &Engine,
        artefact: Artefact<'_>,
        limits: &Limits,
        urgency: Urgency,
    ) -> Result<(Compiled, Option<Unkept>), PolicyError> {
        artefact.check(limits)?;
        let file = self.cache.as_ref().map(|folder| CacheFile::of(folder, &artefact.digest(), engine));
        let kept = file.as_ref().and_then(|file| urgency.run(|| file.read()).flatten());
        // Mapped at normal priority: wasmtime does it under locks that calls of other policies need. A file of an older format is
        // compiled again.
        if let Some(component) = kept.and_then(|kept| machine_code::map(engine, kept.code()).ok()) {
            return Ok((Compiled(component), None));
        }
        let code =
            self.run(artefact.bytes, urgency).map_err(|cause| artefact.failed(Stage::Compile, cause))?;
        let component = machine_code::map(engine, &code).map_err(|error| refused(artefact, &error))?;
        Ok((Compiled(component), file.map(|file| Unkept { file, code })))
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
        let patience = Duration::from_secs(u64::from(self.limits.seconds) * 3);
        let outcome = exchange(&mut child, artefact, patience, urgency);
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
            // It said why the artefact is not a component.
            Some(1) => Cause::Refused(EngineError::text(&said)),
            _ => Cause::Compiler(CompilerError::Stopped {
                status: status.to_string(),
                memory_mib: self.limits.memory_mib,
                seconds: self.limits.seconds,
            }),
        })
    }
}

fn refused(artefact: Artefact<'_>, error: &wasmtime::Error) -> PolicyError {
    artefact.failed(Stage::Compile, Cause::Refused(EngineError::new(error)))
}

/// Writes the artefact, reads machine code and messages; `None` if that took too long.
fn exchange(
    child: &mut Child,
    artefact: &[u8],
    patience: Duration,
    urgency: Urgency,
) -> io::Result<Option<(Vec<u8>, String)>> {
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
            if urgency == Urgency::Background {
                enter_idle_class();
            }
            drop(stdin.write_all(artefact));
        });
        let messages = scope.spawn(move || {
            let mut said = Vec::new();
            stderr.by_ref().take(4_096).read_to_end(&mut said).map(|_| said)
        });
        scope.spawn(move || {
            if urgency == Urgency::Background {
                enter_idle_class();
            }
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
