//! Compiling in a process of its own, by the real program: cached, bounded, and gone when it is over.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::admin::{Administered, BY_TRAFFIC, bytes};
use crate::support::{LIMIT, eventually};
use netmarks_core::errors::chain;
use netmarks_engine::{
    Artefact, CompileLimits, Compiled, Compiler, Engine, EngineSettings, Limits, Policy, PolicyError,
    RunSettings, Urgency,
};
use netmarks_policies::{
    Actor, Compiling, Mode, Origin, PromotionRules, Registry, RegistryOptions, RollbackRules, Settings,
    Signature, StateFolder, Submission,
};
use serde_json::json;

const PATIENT: Limits = Limits { deadline_ms: 10_000, memory_mib: 64, output_kib: 1_024, artefact_mib: 64 };

fn engine() -> Engine {
    Engine::new(EngineSettings { concurrent_calls: 2, ..EngineSettings::default() }).unwrap()
}

/// Compiles in a process of this name, which may have 15 bytes: other tests of this process start programs, too.
fn compiler(folder: &Path, name: &str, limits: CompileLimits) -> Compiler {
    let program = folder.join(name);
    if !program.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_netmarks"), &program).unwrap();
    }
    Compiler { command: vec![program, PathBuf::from("compile-policy")], limits, cache: None }
}

fn artefact(bytes: &[u8]) -> Artefact<'_> {
    Artefact::new("p", bytes)
}

/// Compiles, and keeps what is not kept yet.
fn compile(
    with: &Compiler,
    engine: &Engine,
    bytes: &[u8],
    urgency: Urgency,
) -> Result<Compiled, PolicyError> {
    let (compiled, unkept) = with.compile(engine, artefact(bytes), &PATIENT, urgency)?;
    if let Some(unkept) = unkept {
        unkept.keep().unwrap();
    }
    Ok(compiled)
}

/// Whether what was compiled is a policy.
fn works(engine: &Engine, bytes: &[u8], compiled: &Compiled) -> Result<(), PolicyError> {
    let settings = RunSettings { limits: PATIENT, ..RunSettings::default() };
    Policy::load_compiled(engine, artefact(bytes), compiled, &settings).map(drop)
}

/// A component that is valid and no policy, of `functions` functions with `statements` statements each: kilobytes of
/// text that take a compiler as long as one likes.
fn bomb(functions: usize, statements: usize) -> Vec<u8> {
    let mut text = String::from("(component (core module (memory 1)");
    for function in 0..functions {
        write!(text, "(func (param i64 i64) (result i64) (local i64)").unwrap();
        for statement in 0..statements {
            // Each depends on the one before and on a load that may trap, so that nothing is folded away.
            write!(
                text,
                "(local.set 2 (i64.add (i64.mul (local.get {}) (i64.const {})) (i64.load (i32.wrap_i64 (local.get 2)))))
                 (if (i64.lt_s (local.get 2) (local.get 0)) (then (local.set 1 (i64.xor (local.get 2) (local.get 1)))))",
                statement % 3,
                function + statement * 7 + 3,
            )
            .unwrap();
        }
        text.push_str("(local.get 2))");
    }
    text.push_str("))");
    wat::parse_str(text).unwrap()
}

/// Stopped for its CPU time, or by the clock where the machine is so busy that this comes first.
fn stopped(reason: &str) -> bool {
    reason.contains("compiling it was stopped") || reason.contains("compiling it took too long")
}

/// The processes that `parent` started, all or those of one name, the dead among them that it has not waited for.
fn children(parent: u32, name: Option<&str>) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else { return false };
        let has = |field: &str, value: &str| status.lines().any(|line| line == format!("{field}:\t{value}"));
        has("PPid", &parent.to_string()) && name.is_none_or(|name| has("Name", name))
    })
    .collect()
}

/// Those that compile for a server, which starts no others.
fn compiling_for(server: u32) -> Vec<u32> {
    children(server, None)
}

/// Those that a [`compiler`] of this process has started.
fn compiling_as(name: &str) -> Vec<u32> {
    children(std::process::id(), Some(name))
}

