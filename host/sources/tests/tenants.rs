//! Stores of tenants: behind a path and a password, and behind a router that goes by header, path, user or token. Each
//! tenant sees its own flows, and strangers are told what to set.

use std::sync::Arc;

use crate::support::{SCRAPE, expected_in, flows, stores, wait_flows};
use anyhow::{Result, bail, ensure};
use netmarks_core::application::Identity;
use netmarks_sources::prometheus::MetricsConfig;
use netmarks_sources::prometheus::choice::PresetName;
use netmarks_sources::prometheus::client::QueryError;
use netmarks_sources::prometheus::config::Secret;
use netmarks_test_cluster::{MetricsStores, VictoriaMetrics, VmAuth};
use netmarks_test_traffic::{EveryTopology, Mesh, Pods, Protocol, Topology, TrafficServer, wall_clock};
use serde_json::{Value, json};

/// A store of one tenant's own, whose pods are in the namespace of the same name.
struct Tenant {
    name: &'static str,
    number: u32,
    store: VictoriaMetrics,
    _traffic: TrafficServer,
}

impl Tenant {
    async fn start(stores: &MetricsStores, name: &'static str, number: u32, flags: &[&str]) -> Result<Self> {
        let edges = EveryTopology::edges(name).into();
        let mesh = Mesh::new(Topology::Sidecar, Protocol::Http, edges, &Pods::default(), wall_clock());
        let traffic = TrafficServer::start(Arc::new(mesh)).await?;
        let store = VictoriaMetrics::start(stores, &traffic.targets(), SCRAPE, flags).await?;
        Ok(Self { name, number, store, _traffic: traffic })
    }

    async fn both(stores: &MetricsStores) -> Result<[Self; 2]> {
        Ok([Self::start(stores, "blue", 0, &[]).await?, Self::start(stores, "green", 1, &[]).await?])
    }

    /// Waits until an extender with these settings would know this tenant's flows and no others.
    async fn is_seen(&self, how: &str, config: &MetricsConfig) -> Result<()> {
        let expected = expected_in(PresetName::Istio, Topology::Sidecar, self.name);
        wait_flows(&format!("{} by {how}", self.name), config, Identity::App, &expected).await
    }
}

fn config(url: impl AsRef<str>) -> MetricsConfig {
    crate::support::config(url.as_ref(), PresetName::Istio)
}

fn with_header(url: impl AsRef<str>, tenant: &str) -> MetricsConfig {
    let mut config = config(url);
    config.headers.insert("X-Scope-OrgID".to_owned(), Secret::new(tenant));
    config
}

fn with_password(url: impl AsRef<str>, username: &str, password: &str) -> MetricsConfig {
    let mut config = config(url);
    config.auth.username = Some(username.to_owned());
    config.auth.password = Some(Secret::new(password));
    config
}

/// Whether a refresh fails and says this.
async fn is_told(config: &MetricsConfig, advice: &str) -> Result<()> {
    match flows(config, Identity::App).await {
        Ok(found) => bail!("it was answered: {found:?}"),
        Err(error) => {
            ensure!(error.is::<QueryError>() && error.to_string().contains(advice), "{error:?}");
            Ok(())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_a_path_and_a_password() -> Result<()> {
    let flags = ["-http.pathPrefix=/green", "-httpAuth.username=netmarks", "-httpAuth.password=secret"];
    let green = Tenant::start(&stores()?, "green", 0, &flags).await?;
    let url = green.store.url();
    green.is_seen("a password", &with_password(url, "netmarks", "secret")).await?;
    is_told(&with_password(url, "netmarks", "wrong"), "(check `auth` and `headers`)").await?;
    is_told(&config(url), "(check `auth` and `headers`)").await?;
    let no_path = url.trim_end_matches("/green");
    is_told(&with_password(no_path, "netmarks", "secret"), "(check the path in `url`, and the tenant").await
}

/// By header as Mimir, Cortex and Thanos have it, by path as VictoriaMetrics' cluster has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_by_header_and_by_path() -> Result<()> {
    let stores = stores()?;
    let tenants = Tenant::both(&stores).await?;
    let routes: Vec<Value> = tenants
        .iter()
        .flat_map(|Tenant { name, number, store, .. }| {
            let by_header = json!({
                "src_paths": ["/prometheus/api/v1/query"],
                "src_headers": [format!("X-Scope-OrgID: {name}")],
                "url_prefix": store.url(),
                "drop_src_path_prefix_parts": 1,
            });
            let by_path = json!({
                "src_paths": [format!("/select/{number}/prometheus/api/v1/query")],
                "url_prefix": store.url(),
                "drop_src_path_prefix_parts": 3,
            });
            [by_header, by_path]
        })
        .collect();
    let router = VmAuth::start(&stores, &json!({"unauthorized_user": {"url_map": routes}})).await?;
    let path = |path: &str| format!("{}/{path}", router.url());
    for tenant in &tenants {
        tenant.is_seen("header", &with_header(path("prometheus"), tenant.name)).await?;
        tenant.is_seen("path", &config(path(&format!("select/{}/prometheus", tenant.number)))).await?;
    }
    for stranger in [
        with_header(path("prometheus"), "red"),
        config(path("prometheus")),
        config(path("select/2/prometheus")),
    ] {
        is_told(&stranger, "and the tenant in `headers` or in that path)").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_by_user_and_by_token() -> Result<()> {
    let stores = stores()?;
    let tenants = Tenant::both(&stores).await?;
    let users: Vec<Value> = tenants
        .iter()
        .flat_map(|Tenant { name, store, .. }| {
            let url = store.url();
            [
                json!({"username": name, "password": format!("{name}-password"), "url_prefix": url}),
                json!({"bearer_token": format!("{name}-token"), "url_prefix": url}),
            ]
        })
        .collect();
    let router = VmAuth::start(&stores, &json!({"users": users})).await?;
    let with_token = |token: String| {
        let mut config = config(router.url());
        config.auth.bearer_token = Some(Secret::new(token));
        config
    };
    for tenant in &tenants {
        let password = format!("{}-password", tenant.name);
        tenant.is_seen("user", &with_password(router.url(), tenant.name, &password)).await?;
        tenant.is_seen("token", &with_token(format!("{}-token", tenant.name))).await?;
    }
    for stranger in [
        with_password(router.url(), "blue", "green-password"),
        with_token("red-token".to_owned()),
        config(router.url()),
    ] {
        is_told(&stranger, "(check `auth` and `headers`)").await?;
    }
    Ok(())
}
