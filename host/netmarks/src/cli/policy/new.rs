//! `netmarks policy new`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::super::exit::Ended;
use super::super::output::OutputFormat;
use super::super::terminal::{say, say_json};
use super::templates::{self, Language};

const EXAMPLES: &str = "Examples:
  netmarks policy new near-peers --lang rust
  netmarks policy new near-peers --lang python --directory policies/near-peers";

/// Longest name: that of a policy is a DNS label.
const NAME_BYTES: usize = 63;

/// Flags of `netmarks policy new`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to call the policy: lower case, digits and `-`
    #[arg(value_parser = name)]
    name: String,
    /// What to write it in
    #[arg(long, value_enum)]
    lang: Language,
    /// Where to; by default a new folder of the policy's name
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// How to say what was written
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let Args { name, lang, directory, output } = args;
    let folder = directory.clone().unwrap_or_else(|| PathBuf::from(name));
    let files = templates::files(*lang, name);
    // Before the first is written: a folder half of one policy and half of another would help nobody.
    if let Some((path, _)) = files.iter().find(|(path, _)| folder.join(path).exists()) {
        bail!(
            "{} is there already, and nothing is overwritten; choose another name or --directory",
            folder.join(path).display()
        );
    }
    for (number, (path, text)) in files.iter().enumerate() {
        let file = folder.join(path);
        let failed = || match number {
            0 => Ended::failed(format!("failed to write {}", file.display())),
            _ => {
                Ended::partly(format!("wrote {number} of {} files, but not {}", files.len(), file.display()))
            }
        };
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(failed)?;
        }
        // `create_new` also holds if another program writes there now.
        fs::File::create_new(&file)
            .and_then(|mut new| std::io::Write::write_all(&mut new, text.as_bytes()))
            .with_context(failed)?;
    }
    if *output == OutputFormat::Json {
        let files: Vec<_> = files.iter().map(|(path, _)| folder.join(path)).collect();
        return say_json(&serde_json::json!({ "folder": folder, "files": files }));
    }
    let first = match lang {
        Language::Rust => "src/lib.rs",
        Language::Js => "policy.js",
        Language::Python => "policy.py",
        Language::C => "policy.c",
        Language::Go => "export_netmarks_policy_scoring/policy.go",
    };
    say(&format!(
        "{} is a policy that works; what to change is {first}. README.md says what must be installed. To build and test:\n\n    cd {}\n{}",
        folder.display(),
        folder.display(),
        templates::build(*lang, name)
    ))
}

/// A DNS label that begins with a letter, as packages must in some languages.
fn name(text: &str) -> Result<String, String> {
    let fits = text.len() <= NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a name is at most {NAME_BYTES} lower-case letters, digits and `-`; it begins with a letter and does not end with `-`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels_that_begin_with_a_letter() {
        for good in ["a", "near-peers", "x2"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "-a", "a-", "2x", "Idle", "near_peers", "a.b", "../x", &"a".repeat(64)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_there_already_is_left_alone_and_nothing_is_added_to_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.py"), "mine").unwrap();
        let args = Args {
            name: "mine".to_owned(),
            lang: Language::Python,
            directory: Some(folder.path().to_owned()),
            output: OutputFormat::Table,
        };
        let error = run(&args).unwrap_err().to_string();
        assert!(error.contains("policy.py is there already"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(folder.path().join("policy.py")).unwrap(), "mine");
    }
}
