//! The real program.
#![allow(clippy::print_stderr, reason = "what was tried again is said where a test is read")]

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::process::{Process, Program, isolated};
use serde_json::Value;
use tempfile::TempDir;

use super::{client, eventually};

const PROGRAM: &str = env!("CARGO_BIN_EXE_netmarks");

/// Only a policy that never ends misses this deadline, whatever else the machine does.
const PATIENT: [(&str, &str); 2] =
    [("NETMARKS_POLICY_LIMITS_DEADLINE_MS", "10000"), ("NETMARKS_SERVER_REQUEST_TIMEOUT_MS", "30000")];

/// What a command says of a call that missed the deadline that it has by default. Few commands have a flag for another, and
/// no policy of the tests takes so long unless it was not given a core.
const NO_CORE: &str = "missed its deadline of 50ms";

/// How often a command is run that was not given a core.
const ATTEMPTS: usize = 10;

/// Runs it to its end.
pub fn netmarks(arguments: &[&str]) -> Result<Output> {
    netmarks_with(arguments, &[])
}

pub fn netmarks_with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
    let mut command = Command::new(PROGRAM);
    isolated(&mut command);
    command.args(arguments).envs(environment.iter().copied());
    let mut run = || command.output().context("netmarks does not start");
    let no_core = |output: &Output| {
        [&output.stdout, &output.stderr].iter().any(|said| String::from_utf8_lossy(said).contains(NO_CORE))
    };
    let mut output = run()?;
    for _ in 1..ATTEMPTS {
        if !no_core(&output) {
            break;
        }
        eprintln!("netmarks {arguments:?} was not given a core, and is run again");
        output = run()?;
    }
    Ok(output)
}

/// What it printed, where it succeeded.
pub fn success(output: &Output) -> Result<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it ended with {}: {errors}", output.status);
    Ok(String::from_utf8(output.stdout.clone())?)
}

/// What it complained of, where it did not do what it was told and printed nothing else; a command line that cannot be is not
/// such a failure. `exit_codes` says which code is which.
pub fn failure(output: &Output) -> Result<String> {
    let errors = String::from_utf8(output.stderr.clone())?;
    ensure!(matches!(output.status.code(), Some(1 | 3..=5)), "it ended with {}: {errors}", output.status);
    ensure!(output.stdout.is_empty(), "it printed {}", String::from_utf8_lossy(&output.stdout));
    Ok(errors)
}

/// The program as a server; killed when dropped.
pub struct Server {
    pub folder: TempDir,
    pub process: Process,
    /// Base URL, once known.
    pub url: String,
    client: reqwest::Client,
}

impl Server {
    /// `netmarks serve` with these further arguments, on any free port and with patience.
    pub async fn serve(folder: TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
        all.extend(arguments);
        let environment = [&PATIENT, environment].concat();
        Self::start(folder, &all, &environment, |log| {
            let line: Value = log.lines().find_map(|line| {
                serde_json::from_str(line).ok().filter(|line: &Value| line["message"] == "listening")
            })?;
            Some(format!("{}://{}", line["scheme"].as_str()?, line["address"].as_str()?))
        })
        .await
    }

    /// `netmarks demo` with these further arguments, on any free ports, once it has said all; its URL is the one that kube-scheduler would
    /// ask.
    pub async fn demo(arguments: &[&str]) -> Result<Self> {
        let mut all = vec!["demo", "--admin-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::start(tempfile::tempdir()?, &all, &[], |log| {
            log.contains("Ctrl-C stops.").then_some(())?;
            Some(log.split_once("Serving at ")?.1.split_once(". Ask")?.0.to_owned())
        })
        .await
    }

    /// Starts it and finds its URL in what it printed and logged.
    pub async fn start(
        folder: TempDir,
        arguments: &[&str],
        environment: &[(&str, &str)],
        url: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut program = Program::new("netmarks", PROGRAM, arguments, folder.path());
        program.environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Self { folder, process: program.start()?, url: String::new(), client: client()? };
        server.url = eventually("the address is in the log", async || match server.process.check_alive() {
            // It will not be there however long one waits.
            Err(error) => Ok(Some(Err(error.context("it ended")))),
            Ok(()) => Ok(url(&server.log()?).map(Ok)),
        })
        .await??;
        Ok(server)
    }

    /// Everything that it printed and logged so far.
    pub fn log(&self) -> Result<String> {
        self.process.log()
    }

    /// The URL of a demo's page, which is the first thing that it says.
    pub fn page(&self) -> Result<String> {
        let log = self.log()?;
        let first = log.lines().next().unwrap_or_default();
        let url = first.strip_prefix("Look at it: ").and_then(|rest| rest.strip_suffix('/'));
        Ok(url.with_context(|| format!("it begins with {first:?}"))?.to_owned())
    }

    /// The messages of the JSON log that hold `text`, as whole lines.
    pub fn logged(&self, text: &str) -> Result<Vec<Value>> {
        let mut lines = self.process.json_log()?;
        lines.retain(|line| line["message"].as_str().is_some_and(|message| message.contains(text)));
        Ok(lines)
    }

    pub async fn get(&self, path: &str) -> Result<String> {
        let response = self.client.get(format!("{}{path}", self.url)).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        Ok(text)
    }

    pub async fn prioritize(&self, request: &Value) -> Result<Vec<(String, i64)>> {
        let response =
            self.client.post(format!("{}/prioritize", self.url)).body(request.to_string()).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{status}: {text}");
        super::scores(&text)
    }

    /// SIGTERM; waits for the end and returns how it ended, as the operating system says it.
    pub async fn terminate(&mut self) -> Result<String> {
        self.signal()?;
        self.ended().await
    }

    /// SIGTERM.
    pub fn signal(&self) -> Result<()> {
        let id = self.process.id().context("it does not run")?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status()?.success(), "kill failed");
        Ok(())
    }

    /// Waits for the end and returns how it ended, as the operating system says it.
    pub async fn ended(&mut self) -> Result<String> {
        eventually("it ends", async || match self.process.check_alive() {
            Ok(()) => Ok(None),
            Err(ended) => Ok(Some(ended.to_string())),
        })
        .await
    }
}

/// Writes as a ConfigMap is changed: the new content appears at once and whole.
pub fn replace(file: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, content)?;
    std::fs::rename(&beside, file).with_context(|| format!("failed to replace {}", file.display()))
}
