//! The definition: the committed file is of these types, a real API server takes it, and it refuses what cannot work.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use crate::support::{DEFINITION, NAMESPACE, plane};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, ResourceExt as _};
use netmarks_controller::resource::{PolicyMode, ScoringPolicy};
use netmarks_core::combine::{Normalisation, OnFault};
use netmarks_test_cluster::repository;
use serde_json::{Value, json};

const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn the_committed_definition_is_of_these_types() {
    let path = repository(DEFINITION);
    let wanted = netmarks_controller::crd::manifest().unwrap();
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == wanted,
        "{DEFINITION} is out of date; write it again with\n  \
         NETMARKS_BLESS=1 cargo test --workspace --test tests committed_definition"
    );
}

fn object(name: &str, spec: &Value) -> DynamicObject {
    let resource = ApiResource::erase::<ScoringPolicy>(&());
    DynamicObject::new(name, &resource).within(NAMESPACE).data(json!({"spec": spec}))
}

fn config_map() -> Value {
    json!({"configMap": {"name": "policies", "key": "zone.wasm"}})
}

#[tokio::test]
async fn the_api_server_takes_the_definition_and_refuses_what_cannot_work() {
    let plane = plane(Vec::new()).await;
    let resource = ApiResource::erase::<ScoringPolicy>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(plane.client().clone(), NAMESPACE, &resource);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let refusal = async |name: &str, spec: Value| match api.create(&dry, &object(name, &spec)).await {
        Ok(_) => panic!("accepted: {name} {spec}"),
        Err(error) => error.to_string(),
    };

    let reference = |reference: &str| json!({"source": {"oci": {"reference": reference}}});
    let url = |url: &str, sha256: &str| json!({"source": {"url": {"url": url, "sha256": sha256}}});
    for (name, spec, sentence) in [
        ("none", json!({"source": {}}), "give exactly one of `configMap`, `oci` and `url`"),
        (
            "two",
            json!({"source": {"configMap": {"name": "a", "key": "b"}, "oci": {"reference": "r.example/zone:v1"}}}),
            "give exactly one of `configMap`, `oci` and `url`",
        ),
        ("no-tag", reference("r.example/zone"), "`reference` must be `registry/repository:tag`"),
        ("no-registry", reference("zone:v1"), "`reference` must be `registry/repository:tag`"),
        ("short-digest", reference("r.example/zone@sha256:abc"), "64 lower-case hexadecimal digits"),
        ("plain-http", url("http://files.example/zone.wasm", HEX), "`url` must begin with `https://`"),
        ("bad-sha", url("https://files.example/zone.wasm", "sha256:abc"), "`sha256` must be 64 lower-case"),
        (
            "no-percent",
            json!({"source": config_map(), "mode": "canary"}),
            "`mode: canary` needs `canaryPercent`",
        ),
        (
            "percent-without-canary",
            json!({"source": config_map(), "mode": "shadow", "canaryPercent": 5}),
            "`canaryPercent` has a meaning with `mode: canary` only",
        ),
        (
            "all-are-no-canary",
            json!({"source": config_map(), "mode": "canary", "canaryPercent": 100}),
            "less than or equal to 99",
        ),
        ("unknown-mode", json!({"source": config_map(), "mode": "live"}), "supported values"),
        ("no-weight", json!({"source": config_map(), "weight": 0}), "`weight` must be above 0"),
        (
            "too-much-memory",
            json!({"source": config_map(), "limits": {"memoryMib": 257}}),
            "less than or equal to 256",
        ),
        ("unknown-grant", json!({"source": config_map(), "grants": ["network"]}), "supported values"),
        ("dotted.name", json!({"source": config_map()}), "must be a DNS label"),
    ] {
        let said = refusal(name, spec).await;
        assert!(said.contains(sentence), "{name}: {said}");
    }

    // Defaults are the API server's, so that `kubectl get` shows what holds.
    let created =
        api.create(&PostParams::default(), &object("zone", &json!({"source": config_map()}))).await.unwrap();
    let policy: ScoringPolicy = created.try_parse().unwrap();
    assert_eq!(policy.name_any(), "zone");
    assert_eq!((policy.spec.mode, policy.spec.weight), (PolicyMode::Active, 1.0));
    assert_eq!((policy.spec.normalisation, policy.spec.on_fault), (Normalisation::Max, OnFault::Skip));
    let full = json!({
        "source": {"oci": {
            "reference": format!("r.example:5000/a/zone@sha256:{HEX}"),
            "pullSecret": "registry",
            "pollIntervalSeconds": 60,
        }},
        "mode": "canary", "canaryPercent": 10, "weight": 0.5, "normalisation": "min-max", "onFault": "neutral",
        "parameters": {"price": 1.5, "unit": "byte", "strict": true},
        "limits": {"memoryMib": 32, "deadlineMs": 20, "outputKib": 64, "artefactMib": 8},
        "grants": ["wasi"],
    });
    let created = api.create(&PostParams::default(), &object("full", &full)).await.unwrap();
    assert_eq!(created.data["spec"], full);
    created.try_parse::<ScoringPolicy>().unwrap();

    // Where the documents install it.
    plane.create_namespace("netmarks").await.unwrap();
    let examples = repository("deploy/examples/scoringpolicy.yaml");
    let examples = examples.to_string_lossy();
    plane.kubectl(&["apply", "--validate=strict", "--dry-run=server", "-f", &examples]).unwrap();

    let table = plane.kubectl(&["get", "scp", "-n", NAMESPACE]).unwrap();
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["NAME", "MODE", "READY", "DIGEST", "AGE"]);
    assert!(table.contains("canary"), "{table}");
    let explained = plane.kubectl(&["explain", "scoringpolicy.spec.source.oci.pullSecret"]).unwrap();
    assert!(explained.contains("Only what it holds for the registry"), "{explained}");
}
