//! HTTPS: certificates, client certificates, HTTP/2, and certificates that change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use crate::support::authority::{connect, install, trusting};
use crate::support::binary;
use crate::support::{Extender, NODES, config, eventually, request};
use anyhow::{Context as _, Result, ensure};
use netmarks::config::Config;
use netmarks_server::Tls;
use netmarks_test_cluster::Authority;
use reqwest::StatusCode;

fn https(files: Tls) -> Config {
    let mut config = config();
    config.server.tls = files;
    config
}

async fn scored(client: &reqwest::Client, extender: &Extender) -> Result<usize> {
    let url = format!("https://{}/prioritize", extender.address);
    let response = client.post(url).body(request(&NODES).to_string()).send().await?;
    ensure!(response.status() == StatusCode::OK, "{}", response.status());
    Ok(crate::support::scores(&response.text().await?)?.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_trusts_the_authority_talks_to_it() {
    let (authority, stranger) = (Authority::new("ours").unwrap(), Authority::new("theirs").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let extender = Extender::start(&https(install(&authority, folder.path()).unwrap())).await.unwrap();
    assert_eq!(scored(&trusting(&authority).unwrap().build().unwrap(), &extender).await.unwrap(), 3);
    let error = scored(&trusting(&stranger).unwrap().build().unwrap(), &extender).await.unwrap_err();
    assert!(error.downcast_ref::<reqwest::Error>().unwrap().is_connect(), "{error:?}");
    extender.get("/healthz").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_client_authority_others_are_refused_and_probes_have_their_own_listener() {
    let authority = Authority::new("ours").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = install(&authority, folder.path()).unwrap();
    let ca_file = folder.path().join("client-ca.crt");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    files.client_ca_file = Some(ca_file.clone());
    let mut config = https(files);
    let (extender, _port, health) = Extender::start_with_probes(&mut config).await.unwrap();

    let identified = |authority: &Authority, issuer: &Authority| {
        let (certificate, key) = issuer.issue().unwrap();
        let identity = reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap();
        trusting(authority).unwrap().identity(identity).build().unwrap()
    };
    assert_eq!(scored(&identified(&authority, &authority), &extender).await.unwrap(), 3);
    scored(&trusting(&authority).unwrap().build().unwrap(), &extender).await.unwrap_err();
    let stranger = Authority::new("theirs").unwrap();
    scored(&identified(&authority, &stranger), &extender).await.unwrap_err();
    let probe = extender.client.get(format!("http://{health}/readyz")).send().await.unwrap();
    assert_eq!(probe.status(), StatusCode::OK);

    // The same for the command that fetches a snapshot.
    let (certificate, key) = authority.issue().unwrap();
    let identity = folder.path().join("client.pem");
    std::fs::write(&identity, format!("{certificate}{key}")).unwrap();
    let (url, ca, identity) = (
        format!("https://{}", extender.address),
        ca_file.display().to_string(),
        identity.display().to_string(),
    );
    let arguments =
        ["snapshot", "--server", &url, "--ca-file", &ca, "--client-identity", &identity, "--file", "-"];
    let fetch = |count: usize| {
        let arguments: Vec<String> = arguments[..count].iter().map(|text| (*text).to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if !arguments.contains(&"--file") {
                arguments.extend(["--file", "-"]);
            }
            binary::netmarks(&arguments)
        })
    };
    let written = binary::success(&fetch(9).await.unwrap().unwrap()).unwrap();
    assert!(written.contains("\"node-4\""), "{written}");
    binary::failure(&fetch(5).await.unwrap().unwrap()).unwrap();
    binary::failure(&fetch(3).await.unwrap().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_with_who_offers_it() {
    let authority = Authority::new("ours").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let extender = Extender::start(&https(install(&authority, folder.path()).unwrap())).await.unwrap();
    for (offered, agreed) in [(vec!["http/1.1", "h2"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let stream = connect(&authority, extender.address, &offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(agreed.as_bytes()));
    }

    let stream = connect(&authority, extender.address, &["h2"]).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = |sender: &mut hyper::client::conn::http2::SendRequest<axum::body::Body>| {
        let request = axum::http::Request::post(format!("https://{}/prioritize", extender.address))
            .body(axum::body::Body::from(request(&NODES).to_string()))
            .unwrap();
        sender.send_request(request)
    };
    // Two at once on one connection.
    let (first, second) = (ask(&mut sender), ask(&mut sender));
    for answer in [first.await.unwrap(), second.await.unwrap()] {
        assert_eq!((answer.version(), answer.status()), (axum::http::Version::HTTP_2, StatusCode::OK));
        let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 10_000).await.unwrap();
        assert_eq!(crate::support::scores(std::str::from_utf8(&body).unwrap()).unwrap().len(), 3);
    }
    // It is told to go away, and the connection ends without an error.
    extender.stopped().await.unwrap();
    connection.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_used_by_new_connections() {
    let (old, new) = (Authority::new("old").unwrap(), Authority::new("new").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let extender = Extender::start(&https(install(&old, folder.path()).unwrap())).await.unwrap();
    let open = trusting(&old).unwrap().build().unwrap();
    assert_eq!(scored(&open, &extender).await.unwrap(), 3);
    connect(&new, extender.address, &[]).await.unwrap_err();

    install(&new, folder.path()).unwrap();
    eventually("the new certificate is used", async || {
        connect(&new, extender.address, &[]).await.map(Some).context("not yet")
    })
    .await
    .unwrap();
    connect(&old, extender.address, &[]).await.unwrap_err();
    assert_eq!(scored(&open, &extender).await.unwrap(), 3, "an open connection goes on");
}
