//! WASI 0.2 with nothing behind it, for policies that were granted it.
//!
//! Interpreted languages bring a runtime that imports these interfaces whether it uses them or not. The list here is
//! one of what is answered, and all else traps: a function that nobody thought of opens nothing. That is why this is
//! not a full implementation with its doors closed one by one. No answer waits, reads a clock or differs between two
//! calls, and none uses an async runtime, so that deadlines hold and scores can be computed again.

mod answers;
mod world;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use crate::grants::Grant;
use crate::store::CallState;
pub(crate) use world::World;

/// Why a policy that called WASI was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WasiFault {
    /// It wanted to open, read, connect or wait for something.
    #[error(
        "it called `{function}`, and nothing is behind that: a policy has no files, network, processes or time"
    )]
    Nothing {
        /// The interface and the function.
        function: String,
    },
    /// It ended its own process.
    #[error("it exited")]
    Exited,
    /// It asked for more than any runtime does.
    #[error("it asked for too many {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
}

/// Defines every WASI interface that the component imports, in the version that it imports. What that version may hold
/// is the component's own say: a function is answered, or traps when it is called.
pub(crate) fn link(linker: &mut Linker<CallState>, component: &Component) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for (import, found) in component.component_type().imports(&engine) {
        let (Some(Grant::Wasi), ComponentItem::ComponentInstance(interface)) =
            (Grant::for_import(import), found.ty)
        else {
            continue;
        };
        let unversioned = import.split('@').next().unwrap_or(import);
        let mut instance = linker.instance(import)?;
        for (name, item) in interface.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(_) => answers::resource(&mut instance, name)?,
                ComponentItem::ComponentFunc(_) => {
                    answers::function(&mut instance, unversioned, name)?;
                }
                // Types need no definition, and WASI 0.2 has nothing else.
                _ => {}
            }
        }
    }
    Ok(())
}