#[test]
fn machine_code_is_made_once_and_checked_whenever_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let (engine, bytes) = (engine(), bytes("netmarks").unwrap());
    let with = Compiler {
        cache: Some(cache.clone()),
        ..compiler(folder.path(), "caching", CompileLimits::default())
    };
    let (_, unkept) = with.compile(&engine, artefact(&bytes), &PATIENT, Urgency::Background).unwrap();
    assert!(unkept.is_some() && !cache.exists(), "whoever compiles decides when it is kept");
    works(&engine, &bytes, &compile(&with, &engine, &bytes, Urgency::Background).unwrap()).unwrap();
    let files: Vec<PathBuf> = std::fs::read_dir(&cache).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    for urgency in [Urgency::Background, Urgency::Return, Urgency::NothingAnswers] {
        let (_, unkept) = with.compile(&engine, artefact(&bytes), &PATIENT, urgency).unwrap();
        assert!(unkept.is_none(), "{urgency:?}: it is kept");
    }

    // From now on, nothing is there that could compile.
    let without = Compiler { command: vec![PathBuf::from("/nothing/there")], ..with.clone() };
    works(&engine, &bytes, &compile(&without, &engine, &bytes, Urgency::Background).unwrap()).unwrap();

    let whole = std::fs::read(&files[0]).unwrap();
    let mut flipped = whole.clone();
    *flipped.get_mut(whole.len() / 2).unwrap() ^= 1;
    // As a power failure leaves it: the right length, and pages of nothing.
    let mut blank = whole.clone();
    blank[whole.len() / 4..].fill(0);
    let damaged = [b"".to_vec(), b"garbage".to_vec(), whole[..whole.len() / 2].to_vec(), flipped, blank];
    for damaged in damaged {
        std::fs::write(&files[0], &damaged).unwrap();
        let error = compile(&without, &engine, &bytes, Urgency::Background).unwrap_err();
        assert!(chain(&error).contains("failed to start"), "it is not used: {}", chain(&error));
        works(&engine, &bytes, &compile(&with, &engine, &bytes, Urgency::Background).unwrap()).unwrap();
        works(&engine, &bytes, &compile(&without, &engine, &bytes, Urgency::Background).unwrap()).unwrap();
    }
    assert!(compiling_as("caching").is_empty());
}

#[test]
fn what_is_no_component_is_refused_with_the_compilers_reason() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let with = compiler(folder.path(), "refusing", CompileLimits::default());
    let mut half = bytes("netmarks").unwrap();
    half.truncate(half.len() / 2);
    let error = compile(&with, &engine, &half, Urgency::Background).unwrap_err();
    assert_eq!((error.stage.as_str(), error.cause.kind()), ("compile", "refused"), "{}", chain(&error));
    let error = compile(&with, &engine, b"garbage", Urgency::Background).unwrap_err();
    assert_eq!(error.stage.as_str(), "check");
    let none = Compiler { command: Vec::new(), ..with };
    let error = compile(&none, &engine, &bytes("netmarks").unwrap(), Urgency::Background).unwrap_err();
    assert_eq!(error.cause.kind(), "compiler");
}

#[test]
fn whatever_takes_too_much_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let long = bomb(400, 400);
    let second = compiler(folder.path(), "limited", CompileLimits { memory_mib: 2_048, seconds: 1 });
    let error = chain(&compile(&second, &engine, &long, Urgency::Background).unwrap_err());
    assert!(stopped(&error), "{error}");
    let wide = bomb(1, 60_000);
    // With its share of the machine, so that it gets as far as its memory whatever else runs.
    let small = compiler(folder.path(), "limited", CompileLimits { memory_mib: 256, seconds: 60 });
    let urgent = Urgency::NothingAnswers;
    let error = chain(&compile(&small, &engine, &wide, urgent).unwrap_err());
    assert!(error.contains("compiling it was stopped") && error.contains("256 MiB"), "{error}");
    assert!(compiling_as("limited").is_empty(), "nothing is left");
    // And with these limits a policy compiles.
    let bytes = bytes("netmarks").unwrap();
    works(&engine, &bytes, &compile(&small, &engine, &bytes, urgent).unwrap()).unwrap();
}

