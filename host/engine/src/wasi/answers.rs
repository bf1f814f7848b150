//! The functions of WASI 0.2 that are answered, each with the answer that says there is nothing.

use wasmtime::StoreContextMut;
use wasmtime::component::{
    ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower, Resource, ResourceType,
};

use super::fault::WasiFault;
use super::world::{Output, World};
use crate::store::CallState;

/// Bytes that a stream says it takes at once.
const WRITABLE: u64 = 4_096;

/// What the numbers of an [`OutputStream`] stand for.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// An event; it has always happened.
struct Pollable;
/// A stream to read from; it is always at its end.
struct InputStream;
/// A stream to write to: [`STDOUT`] or [`STDERR`].
struct OutputStream;
/// Whatever else WASI can hand out: nobody is ever given one.
struct Nothing;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code, reason = "part of the type, which is compared when linking")]
    LastOperationFailed(Resource<Nothing>),
    #[component(name = "closed")]
    Closed,
}

type Instance<'a> = LinkerInstance<'a, CallState>;
type Answer<R> = Result<(R,), WasiFault>;

/// Defines a type of handles.
pub(super) fn resource(instance: &mut Instance<'_>, name: &str) -> wasmtime::Result<()> {
    let kind = match name {
        "pollable" => ResourceType::host::<Pollable>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        _ => ResourceType::host::<Nothing>(),
    };
    instance.resource(name, kind, |mut store, _| {
        store.data_mut().world().close();
        Ok(())
    })
}

/// Defines a function: one that answers, or one that traps.
pub(super) fn function(instance: &mut Instance<'_>, interface: &str, name: &str) -> wasmtime::Result<()> {
    let mut on = On { instance, name };
    match (interface, name) {
        ("wasi:cli/environment", "get-environment") => {
            on.answer(|_, ()| Ok((Vec::<(String, String)>::new(),)))
        }
        ("wasi:cli/environment", "get-arguments") => on.answer(|_, ()| Ok((Vec::<String>::new(),))),
        ("wasi:cli/environment", "initial-cwd") => on.answer(|_, ()| Ok((None::<String>,))),
        ("wasi:cli/exit", "exit" | "exit-with-code") => {
            on.instance.func_new(name, |_, _, _, _| Err(WasiFault::Exited.into()))
        }
        ("wasi:cli/stdin", "get-stdin") => on.answer(|world, ()| open::<InputStream>(world, 0)),
        ("wasi:cli/stdout", "get-stdout") => on.answer(|world, ()| open::<OutputStream>(world, STDOUT)),
        ("wasi:cli/stderr", "get-stderr") => on.answer(|world, ()| open::<OutputStream>(world, STDERR)),
        ("wasi:cli/terminal-stdin", "get-terminal-stdin")
        | ("wasi:cli/terminal-stdout", "get-terminal-stdout")
        | ("wasi:cli/terminal-stderr", "get-terminal-stderr") => {
            on.answer(|_, ()| Ok((None::<Resource<Nothing>>,)))
        }
        ("wasi:filesystem/preopens", "get-directories") => {
            on.answer(|_, ()| Ok((Vec::<(Resource<Nothing>, String)>::new(),)))
        }
        ("wasi:clocks/wall-clock", "now") => {
            on.answer(|_, ()| Ok((Datetime { seconds: 0, nanoseconds: 0 },)))
        }
        ("wasi:clocks/wall-clock", "resolution") => {
            on.answer(|_, ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
        }
        ("wasi:clocks/monotonic-clock", "now") => on.answer(|_, ()| Ok((0u64,))),
        ("wasi:clocks/monotonic-clock", "resolution") => on.answer(|_, ()| Ok((1u64,))),
        ("wasi:clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => {
            on.answer(|world, (_,): (u64,)| open::<Pollable>(world, 0))
        }
        ("wasi:random/random", "get-random-bytes")
        | ("wasi:random/insecure", "get-insecure-random-bytes") => {
            on.answer(|world, (count,): (u64,)| Ok((world.random_bytes(count)?,)))
        }
        ("wasi:random/random", "get-random-u64") | ("wasi:random/insecure", "get-insecure-random-u64") => {
            on.answer(|world, ()| Ok((world.random(),)))
        }
        ("wasi:random/insecure-seed", "insecure-seed") => {
            on.answer(|world, ()| Ok(((world.random(), world.random()),)))
        }
        ("wasi:io/poll", _) => poll(&mut on),
        ("wasi:io/streams", _) => stream(&mut on, interface),
        _ => on.trap(interface),
    }
}

fn poll(on: &mut On<'_, '_>) -> wasmtime::Result<()> {
    match on.name {
        "[method]pollable.ready" => on.answer(|_, (_,): (Resource<Pollable>,)| Ok((true,))),
        "[method]pollable.block" => on.answer(|_, (_,): (Resource<Pollable>,)| Ok(())),
        "poll" => on.answer(|_, (events,): (Vec<Resource<Pollable>>,)| {
            Ok(((0u32..).zip(&events).map(|(position, _)| position).collect::<Vec<_>>(),))
        }),
        _ => on.trap("wasi:io/poll"),
    }
}

fn stream(on: &mut On<'_, '_>, interface: &str) -> wasmtime::Result<()> {
    type In = Resource<InputStream>;
    type Out = Resource<OutputStream>;
    match on.name {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            on.answer(|_, (_, _): (In, u64)| closed::<Vec<u8>>())
        }
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => {
            on.answer(|_, (_, _): (In, u64)| closed::<u64>())
        }
        "[method]input-stream.subscribe" => on.answer(|world, (_,): (In,)| open::<Pollable>(world, 0)),
        "[method]output-stream.subscribe" => on.answer(|world, (_,): (Out,)| open::<Pollable>(world, 0)),
        "[method]output-stream.check-write" => {
            on.answer(|_, (_,): (Out,)| Ok((Ok::<_, StreamError>(WRITABLE),)))
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            on.answer(|world, (stream, bytes): (Out, Vec<u8>)| {
                let output = if stream.rep() == STDERR { Output::Stderr } else { Output::Stdout };
                world.print(output, &bytes);
                Ok((Ok::<(), StreamError>(()),))
            })
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            on.answer(|_, (_,): (Out,)| Ok((Ok::<(), StreamError>(()),)))
        }
        _ => on.trap(interface),
    }
}

fn open<T: 'static>(world: &mut World, number: u32) -> Answer<Resource<T>> {
    world.open()?;
    Ok((Resource::new_own(number),))
}

#[allow(clippy::unnecessary_wraps, reason = "the form of every answer")]
fn closed<T>() -> Answer<Result<T, StreamError>> {
    Ok((Err(StreamError::Closed),))
}

/// The place of one function.
struct On<'a, 'b> {
    instance: &'a mut Instance<'b>,
    name: &'a str,
}

impl On<'_, '_> {
    fn answer<P, R>(
        &mut self,
        answer: impl Fn(&mut World, P) -> Result<R, WasiFault> + Send + Sync + 'static,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + 'static,
    {
        self.instance.func_wrap(self.name, move |mut store: StoreContextMut<'_, CallState>, given| {
            Ok(answer(store.data_mut().world(), given)?)
        })
    }

    fn trap(&mut self, interface: &str) -> wasmtime::Result<()> {
        let function = format!("{interface}#{}", self.name);
        self.instance.func_new(self.name, move |_, _, _, _| {
            Err(WasiFault::Nothing { function: function.clone() }.into())
        })
    }
}
