//! What a policy says of itself: the memory in which its description lies is what the fuzzer makes up. What is taken over keeps to the
//! contract's bounds.
#![no_main]

#[path = "../shared/world.rs"]
mod world;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use netmarks_engine::{Artefact, Engine, Policy};

/// How much of the memory is made up.
const BYTES: usize = 1_024;

/// What stands in the component in its place; such a run of one byte occurs nowhere else.
const FILL: u8 = 0xa5;

static ENGINE: LazyLock<Engine> = LazyLock::new(world::engine);

/// The component with the place of the bytes in it.
static TEMPLATE: LazyLock<(Vec<u8>, usize)> = LazyLock::new(|| {
    let fill = format!("\\{FILL:02x}").repeat(BYTES);
    let text = include_str!("../shared/description.wat").replace("FILL", &fill);
    let module = wat::parse_str(text).expect("our own module");
    let component = world::component(module, &world::world()).expect("it has the contract's shape");
    let place = component
        .windows(BYTES)
        .position(|window| window.iter().all(|byte| *byte == FILL))
        .expect("the fill");
    (component, place)
});

fuzz_target!(|bytes: &[u8]| {
    let (mut component, place) = TEMPLATE.clone();
    let bytes = &bytes[..bytes.len().min(BYTES)];
    component[place..place + BYTES].fill(0);
    component[place..place + bytes.len()].copy_from_slice(bytes);
    let Ok(policy) = Policy::load(&ENGINE, Artefact::new("fuzz", &component), &world::settings()) else {
        return;
    };
    let description = policy.description();
    assert!(
        description.name.len() <= 64 && description.version.len() <= 32 && description.summary.len() <= 256
    );
    assert!(description.parameters.iter().all(|parameter| parameter.name.len() <= 64));
});
