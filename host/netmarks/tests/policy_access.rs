//! Who may change policies, and whose signature they must carry.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use crate::support::admin::{Administered, bytes, component, config};
use crate::support::authority::install;
use crate::support::binary::{self, replace};
use crate::support::{eventually, worked_example_file};
use netmarks_artefacts::SigningKey;
use netmarks_test_cluster::Authority;
use rcgen::KeyPair;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_and_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    replace(&file, "first-token\n").unwrap();
    let running =
        Administered::start(folder, |config| config["admin"]["token_file"] = json!(file)).await.unwrap();
    let list = || running.call(Method::GET, "/v1/policies");
    let refused = async |request| running.send(request).await.unwrap().refused(401).unwrap();
    let accepted = async |token: &str| running.send(list().bearer_auth(token)).await.unwrap().ok().unwrap();

    assert!(refused(list()).await.contains("Authorization: Bearer"));
    for wrong in ["second-token", "first-toke", "first-token2", "FIRST-TOKEN"] {
        refused(list().bearer_auth(wrong)).await;
    }
    refused(list().header("authorization", "Bearer ")).await;
    refused(list().basic_auth("user", Some("first-token"))).await;
    assert_eq!(accepted("first-token").await["generation"], 1);
    // Every route asks.
    for (method, path) in [
        (Method::GET, "/v1/policies/netmarks"),
        (Method::PUT, "/v1/policies/s"),
        (Method::POST, "/v1/policies/netmarks/ready"),
        (Method::DELETE, "/v1/policies/netmarks"),
        (Method::POST, "/v1/rollback"),
        (Method::GET, "/v1/shadow"),
        (Method::GET, "/v1/calls"),
    ] {
        refused(running.call(method, path)).await;
    }
    let turned_away = eventually("it is in the audit log", async || {
        Ok(running.audit()?.into_iter().rfind(|line| line["message"] == "turned away"))
    });
    assert!(turned_away.await.unwrap()["from"].as_str().unwrap().starts_with("127.0.0.1:"));

    // Rotated: the new one at once, the old one no more.
    replace(&file, "second-token\n").unwrap();
    refused(list().bearer_auth("first-token")).await;
    accepted("second-token").await;
    // An empty file is nobody's token, and a missing one a failure of the server's.
    replace(&file, "\n").unwrap();
    refused(list().bearer_auth("")).await;
    refused(list().bearer_auth("second-token")).await;
    std::fs::remove_file(&file).unwrap();
    let reason = running.send(list().bearer_auth("second-token")).await.unwrap().refused(503).unwrap();
    assert!(reason.contains("token file"), "{reason}");
    replace(&file, "third-token").unwrap();

    // The command line, with and without.
    let (mine, spread) = (running.server.folder.path().join("mine"), component("spread"));
    std::fs::write(&mine, "third-token\n").unwrap();
    let (mine, spread) = (mine.to_str().unwrap().to_owned(), spread.to_str().unwrap().to_owned());
    assert!(running.fails(&["list"]).unwrap().contains("Authorization: Bearer"));
    assert_eq!(running.json(&["push", &spread, "--token-file", &mine]).unwrap()["changed"], true);
    let line = running.audit().unwrap().into_iter().rfind(|line| line["change"] == "accepted").unwrap();
    assert_eq!((&line["policy"], &line["user"]), (&json!("spread"), &json!("token")));
    // No token is ever written down.
    assert!(!running.server.log().unwrap().contains("-token\""));
    assert!(!running.server.log().unwrap().contains("second-token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_says_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours").unwrap();
    let mut files = install(&authority, folder.path()).unwrap();
    let ca = folder.path().join("ca.crt");
    std::fs::write(&ca, authority.pem()).unwrap();
    files.client_ca_file = Some(ca.clone());
    let (certificate, key) = authority.issue().unwrap();
    let identity = folder.path().join("identity.pem");
    std::fs::write(&identity, format!("{certificate}{key}")).unwrap();
    let stranger = folder.path().join("stranger.pem");
    let (certificate, key) = Authority::new("theirs").unwrap().issue().unwrap();
    std::fs::write(&stranger, format!("{certificate}{key}")).unwrap();
    let running = Administered::start(folder, |config| {
        config["admin"]["tls"] = serde_json::to_value(&files).unwrap();
    })
    .await
    .unwrap();
    assert!(running.url.starts_with("https://"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (ca, identity, stranger) = (text(&ca), text(&identity), text(&stranger));
    running.fails(&["list"]).unwrap();
    running.fails(&["list", "--ca-file", &ca]).unwrap();
    running.fails(&["list", "--ca-file", &ca, "--client-identity", &stranger]).unwrap();
    let spread = text(&component("spread"));
    let push = ["push", &spread, "--ca-file", &ca, "--client-identity", &identity];
    assert_eq!(running.json(&push).unwrap()["changed"], true);
    let line = running.audit().unwrap().into_iter().rfind(|line| line["change"] == "accepted").unwrap();
    assert!(line["user"].as_str().unwrap().starts_with("certificate sha256:"), "{line}");
    // The scheduler's own listener is as it was.
    assert_eq!(running.scores().await.unwrap(), crate::support::admin::BY_TRAFFIC);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_nobody_may_change_policies_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let check = |change: &dyn Fn(&mut Value)| {
        let mut config = config(folder.path());
        change(&mut config);
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        let (file, snapshot) = (file.display().to_string(), worked_example_file().display().to_string());
        binary::netmarks(&["serve", "--check", "--config", &file, "--snapshot", &snapshot]).unwrap()
    };
    for address in ["0.0.0.0:9822", "[::]:9822", "192.0.2.1:9822"] {
        let complaint =
            binary::failure(&check(&|config| config["admin"]["listen"] = json!(address))).unwrap();
        assert!(
            complaint.contains("is not loopback: set `admin.kubernetes`, `admin.token_file`"),
            "{complaint}"
        );
    }
    let with_token = |config: &mut Value| {
        config["admin"] = json!({"listen": "0.0.0.0:9822", "token_file": folder.path().join("token")});
    };
    binary::success(&check(&with_token)).unwrap();
    binary::success(&check(&|config| config["admin"]["listen"] = json!("[::1]:9822"))).unwrap();
    let no_server =
        |config: &mut Value| config["admin"]["tls"] = json!({"client_ca_file": folder.path().join("ca")});
    binary::failure(&check(&no_server)).unwrap();
}

/// Without `admin.listen`, there is no such listener.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = worked_example_file().display().to_string();
    let server = binary::Server::serve(folder, &["--snapshot", &snapshot], &[]).await.unwrap();
    assert_eq!(server.prioritize(&crate::support::request(&crate::support::NODES)).await.unwrap().len(), 3);
    assert!(server.logged("listening for changes").unwrap().is_empty());
    let id = server.process.id().unwrap();
    // The sockets of the process that listen: the scheduler's, and no other.
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{id}/fd"))
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table = |name: &str| std::fs::read_to_string(format!("/proc/{id}/net/{name}"));
    // A kernel may be without the new protocol.
    let tables = [table("tcp").unwrap(), table("tcp6").unwrap_or_default()];
    let listening = tables.iter().flat_map(|text| text.lines().skip(1)).filter(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns[3] == "0A" && sockets.iter().any(|inode| inode == columns[9])
    });
    assert_eq!(listening.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_trusted_keys_only_what_they_signed_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let public = folder.path().join("ours.pub");
    std::fs::write(&public, ours.public_key_pem()).unwrap();
    let watched = folder.path().join("watched");
    std::fs::create_dir(&watched).unwrap();
    for (name, key) in [("ours.pem", &ours), ("theirs.pem", &theirs)] {
        std::fs::write(folder.path().join(name), key.serialize_pem()).unwrap();
    }
    let running = Administered::start(folder, |config| {
        config["policies"]["trusted_keys"] = json!([public]);
        config["policies"]["folder"] = json!(watched);
    })
    .await
    .unwrap();
    let spread = bytes("spread").unwrap();
    let key = |pair: &KeyPair| SigningKey::from_pem(&pair.serialize_pem()).unwrap();
    let sign = |pair: &KeyPair| netmarks_artefacts::sign_blob(&key(pair), &spread).unwrap();
    let (good, stranger) = (sign(&ours), sign(&theirs));
    let put = async |bytes: Vec<u8>, signature: Option<&str>| {
        let request =
            running.call(Method::PUT, "/v1/policies/s?mode=active&limits.deadline_ms=10000").body(bytes);
        let request = match signature {
            Some(signature) => request.header("netmarks-signature", signature),
            None => request,
        };
        running.send(request).await.unwrap()
    };
    let reason = put(spread.clone(), None).await.refused(400).unwrap();
    assert!(reason.contains("must be signed"), "{reason}");
    let mut tampered = spread.clone();
    *tampered.last_mut().unwrap() ^= 1;
    put(tampered, Some(&good)).await.refused(403).unwrap();
    put(spread.clone(), Some(&stranger)).await.refused(403).unwrap();
    put(spread.clone(), Some("no signature")).await.refused(403).unwrap();
    put(bytes("zone-cost").unwrap(), Some(&good)).await.refused(403).unwrap();
    assert_eq!(running.list().await.unwrap(), ["netmarks active"], "the built-in policy needs none");
    let bad = running.audit().unwrap().into_iter().filter(|line| line["message"] == "bad signature");
    assert_eq!(bad.count(), 4);
    assert_eq!(put(spread.clone(), Some(&good)).await.ok().unwrap()["changed"], true);

    // The command line signs.
    let at = |name: &str| running.server.folder.path().join(name).display().to_string();
    let zone = component("zone-cost").display().to_string();
    assert!(running.fails(&["push", &zone]).unwrap().contains("must be signed"));
    assert!(running.fails(&["push", &zone, "--key", &at("theirs.pem")]).unwrap().contains("signature"));
    assert_eq!(running.json(&["push", &zone, "--key", &at("ours.pem")]).unwrap()["changed"], true);
    // And says by whom it is signed; so does the list.
    let keys = netmarks_artefacts::Keys::from_pem(&ours.public_key_pem()).unwrap();
    let id = keys.ids().next().unwrap();
    let said = running.says(&["push", &zone, "--key", &at("ours.pem")]).unwrap();
    assert!(said.contains(&format!("\nsigned by {id}\n")), "{said}");
    let signatures = running.get("/v1/policies").await.unwrap().ok().unwrap();
    let signatures = signatures["policies"].as_array().unwrap().iter();
    let signatures: Vec<&Value> = signatures.map(|policy| &policy["signature"]).collect();
    let (verified, built_in) =
        (json!({"check": "verified", "signed_by": id}), json!({"check": "configuration"}));
    assert_eq!(signatures, [&built_in, &verified, &verified]);

    // So it is for the watched folder.
    let folder = watched.display().to_string();
    let push = |name: &str, extra: &[&str]| {
        let file = component("netmarks").display().to_string();
        let mut all = vec!["policy", "push", &file, "--name", name, "--folder", &folder];
        all.extend(extra);
        binary::success(&binary::netmarks(&all).unwrap()).unwrap()
    };
    push("unsigned", &[]);
    push("stranger", &["--key", &at("theirs.pem")]);
    push("tampered", &["--key", &at("ours.pem")]);
    std::fs::write(watched.join("tampered.wasm"), bytes("hostile").unwrap()).unwrap();
    push("good", &["--key", &at("ours.pem"), "--mode", "ready"]);
    // With patience beside what the command wrote: what the folder was refused once, it does not offer again.
    let settings = watched.join("good.yaml");
    let mut patient: Value = serde_json::from_slice(&std::fs::read(&settings).unwrap()).unwrap();
    patient["limits"] = json!({"deadline_ms": 10_000});
    replace(&settings, patient.to_string()).unwrap();
    eventually("the good one is taken, the others are named", async || {
        let log = running.server.log()?;
        let named = ["unsigned.wasm", "stranger.wasm", "tampered.wasm"].iter().all(|name| log.contains(name));
        let list = running.list().await?;
        Ok((named && list.iter().any(|policy| policy == "good ready")).then_some(()))
    })
    .await
    .unwrap();
    let list = running.list().await.unwrap();
    assert_eq!(list, ["good ready", "netmarks active", "s active", "zone-cost ready"]);
    let good = running.get("/v1/policies/good").await.unwrap().ok().unwrap();
    assert_eq!(good[0]["signature"], verified);
}
