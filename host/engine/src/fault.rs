//! What can be wrong with a policy: who, at which stage, and why.
//!
//! One type for loading and for calling, because an operator reads both the same way.

use netmarks_core::needs::NeedError;
use netmarks_core::rules::BrokenRule;
use strum::{Display, IntoStaticStr};

use crate::description::DescriptionError;
use crate::engine_error::EngineError;
use crate::grants::Grant;
use crate::parameters::ParameterError;
use crate::wasi::fault::WasiFault;

/// The step at which a policy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Stage {
    /// Looking at the artefact: what it is, what it exports and imports.
    Check,
    /// Translating it to machine code.
    Compile,
    /// Resolving its imports.
    Link,
    /// Asking it what it is.
    Describe,
    /// Giving it its parameters.
    Configure,
    /// The trial request before it becomes live.
    Trial,
    Score,
    Explain,
}

impl Stage {
    /// As in logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The failure of one policy. `Display` leaves the cause to [`chain`](netmarks_core::errors::chain).
#[derive(Debug, thiserror::Error)]
#[error("policy `{policy}` failed at {stage}")]
pub struct PolicyError {
    /// What the operator calls it.
    pub policy: String,
    pub stage: Stage,
    #[source]
    pub cause: Cause,
}

/// Why a policy failed.
#[derive(Debug, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    /// It is to run under limits that are outside their bounds.
    #[error(transparent)]
    Limits(BrokenRule),
    #[error(
        "the artefact has {bytes} bytes, more than the limit of {limit}; raise `artefact_mib` if it is meant to"
    )]
    TooLarge {
        bytes: usize,
        /// In bytes.
        limit: usize,
    },
    /// A wasm core module.
    #[error(
        "it is a core WebAssembly module, not a component: its linker does not make components. Link it with `wasm-component-ld` (clang \
         takes another linker, without a word, if that one is not found), or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Neither a component nor a core module.
    #[error("it is not a WebAssembly component (no component header)")]
    NotWasm,
    #[error("it does not export `{expected}`; it exports {found}")]
    MissingExport {
        /// [`CONTRACT`](crate::CONTRACT).
        expected: &'static str,
        /// What it exports instead, for people.
        found: String,
    },
    /// A scoring interface of another version.
    #[error(
        "it exports `{found}`, but this host speaks `{expected}`; rebuild it against this version of the contract"
    )]
    WrongVersion {
        found: String,
        /// [`CONTRACT`](crate::CONTRACT).
        expected: &'static str,
    },
    /// An import that was not granted.
    #[error(
        "it imports `{import}`, which is not granted; a policy may import only {granted}{}",
        grant.map(|grant| format!(" (the grant `{}` would allow it)", grant.as_str())).unwrap_or_default()
    )]
    ForbiddenImport {
        import: String,
        /// What any policy may import.
        granted: &'static str,
        /// What the operator could grant to allow it.
        grant: Option<Grant>,
    },
    /// An interface of WASI in a version that no grant covers.
    #[error(
        "it imports `{import}`; this host has WASI 0.2 (any 0.2.x, by the grant `wasi`) and no other version: build the policy for 0.2, or without WASI"
    )]
    WasiVersion { import: String },
    /// Wasmtime refused the artefact: it does not validate, or its types differ from the contract's.
    #[error("wasmtime refused it")]
    Refused(#[source] EngineError),
    /// It could not be compiled within its limits, or the compiler could not be run.
    #[error(transparent)]
    Compiler(CompilerError),
    /// It wants to know what this host cannot tell.
    #[error(transparent)]
    Need(NeedError),
    /// Its own description breaks the contract.
    #[error("its description is invalid: {0}")]
    Description(String),
    /// The operator's parameters do not fit.
    #[error(transparent)]
    Parameter(ParameterError),
    /// It returned an error.
    #[error("it said: {0}")]
    Said(String),
    /// Its call did not end within this time.
    #[error("it missed its deadline of {0:?}")]
    Deadline(std::time::Duration),
    /// It asked for more linear memory than its limit.
    #[error("it wanted more than its {limit} bytes of memory")]
    Memory {
        /// In bytes.
        limit: usize,
    },
    /// It recursed too deep.
    #[error("it exhausted its stack")]
    Stack,
    /// It trapped in any other way.
    #[error("it trapped")]
    Trap(#[source] EngineError),
    /// It called a function of WASI that does nothing here.
    #[error(transparent)]
    Wasi(WasiFault),
    /// What it returned could not be read: more than it may, or not what the contract says.
    #[error("its result could not be taken (at most {limit} bytes are)")]
    Output {
        /// In bytes.
        limit: usize,
        #[source]
        source: EngineError,
    },
    /// Another number of scores than candidates.
    #[error("it returned {returned} scores for {expected} candidates")]
    WrongLength { expected: usize, returned: usize },
    /// NaN or an infinity.
    #[error("its score for candidate {candidate} is {value}, not a finite number")]
    NotFinite {
        /// The first such candidate, by its position in the request.
        candidate: usize,
        value: f64,
    },
}

impl From<DescriptionError> for Cause {
    fn from(error: DescriptionError) -> Self {
        match error {
            DescriptionError::Need(error) => Self::Need(error),
            DescriptionError::Invalid(reason) => Self::Description(reason),
        }
    }
}

impl Cause {
    /// A short name, for metric labels.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.into()
    }
}

/// The compiling process did not return machine code.
#[derive(Debug, thiserror::Error)]
pub enum CompilerError {
    /// It exceeded its memory or CPU time and was stopped for it.
    #[error(
        "compiling it was stopped ({status}); it may take {memory_mib} MiB and {seconds} s of CPU time: use a smaller artefact, or raise `compile_memory_mib` or `compile_seconds`"
    )]
    Stopped {
        /// Exit code or signal.
        status: String,
        /// Its limit of address space.
        memory_mib: u32,
        /// Its limit of CPU time.
        seconds: u32,
    },
    /// It exceeded its time by the clock.
    #[error("compiling it took too long; the machine may be overloaded, or `compile_seconds` too small")]
    TimedOut,
    /// The process could not be used.
    #[error("failed to {step} the compiling process")]
    Io {
        /// A verb, before "the compiling process".
        step: &'static str,
        #[source]
        error: std::io::Error,
    },
    /// The artefact does not validate.
    #[error("{0}")]
    Refused(EngineError),
    /// Nobody said how to start it.
    #[error("no command for the compiling process")]
    NotConfigured,
}
