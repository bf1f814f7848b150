//! A metrics store behind mutual TLS: a real Prometheus that takes only clients whose certificate it trusts.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::Arc;

use crate::support::authority::install;
use crate::support::binary::replace;
use crate::support::eventually;
use netmarks_core::application::Identity;
use netmarks_core::clock::unix_now;
use netmarks_core::errors::chain;
use netmarks_sources::prometheus::config::TlsConfig;
use netmarks_sources::prometheus::{MetricsConfig, Poller};
use netmarks_state::{ClusterState, MetricsState};
use netmarks_test_cluster::process::{Process, Program};
use netmarks_test_cluster::{Authority, Port};

/// Starts Prometheus with this authority's certificate, for clients with a certificate of the same authority.
fn prometheus(authority: &Authority, folder: &Path) -> (Process, Port, String) {
    install(authority, folder).unwrap();
    replace(&folder.join("ca.crt"), authority.pem()).unwrap();
    replace(&folder.join("prometheus.yml"), "global: {scrape_interval: 1m}\n").unwrap();
    let web = "tls_server_config: {cert_file: tls.crt, key_file: tls.key, client_ca_file: ca.crt, \
               client_auth_type: RequireAndVerifyClientCert}\n";
    replace(&folder.join("web.yml"), web).unwrap();
    let port = Port::reserve().unwrap();
    let address = format!("127.0.0.1:{}", port.number());
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let arguments = vec![
        format!("--config.file={}", path("prometheus.yml")),
        format!("--web.config.file={}", path("web.yml")),
        format!("--web.listen-address={address}"),
        format!("--storage.tsdb.path={}", path("data")),
    ];
    let process = Program::new("prometheus", "prometheus", arguments, folder).start().unwrap();
    (process, port, format!("https://{address}"))
}

/// One refresh by a fresh poller: how many samples came, or why none did.
async fn refresh(url: &str, tls: TlsConfig) -> Result<u64, String> {
    let config = MetricsConfig { url: url.to_owned(), tls, ..MetricsConfig::default() };
    let mut poller = Poller::new(config, Identity::App).unwrap();
    let state = Arc::new(ClusterState::new(MetricsState::NotYet));
    poller.refresh(unix_now(), &state).await.map(|refresh| refresh.samples).map_err(|error| chain(&error))
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_come_over_mutual_tls_and_only_so() {
    let (ours, theirs) = (Authority::new("ours").unwrap(), Authority::new("theirs").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (_process, _port, url) = prometheus(&ours, folder.path());
    let client = |authority: &Authority, name: &str| {
        let (certificate, key) = authority.issue().unwrap();
        let (certificate_file, key_file) =
            (folder.path().join(format!("{name}.crt")), folder.path().join(format!("{name}.key")));
        replace(&certificate_file, certificate).unwrap();
        replace(&key_file, key).unwrap();
        (Some(certificate_file), Some(key_file))
    };
    let trusted = |(client_certificate_file, client_key_file)| TlsConfig {
        ca_file: Some(folder.path().join("ca.crt")),
        client_certificate_file,
        client_key_file,
    };
    let good = trusted(client(&ours, "good"));
    let samples = eventually("prometheus answers", async || {
        refresh(&url, good.clone()).await.map(Some).map_err(anyhow::Error::msg)
    })
    .await
    .unwrap();
    assert_eq!(samples, 0, "it scrapes no mesh");

    // A server of TLS 1.3 refuses a client only after the handshake, so what the client sees of it (an alert, a closed
    // connection) is a matter of timing; that the certificate made the difference, the good one shows on both sides.
    refresh(&url, trusted((None, None))).await.unwrap_err();
    refresh(&url, trusted(client(&theirs, "stranger"))).await.unwrap_err();
    assert_eq!(refresh(&url, good.clone()).await, Ok(0));
    let untrusting = refresh(&url, TlsConfig { ca_file: None, ..good }).await.unwrap_err();
    assert!(untrusting.to_lowercase().contains("certificate"), "{untrusting}");
}
