//! Whether a commit is one to release: nothing changed beside it, tagged with its version, and the changelog says what is new.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command::output;
use crate::image::Source;

/// Fails with what to do unless the commit can be released.
pub(super) fn check(root: &Path, source: &Source) -> Result<()> {
    let Source { version, revision, .. } = source;
    ensure!(
        !revision.ends_with("-dirty"),
        "files differ from the commit; commit them, or try it with --dry-run"
    );
    let tags = output(Command::new("git").arg("-C").arg(root).args(["tag", "--points-at", "HEAD"]))?;
    ensure!(
        tags.lines().any(|tag| tag.strip_prefix('v') == Some(version)),
        "the commit is not tagged v{version}; run `git tag v{version}`, or try it with --dry-run"
    );
    let file = root.join("CHANGELOG.md");
    let changelog =
        fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
    ensure!(
        changelog.lines().any(|line| line.starts_with(&format!("## [{version}]"))),
        "CHANGELOG.md has no section `## [{version}]`; move what is under Unreleased there"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::run;

    /// A repository with one commit, in a folder of its own that is removed at the end.
    struct Repository(std::path::PathBuf);

    impl Repository {
        fn new(name: &str, changelog: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("netmarks-release-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("CHANGELOG.md"), changelog).unwrap();
            let repository = Self(folder);
            repository.git(&["init", "--quiet"]);
            repository.git(&["add", "."]);
            let author = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
            repository.git(&[&author[..], &["commit", "--quiet", "--message", "first"]].concat());
            repository
        }

        fn git(&self, arguments: &[&str]) {
            run(Command::new("git").arg("-C").arg(&self.0).args(arguments)).unwrap();
        }

        fn refused(&self, version: &str) -> Option<String> {
            let mut source = Source::of(&self.0).unwrap();
            source.version = version.to_owned();
            check(&self.0, &source).err().map(|error| error.to_string())
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            // What is left in a temporary folder harms nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_release_is_a_tagged_commit_with_its_changes_told() {
        let repository = Repository::new("ready", "## [1.2.3] - 2026-01-01\n");
        let untagged = repository.refused("1.2.3").unwrap();
        assert!(untagged.contains("git tag v1.2.3"), "{untagged}");
        repository.git(&["tag", "v1.2.3"]);
        assert_eq!(repository.refused("1.2.3"), None);
        let other = repository.refused("1.2.4").unwrap();
        assert!(other.contains("not tagged v1.2.4"), "{other}");
        fs::write(repository.0.join("CHANGELOG.md"), "changed").unwrap();
        let changed = repository.refused("1.2.3").unwrap();
        assert!(changed.contains("differ from the commit"), "{changed}");
    }

    #[test]
    fn a_release_without_changes_is_refused() {
        let repository = Repository::new("untold", "## [Unreleased]\n");
        repository.git(&["tag", "v1.2.3"]);
        let untold = repository.refused("1.2.3").unwrap();
        assert!(untold.contains("no section `## [1.2.3]`"), "{untold}");
    }
}
