//! Changes of the configuration file and of the policy file while the program runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::path::PathBuf;

use crate::support::binary::{Server, replace};
use crate::support::{NODES, eventually, request, series, worked_example_file};
use anyhow::Result;
use netmarks_test_cluster::repository;
use serde_json::Value;

/// A server with `text` as its configuration file.
struct Configured {
    server: Server,
    file: PathBuf,
}

impl Configured {
    async fn start(folder: tempfile::TempDir, text: &str) -> Result<Self> {
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, text)?;
        let (config, snapshot) = (file.display().to_string(), worked_example_file().display().to_string());
        let server = Server::serve(folder, &["--config", &config, "--snapshot", &snapshot], &[]).await?;
        Ok(Self { server, file })
    }

    async fn metric(&self, name: &str) -> Result<f64> {
        Ok(series(&self.server.get("/metrics").await?, name).unwrap_or(0.0))
    }

    async fn wait(&self, name: &str, value: f64) -> Result<()> {
        eventually(&format!("{name} is {value}"), async || {
            let found = self.metric(name).await?;
            anyhow::ensure!(found <= value, "already {found}");
            Ok((found >= value).then_some(()))
        })
        .await
    }

    async fn best(&self) -> Result<Option<i64>> {
        Ok(self.server.prioritize(&request(&NODES)).await?.into_iter().map(|(_, score)| score).max())
    }

    /// Waits until the best node's score is `best`.
    async fn wait_best(&self, best: i64) -> Result<()> {
        let what = format!("the best score is {best}");
        eventually(&what, async || Ok((self.best().await? == Some(best)).then_some(()))).await
    }

    /// Waits for a message of the log; returns its whole line.
    async fn logged(&self, text: &str) -> Result<Value> {
        eventually(&format!("{text:?} is logged"), async || Ok(self.server.logged(text)?.pop())).await
    }
}

