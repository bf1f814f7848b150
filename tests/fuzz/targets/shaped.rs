//! Policies that nobody would write: wasm-smith makes up core modules of the contract's shape, and each is made a component, loaded, and
//! asked. Whatever its code does, it is refused with a reason, or a call has a number for each candidate or a fault, and a policy
//! beside it scores as before.
//!
//! By itself, code that is made up would hardly ever describe a policy. So the first byte of the input says which functions are sound
//! ones of ours instead, and all that a sound policy returns is in the memory when it begins.
#![no_main]

#[path = "../shared/echo.rs"]
mod echo;
#[path = "../shared/returned.rs"]
mod returned;
#[path = "../shared/world.rs"]
mod world;

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use netmarks_core::request::{Peers, PolicyRequest};
use netmarks_engine::{Artefact, Engine, Limits, Policy, RunSettings};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, Function, Instruction, Module, RawSection, SectionId,
};
use wasm_smith::Config;
use wasmparser::{Export, ExternalKind, Parser, Payload};
use wit_parser::{Resolve, WorldId};

/// The bit of the first byte for modules of all that wasm-smith knows. What our engine does without is refused, so it is seldom tried.
const EVERYTHING: u8 = 8;

/// Where a sound description lies, and its texts of one letter.
const DESCRIPTION: usize = 512;
const TEXT: usize = 640;

/// Where the three entries of the result at address 0 lie.
const ENTRIES: usize = 64;

static WORLD: LazyLock<(Resolve, WorldId)> = LazyLock::new(world::world);
static ENGINE: LazyLock<Engine> = LazyLock::new(world::engine);

/// Each module exports what this one exports, and no more.
static SHAPE: LazyLock<Vec<u8>> = LazyLock::new(echo::module);

/// What may be imported; some modules do.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let text = r#"(module (import "netmarks:policy/logging@0.1.0" "log" (func (param i32 i32 i32))))"#;
    wat::parse_str(text).expect("our own module")
});

/// Patient, so that a busy machine is not taken for a disturbed policy.
static BESIDE: LazyLock<Policy> = LazyLock::new(|| {
    let settings = world::settings();
    let limits = Limits { deadline_ms: Limits::MOST_DEADLINE_MS, ..settings.limits };
    echo::policy(&ENGINE, &RunSettings { limits, ..settings })
});

/// Functions that behave, each taken where its bit of the first byte is 0.
static SOUND: LazyLock<[(&str, Function); 3]> = LazyLock::new(|| {
    use Instruction::{End, I32Add, I32Const, I32Shl, I32ShrU, LocalGet, MemoryGrow};
    let function = |body: &[Instruction<'_>]| {
        let mut function = Function::new([]);
        for instruction in body {
            function.instruction(instruction);
        }
        function
    };
    // Whole pages behind all others.
    let grow = [
        LocalGet(3),
        I32Const(0xffff),
        I32Add,
        I32Const(16),
        I32ShrU,
        MemoryGrow(0),
        I32Const(16),
        I32Shl,
        End,
    ];
    [
        ("netmarks:policy/scoring@0.1.0#describe", function(&[I32Const(DESCRIPTION as i32), End])),
        ("netmarks:policy/scoring@0.1.0#check", function(&[I32Const(0), End])),
        ("cabi_realloc", function(&grow)),
    ]
});

/// What is in the memory when it begins. At address 0, where code that runs out of input likes to point, are three scores or parts.
static MEMORY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut memory = vec![0_u8; TEXT + 1];
    let mut put = |at: usize, word: usize| memory[at..at + 4].copy_from_slice(&(word as u32).to_le_bytes());
    put(4, ENTRIES);
    put(8, 3);
    for text in 0..3 {
        put(DESCRIPTION + 8 * text, TEXT);
        put(DESCRIPTION + 8 * text + 4, 1);
    }
    memory[TEXT] = b'1';
    memory
});

fn config(first: u8) -> Config {
    let everything = Config {
        exports: Some(SHAPE.clone()),
        available_imports: Some(IMPORTS.clone()),
        // The memory is that of the shape, and its data are ours.
        max_memories: 0,
        max_data_segments: 0,
        // Some are more than the engine allows.
        max_table_elements: 2 * Limits::TABLE_ELEMENTS as u64,
        ..Config::default()
    };
    if first & EVERYTHING != 0 {
        return everything;
    }
    Config {
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        reference_types_enabled: false,
        threads_enabled: false,
        ..everything
    }
}

/// The sound function of this name, if the first byte asks for it.
fn sound(name: &str, first: u8) -> Option<&'static Function> {
    let mut functions = SOUND.iter().enumerate();
    functions.find(|(bit, (known, _))| *known == name && (first >> bit) & 1 == 0).map(|(_, (_, sound))| sound)
}

/// The module with our memory, and with sound functions in the places of those that are not to be made up.
fn with_sound_parts(module: &[u8], first: u8) -> Vec<u8> {
    let (mut imported, mut exported) = (0, Vec::<Export<'_>>::new());
    let (mut made, mut code) = (Module::new(), CodeSection::new());
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.expect("wasm-smith makes modules");
        match &payload {
            // Nothing but functions.
            Payload::ImportSection(imports) => imported = imports.count(),
            Payload::ExportSection(exports) => {
                exported = exports.clone().into_iter().collect::<Result<_, _>>().expect("exports");
            }
            Payload::CodeSectionEntry(body) => {
                let index = imported + code.len();
                let is_it = |export: &&Export<'_>| export.kind == ExternalKind::Func && export.index == index;
                match exported.iter().find(is_it).and_then(|export| sound(export.name, first)) {
                    Some(sound) => code.function(sound),
                    None => code.raw(body.as_bytes()),
                };
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && id != SectionId::Code as u8
        {
            made.section(&RawSection { id, data: &module[range] });
        }
    }
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), MEMORY.iter().copied());
    made.section(&code).section(&data);
    made.finish()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let Ok(module) = wasm_smith::Module::new(config(*first), &mut Unstructured::new(bytes)) else { return };
    let module = with_sound_parts(&module.to_bytes(), *first);
    let component = world::component(module, &WORLD).expect("it has the contract's shape");
    let peers =
        Peers { outbound: vec![1e9], inbound: vec![1.0], first: vec![0, 1], node: vec![0], pods: vec![1] };
    let nothing = PolicyRequest { candidates: 3, nodes: 3, ..PolicyRequest::default() };
    match Policy::load(&ENGINE, Artefact::new("made-up", &component), &world::settings()) {
        Ok(policy) => returned::check(&policy, &PolicyRequest { peers, ..nothing.clone() }),
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    assert_eq!(BESIDE.score(&nothing).expect("nobody disturbs it"), [0.0; 3]);
});
