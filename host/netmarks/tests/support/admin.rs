//! The real program with its admin listener, and what its operators do with it.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::repository::{guest_file, policy_file};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::binary::{self, Server};
use super::{NODES, client, eventually, request, worked_example_file};

/// A component as a file: committed, or built for the tests.
pub fn component(name: &str) -> PathBuf {
    let committed = policy_file(name);
    if committed.exists() { committed } else { guest_file(name) }
}

pub fn bytes(name: &str) -> Result<Vec<u8>> {
    let file = component(name);
    std::fs::read(&file).with_context(|| format!("failed to read {}", file.display()))
}

/// What every server here begins with: a state folder, patience, and no memory of where pods went.
pub fn config(folder: &Path) -> Value {
    json!({
        "policies": {"state_folder": folder.join("state")},
        "admin": {"listen": "127.0.0.1:0"},
        "policy": {"limits": {"deadline_ms": 10_000}},
        "server": {"request_timeout_ms": 30_000},
        "scoring": {"assume_seconds": 0},
    })
}

/// A server that serves the worked example.
pub struct Administered {
    pub server: Server,
    /// Base URL of the admin listener.
    pub url: String,
    pub client: reqwest::Client,
}

/// What an admin listener answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    pub fn ok(self) -> Result<Value> {
        ensure!(self.status == StatusCode::OK, "{}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// The sentence of a refusal with this status.
    pub fn refused(self, status: u16) -> Result<String> {
        ensure!(self.status.as_u16() == status, "{}: {}", self.status, self.body);
        Ok(self.body["error"].as_str().with_context(|| self.body.to_string())?.to_owned())
    }
}

impl Administered {
    /// With [`config`] of this folder, changed by `change`.
    pub async fn start(folder: TempDir, change: impl FnOnce(&mut Value)) -> Result<Self> {
        Self::start_in(folder, &[], change).await
    }

    /// With further variables in its environment.
    pub async fn start_in(
        folder: TempDir,
        environment: &[(&str, &str)],
        change: impl FnOnce(&mut Value),
    ) -> Result<Self> {
        let snapshot = worked_example_file().display().to_string();
        Self::start_with(folder, &["--snapshot", &snapshot], environment, change).await
    }

    /// On another cluster, which these flags name.
    pub async fn start_on(
        folder: TempDir,
        cluster: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> Result<Self> {
        Self::start_with(folder, cluster, &[], change).await
    }

    async fn start_with(
        folder: TempDir,
        cluster: &[&str],
        environment: &[(&str, &str)],
        change: impl FnOnce(&mut Value),
    ) -> Result<Self> {
        let mut config = config(folder.path());
        change(&mut config);
        let file = folder.path().join("config.yaml");
        // JSON is YAML.
        std::fs::write(&file, config.to_string())?;
        let file = file.display().to_string();
        let server = Server::serve(folder, &[&["--config", &file], cluster].concat(), environment).await?;
        let mut administered = Self { server, url: String::new(), client: client()? };
        administered.find_url().await?;
        Ok(administered)
    }

    /// Where the admin listener is, as the log says it last.
    async fn find_url(&mut self) -> Result<()> {
        let line = eventually("the admin listener is in the log", async || {
            Ok(self.server.logged("listening for changes of policies")?.pop())
        })
        .await?;
        let part = |name: &str| line[name].as_str().with_context(|| format!("no {name} in {line}"));
        self.url = format!("{}://{}", part("scheme")?, part("address")?);
        Ok(())
    }

    /// Ends it by SIGTERM and starts it again in the same folder.
    pub async fn restart(mut self) -> Result<Self> {
        self.server.terminate().await?;
        self.start_again().await
    }

    /// The same after SIGKILL.
    pub async fn restart_after_kill(mut self) -> Result<Self> {
        self.server.process.kill()?;
        self.start_again().await
    }

    async fn start_again(mut self) -> Result<Self> {
        let log = self.server.process.program().log.clone();
        std::fs::rename(&log, log.with_extension("before"))?;
        self.server.process.restart()?;
        self.server.url = eventually("the address is in the log", async || {
            self.server.process.check_alive()?;
            let lines = self.server.logged("listening")?;
            let line = lines.iter().find(|line| line["message"] == "listening");
            let url =
                |line: &Value| Some(format!("{}://{}", line["scheme"].as_str()?, line["address"].as_str()?));
            Ok(line.and_then(url))
        })
        .await?;
        self.find_url().await?;
        Ok(self)
    }

    /// Runs a command of `netmarks policy` with the address of this server.
    pub fn command(&self, arguments: &[&str]) -> Result<Output> {
        let mut all = vec!["policy"];
        all.extend(arguments);
        all.extend(["--server", &self.url]);
        binary::netmarks(&all)
    }

    /// What a command says to people.
    pub fn says(&self, arguments: &[&str]) -> Result<String> {
        Ok(binary::success(&self.command(arguments)?)?.trim_end().to_owned())
    }

    /// What a command says to machines.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json"]);
        let text = binary::success(&self.command(&all)?)?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }

    /// What a command complains of.
    pub fn fails(&self, arguments: &[&str]) -> Result<String> {
        binary::failure(&self.command(arguments)?)
    }

    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).with_context(|| format!("{status}, not JSON: {text:?}"))?;
        Ok(Answer { status, body })
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.call(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str) -> Result<Answer> {
        self.send(self.call(Method::POST, path)).await
    }

    /// An upload with a patient deadline, and `query` beside.
    pub async fn put(&self, name: &str, query: &str, bytes: Vec<u8>) -> Result<Answer> {
        let path = format!("/v1/policies/{name}?limits.deadline_ms=10000&{query}");
        self.send(self.call(Method::PUT, &path).body(bytes)).await
    }

    /// `name state`, in order of the list; degraded ones have a `!`.
    pub async fn list(&self) -> Result<Vec<String>> {
        let report = self.get("/v1/policies").await?.ok()?;
        let policies = report["policies"].as_array().context("no policies")?;
        let shown = |policy: &Value| {
            let mark = if policy["degraded"].is_null() { "" } else { "!" };
            Some(format!("{} {}{mark}", policy["name"].as_str()?, policy["state"].as_str()?))
        };
        policies.iter().map(|policy| shown(policy).with_context(|| policy.to_string())).collect()
    }

    pub async fn generation(&self) -> Result<u64> {
        let report = self.get("/v1/policies").await?.ok()?;
        report["generation"].as_u64().with_context(|| report.to_string())
    }

    /// The scores of the four nodes.
    pub async fn scores(&self) -> Result<Vec<i64>> {
        Ok(self.scored(&NODES).await?.into_iter().map(|(_, score)| score).collect())
    }

    pub async fn scored(&self, nodes: &[&str]) -> Result<Vec<(String, i64)>> {
        self.server.prioritize(&request(nodes)).await
    }

    /// The audit log so far.
    pub fn audit(&self) -> Result<Vec<Value>> {
        let mut lines = self.server.process.json_log()?;
        lines.retain(|line| line["target"] == "netmarks::audit");
        Ok(lines)
    }
}

/// Scores of the worked example by the built-in policy; a node that is not named has none.
pub const BY_TRAFFIC: [i64; 3] = [5, 7, 10];

/// By its order alone (`normalisation=rank`).
pub const BY_RANK: [i64; 3] = [3, 7, 10];

/// By spread, which has no preference among nodes without the pod's own kind.
pub const BY_SPREAD: [i64; 4] = [10; 4];
