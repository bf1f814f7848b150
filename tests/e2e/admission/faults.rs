//! The webhook dead, slow, with a certificate that is expired or somebody else's, or answering garbage: pods are created and
//! scheduled, the API server waits no longer than its timeout, and counts it.
#![allow(clippy::print_stderr, reason = "figures are for whoever reads the output of the test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use netmarks_test_cluster::{Authority, ControlPlane, until};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{WEBHOOK, apply, configuration, pod};
use crate::support::steered::{decision, wait_steered};
use crate::support::{Extender, LIMIT};

/// `timeoutSeconds` of the configuration.
const TIMEOUT: Duration = Duration::from_secs(1);

/// What a busy machine may add to the calls of the webhook, on average, by the API server's own clock.
const MARGIN: Duration = Duration::from_millis(200);

/// The timeout, and what a creation takes beside it on a busy machine.
const LONGEST: Duration = Duration::from_millis(1_000 + 500);

/// What somebody answers who is not the webhook.
#[derive(Clone, Copy)]
enum Answer {
    Never,
    Text(&'static str),
}

const NOT_HTTP: Answer = Answer::Text("no HTTP at all\r\n\r\n");
const NOT_JSON: Answer = Answer::Text("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\ngarbage");
const NOT_A_REVIEW: Answer =
    Answer::Text("HTTP/1.1 200 OK\r\ncontent-length: 32\r\n\r\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}");
const ERROR: Answer = Answer::Text("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");

pub(super) async fn pods_are_created_and_scheduled(
    plane: &ControlPlane,
    extender: &mut Extender,
    url: &str,
    authority: &Authority,
) -> Result<()> {
    let (issued, expired) = (authority.issue()?, authority.issue_expired()?);
    for (what, certificate, answer) in [
        ("slow", &issued, Answer::Never),
        ("expired", &expired, ERROR),
        ("no-http", &issued, NOT_HTTP),
        ("no-json", &issued, NOT_JSON),
        ("no-review", &issued, NOT_A_REVIEW),
        ("error", &issued, ERROR),
    ] {
        let address = serve(certificate, answer).await?;
        apply(plane, &configuration(plane, &format!("https://{address}"), authority)?)?;
        let waited = survives(plane, what).await.with_context(|| what.to_owned())?;
        let slow = matches!(answer, Answer::Never);
        ensure!(!slow || waited >= TIMEOUT.as_secs_f64(), "{what}: the API server gave up after {waited} s");
    }
    apply(plane, &configuration(plane, url, &Authority::new("stranger")?)?)?;
    survives(plane, "stranger").await.context("a certificate that is not trusted")?;
    apply(plane, &configuration(plane, url, authority)?)?;
    wait_steered(plane, "shop", "bare").await?;
    extender.kill()?;
    survives(plane, "dead").await.context("nobody there").map(drop)
}

/// Answers every request on loopback so.
async fn serve((certificate, key): &(String, String), answer: Answer) -> Result<SocketAddr> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut connection = acceptor.accept(connection).await?;
                let mut request = [0; 1 << 16];
                while connection.read(&mut request).await? > 0 {
                    match answer {
                        Answer::Never => std::future::pending().await,
                        Answer::Text(text) => connection.write_all(text.as_bytes()).await?,
                    }
                }
                std::io::Result::Ok(())
            });
        }
    });
    Ok(address)
}

/// Calls of the webhook that failed, so that the pod went on without it; and how long calls took, in seconds, with their number.
fn called(plane: &ControlPlane) -> Result<(f64, f64, f64)> {
    let page = plane.kubectl(&["get", "--raw", "/metrics"])?;
    let sum = |name: &str| -> f64 {
        let lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        let ours = lines.filter(|line| line.contains(&format!("name=\"{WEBHOOK}\"")));
        ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    let duration = "apiserver_admission_webhook_admission_duration_seconds";
    let (took, calls) = (sum(&format!("{duration}_sum")), sum(&format!("{duration}_count")));
    Ok((sum("apiserver_admission_webhook_fail_open_count"), took, calls))
}

/// Three pods are created, one after the other, each in time, and they get nodes; returns how long the API server waited for the webhook, on
/// average, in seconds.
async fn survives(plane: &ControlPlane, name: &str) -> Result<f64> {
    let (before, ..) = called(plane)?;
    until("the webhook fails", LIMIT, async || {
        ensure!(decision(plane, "shop", "bare")?.is_empty(), "it works");
        let (failed, ..) = called(plane)?;
        ensure!(failed > before, "it is not called: {failed}");
        Ok(Some(()))
    })
    .await?;
    let bound = plane.placement("shop").await?.iter().filter(|pod| pod.app == "bare").count();
    let (failed, took, calls) = called(plane)?;
    let pods: Api<Pod> = Api::namespaced(plane.client().clone(), "shop");
    for number in 0..3 {
        let mut pod = pod("bare");
        pod["metadata"]["name"] = json!(format!("{name}-{number}"));
        let started = Instant::now();
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        ensure!(started.elapsed() <= LONGEST, "it took {:?}", started.elapsed());
    }
    let (failed_after, took_after, calls_after) = called(plane)?;
    ensure!(failed_after >= failed + 3.0, "the API server does not count it");
    let mean = (took_after - took) / (calls_after - calls).max(1.0);
    eprintln!("{name}: the API server waited {mean:.3} s a call");
    ensure!(mean <= (TIMEOUT + MARGIN).as_secs_f64(), "the API server waited {mean} s a call");
    until("they have nodes", LIMIT, async || {
        let pods = plane.placement("shop").await?;
        Ok((pods.iter().filter(|pod| pod.app == "bare").count() >= bound + 3).then_some(mean))
    })
    .await
}
