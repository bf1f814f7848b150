//! One replica of the extender, as far as policies go: a registry and the controller that fills it.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::sync::LazyLock;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use netmarks_artefacts::FetchConfig;
use netmarks_controller::resource::ScoringPolicy;
use netmarks_controller::{Controller, ControllerSettings};
use netmarks_engine::{Engine, EngineSettings, Limits};
use netmarks_policies::{Compiling, PromotionRules, Registry, RegistryOptions, RollbackRules, Settings};
use netmarks_test_cluster::until;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{LIMIT, NAMESPACE};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(EngineSettings::default()).unwrap());

pub struct Replica {
    pub registry: Registry,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Replica {
    pub fn start(client: Client, name: &str) -> Self {
        Self::start_with(client, name, registry(), FetchConfig::default())
    }

    pub fn start_with(
        client: Client,
        name: &str,
        (registry, inbox): (Registry, netmarks_policies::Inbox),
        fetch: FetchConfig,
    ) -> Self {
        let shutdown = CancellationToken::new();
        let settings =
            ControllerSettings { namespace: NAMESPACE.to_owned(), replica: name.to_owned(), fetch };
        let controller = Controller::new(client, registry.clone(), settings);
        let mut tasks = vec![tokio::spawn(controller.run(shutdown.clone()))];
        tasks.extend(registry.tasks(inbox, &shutdown).map(|(_, task)| tokio::spawn(task)));
        Self { registry, shutdown, tasks }
    }

    /// As SIGTERM does.
    pub async fn stop(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }

    /// `name digest mode` of everything in the registry.
    pub fn shown(&self) -> Vec<String> {
        let manifest = self.registry.manifest();
        manifest
            .entries
            .iter()
            .map(|entry| format!("{} {} {}", entry.name, entry.digest, entry.mode))
            .collect()
    }

    pub async fn wait_shown(&self, expected: &[String]) {
        until(&format!("the registry to hold {expected:?}"), LIMIT, async || {
            ensure!(self.shown() == expected, "it holds {:?}", self.shown());
            Ok(Some(()))
        })
        .await
        .unwrap();
    }
}

/// An empty registry.
pub fn registry() -> (Registry, netmarks_policies::Inbox) {
    let rules = RollbackRules::default();
    let options = RegistryOptions {
        engine: ENGINE.clone(),
        compiling: Compiling::Here,
        state_folder: None,
        rules,
        promotion: PromotionRules::default(),
    };
    Registry::open(options).unwrap()
}

/// Settings with which only a policy that never ends misses its deadline: the machine that runs the tests also compiles.
pub fn patient() -> Settings {
    Settings { limits: Limits { deadline_ms: 10_000, ..Limits::default() }, ..Settings::default() }
}

/// What an operator does and sees.
pub struct Operator {
    pub client: Client,
    pub policies: Api<DynamicObject>,
    pub config_maps: Api<ConfigMap>,
}

impl Operator {
    pub fn new(client: &Client) -> Self {
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        Self {
            client: client.clone(),
            policies: Api::namespaced_with(client.clone(), NAMESPACE, &resource),
            config_maps: Api::namespaced(client.clone(), NAMESPACE),
        }
    }

    /// `kubectl apply` of a policy.
    pub async fn apply(&self, name: &str, spec: Value) {
        let resource = ApiResource::erase::<ScoringPolicy>(&());
        let object = DynamicObject::new(name, &resource).data(json!({"spec": spec}));
        let params = PatchParams::apply("operator").force();
        self.policies.patch(name, &params, &Patch::Apply(&object)).await.unwrap();
    }

    pub async fn delete(&self, name: &str) {
        self.policies.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Creates or replaces a ConfigMap with one component under `policy.wasm`.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.binary_data = Some([("policy.wasm".to_owned(), ByteString(bytes))].into());
        if self.config_maps.get_opt(name).await.unwrap().is_some() {
            self.config_maps.replace(name, &PostParams::default(), &object).await.unwrap();
        } else {
            self.config_maps.create(&PostParams::default(), &object).await.unwrap();
        }
    }

    pub async fn status(&self, name: &str) -> Result<(i64, Value)> {
        let object = self.policies.get(name).await?;
        let generation = object.metadata.generation.context("no generation")?;
        Ok((generation, object.data["status"].clone()))
    }

    /// Waits until the conditions are about the newest generation and begin with these words, such as
    /// `Ready=True InUse`, or `digest=sha256:...`; returns the status. What is waited for must not have held before.
    pub async fn wait(&self, name: &str, expected: &[&str]) -> Value {
        until(&format!("{name} to be {expected:?}"), LIMIT, async || {
            let (generation, status) = self.status(name).await?;
            ensure!(status["observedGeneration"] == generation, "generation {generation}: {status}");
            let mut conditions = conditions(&status)?;
            conditions.push(format!("digest={}", status["digest"].as_str().unwrap_or_default()));
            for wanted in expected {
                ensure!(conditions.iter().any(|condition| condition.starts_with(wanted)), "{status}");
            }
            Ok(Some(status))
        })
        .await
        .unwrap()
    }

    /// `type reason note` of all events about a policy, oldest first; an event that was counted twice is a failure.
    pub async fn events(&self, name: &str) -> Vec<String> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut events = api.list(&ListParams::default()).await.unwrap().items;
        events.retain(|event| {
            let about = event.regarding.as_ref().unwrap();
            (about.kind.as_deref(), about.name.as_deref()) == (Some("ScoringPolicy"), Some(name))
        });
        events.sort_by_key(|event| event.event_time.clone().map(|time| time.0));
        events
            .into_iter()
            .map(|event| {
                assert!(event.series.is_none(), "{event:?}");
                let [type_, reason, note] =
                    [event.type_, event.reason, event.note].map(Option::unwrap_or_default);
                format!("{type_} {reason} {note}")
            })
            .collect()
    }
}

/// `type=status reason: message` of each condition.
pub fn conditions(status: &Value) -> Result<Vec<String>> {
    let conditions = status["conditions"].as_array().context("no conditions")?;
    conditions
        .iter()
        .map(|condition| {
            let text = |key: &str| condition[key].as_str().context("not a text");
            Ok(format!("{}={} {}: {}", text("type")?, text("status")?, text("reason")?, text("message")?))
        })
        .collect()
}

/// `name generation state reason` of each replica, by name.
pub fn replicas(status: &Value) -> Vec<String> {
    let replicas = status["replicas"].as_array().cloned().unwrap_or_default();
    let shown = replicas.iter().map(|replica| {
        let text = |key: &str| replica[key].as_str().unwrap().to_owned();
        format!("{} {} {} {}", text("name"), replica["generation"], text("state"), text("reason"))
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown
}

/// A specification with a ConfigMap as source.
pub fn from_config_map(name: &str, mode: &str) -> Value {
    let source = json!({"configMap": {"name": name, "key": "policy.wasm"}});
    json!({"source": source, "mode": mode, "limits": {"deadlineMs": patient().limits.deadline_ms}})
}