const GENERATION: &str = "netmarks_policy_generation";
const FAILURES: &str = "netmarks_configuration_reload_failures_total";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_as_many_hosts_as_are_wanted() {
    let running =
        Configured::start(tempfile::tempdir().unwrap(), "scoring: {most_hosts: 1}\n").await.unwrap();
    let answer = running.server.prioritize(&request(&NODES)).await.unwrap();
    assert_eq!(answer.into_iter().collect::<Vec<_>>(), [("node-3".to_owned(), 10)]);
    replace(&running.file, "scoring: {most_hosts: 2}\n").unwrap();
    let named = async || Ok((running.server.prioritize(&request(&NODES)).await?.len() == 2).then_some(()));
    eventually("two hosts are named", named).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn scoring_changes_at_once_and_the_rest_asks_for_a_restart() {
    let running = Configured::start(tempfile::tempdir().unwrap(), "scoring: {top: 10}\n").await.unwrap();
    assert_eq!((running.best().await.unwrap(), running.metric(GENERATION).await.unwrap()), (Some(10), 1.0));

    replace(&running.file, "scoring: {top: 100}\nserver: {max_concurrent: 3}\n").unwrap();
    running.wait_best(100).await.unwrap();
    assert_eq!(running.logged("configuration taken over").await.unwrap()["keys"], "scoring.top");
    let restart = running.logged("only after a restart").await.unwrap();
    assert_eq!((&restart["keys"], &restart["level"]), (&"server.max_concurrent".into(), &"WARN".into()));

    // A flag still wins over the file.
    replace(&running.file, "scoring: {top: 50}\nserver: {listen: '127.0.0.1:1'}\n").unwrap();
    running.wait_best(50).await.unwrap();
    assert_eq!(running.metric(FAILURES).await.unwrap(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_file_leaves_everything_as_it_was() {
    let running = Configured::start(tempfile::tempdir().unwrap(), "scoring: {top: 20}\n").await.unwrap();
    let mut failures = 0.0;
    for (bad, says) in [
        ("scoring: {tpo: 30}\n", "did you mean `scoring.top`?"),
        ("scoring: {top: 0}\n", "`scoring.top` is 0; it must be a whole number from 1 to 1000000"),
        ("scoring: [\n", "not valid YAML"),
        ("policy: {file: /missing.wasm}\nscoring: {top: 30}\n", "/missing.wasm"),
        // Sections that take effect only after a restart are checked now, not then.
        ("metrics: {window_seconds: 0}\nscoring: {top: 30}\n", "it must be a number from 0.001 to 604800"),
        ("metrics: {url: 'ftp://store'}\nscoring: {top: 30}\n", "not an http or https URL"),
        (
            "metrics: {url: 'http://store', auth: {password: x}}\nscoring: {top: 30}\n",
            "`auth.username` is missing",
        ),
        ("server: {tls: {cert_file: a.pem}}\nscoring: {top: 30}\n", "`server.tls.key_file`"),
        (
            "policies: {compile_seconds: 0}\nscoring: {top: 30}\n",
            "`policies.compile_seconds` is 0; it must be a whole number, at least 1",
        ),
    ] {
        replace(&running.file, bad).unwrap();
        failures += 1.0;
        running.wait(FAILURES, failures).await.unwrap();
        assert_eq!(running.best().await.unwrap(), Some(20), "{bad}");
        let logged = running.logged("configuration not taken over").await.unwrap();
        assert!(logged["error"].as_str().unwrap().contains(says), "{logged}");
    }
    assert_eq!(running.metric(GENERATION).await.unwrap(), 1.0);
    // A missing file is not a wish for the defaults.
    std::fs::remove_file(&running.file).unwrap();
    running.wait(FAILURES, failures + 1.0).await.unwrap();
    assert_eq!(running.best().await.unwrap(), Some(20));
    replace(&running.file, "scoring: {top: 30}\n").unwrap();
    // A good one is taken over again.
    running.wait_best(30).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_is_exchanged_while_pods_are_scored() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.wasm");
    std::fs::copy(repository::guest_file("netmarks"), &policy).unwrap();
    let text = format!("policy: {{file: {}}}\n", policy.display());
    let running = Configured::start(folder, &text).await.unwrap();
    assert_eq!(running.server.prioritize(&request(&NODES)).await.unwrap().len(), 3);

    // One that is not a component, and one that traps when it is asked what it needs.
    let mut failures = 0.0;
    for bad in [b"no component".to_vec(), repository::guest("trap-describe").unwrap()] {
        replace(&policy, bad).unwrap();
        failures += 1.0;
        running.wait(FAILURES, failures).await.unwrap();
        assert_eq!(running.server.prioritize(&request(&NODES)).await.unwrap().len(), 3);
        let logged = running.logged("the old one stays in force").await.unwrap();
        assert!(logged["error"].as_str().unwrap().contains("policy `policy` failed at"), "{logged}");
    }
    assert_eq!(running.metric(GENERATION).await.unwrap(), 1.0);

    replace(&policy, repository::guest("hostile").unwrap()).unwrap();
    running.wait(GENERATION, 2.0).await.unwrap();
    let named = running.server.prioritize(&request(&NODES)).await.unwrap().len();
    assert_eq!(named, 4, "the fixture scores all nodes the same");
    let page = running.server.get("/metrics").await.unwrap();
    let live: Vec<&str> = page.lines().filter(|line| line.starts_with("netmarks_policy_live{")).collect();
    assert!(live.len() == 1 && live.iter().all(|line| line.contains("version=\"0.0.0\"")), "{live:?}");
    eventually("a decision of the new generation is remembered", async || {
        let decisions: Value = serde_json::from_str(&running.server.get("/v1/decisions?limit=1").await?)?;
        Ok((decisions.pointer("/0/generation") == Some(&2.into())).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mending_the_policy_file_that_a_refused_configuration_names_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("late.wasm");
    let running = Configured::start(folder, "scoring: {top: 20}\n").await.unwrap();
    replace(&running.file, format!("scoring: {{top: 30}}\npolicy: {{file: {}}}\n", policy.display()))
        .unwrap();
    running.wait(FAILURES, 1.0).await.unwrap();
    assert_eq!(running.best().await.unwrap(), Some(20));
    replace(&policy, repository::guest("netmarks").unwrap()).unwrap();
    running.wait_best(30).await.unwrap();
    assert_eq!(running.metric(GENERATION).await.unwrap(), 2.0);
}
