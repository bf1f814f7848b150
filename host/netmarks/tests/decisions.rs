//! Decisions as they are made: the stream, the list, and both on the terminal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netmarks_admin::follow_pods;
use netmarks_core::application::Application;
use netmarks_core::facts::{PodFacts, Resources};
use netmarks_test_cluster::Port;
use netmarks_test_cluster::process::{Process, Program};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::console::started;
use crate::support::admin::Administered;
use crate::support::binary;
use crate::support::{Extender, NODES, config, eventually, pod_request};

/// A stream that is read event by event.
struct Followed {
    response: Response,
    text: String,
}

impl Followed {
    async fn open(running: &Administered, query: &str, last: Option<&str>) -> Result<Self> {
        let request = running.call(Method::GET, &format!("/v1/decisions/stream{query}"));
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let response = request.send().await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
        Ok(Self { response, text: String::new() })
    }

    /// The next event: its name, id and data; nothing at the end.
    async fn next(&mut self) -> Result<Option<(String, String, Value)>> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
                };
                let (name, id, data) = (field("event: "), field("id: "), field("data: "));
                self.text = rest.to_owned();
                if name.is_empty() {
                    continue;
                }
                return Ok(Some((name, id, serde_json::from_str(&data)?)));
            }
            let part = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await?;
            match part? {
                Some(part) => self.text.push_str(std::str::from_utf8(&part)?),
                None => return Ok(None),
            }
        }
    }

    async fn decision(&mut self) -> Result<(String, Value)> {
        loop {
            let (name, id, data) = self.next().await?.context("the stream ended")?;
            if name == "decision" {
                return Ok((id, data));
            }
        }
    }
}

