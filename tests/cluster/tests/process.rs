//! Children end with the test that started them, however it ends.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail as tests do")]

use netmarks_test_cluster::process::Program;
use netmarks_test_cluster::until;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Set in the process that a test starts from its own executable, to be killed.
const VICTIM: &str = "NETMARKS_TEST_VICTIM_FOLDER";

fn sleeper(folder: &Path) -> Program {
    Program::new("sleeper", "sleep", vec!["1000".to_owned()], folder)
}

async fn wait_gone(id: u32) {
    until(&format!("process {id} to be gone"), LIMIT, async || {
        // A zombie is dead; it stays listed until whoever adopted it looks.
        let state = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        Ok((state.is_empty() || state.contains("State:\tZ")).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn children_die_with_a_killed_test_but_not_with_the_thread_that_asked_for_them() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        be_the_victim(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // The harness names a test by its path below the crate.
    let module = module_path!().split_once("::").unwrap().1;
    let test = "children_die_with_a_killed_test_but_not_with_the_thread_that_asked_for_them";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("{module}::{test}"))
        .env(VICTIM, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let id: u32 =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("child ")?.parse().ok()).unwrap();
    // The victim's thread that asked for it ended before it printed.
    assert!(Path::new(&format!("/proc/{id}")).exists());
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_gone(id).await;
}

fn be_the_victim(folder: &Path) -> ! {
    let program = sleeper(folder);
    let child = std::thread::spawn(move || program.start().unwrap()).join().unwrap();
    // With a line break first, as the test harness has written the test's name without one.
    println!("\nchild {}", child.id().unwrap());
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn a_child_dies_on_drop_and_can_be_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = sleeper(folder.path()).start().unwrap();
    let first = child.id().unwrap();
    child.restart().unwrap();
    let second = child.id().unwrap();
    assert_ne!(first, second);
    wait_gone(first).await;
    child.check_alive().unwrap();
    drop(child);
    wait_gone(second).await;
}

#[tokio::test]
async fn the_error_about_a_dead_child_carries_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let script = vec!["-c".to_owned(), "echo why it failed >&2; exit 3".to_owned()];
    let mut child = Program::new("script", "sh", script, folder.path()).start().unwrap();
    let error = until("it to end", LIMIT, async || Ok(child.check_alive().err())).await.unwrap();
    let text = error.to_string();
    assert!(
        text.contains("script") && text.contains("exit status: 3") && text.contains("why it failed"),
        "{text}"
    );
}
