//! The page over a snapshot file: `netmarks console`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use anyhow::Result;
use netmarks_test_cluster::process::Program;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::binary;
use crate::support::{eventually, worked_example_file};

/// `netmarks console` over a file, and what it answers.
struct OverFile {
    url: String,
    client: reqwest::Client,
    _process: netmarks_test_cluster::process::Process,
    _folder: tempfile::TempDir,
}

impl OverFile {
    async fn open(file: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let arguments = ["console", "--snapshot", file, "--listen", "127.0.0.1:0"].map(str::to_owned);
        let program =
            Program::new("console", env!("CARGO_BIN_EXE_netmarks"), arguments.into(), folder.path());
        let log = program.log.clone();
        let mut process = program.start()?;
        let url = eventually("it says where", async || {
            process.check_alive()?;
            let log = std::fs::read_to_string(&log)?;
            let said = log.split_once("Look at it: ");
            Ok(said.and_then(|(_, rest)| Some(rest.split_once("/\n")?.0.to_owned())))
        });
        let url = url.await?;
        Ok(Self { url, client: crate::support::client()?, _process: process, _folder: folder })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.client.get(format!("{}{path}", self.url)).send().await?.error_for_status()?.json().await?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_the_same_page() {
    let file = worked_example_file().display().to_string();
    let refused = binary::netmarks(&["console", "--snapshot", &file, "--listen", "0.0.0.0:0"]).unwrap();
    assert!(binary::failure(&refused).unwrap().contains("not on loopback"));
    let console = OverFile::open(&file).await.unwrap();
    assert_eq!(console.get("/v1/map").await.unwrap()["nodes"]["names"].as_array().unwrap().len(), 4);
    let page = console.client.get(&console.url).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_replica_goes_where_the_schedulers_filters_let_it() {
    let node = |name: &str, taints: Value| {
        json!({
            "name": name, "allocatable_cpu_cores": 4.0, "allocatable_memory_bytes": 8_000_000_000_u64,
            "scheduling": {"taints": taints, "allocatable": {"pods": "110"}},
        })
    };
    let pod =
        |name: &str, application: &str| json!({"name": name, "application": application, "node": "open"});
    let file = json!({
        "version": 2, "taken_at": 1_767_225_600, "identity": "app",
        "nodes": [node("open", json!([])), node("tainted", json!([{"key": "gpu", "effect": "NoSchedule"}]))],
        "pods": [pod("shop/web-1", "shop/web"), pod("shop/db-1", "shop/db")],
        "flows_at": 1_767_225_600,
        "flows": [{"source": "shop/web", "destination": "shop/db", "bytes_per_second": 1_000.0}],
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let console = OverFile::open(&path.display().to_string()).await.unwrap();
    let application = console.get("/v1/applications/shop/web").await.unwrap();
    let next = &application["next_replica"];
    assert_eq!((&next["judged_by"], &next["candidates"]), (&json!("scheduler-filters"), &json!(1)), "{next}");
    assert_eq!(next["nodes"][0]["node"], "open");
}
