//! What documents say of this program is so: its commands, configuration keys, variables and HTTP requests.
//!
//! Links and files are checked by `cargo xtask test --only documents`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use netmarks::cli::Cli;
use netmarks::config::schema;
use netmarks_core::rules;
use netmarks_test_cluster::documents::blocks;
use netmarks_test_cluster::process::{Program, isolated};
use netmarks_test_cluster::repository::policy_file;
use netmarks_test_cluster::{repository, until};
use netmarks_test_tools::command_lines::{command_lines, mistake};
use netmarks_test_tools::markdown::{Markdown, files};
use serde_json::Value;

/// Variables that documents name and that are not of the configuration or a flag: the tests' own, and one misspelt on purpose.
const OTHER_VARIABLES: [&str; 7] = [
    "NETMARKS_CACHE",
    "NETMARKS_KEEP",
    "NETMARKS_BLESS",
    "NETMARKS_KILLS",
    "NETMARKS_SEED",
    "NETMARKS_SCORING_TOPP",
    "NETMARKS_",
];

fn program() -> clap::Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// Every document by its path.
fn documents() -> Vec<(String, String)> {
    let root = repository("").canonicalize().unwrap();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&root).unwrap().display().to_string(), text)
    };
    files(&root, &[".md"]).unwrap().into_iter().map(read).collect()
}