async fn asked(running: &Administered, name: &str) {
    let request = pod_request("default", name, "p", &NODES);
    running.server.prioritize(&request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_followed_over_a_restart() {
    let running = started().await;
    asked(&running, "p-1").await;
    let mut followed = Followed::open(&running, "", None).await.unwrap();
    let (name, _, hello) = followed.next().await.unwrap().unwrap();
    assert_eq!(name, "hello");
    let (first, decision) = followed.decision().await.unwrap();
    assert_eq!((&decision["pod"], &decision["best"]["node"]), (&json!("default/p-1"), &json!("node-3")));
    assert_eq!(
        (&decision["chosen"], &decision["agrees"], &decision["named"]),
        (&Value::Null, &Value::Null, &json!(3))
    );
    asked(&running, "p-2").await;
    let (_, decision) = followed.decision().await.unwrap();
    assert_eq!(decision["pod"], "default/p-2");

    // Whoever was away gets what came meanwhile, and whoever asks for one pod no other.
    let mut again = Followed::open(&running, "", Some(&first)).await.unwrap();
    assert_eq!(again.decision().await.unwrap().1["pod"], "default/p-2");
    let mut of_pod = Followed::open(&running, "?pod=default/p-3", None).await.unwrap();
    asked(&running, "p-3").await;
    assert_eq!(of_pod.decision().await.unwrap().1["pod"], "default/p-3");
    let (last, _) = followed.decision().await.unwrap();

    let running = running.restart().await.unwrap();
    while followed.next().await.unwrap_or(None).is_some() {}
    asked(&running, "p-4").await;
    let mut later = Followed::open(&running, "", Some(&last)).await.unwrap();
    let (_, _, new) = later.next().await.unwrap().unwrap();
    assert_ne!(new["run"], hello["run"]);
    assert_eq!(later.decision().await.unwrap().1["pod"], "default/p-4", "all that the new one has");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_come_in_pages_and_by_what_they_are() {
    let running = started().await;
    let list = async |query: &str| -> Vec<Value> {
        let answer = running.get(&format!("/v1/decisions?{query}")).await.unwrap().ok().unwrap();
        answer.as_array().unwrap().clone()
    };
    for (pod, count) in [("p-1", 1), ("p-2", 2), ("p-3", 3)] {
        asked(&running, pod).await;
        // It is remembered a moment after its answer.
        let remembered = async || Ok((list("").await.len() == count).then_some(()));
        eventually("it is remembered", remembered).await.unwrap();
    }
    let first = list("limit=2&brief=true").await;
    assert_eq!((first.len(), &first[1]["pod"]), (2, &json!("default/p-2")));
    let serial = first[1]["serial"].as_str().unwrap();
    let second = list(&format!("before={serial}")).await;
    assert_eq!((second.len(), &second[0]["pod"]), (1, &json!("default/p-1")));
    let whole = list(&format!("serial={serial}")).await;
    assert_eq!((whole.len(), &whole[0]["pod"]), (1, &json!("default/p-2")));
    assert!(!whole[0]["nodes"][0]["peers"].as_array().unwrap().is_empty());
    assert_eq!((list("node=node-3").await.len(), list("node=node-1").await.len()), (3, 0));
    assert_eq!((list("outcome=unknown").await.len(), list("outcome=empty").await.len()), (3, 0));
    assert_eq!((list("application=default/p").await.len(), list("door=admission").await.len()), (3, 0));
    assert!(list("serial=0-1").await.is_empty(), "of another run");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_pod_went_is_noted_once_it_is_seen() {
    let extender = Extender::start(&config()).await.unwrap();
    let (state, decisions) = (extender.scoring.state.clone(), extender.scoring.decisions.clone());
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(follow_pods(state.clone(), decisions, stop));
    for (name, node) in [("p-1", Some("node-2")), ("p-2", Some("node-3")), ("p-3", None)] {
        extender.prioritize(&pod_request("default", name, "p", &NODES)).await.unwrap();
        let key = format!("default/{name}");
        // It is remembered a moment after its answer, and can be seen before.
        let decision = extender.decision(&key).await.unwrap();
        assert_eq!((&decision["nodes"][0]["node"], &decision["chosen"]), (&json!("node-3"), &Value::Null));
        state.update(|index| {
            index.apply_pod(&PodFacts {
                key,
                application: Some(Application::new("default", "p")),
                node: node.map(str::to_owned),
                gone: false,
                requests: Resources::default(),
                confined: false,
                revision: 0,
            });
        });
    }
    let of = async |outcome: &str| -> Result<Vec<(Value, Value)>> {
        let found = extender.json(&format!("/v1/decisions?outcome={outcome}")).await?;
        let found = found.as_array().context("no list")?.iter();
        Ok(found.map(|decision| (decision["pod"].clone(), decision["chosen"].clone())).collect())
    };
    for (outcome, pod, chosen) in [
        ("differs", "default/p-1", json!("node-2")),
        ("agrees", "default/p-2", json!("node-3")),
        ("unknown", "default/p-3", Value::Null),
    ] {
        let expected = vec![(json!(pod), chosen)];
        let what = format!("{pod} alone is found by {outcome}");
        eventually(&what, async || Ok((of(outcome).await? == expected).then_some(()))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_shows_the_same() {
    let sample =
        netmarks_test_cluster::repository("host/netmarks/sample/online-boutique.json").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let running = Administered::start_on(folder, &["--snapshot", &sample], |_| {}).await.unwrap();
    let request = pod_request("boutique", "frontend-1", "frontend", &["node-a1", "node-a2", "node-b1"]);
    running.server.prioritize(&request).await.unwrap();
    let run = |arguments: &[&str]| -> Result<String> {
        let all = [arguments, &["--server", &running.url]].concat();
        binary::success(&binary::netmarks_with(&all, &[("COLUMNS", "80")])?)
    };
    let shown = eventually("it is remembered", async || {
        let shown = run(&["decisions"])?;
        Ok(shown.contains("boutique/frontend-1").then_some(shown))
    });
    let shown = shown.await.unwrap();
    assert!(shown.contains("node-a") && shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let as_json = run(&["decisions", "-o", "json", "--pod", "boutique/frontend-1"]).unwrap();
    let as_json: Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(as_json[0]["best"]["score"], 10);
    let top = run(&["top"]).unwrap();
    assert!(top.contains("BETWEEN NODES") && top.lines().all(|line| line.chars().count() <= 80), "{top}");
    let top: Value = serde_json::from_str(&run(&["top", "-o", "json", "--limit", "2"]).unwrap()).unwrap();
    assert_eq!(top["applications"].as_array().unwrap().len(), 2);
}

/// Waits until a command that goes on has printed this.
async fn prints(process: &mut Process, text: &str) {
    eventually(&format!("it prints {text}"), async || {
        process.check_alive()?;
        Ok(process.log()?.contains(text).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_follows_over_a_restart() {
    // Where it comes back.
    let port = Port::reserve().unwrap();
    let listen = json!(format!("127.0.0.1:{}", port.number()));
    let folder = tempfile::tempdir().unwrap();
    let running = Administered::start(folder, |config| config["admin"]["listen"] = listen).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["decisions", "--follow", "--server", &running.url].map(str::to_owned);
    let mut program =
        Program::new("decisions", env!("CARGO_BIN_EXE_netmarks"), arguments.into(), folder.path());
    program.environment = vec![("COLUMNS".to_owned(), "200".to_owned())];
    let mut following = program.start().unwrap();
    asked(&running, "p-1").await;
    prints(&mut following, "default/p-1: best node-3 with 10").await;
    let running = running.restart().await.unwrap();
    asked(&running, "p-2").await;
    prints(&mut following, "default/p-2: best node-3 with 10").await;
    let log = following.log().unwrap();
    assert_eq!((log.matches("default/p-1").count(), log.matches("default/p-2").count()), (1, 1), "{log}");
}

mod hostile {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn five_hundred_pages_have_a_bounded_number_of_streams_and_all_the_same_map() {
        let running = started().await;
        let opened = futures::future::join_all(
            (0..500).map(|_| running.call(Method::GET, "/v1/decisions/stream").send()),
        )
        .await;
        let opened: Vec<Response> = opened.into_iter().filter_map(Result::ok).collect();
        let count = |status| opened.iter().filter(|answer| answer.status() == status).count();
        assert_eq!(count(StatusCode::OK), 64);
        assert!(count(StatusCode::SERVICE_UNAVAILABLE) > 300);
        // The others still see everything else.
        let maps = futures::future::join_all((0..100).map(|_| running.get("/v1/map"))).await;
        assert!(maps.into_iter().all(|map| map.unwrap().status == StatusCode::OK));
        drop(opened);
        eventually("places are free again", async || {
            Ok(Followed::open(&running, "", None).await.ok().map(drop))
        })
        .await
        .unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn last_event_ids_that_were_made_up_do_no_harm() {
        let running = started().await;
        asked(&running, "p-1").await;
        let known = Followed::open(&running, "", None).await.unwrap().next().await.unwrap().unwrap().2;
        let run = known["run"].as_str().unwrap().to_owned();
        for made_up in ["", "-", "x", &format!("{run}-"), &format!("{run}--1"), &"9".repeat(8_000)] {
            let mut followed = Followed::open(&running, "", Some(made_up)).await.unwrap();
            assert_eq!(followed.decision().await.unwrap().1["pod"], "default/p-1", "{made_up}");
        }
    }
}
