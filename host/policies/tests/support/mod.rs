//! Registries with a real engine, and components that `cargo xtask guests` builds.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use netmarks_core::application::Application;
use netmarks_core::expected::ExpectedTraffic;
use netmarks_core::facts::{NodeFacts, PodFacts, Resources};
use netmarks_core::flow::book::Flow;
use netmarks_core::index::Index;
use netmarks_core::needs::Needs;
use netmarks_core::request::{Candidates, PendingPod, PolicyRequest, gather};
use netmarks_core::snapshot::Snapshot;
use netmarks_engine::{Engine, EngineSettings, Limits, ParameterValue};
use netmarks_policies::{
    Actor, ChangeOptions, Comparison, Compiling, Inbox, Mode, Origin, PolicyName, PromotionRules, Registry,
    RegistryOptions, RevisionId, RollbackRules, Scored, Settings, Signature, State, StateFolder, Submission,
};
use netmarks_test_tools::repository;
pub use netmarks_test_tools::repository::{guest, policy};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// One engine for all tests of a binary.
static ENGINE: LazyLock<Result<Engine, String>> =
    LazyLock::new(|| Engine::new(EngineSettings::default()).map_err(|error| error.to_string()));

/// Ten calls say something, and a call is never slow: the machine that runs the tests is busy.
pub const RULES: RollbackRules = RollbackRules {
    enabled: true,
    window_seconds: 3_600,
    min_calls: 10,
    max_fault_ratio: 0.1,
    max_latency_ms: 1e6,
    max_slow_ratio: 0.1,
};

pub const CANARY: Mode = Mode::Canary { percent: 20 };

/// A component, or a module, written as text.
pub fn text(name: &str) -> Result<Vec<u8>> {
    Ok(wat::parse_file(repository::text_file(name))?)
}

pub fn engine() -> Result<Engine> {
    ENGINE.clone().map_err(anyhow::Error::msg)
}

/// A registry without a state folder.
pub fn open() -> Result<(Registry, Inbox)> {
    open_with(None, RULES)
}

pub fn open_with(folder: Option<&Path>, rules: RollbackRules) -> Result<(Registry, Inbox)> {
    open_on(engine()?, folder, rules)
}

pub fn open_on(engine: Engine, folder: Option<&Path>, rules: RollbackRules) -> Result<(Registry, Inbox)> {
    let store = folder.map(StateFolder::open).transpose()?;
    Ok(Registry::open(RegistryOptions {
        engine,
        compiling: Compiling::Here,
        state_folder: store,
        rules,
        promotion: PromotionRules::default(),
    })?)
}

