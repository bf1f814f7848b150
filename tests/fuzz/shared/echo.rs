//! The policy that returns what it is given, by `echo.wat`.

use netmarks_engine::{Artefact, Engine, Policy, RunSettings};

use crate::world;

/// Its core module: of all modules, the one with the contract's imports, exports and memory and little else.
pub fn module() -> Vec<u8> {
    wat::parse_str(include_str!("echo.wat")).expect("our own module")
}

pub fn policy(engine: &Engine, settings: &RunSettings) -> Policy {
    let component = world::component(module(), &world::world()).expect("it has the contract's shape");
    Policy::load(engine, Artefact::new("echo", &component), settings).expect("it answers the trial")
}