#[test]
fn command_lines_in_documents_are_of_this_program() {
    let program = program();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in documents() {
        // A name is filled in when the template is used.
        let document = Markdown::of(&text.replace("{{name}}", "mine"));
        for line in command_lines(&document, "netmarks") {
            count += 1;
            if let Some(mistake) = mistake(&program, &line.text) {
                wrong.push(format!("{path}:{}: netmarks {}: {mistake}", line.line, line.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} command lines are few: were they found?");
}

/// What errors, advice and comments in the sources and the chart say between backticks.
#[test]
fn command_lines_in_messages_are_of_this_program() {
    let program = program();
    let (mut wrong, mut count) = (Vec::new(), 0);
    let folders = ["host", "deploy", "policies/templates"].map(repository);
    for file in folders.iter().flat_map(|folder| files(folder, &[".rs", ".txt", ".yaml", ".toml"]).unwrap()) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            // One line at a time: an odd backtick must not turn the rest of a source around.
            for line_of in command_lines(&Markdown::of(line.trim_start()), "netmarks") {
                count += 1;
                // A name is filled in when the message is written.
                let filled = line_of.text.replace(['{', '}'], "");
                if let Some(mistake) = mistake(&program, &filled) {
                    wrong.push(format!("{}:{number}: netmarks {}: {mistake}", file.display(), line_of.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "{count} command lines are few: were they found?");
}

/// `command` and all below it that are shown, each with its full name.
fn commands(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
    let mut all = vec![(name.to_owned(), command.clone())];
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    all.extend(shown.flat_map(|sub| commands(sub, &format!("{name} {}", sub.get_name()))));
    all
}

#[test]
fn examples_in_help_are_of_this_program() {
    let program = program();
    for (name, command) in commands(&program, "netmarks") {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name}: {help}"));
        let examples = Markdown::of(&format!("```\n{examples}\n```\n"));
        let lines = command_lines(&examples, "netmarks");
        assert!(!lines.is_empty(), "{name}");
        for line in lines {
            assert_eq!(mistake(&program, &line.text), None, "{name}: netmarks {}", line.text);
        }
    }
}

#[test]
fn the_reference_of_commands_is_their_help() {
    let mut text = "# Commands\n\nWhat `--help` prints, for every command. A test writes this document: `NETMARKS_BLESS=1 cargo test \
                    --workspace --test tests documents`.\n[Exit codes](../operate.md#exit-codes) mean the same everywhere.\n"
        .to_owned();
    for (name, mut command) in commands(&program(), "netmarks") {
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        text += &format!("\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    let file = repository("docs/reference/cli.md");
    if std::env::var_os("NETMARKS_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "docs/reference/cli.md is not what --help prints; NETMARKS_BLESS=1 renews it");
}

/// Whether a name is a key of the schema, a section of it, or below a key that takes any.
fn is_key(schema: &Value, name: &str) -> bool {
    let open = |(end, _): (usize, &str)| {
        let above = rules::find(schema, &name[..end]);
        above.is_some_and(|above| above["type"] == "object" && above.get("properties").is_none())
    };
    rules::find(schema, name).is_some() || name.match_indices('.').any(open)
}

#[test]
fn keys_that_documents_name_are_of_the_configuration_or_of_the_chart() {
    let chart: Value = serde_json::from_str(
        &std::fs::read_to_string(repository("deploy/helm/netmarks/values.schema.json")).unwrap(),
    )
    .unwrap();
    let first = |name: &str| {
        let name = name.split('.').next().unwrap_or_default();
        rules::find(schema::schema(), name).is_some() || rules::find(&chart, name).is_some()
    };
    // What a change log says is gone.
    let kept = documents().into_iter().filter(|(path, _)| path != "CHANGELOG.md");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in kept {
        for span in Markdown::of(&text).spans {
            let name = span.text.split(['=', ':']).next().unwrap_or_default();
            let shaped = name.split('.').all(|part| {
                part.starts_with(|c: char| c.is_ascii_lowercase())
                    && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            let is_file = [
                ".md", ".rs", ".yaml", ".wit", ".wasm", ".sig", ".json", ".js", ".py", ".go", ".c", ".toml",
                ".crt", ".key",
            ]
            .iter()
            .any(|ending| name.ends_with(ending));
            if !name.contains('.') || !shaped || is_file || !first(name) {
                continue;
            }
            count += 1;
            if !is_key(schema::schema(), name) && !is_key(&chart, name) {
                wrong.push(format!("{path}:{}: {name}", span.line));
            }
        }
    }
    assert!(wrong.is_empty(), "not keys of the configuration or the chart:\n{}", wrong.join("\n"));
    assert!(count > 100, "{count} keys are few: were they found?");
}

#[test]
fn variables_that_documents_name_are_read() {
    let mut known: BTreeSet<String> = OTHER_VARIABLES.map(str::to_owned).into();
    let keys = schema::keys().into_iter().map(|(key, _)| key);
    known.extend(keys.map(|key| format!("NETMARKS_{}", key.replace('.', "_").to_uppercase())));
    for (_, command) in commands(&program(), "netmarks") {
        let of_flags = command.get_arguments().filter_map(|flag| flag.get_env()?.to_str());
        known.extend(of_flags.map(str::to_owned));
    }
    for (path, text) in documents() {
        for (start, _) in text.match_indices("NETMARKS_") {
            let name: String =
                text[start..].chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            assert!(known.contains(&name), "{path} names the variable {name}, which nothing reads");
        }
    }
}

/// The requests that routes in the sources answer, as `GET /v1/policies/{name}`.
fn routes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let folders = std::fs::read_dir(repository("host")).unwrap();
    for source in folders.map(|entry| entry.unwrap().path().join("src")) {
        for file in files(&source, &[".rs"]).unwrap() {
            let text = std::fs::read_to_string(file).unwrap();
            for route in text.split(".route(\"").skip(1) {
                let (path, rest) = route.split_once('"').unwrap();
                let methods = rest.lines().next().unwrap_or_default();
                for method in ["get", "put", "post", "delete"] {
                    if methods.contains(&format!("{method}(")) {
                        found.insert(format!("{} {path}", method.to_uppercase()));
                    }
                }
            }
        }
    }
    found
}

/// Whether a documented request is one of a route.
fn is_of(request: &str, route: &str) -> bool {
    let (request, route): (Vec<&str>, Vec<&str>) =
        (request.split([' ', '/']).collect(), route.split([' ', '/']).collect());
    let same = |(part, of): (&&str, &&str)| part == of || of.starts_with('{');
    request.len() == route.len() && request.iter().zip(&route).all(same)
}

#[test]
fn the_reference_of_requests_has_every_route_and_no_other() {
    let document = Markdown::of(&std::fs::read_to_string(repository("docs/reference/http.md")).unwrap());
    let is_request =
        |text: &str| ["GET /", "PUT /", "POST /", "DELETE /"].iter().any(|start| text.starts_with(start));
    let requests: BTreeSet<String> = document
        .spans
        .iter()
        .filter(|span| is_request(&span.text))
        .map(|span| span.text.split('?').next().unwrap_or_default().to_owned())
        .collect();
    let routes = routes();
    assert!(routes.len() > 10, "{routes:?}");
    let missing: Vec<&String> =
        routes.iter().filter(|route| !requests.iter().any(|request| is_of(request, route))).collect();
    let wrong: Vec<&String> =
        requests.iter().filter(|request| !routes.iter().any(|route| is_of(request, route))).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "not documented: {missing:?}; no routes: {wrong:?}");
}

/// The commands of the reference, against a demo in the place of the extender.
#[test]
fn the_examples_of_requests_work() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::copy(policy_file("spread"), folder.path().join("mine.wasm"))?;
    let listen = ["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"].map(str::to_owned);
    let program = Program::new("demo", env!("CARGO_BIN_EXE_netmarks"), listen.into(), folder.path());
    let log = program.log.clone();
    let mut demo = program.start()?;
    let wait = until("the demo serves", Duration::from_secs(60), async || {
        demo.check_alive()?;
        let log = std::fs::read_to_string(&log)?;
        let after = |text: &str, end| Some(log.split_once(text)?.1.split_once(end)?.0.to_owned());
        Ok(after("Serving at http://", ". Ask").zip(after("netmarks policy list --server http://", "\n")))
    });
    let (extender, admin) = tokio::runtime::Runtime::new()?.block_on(wait)?;
    let document = repository::read("docs/reference/http.md")?;
    let mut run = 0;
    for heading in netmarks_test_cluster::documents::headings(&document) {
        for block in
            blocks(&document, heading).context("no section")?.iter().filter(|block| block.kind == "sh")
        {
            let commands = block.text.replace("127.0.0.1:9822", &admin);
            let commands = commands.replace("127.0.0.1:9820", &extender).replace("127.0.0.1:9821", &extender);
            let commands = commands.replace("curl ", "curl --fail-with-body ");
            let output = shell(&commands, folder.path())?;
            anyhow::ensure!(output.status.success(), "{commands}\n{output:?}");
            run += 1;
        }
    }
    assert!(run >= 3, "{run} blocks");
    Ok(())
}

fn shell(commands: &str, folder: &Path) -> Result<std::process::Output> {
    Ok(isolated(&mut Command::new("sh")).args(["-ec", commands]).current_dir(folder).output()?)
}