/// The registry's own tasks; a panic in one fails the test that stops them.
pub struct Background {
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Background {
    pub fn run(registry: &Registry, inbox: Inbox) -> Self {
        let shutdown = CancellationToken::new();
        let tasks = registry.tasks(inbox, &shutdown).into_iter().map(|(_, task)| task).collect();
        Self { shutdown, tasks }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.join_all().await;
    }
}

/// Submits what has to be taken.
pub async fn put(registry: &Registry, submission: Submission) -> RevisionId {
    registry.submit(submission).await.unwrap().entry.unwrap().revision
}

/// Where a revision is in its life; `None` once it is gone, or before it was seen.
pub fn lifecycle_state(registry: &Registry, revision: &RevisionId) -> Option<State> {
    let report = registry.report();
    report.policies.into_iter().find(|policy| policy.entry.revision == *revision).map(|policy| policy.state)
}

/// An upload that is made ready. Its deadline is patient.
pub fn of(name: &str, bytes: Vec<u8>) -> Result<Submission> {
    Ok(Submission {
        name: name.parse()?,
        bytes: bytes.into(),
        settings: Settings {
            limits: Limits { deadline_ms: 10_000, ..Limits::default() },
            ..Settings::default()
        },
        mode: Mode::Ready,
        origin: Origin::Upload,
        signature: Signature::NoTrustedKeys,
        actor: actor(),
    })
}

pub fn in_mode(mode: Mode, submission: Submission) -> Submission {
    Submission { mode, ..submission }
}

/// The committed NetMARKS score, answering.
pub fn netmarks(name: &str) -> Result<Submission> {
    Ok(in_mode(Mode::Active, of(name, policy("netmarks")?)?))
}

/// The hostile fixture, answering, which does `behaviour` for four candidates or more.
pub fn hostile(name: &str, behaviour: &str) -> Result<Submission> {
    let mut submission = in_mode(Mode::Active, of(name, guest("hostile")?)?);
    submission.settings.parameters = [
        ("behaviour".to_owned(), ParameterValue::Text(behaviour.to_owned())),
        ("candidates".to_owned(), ParameterValue::Number(4.0)),
    ]
    .into();
    Ok(submission)
}

/// An operator who means it.
pub const LEAVE_NOTHING_ACTIVE: ChangeOptions = ChangeOptions { only: false, leave_nothing_active: true };

pub fn actor() -> Actor {
    Actor::own("tester", "127.0.0.1:1")
}

pub fn name(name: &str) -> Result<PolicyName> {
    Ok(name.parse()?)
}

/// `name mode`, by name; for a name the active one first. Degraded ones have a `!`.
pub fn shown(registry: &Registry) -> Vec<String> {
    let entries = registry.manifest().entries;
    let mark = |degraded: &Option<String>| if degraded.is_some() { "!" } else { "" };
    entries.iter().map(|entry| format!("{} {}{}", entry.name, entry.mode, mark(&entry.degraded))).collect()
}

/// The names of what answers for a workload.
pub fn answering(registry: &Registry, workload: &str) -> Vec<String> {
    registry
        .current()
        .members(|| workload.to_owned())
        .0
        .iter()
        .map(|member| member.name.to_string())
        .collect()
}

pub const NODES: [&str; 4] = ["node-1", "node-2", "node-3", "node-4"];

/// The paper's worked example: `p` is to be placed; F, W and S are on nodes 1, 2 and 3 and make 80, 110 and 160 bytes per
/// second with it.
pub fn worked_example() -> Arc<Snapshot> {
    let application = |name: &str| Application::new("default", name);
    let mut index = Index::default();
    for node in NODES {
        index.apply_node(&NodeFacts { name: node.to_owned(), ..NodeFacts::default() });
    }
    for (app, node) in [("f", NODES[0]), ("w", NODES[1]), ("s", NODES[2])] {
        index.apply_pod(&PodFacts {
            key: format!("default/{app}-0"),
            application: Some(application(app)),
            node: Some(node.to_owned()),
            gone: false,
            requests: Resources::default(),
            confined: false,
            revision: 0,
        });
    }
    let flows = [("f", "p", 50.0), ("p", "f", 30.0), ("p", "s", 100.0), ("p", "w", 40.0)];
    let flows = flows.into_iter().chain([("s", "p", 60.0), ("w", "p", 70.0)]);
    index.replace_flows(
        0.0,
        flows.map(|(source, destination, bytes_per_second)| Flow {
            source: application(source),
            destination: application(destination),
            bytes_per_second,
        }),
    );
    Arc::new(index.snapshot())
}

pub fn pod() -> PendingPod {
    PendingPod {
        key: "default/p-0".to_owned(),
        application: Some(Application::new("default", "p")),
        labels: Vec::new(),
        requests: Resources::default(),
        group: None,
        assumed_as: None,
        expected: ExpectedTraffic::default(),
    }
}

/// What a policy with these needs is told about the pod of the worked example.
pub fn told(nodes: &[&str], needs: &Needs) -> PolicyRequest {
    let snapshot = worked_example();
    gather(&snapshot, &pod(), &Candidates::new(&snapshot, nodes), needs, &[])
}

/// What the set that answers says about the pod, its calls counted as an extender counts them.
pub fn decide(registry: &Registry, nodes: &[&str]) -> Scored {
    let set = registry.current();
    let (members, _) = set.members(|| "default/p".to_owned());
    let scored = netmarks_policies::score(members, |needs| told(nodes, needs));
    for part in &scored.parts {
        registry.count(part);
    }
    scored
}

/// Leaves a request for the shadows, as an extender does with each that it answered. Whether it was taken.
pub fn leave_for_shadows(registry: &Registry, nodes: &[&str], shares: &[f64]) -> Option<bool> {
    registry.compare(&registry.current(), |shadows| Comparison {
        snapshot: worked_example(),
        pod: pod(),
        nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
        shares: shares.to_vec(),
        shadows,
    })
}

/// Whether two lists of shares are the same up to rounding.
pub fn near(found: Option<&[f64]>, expected: &[f64]) -> bool {
    found.is_some_and(|found| {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9)
    })
}

/// The generations that a rollback can go back to.
pub fn earlier(registry: &Registry) -> Vec<u64> {
    registry.report().earlier.iter().map(|earlier| earlier.generation).collect()
}
