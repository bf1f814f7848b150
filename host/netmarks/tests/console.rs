//! The page's files, what it reads, and who may.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use anyhow::{Context as _, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::admin::{Administered, bytes};
use crate::support::binary::replace;
use crate::support::eventually;

pub(crate) async fn started() -> Administered {
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
        ("/v1/applications?at_least=much", 400, "at_least"),
        ("/v1/decisions?door=back", 400, "back"),
    ] {
        let reason = get(path).await.refused(status).unwrap();
        assert!(reason.contains(says), "{path}: {reason}");
    }
    let many = vec!["n"; 65].join(",");
    assert!(get(&format!("/v1/map?nodes={many}")).await.refused(400).unwrap().contains("64 are the most"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_applications_has_the_figures_of_the_map() {
    let running = started().await;
    let get = async |path: String| running.get(&path).await.unwrap().ok().unwrap();
    // The pod of `p` has no node yet.
    for (filter, of_p) in
        [("", 350.0), ("at_least=60", 230.0), ("at_least=60&namespace=default", 230.0), ("at_least=101", 0.0)]
    {
        let map = get(format!("/v1/map?{filter}")).await;
        let list = get(format!("/v1/applications?{filter}")).await;
        assert_eq!(map["applications"], list, "{filter}");
        let mut rows = list["items"].as_array().unwrap().iter();
        let row = rows.find(|row| row["application"] == "default/p").unwrap();
        assert_eq!(row["unplaced"], of_p, "{filter}");
    }
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
