//! Names that a terminal would act on: no command prints one as it is.

use std::process::Output;

use crate::support::binary::{Server, netmarks};
use crate::support::worked_example_file;
use netmarks_test_cluster::repository::policy_file;

/// Clears the screen, rings, sets the title, goes back in the line, and turns the order of writing around.
const NAME: &str = "w\u{1b}[2J\u{7}\u{9d}0;t\u{9c}\r\u{202e}x";

/// What it printed on both ways out, with nothing in it that a terminal acts on.
fn harmless(output: &Output) -> String {
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8(said.clone()).unwrap()).concat();
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!said.contains(acts), "{said:?}");
    said
}

/// The worked example, in which an application, a node and a pod are called so.
fn snapshot(folder: &std::path::Path) -> String {
    let text = std::fs::read_to_string(worked_example_file()).unwrap();
    let name = serde_json::to_string(NAME).unwrap();
    let name = name.trim_matches('"');
    let text =
        text.replace("default/w", &format!("default/{name}")).replace("node-2", &format!("node-2{name}"));
    let file = folder.join("cluster.json");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn rankings_and_their_errors_show_names_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path());
    for more in [&[][..], &["--explain"], &["-o", "json"]] {
        let arguments = [&["score", "--snapshot", &file, "--pod", "default/p-0"], more].concat();
        let said = harmless(&netmarks(&arguments).unwrap());
        assert!(said.contains("node-2w\\u"), "{said}");
    }
    let nobody = format!("default/{NAME}");
    let said = harmless(&netmarks(&["score", "--snapshot", &file, "--pod", &nobody]).unwrap());
    assert!(said.contains("no pod `default/w\\u{1b}"), "{said}");
}

#[test]
fn the_command_for_a_component_that_nobody_trusts_shows_its_words_escaped() {
    const SUMMARY: &[u8] = b"Prefers nodes that run";
    let mut bytes = std::fs::read(policy_file("netmarks")).unwrap();
    let found = bytes.windows(SUMMARY.len()).position(|window| window == SUMMARY).unwrap();
    bytes.splice(found..found + NAME.len(), NAME.bytes());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.wasm");
    std::fs::write(&file, bytes).unwrap();
    let file = file.display().to_string();
    for more in [&[][..], &["-o", "json"]] {
        let said = harmless(&netmarks(&[&["policy", "inspect", &file], more].concat()).unwrap());
        assert!(said.contains("2J\\u"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_shown_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let file = snapshot(folder.path());
    let server = Server::serve(folder, &["--snapshot", &file], &[]).await.unwrap();
    let url = server.url.clone();
    let (taken, examined) = tokio::task::spawn_blocking(move || {
        let pod = format!("default/{NAME}");
        let taken = netmarks(&["snapshot", "--server", &url, "--file", "-"]).unwrap();
        let doctor = ["doctor", "--server", &url, "--pod", &pod, "--kubeconfig", "/none"];
        (taken, netmarks(&doctor).unwrap())
    })
    .await
    .unwrap();
    assert!(harmless(&taken).contains("node-2w\\u001b"), "{taken:?}");
    harmless(&examined);
    let log = server.log().unwrap();
    assert!(!log.contains('\u{1b}') && !log.contains('\u{9d}'), "{log:?}");
}
