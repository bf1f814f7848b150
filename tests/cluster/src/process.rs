//! Child processes that cannot outlive the test.
//!
//! Dropping a [`Process`] kills it. For the case that the test itself is killed and runs no destructor, each child is
//! started through util-linux' `setpriv --pdeathsig KILL`, so that the kernel kills it with its parent. That signal is tied
//! to the *thread* that started the child, and test threads end early; so one thread that never ends starts them all.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};

/// How much of a log an error message carries.
const TAIL_BYTES: u64 = 3_000;

/// Run after the death signal was asked for, with our process id as `$0`. Had we died before that, the signal would never come; but then the parent
/// is another already.
const EXEC_IF_PARENT_LIVES: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

type SpawnRequest = (Command, SyncSender<std::io::Result<Child>>);

/// Says how to start one program; can be started again after its process has died.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name for messages and for the log file, such as `kube-apiserver`.
    pub name: String,
    /// Path of the executable, or a name on `PATH`.
    pub executable: PathBuf,
    /// Command-line arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Variables added to the environment of this process, without what [`isolated`] takes out.
    pub environment: Vec<(String, String)>,
    /// File that takes stdout and stderr; appended to on a restart.
    pub log: PathBuf,
}

impl Program {
    /// Describes a program that logs to `<folder>/<name>.log`.
    pub fn new(name: &str, executable: impl Into<PathBuf>, arguments: Vec<String>, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            executable: executable.into(),
            arguments,
            environment: Vec::new(),
            log: folder.join(format!("{name}.log")),
        }
    }

    /// Starts it.
    pub fn start(self) -> Result<Process> {
        let child = self.spawn()?;
        Ok(Process { program: self, child: Some(child) })
    }

    fn spawn(&self) -> Result<Child> {
        let log =
            OpenOptions::new().create(true).append(true).open(&self.log).with_context(|| {
                format!("failed to open the log of {}, {}", self.name, self.log.display())
            })?;
        let errors = log.try_clone().context("failed to duplicate the handle of a log file")?;
        let mut command = Command::new("setpriv");
        isolated(&mut command)
            .args(["--pdeathsig", "KILL", "--", "sh", "-c", EXEC_IF_PARENT_LIVES])
            .arg(std::process::id().to_string())
            .arg(&self.executable)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        spawn_from_lasting_thread(command).with_context(|| {
            format!("failed to start {} through setpriv (Debian package util-linux)", self.name)
        })
    }
}

/// Takes from a program what the environment of whoever runs the tests would change: settings of netmarks, the cluster of a pod that the
/// tests may run in, and proxies between them and loopback.
pub fn isolated(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("NETMARKS_") || text.starts_with("KUBERNETES_SERVICE_") {
            command.env_remove(&name);
        }
    }
    // Proxies may be needed for what is elsewhere.
    ["no_proxy", "NO_PROXY"]
        .iter()
        .fold(command, |command, name| command.env(name, "127.0.0.1,localhost,::1"))
}

/// Holds a running child process; kills it on drop.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Option<Child>,
}

impl Process {
    /// The process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What was started.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Ends it with SIGKILL and waits until it is gone. Does nothing if it is gone already.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().with_context(|| format!("failed to kill {}", self.program.name))?;
            child.wait().with_context(|| format!("failed to wait for the end of {}", self.program.name))?;
        }
        Ok(())
    }

    /// Starts it with the same arguments, after killing it if it still runs.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.child = Some(self.program.spawn()?);
        Ok(())
    }

    /// Fails, with the end of its log, if the process has ended by itself. For use while waiting for it to be ready.
    pub fn check_alive(&mut self) -> Result<()> {
        let status: Option<ExitStatus> = match &mut self.child {
            Some(child) => child
                .try_wait()
                .with_context(|| format!("failed to look at the state of {}", self.program.name))?,
            None => bail!("{} was killed and not restarted", self.program.name),
        };
        if let Some(status) = status {
            bail!("{} ended with {status}; {}", self.program.name, self.log_tail());
        }
        Ok(())
    }

    /// Everything that it has printed and logged, in all its runs.
    pub fn log(&self) -> Result<String> {
        let file = &self.program.log;
        std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
    }

    /// The lines of its log that are JSON.
    pub fn json_log(&self) -> Result<Vec<Value>> {
        Ok(self.log()?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The field `address` of every JSON line with this message.
    pub fn addresses(&self, message: &str) -> Result<Vec<String>> {
        let lines = self.json_log()?;
        let of_message = |line: &&Value| line.get("message").is_some_and(|found| found == message);
        let address = |line: &Value| line.get("address")?.as_str().map(str::to_owned);
        Ok(lines.iter().filter(of_message).filter_map(address).collect())
    }

    /// The end of its log, with the log's path, for error messages. Never fails: it says so when there is nothing to read.
    pub fn log_tail(&self) -> String {
        let path = self.program.log.display();
        match tail(&self.program.log) {
            Ok(text) if text.trim().is_empty() => format!("its log {path} is empty"),
            Ok(text) => format!("the end of its log {path}:\n{text}"),
            Err(error) => format!("its log {path} cannot be read: {error}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nothing can be done about a failure here, and the kernel kills it at the latest when the test ends.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn spawn_from_lasting_thread(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Sender<SpawnRequest>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, receiver) = channel::<SpawnRequest>();
        // The sender lives in a static, so this loop, and with it the thread, lasts as long as the process.
        std::thread::spawn(move || {
            for (mut command, reply) in receiver {
                // A caller that is gone drops the reply, and with it its child: nobody would kill it, so do it here.
                if let Err(unsent) = reply.send(command.spawn())
                    && let Ok(mut child) = unsent.0
                {
                    let _killed = child.kill();
                }
            }
        });
        sender
    });
    let (reply, answer) = sync_channel(1);
    spawner
        .send((command, reply))
        .map_err(|_| anyhow::anyhow!("the thread that starts processes has ended"))?;
    Ok(answer.recv().context("the thread that starts processes gave no answer")??)
}
