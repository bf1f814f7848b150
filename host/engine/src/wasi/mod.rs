//! WASI 0.2 with nothing behind it, for policies that were granted it.
//!
//! Interpreted languages bring a runtime that imports these interfaces whether it uses them or not. The list here is
//! one of what is answered, and all else traps: a function that nobody thought of opens nothing. That is why this is
//! not a full implementation with its doors closed one by one. No answer waits, reads a clock or differs between two
//! calls, and none uses an async runtime, so that deadlines hold and scores can be computed again.

mod answers;
pub(crate) mod fault;
pub(crate) mod world;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use crate::grants::Grant;
use crate::store::CallState;

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
