//! Policies from a real registry: pull secrets, tags that move, signatures.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use crate::support::replica::{Operator, Replica, conditions, from_config_map, patient, registry};
use crate::support::{NAMESPACE, client_of, digest, grant, guest, netmarks, plane};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use netmarks_artefacts::{FetchConfig, Keys, LegacySignatures, SigningKey, Verifier};
use netmarks_test_cluster::User;
use serde_json::{Value, json};

fn from_registry(reference: &str, secret: &str) -> Value {
    let source = json!({"oci": {"reference": reference, "pullSecret": secret, "pollIntervalSeconds": 10}});
    json!({"source": source, "limits": {"deadlineMs": patient().limits.deadline_ms}})
}

async fn create_secret(client: &Client, type_: &str, key: &str, content: &str) {
    let api: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let data = [(key.to_owned(), ByteString(content.as_bytes().to_vec()))].into();
    let mut secret = Secret { type_: Some(type_.to_owned()), data: Some(data), ..Secret::default() };
    secret.metadata.name = Some("netmarks-pull".to_owned());
    api.create(&PostParams::default(), &secret).await.unwrap();
}

/// Lets the controller's clock pass, instead of waiting for its back-off and its polls.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_policy_of_a_registry_follows_its_tag_if_it_is_signed() {
    let own = User::service_account(NAMESPACE, "netmarks");
    let plane = plane(vec![own.clone()]).await;
    grant(&plane).unwrap();
    let operator = Operator::new(plane.client());
    let hub = crate::support::oci::Registry::start().await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    let keys = Keys::from_pem(&pair.public_key_pem()).unwrap();
    let id = keys.ids().next().unwrap().to_owned();
    let verifier = Verifier::new(Some(keys), Vec::new(), LegacySignatures::Refused);
    let key = SigningKey::from_pem(&pair.serialize_pem()).unwrap();
    let fetch = FetchConfig { verifier, ..FetchConfig::default() };
    let replica = Replica::start_with(client_of(&plane, &own).await, "a", registry(), fetch);
    let first = hub.push("policies/zone:v1", netmarks()).await.unwrap();

    // Without the secret, with one of another type, with one that may not be read, and then with the right one.
    operator.apply("zone", from_registry(&hub.reference("policies/zone:v1"), "netmarks-pull")).await;
    let status = operator.wait("zone", &["Fetched=False PullSecretUnusable"]).await;
    assert!(conditions(&status).unwrap()[0].contains("there is no Secret `netmarks-pull`"), "{status}");
    create_secret(plane.client(), "Opaque", "password", "hunter2").await;
    pass(300).await;
    let status = operator.wait("zone", &["Fetched=False PullSecretUnusable: Replica a: the Secret"]).await;
    assert!(!status.to_string().contains("hunter2"), "{status}");
    let secrets: Api<Secret> = Api::namespaced(plane.client().clone(), NAMESPACE);
    secrets.delete("netmarks-pull", &DeleteParams::default()).await.unwrap();
    create_secret(plane.client(), "kubernetes.io/dockerconfigjson", ".dockerconfigjson", &hub.credentials())
        .await;
    operator.apply("zone", from_registry(&hub.reference("policies/zone:v1"), "another")).await;
    let status = operator.wait("zone", &["Fetched=False PullSecretUnusable"]).await;
    assert!(conditions(&status).unwrap()[0].contains("forbidden"), "{status}");
    operator.apply("zone", from_registry(&hub.reference("policies/zone:v1"), "netmarks-pull")).await;

    // Nothing is used that nobody signed.
    operator.wait("zone", &["Fetched=False SignatureRefused", "Ready=False"]).await;
    assert!(replica.shown().is_empty(), "{:?}", replica.shown());
    hub.publisher().sign(&first, &key).await.unwrap();
    pass(300).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(status["digest"], digest(&netmarks()));
    let message = status["replicas"][0]["message"].as_str().unwrap();
    assert!(message.ends_with(&format!(" is active; signed by {id}")), "{message}");

    // The tag moves, first without a signature: what is in use stays.
    let second = hub.push("policies/zone:v1", guest("no-needs")).await.unwrap();
    pass(11).await;
    let status = operator.wait("zone", &["Fetched=False SignatureRefused"]).await;
    assert_eq!(status["digest"], digest(&netmarks()));
    hub.publisher().sign(&second, &key).await.unwrap();
    pass(300).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(status["digest"], digest(&guest("no-needs")));

    // By digest, back to the first.
    operator.apply("zone", from_registry(&first.to_string(), "netmarks-pull")).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(status["digest"], digest(&netmarks()));

    // ConfigMaps have to be signed, too.
    operator.put("policies", netmarks()).await;
    operator.apply("local", from_config_map("policies", "ready")).await;
    operator.wait("local", &["Fetched=False SignatureRefused"]).await;
    let mut config_map: ConfigMap = operator.config_maps.get("policies").await.unwrap();
    let bundle = netmarks_artefacts::sign_blob(&key, &netmarks()).unwrap();
    config_map.data = Some([("policy.wasm.sigstore.json".to_owned(), bundle)].into());
    operator.config_maps.replace("policies", &PostParams::default(), &config_map).await.unwrap();
    operator.wait("local", &["Ready=True"]).await;
    replica.stop().await;
}
