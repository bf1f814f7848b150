//! Tells whether a component was built from the sources at hand, without building it.
//!
//! Components do not come out equal byte for byte from two compilers, so sources are compared instead: the list has one
//! line per file, `DIGEST  PATH` as `sha256sum` prints it, sorted by path, and the component carries the digest of the list
//! in a custom section.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// What all policies are made of: files, and folders with everything in them.
const SHARED: [&str; 9] = [
    "guest/.cargo",
    "guest/Cargo.lock",
    "guest/Cargo.toml",
    "guest/gain/Cargo.toml",
    "guest/gain/src",
    "guest/sdk/Cargo.toml",
    "guest/sdk/src",
    "wit",
    // What stamps the component is part of how it is made.
    "xtask/src/guests/sources.rs",
];

/// The custom section that holds the digest.
const SECTION: &str = "netmarks:sources";

/// One line per source file of a policy, `DIGEST  PATH`, sorted by path.
pub(super) fn list(root: &Path, policy: &str) -> Result<String> {
    let mut files = Vec::new();
    for source in SHARED {
        collect(root, Path::new(source), &mut files)?;
    }
    let own = Path::new("guest").join(policy);
    for source in ["Cargo.toml", "src"] {
        collect(root, &own.join(source), &mut files)?;
    }
    files.sort();
    let mut lines = String::new();
    for file in files {
        let content =
            fs::read(root.join(&file)).with_context(|| format!("failed to read {}", file.display()))?;
        lines += &format!("{}  {}\n", hexadecimal(&content), file.display());
    }
    Ok(lines)
}

/// The digest of a list.
pub(super) fn digest(list: &str) -> String {
    hexadecimal(list.as_bytes())
}

/// The paths that are not the same in both lists.
pub(super) fn differing<'a>(listed: &'a str, present: &'a str) -> Vec<&'a str> {
    let missing = |from: &'a str, other: &'a str| {
        from.lines().filter(move |line| !other.lines().any(|there| there == *line))
    };
    let both = missing(listed, present).chain(missing(present, listed));
    let mut paths: Vec<_> = both.filter_map(|line| line.split_once("  ")).map(|(_, path)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Appends the custom section to a component. It must not have one yet.
pub(super) fn embed(component: &mut Vec<u8>, digest: &str) {
    component.extend(header());
    component.extend(digest.bytes());
}

/// The digest that [`embed`] appended.
pub(super) fn embedded(component: &[u8]) -> Option<&str> {
    let (rest, digest) = component.split_at_checked(component.len().checked_sub(DIGEST_LENGTH)?)?;
    rest.ends_with(&header()).then(|| str::from_utf8(digest).ok())?
}

const DIGEST_LENGTH: usize = 64;

/// Section id 0, the section's length, the name's length and the name. Both lengths are below 128, where the format's
/// variable-length numbers are one byte.
fn header() -> Vec<u8> {
    const NAME_LENGTH: u8 = SECTION.len().to_le_bytes()[0];
    const LENGTH: u8 = 1 + NAME_LENGTH + DIGEST_LENGTH.to_le_bytes()[0];
    const { assert!(LENGTH < 128) };
    [&[0, LENGTH, NAME_LENGTH][..], SECTION.as_bytes()].concat()
}

fn collect(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = || format!("failed to read {}", path.display());
    if !root.join(path).is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path)).with_context(failed)? {
        collect(root, &path.join(entry.with_context(failed)?.file_name()), files)?;
    }
    Ok(())
}

fn hexadecimal(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{differing, digest, embed, embedded};

    #[test]
    fn what_is_embedded_is_found() {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        assert_eq!(embedded(&component), None);
        let digest = digest("one  a\n");
        embed(&mut component, &digest);
        assert_eq!(embedded(&component), Some(digest.as_str()));
        // Id, length of what follows, length of the name: a section like any other.
        assert_eq!(component.get(8..11), Some(&[0, 81, 16][..]));
        assert_eq!(component.len(), 8 + 2 + 81);
    }

    #[test]
    fn changed_new_and_removed_files_are_named_once() {
        let listed = "1  changed\n2  removed\n3  same\n";
        let present = "4  changed\n5  new\n3  same\n";
        assert_eq!(differing(listed, present), ["changed", "new", "removed"]);
        assert!(differing(listed, listed).is_empty());
    }
}