/// Clients that hang up must not have more compiled at once than clients that wait.
#[tokio::test(flavor = "multi_thread")]
async fn compiling_goes_on_in_turn_when_nobody_waits_for_it_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = StateFolder::open(&folder.path().join("state")).unwrap();
    // Three times as much by the clock for the policy that comes next, beside whatever else the machine does.
    let limits = CompileLimits { memory_mib: 2_048, seconds: 10 };
    let compiler = compiler(folder.path(), "in-turn", limits);
    let compiling = Compiling::Elsewhere(Compiler { cache: Some(store.compiled()), ..compiler });
    let options = RegistryOptions {
        engine: engine(),
        compiling,
        state_folder: Some(store),
        rules: RollbackRules::default(),
        promotion: PromotionRules::default(),
    };
    let (registry, _inbox) = Registry::open(options).unwrap();
    let submission = |name: &str, bytes: Vec<u8>| Submission {
        name: name.parse().unwrap(),
        bytes: bytes.into(),
        settings: Settings { limits: PATIENT, ..Settings::default() },
        mode: Mode::Active,
        origin: Origin::Upload,
        signature: Signature::NoTrustedKeys,
        actor: Actor::own("tester", "here"),
    };
    let slow = tokio::spawn({
        let (registry, slow) = (registry.clone(), submission("slow", bomb(400, 400)));
        async move { registry.submit(slow).await }
    });
    eventually("it is being compiled", async || Ok((!compiling_as("in-turn").is_empty()).then_some(())))
        .await
        .unwrap();
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    let next = tokio::spawn({
        let (registry, next) = (registry.clone(), submission("next", bytes("netmarks").unwrap()));
        async move { registry.submit(next).await }
    });
    let mut most = 0;
    eventually("the next has its turn", async || {
        most = most.max(compiling_as("in-turn").len());
        Ok(next.is_finished().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(most, 1, "at once");
    next.await.unwrap().unwrap();
    let report = registry.report();
    let names: Vec<&str> = report.policies.iter().map(|policy| policy.entry.name.as_str()).collect();
    assert_eq!(names, ["next"], "the slow one is over, and it was stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_a_bomb_is_being_compiled() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |config| {
        config["policies"]["compile_seconds"] = json!(2);
    })
    .await
    .unwrap();
    let server = running.server.process.id().unwrap();
    let upload = running.put("bomb", "mode=active", bomb(400, 400));
    let answers = async {
        eventually("it is being compiled", async || Ok((!compiling_for(server).is_empty()).then_some(())))
            .await
            .unwrap();
        let mut during = 0;
        while !compiling_for(server).is_empty() {
            assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
            during += 1;
        }
        during
    };
    let (refused, during) = tokio::join!(tokio::time::timeout(LIMIT, upload), answers);
    let reason = refused.unwrap().unwrap().refused(422).unwrap();
    assert!(stopped(&reason), "{reason}");
    assert!(during > 10, "{during} answers");
    assert_eq!(running.list().await.unwrap(), ["netmarks active"]);
    assert!(compiling_for(server).is_empty());
}

/// The folder does not report a file twice, so what it reports must not be lost because others are served first.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_folder_waits_for_the_uploads_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let watched = folder.path().join("watched");
    std::fs::create_dir(&watched).unwrap();
    // Longer than it takes to look at the folder twice, and for the others three times as much by the clock.
    let running = Administered::start(folder, |config| {
        config["policies"]["folder"] = json!(watched);
        config["policies"]["compile_seconds"] = json!(12);
    })
    .await
    .unwrap();
    let server = running.server.process.id().unwrap();
    let slow = running.put("bomb", "", bomb(400, 400));
    let others = async {
        eventually("it is being compiled", async || Ok((!compiling_for(server).is_empty()).then_some(())))
            .await
            .unwrap();
        crate::support::binary::replace(
            &watched.join("mine.yaml"),
            "mode: ready\nlimits: {deadline_ms: 10000}\n",
        )
        .unwrap();
        crate::support::binary::replace(&watched.join("mine.wasm"), bytes("spread").unwrap()).unwrap();
        // Three wait for their turn; there is no room for a fourth.
        let upload = |index: usize| {
            let running = &running;
            async move {
                let name = format!("upload-{index}");
                running.put(&name, "", bytes("zone-cost").unwrap()).await.unwrap().status.as_u16()
            }
        };
        let mut statuses = futures::future::join_all((0..4).map(upload)).await;
        statuses.sort_unstable();
        statuses
    };
    let (slow, statuses) = tokio::join!(slow, others);
    slow.unwrap().refused(422).unwrap();
    assert_eq!(statuses, [200, 200, 200, 503]);
    eventually("the file is taken", async || {
        Ok((running.list().await?.iter().any(|policy| policy == "mine ready")).then_some(()))
    })
    .await
    .unwrap();
    assert!(running.server.logged("policy of the folder not taken over").unwrap().is_empty());
}

/// The CPU time of a process that lives, in hundredths of a second.
fn computed(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(11)?.parse().ok()
}

/// A process that is killed takes the one that compiles for it along.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_on_compiling_for_a_server_that_was_killed() {
    let mut running = Administered::start(tempfile::tempdir().unwrap(), |_| ()).await.unwrap();
    let server = running.server.process.id().unwrap();
    let upload = {
        let (client, url) = (running.client.clone(), format!("{}/v1/policies/bomb", running.url));
        tokio::spawn(async move { client.put(url).body(bomb(400, 400)).send().await.map(drop) })
    };
    let compiling = eventually("it is being compiled", async || {
        Ok(compiling_for(server).into_iter().find(|id| computed(*id).is_some_and(|ticks| ticks >= 50)))
    });
    let compiling = compiling.await.unwrap().to_string();
    let signal = |name: &str| Command::new("kill").args([name, &compiling]).status().unwrap();
    // Or it might be done before anybody looks.
    assert!(signal("-STOP").success());
    running.server.process.kill().unwrap();
    let gone = eventually("it is gone", async || {
        let status = std::fs::read_to_string(format!("/proc/{compiling}/status")).ok();
        Ok(status.is_none_or(|status| status.contains("State:\tZ")).then_some(()))
    });
    let gone = gone.await;
    if gone.is_err() {
        signal("-KILL");
    }
    gone.unwrap();
    upload.await.unwrap().unwrap_err();
}
