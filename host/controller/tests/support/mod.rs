//! A real control plane with the definition installed, and what the tests ask of it.
#![allow(unreachable_pub, reason = "what a test calls is as public as it would be in a library")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail and speak as tests do"
)]

pub mod oci;
pub mod replica;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use netmarks_test_cluster::{Binaries, ControlPlane, Options, User, repository, until};

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Where the extender's ServiceAccount lives.
pub const NAMESPACE: &str = "kube-system";

/// The definition of ScoringPolicy.
pub const DEFINITION: &str = "deploy/helm/netmarks/files/scoringpolicies.yaml";

/// Gives the extender's account the rights that the chart gives it.
pub fn grant(plane: &ControlPlane) -> Result<()> {
    plane.apply_chart(NAMESPACE, &["serviceaccount", "rbac"], &["admin.enabled=true"])
}

/// A control plane with these users beside the one who may do everything, and the definition established.
pub async fn plane(users: Vec<User>) -> ControlPlane {
    let binaries = Binaries::ensure(&|line| eprintln!("{line}")).unwrap();
    let plane = ControlPlane::start(&binaries, Options { users, ..Options::default() }).await.unwrap();
    apply(&plane, &repository(DEFINITION)).unwrap();
    established(plane.client()).await.unwrap();
    plane
}

async fn established(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    until("the definition to be established", LIMIT, async || {
        let conditions =
            api.get("scoringpolicies.netmarks.dev").await?.status.and_then(|status| status.conditions);
        let holds = |kind: &str| {
            let mut conditions = conditions.iter().flatten();
            conditions.any(|condition| condition.type_ == kind && condition.status == "True")
        };
        Ok((holds("Established") && holds("NamesAccepted")).then_some(()))
    })
    .await
}

/// `kubectl apply` as the user who may do everything; a warning is a failure.
pub fn apply(plane: &ControlPlane, file: &Path) -> Result<()> {
    let file = file.to_string_lossy();
    plane.kubectl(&["apply", "--server-side", "--validate=strict", "-f", &file]).map(drop)
}

/// A client of one of the control plane's users.
pub async fn client_of(plane: &ControlPlane, user: &User) -> Client {
    let file = Kubeconfig::read_from(plane.kubeconfig_for(&user.name).unwrap()).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.proxy_url = None;
    Client::try_from(config).unwrap()
}

/// A component built for the tests.
pub fn guest(name: &str) -> Vec<u8> {
    repository::guest(name).unwrap()
}

/// The score that is built into the extender.
pub fn netmarks() -> Vec<u8> {
    repository::policy("netmarks").unwrap()
}

/// A component, or a module, written as text.
pub fn text(name: &str) -> Vec<u8> {
    wat::parse_file(repository::text_file(name)).unwrap()
}

pub fn digest(bytes: &[u8]) -> String {
    netmarks_artefacts::Digest::of(bytes).to_string()
}
