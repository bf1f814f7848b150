//! Compiles, checks, limits and calls scoring policies. The only crate that imports wasmtime.
//!
//! An [`Engine`] is made once per process, a [`Policy`] once per artefact and set of parameters: by then it is
//! compiled, linked and tried. A call takes a fresh store from the engine's pool, so its cost is one instantiation
//! plus the guest's own work, and nothing outlives it.

mod artefact;
mod bindings;
mod compile;
mod compiler_process;
mod contract;
mod description;
mod engine;
mod engine_error;
mod excerpt;
mod fault;
mod grants;
mod idle;
mod inspect;
mod limits;
mod load;
mod machine_code;
mod outline;
mod parameters;
mod policy;
mod store;
mod ticker;
mod wasi;

pub use artefact::{Artefact, digest};
pub use compile::{CompileLimits, Compiled, Compiler, URGENT, Unkept, Urgency};
pub use compiler_process::serve_compiler;
pub use contract::{CONTRACT, Version, version};
pub use description::{Description, Parameter, ParameterKind};
pub use engine::{Engine, EngineSettings, Tick};
pub use engine_error::EngineError;
pub use fault::{Cause, CompilerError, PolicyError, Stage};
pub use grants::{Grant, Grants};
pub use idle::when_idle;
pub use inspect::Inspection;
pub use limits::Limits;
pub use load::RunSettings;
pub use outline::Outline;
pub use parameters::{ParameterError, ParameterValue};
pub use policy::{CallCost, Part, Policy};
pub use wasi::fault::WasiFault;
