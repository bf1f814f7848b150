//! The page's files, what it reads, and who may.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::admin::{Administered, bytes};
use crate::support::binary::{self, replace};
use crate::support::{NODES, eventually, pod_request};

async fn started() -> Administered {
    Administered::start(tempfile::tempdir().unwrap(), |_| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_runs_nothing_but_its_own_files() {
    let running = started().await;
    let file = async |path: &str| {
        running.call(Method::GET, path).header("accept-encoding", "gzip").send().await.unwrap()
    };
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/console.js", "text/javascript; charset=utf-8"),
        ("/console.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = file(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), kind);
        assert!(header("content-security-policy").starts_with("default-src 'self';"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        let again = running.call(Method::GET, path).header("if-none-match", header("etag"));
        assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
    assert_eq!(file("/console.js").await.headers()["content-encoding"], "gzip");
    for path in ["/console.js", "/v1/map", "/openapi.json"] {
        let answer =
            running.call(Method::GET, path).header("accept-encoding", "gzip, br").send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "br", "{path}");
    }
    let page = running.call(Method::GET, "/").send().await.unwrap().text().await.unwrap();
    for (position, _) in page.match_indices("<script") {
        assert!(page[position..].split('>').next().unwrap().contains("src="), "no script within the page");
    }
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains(" onload"), "{page}");
    assert_eq!(file("/nothing.js").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pages_may_link_to_it_and_nothing_else() {
    let running = started().await;
    let host = running.url.strip_prefix("http://").unwrap().to_owned();
    let status = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = running.call(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let own = format!("http://{host}");
    assert_eq!(status(Method::POST, "/v1/rollback", &[("origin", &own)]).await, 404, "no earlier set");
    for origin in ["http://example.com", "null", "http://localhost:1", "http://127.0.0.1"] {
        assert_eq!(status(Method::POST, "/v1/rollback", &[("origin", origin)]).await, 403, "{origin}");
        assert_eq!(status(Method::GET, "/v1/map", &[("origin", origin)]).await, 403, "{origin}");
    }
    let rebound = [("host", "example.com"), ("origin", "http://example.com")];
    assert_eq!(status(Method::POST, "/v1/rollback", &rebound).await, 403);
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(status(Method::GET, "/", &link).await, 200);
    assert_eq!(status(Method::GET, "/v1/map", &link).await, 403);
    // The scheduler's listener has no page.
    let url = format!("{}/v1/decisions", running.server.url);
    let own = running.server.url.clone();
    let answer = running.client.get(url).header("origin", own).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_it_reads_has_an_answer() {
    let running = started().await;
    let get = async |path: &str| running.get(path).await.unwrap();
    let about = get("/v1/about").await.ok().unwrap();
    assert_eq!((&about["origin"], &about["access"]), (&json!("snapshot-file"), &json!("loopback")));
    assert_eq!(about["changes"], true, "on loopback nothing is asked");
    let map = get("/v1/map").await.ok().unwrap();
    assert_eq!(map["nodes"]["names"].as_array().unwrap().len(), 4);
    assert!(map["missing"].is_null() && map["placements"].is_object());
    let list = get("/v1/applications?sort=name&limit=1&offset=1").await.ok().unwrap();
    assert_eq!((list["items"].as_array().unwrap().len(), &list["offset"]), (1, &json!(1)));
    let application = get("/v1/applications/default/p").await.ok().unwrap();
    let next = &application["next_replica"];
    assert_eq!((&next["candidates"], &next["empty"]), (&json!(4), &Value::Null), "{next}");
    assert_eq!(next["judged_by"], "requests", "nothing made a model of the scheduler");
    assert_eq!(
        (next["nodes"][0]["node"].as_str(), next["nodes"][0]["score"].as_u64()),
        (Some("node-3"), Some(10))
    );
    assert!(!next["nodes"][0]["peers"].as_array().unwrap().is_empty(), "why: {next}");
    assert_eq!(get("/v1/nodes/node-1").await.ok().unwrap()["node"], "node-1");
    assert_eq!(get("/v1/history").await.ok().unwrap()["frames"], json!([]), "a file does not change");

    for (path, status, says) in [
        ("/v1/applications/default/none", 404, "no such application"),
        ("/v1/nodes/none", 404, "no such node"),
        ("/v1/map?at=5", 404, "/v1/history"),
        ("/v1/map?zoom=5", 400, "zoom"),
        ("/v1/map?at_least=much", 400, "at_least"),
        ("/v1/applications?sort=colour", 400, "colour"),
        ("/v1/decisions?door=back", 400, "back"),
    ] {
        let reason = get(path).await.refused(status).unwrap();
        assert!(reason.contains(says), "{path}: {reason}");
    }
    let many = vec!["n"; 65].join(",");
    assert!(get(&format!("/v1/map?nodes={many}")).await.refused(400).unwrap().contains("64 are the most"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_same_is_not_sent_again() {
    let running = started().await;
    let get = async |path: &str, known: &str| {
        let request = running.call(Method::GET, path).header("if-none-match", known);
        let answer = request.send().await?;
        let etag = answer.headers().get("etag").context("it has no etag")?.to_str()?.to_owned();
        anyhow::Ok((answer.status(), etag))
    };
    for path in [
        "/v1/about",
        "/v1/map",
        "/v1/applications",
        "/v1/applications/default/p",
        "/v1/nodes/node-1",
        "/v1/history",
        "/v1/policies",
        "/v1/policies/netmarks",
        "/v1/shadow",
        "/v1/calls",
        "/openapi.json",
    ] {
        // A step of the calls may begin between the two.
        eventually(path, async || {
            let (first, etag) = get(path, "\"another\"").await?;
            ensure!(first == StatusCode::OK, "{first}");
            let (again, _) = get(path, &etag).await?;
            Ok((again == StatusCode::NOT_MODIFIED).then_some(()))
        })
        .await
        .unwrap();
    }
    // Policies are not kept for a second: whoever has changed them looks at once.
    let (_, before) = get("/v1/policies", "\"another\"").await.unwrap();
    running.put("spread", "mode=shadow", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    let (status, after) = get("/v1/policies", &before).await.unwrap();
    assert!(status == StatusCode::OK && after != before);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_the_page_is_open_and_what_it_reads_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    replace(&file, "a-token").unwrap();
    let running =
        Administered::start(folder, |config| config["admin"]["token_file"] = json!(file)).await.unwrap();
    for path in ["/", "/console.js", "/openapi.json"] {
        assert_eq!(running.call(Method::GET, path).send().await.unwrap().status(), StatusCode::OK, "{path}");
    }
    for path in [
        "/v1/about",
        "/v1/map",
        "/v1/applications",
        "/v1/applications/default/p",
        "/v1/nodes/node-1",
        "/v1/history",
        "/v1/decisions",
        "/v1/decisions/stream",
    ] {
        running.get(path).await.unwrap().refused(401).unwrap();
    }
    let map = running.call(Method::GET, "/v1/map").bearer_auth("a-token");
    running.send(map).await.unwrap().ok().unwrap();
}

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

#[test]
fn the_description_of_the_api_is_current() {
    let file = netmarks_test_cluster::repository("docs/reference/openapi.json");
    let now = format!("{}\n", netmarks_admin::description().to_pretty_json().unwrap());
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == now, "docs/reference/openapi.json is old; NETMARKS_BLESS=1 renews it");
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

    #[tokio::test(flavor = "multi_thread")]
    async fn questions_of_any_length_and_script_are_answered() {
        let running = started().await;
        for text in ["<script>alert(1)</script>", "\u{0}\u{1b}[2J", "\u{202e}", &"x".repeat(20_000)] {
            for key in ["namespace", "application", "zone", "nodes"] {
                let map = running.call(Method::GET, "/v1/map").query(&[(key, text)]);
                running.send(map).await.unwrap().ok().unwrap();
            }
            let list = running.call(Method::GET, "/v1/applications").query(&[("search", text)]);
            assert_eq!(running.send(list).await.unwrap().ok().unwrap()["total"], 0);
        }
        for at in ["NaN", "inf", "-1", "1e308"] {
            let answer = running.get(&format!("/v1/map?at={at}")).await.unwrap();
            assert!(answer.status.is_client_error(), "{at}: {answer:?}");
        }
    }
}
