//! A real folder that changes in all the ways that folders do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use crate::support::{LIMIT, key_pair, sign, trusting};
use anyhow::Result;
use netmarks_artefacts::{
    Change, Digest, Folder, FolderConfig, FolderPolicy, LegacySignatures, ProblemKind, Scan,
};
use tokio_util::sync::CancellationToken;

/// A signature in the legacy form.
const OPENSSL_SIGNATURE: &str = include_str!("data/a-policy.sig");

/// So that no file of a test is old enough to be taken at the first look.
const NEVER: Duration = Duration::from_secs(1_000_000);

fn config(path: &Path) -> FolderConfig {
    FolderConfig { settled: NEVER, interval: Duration::from_millis(10), ..FolderConfig::new(path) }
}

/// The changes of the second of two looks, after none in the first.
fn settle(folder: &mut Folder) -> Scan {
    assert_eq!(folder.scan().changes, []);
    folder.scan()
}

/// Changes a file, again until the clock of the file system has ticked. Here looks follow one another faster than it ticks,
/// while they are seconds apart otherwise.
fn later(path: &Path, mut change: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    let touched = || fs::metadata(path).map(|metadata| (metadata.ctime(), metadata.ctime_nsec()));
    let before = touched()?;
    while touched()? == before {
        change()?;
    }
    Ok(())
}

fn rewrite(path: &Path, content: &str) -> std::io::Result<()> {
    later(path, || fs::write(path, content))
}

fn added(scan: &Scan) -> &FolderPolicy {
    match scan.changes.as_slice() {
        [Change::Added(policy)] => policy,
        other => panic!("{other:?}"),
    }
}

fn changed(scan: &Scan) -> &FolderPolicy {
    match scan.changes.as_slice() {
        [Change::Changed(policy)] => policy,
        other => panic!("{other:?}"),
    }
}

fn kinds(scan: &Scan) -> Vec<(&str, &ProblemKind)> {
    let name = |path: &'_ Path| path.file_name().unwrap().to_str().unwrap().to_owned().leak() as &str;
    scan.problems.iter().map(|problem| (name(&problem.path), &problem.kind)).collect()
}

#[test]
fn policies_are_added_changed_and_removed() -> Result<()> {
    let at = tempfile::tempdir()?;
    let (component, settings) = (at.path().join("zone.wasm"), at.path().join("zone.yaml"));
    let mut folder = Folder::new(config(at.path()));
    assert_eq!(folder.scan(), Scan::default());

    fs::write(&component, "one")?;
    fs::write(at.path().join("README.md"), "not a policy")?;
    let scan = settle(&mut folder);
    let policy = added(&scan);
    assert_eq!(
        (policy.name.as_str(), policy.bytes.as_slice(), &policy.settings),
        ("zone", &b"one"[..], &None)
    );
    assert_eq!((policy.digest, &policy.path), (Digest::of(b"one"), &component));
    assert_eq!(folder.scan(), Scan::default());

    rewrite(&component, "two")?;
    assert_eq!(changed(&settle(&mut folder)).bytes, b"two");
    fs::write(&settings, "weight: 2\n")?;
    let scan = settle(&mut folder);
    assert_eq!(changed(&scan).settings.as_deref(), Some("weight: 2\n"));
    assert_eq!(changed(&scan).bytes, b"two");
    fs::remove_file(&settings)?;
    assert_eq!(changed(&settle(&mut folder)).settings, None);

    // Written again with the same content nothing changes.
    rewrite(&component, "two")?;
    assert_eq!(settle(&mut folder), Scan::default());
    fs::remove_file(&component)?;
    assert_eq!(settle(&mut folder).changes, [Change::Removed("zone".to_owned())]);
    assert_eq!(folder.scan(), Scan::default());
    Ok(())
}

#[test]
fn a_file_that_grows_is_not_taken_until_it_stays() -> Result<()> {
    let at = tempfile::tempdir()?;
    let mut folder = Folder::new(config(at.path()));
    let mut file = File::create(at.path().join("zone.wasm"))?;
    for part in ["one ", "two ", "three"] {
        assert_eq!(folder.scan(), Scan::default());
        file.write_all(part.as_bytes())?;
    }
    assert_eq!(folder.scan(), Scan::default());
    assert_eq!(added(&folder.scan()).bytes, b"one two three");
    Ok(())
}

#[test]
fn the_same_size_and_time_of_modification_do_not_hide_a_change() -> Result<()> {
    let at = tempfile::tempdir()?;
    let path = at.path().join("zone.wasm");
    fs::write(&path, "one")?;
    let mut folder = Folder::new(config(at.path()));
    added(&settle(&mut folder));
    let before = fs::metadata(&path)?.modified()?;
    later(&path, || {
        fs::write(&path, "two")?;
        File::options().write(true).open(&path)?.set_modified(before)
    })?;
    assert_eq!(fs::metadata(&path)?.modified()?, before);
    assert_eq!(changed(&settle(&mut folder)).bytes, b"two");
    Ok(())
}

#[test]
fn a_file_deleted_and_written_again_is_a_change() -> Result<()> {
    let at = tempfile::tempdir()?;
    let path = at.path().join("zone.wasm");
    fs::write(&path, "one")?;
    let mut folder = Folder::new(config(at.path()));
    added(&settle(&mut folder));
    // Keeps its inode: the next file would have the same one, and all else in common if the clock did not tick meanwhile.
    fs::hard_link(&path, at.path().join("first"))?;
    fs::remove_file(&path)?;
    assert_eq!(folder.scan(), Scan::default());
    fs::write(&path, "two")?;
    assert_eq!(changed(&settle(&mut folder)).bytes, b"two");
    Ok(())
}

/// As kubelet does: the files are links through `..data`, a link to a folder with the content.
fn swap(at: &Path, version: &str, files: &[(&str, &str)]) -> Result<()> {
    let content = at.join(format!("..{version}"));
    fs::create_dir(&content)?;
    for (name, text) in files {
        fs::write(content.join(name), text)?;
    }
    symlink(format!("..{version}"), at.join("..data_tmp"))?;
    fs::rename(at.join("..data_tmp"), at.join("..data"))?;
    for (name, _) in files {
        let link = at.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(name), link)?;
        }
    }
    Ok(())
}

#[test]
fn a_config_map_that_is_swapped_changes_all_at_once() -> Result<()> {
    let at = tempfile::tempdir()?;
    let mut folder = Folder::new(config(at.path()));
    swap(at.path(), "2026_1", &[("zone.wasm", "one"), ("zone.yaml", "weight: 1")])?;
    let scan = settle(&mut folder);
    assert_eq!(
        (added(&scan).bytes.as_slice(), added(&scan).settings.as_deref()),
        (&b"one"[..], Some("weight: 1"))
    );

    swap(at.path(), "2026_2", &[("zone.wasm", "two"), ("zone.yaml", "weight: 2")])?;
    fs::remove_dir_all(at.path().join("..2026_1"))?;
    let scan = settle(&mut folder);
    assert_eq!(
        (changed(&scan).bytes.as_slice(), changed(&scan).settings.as_deref()),
        (&b"two"[..], Some("weight: 2"))
    );
    assert_eq!(scan.problems, []);
    Ok(())
}

#[test]
fn what_cannot_be_a_policy_is_a_problem_and_stops_nothing() -> Result<()> {
    let at = tempfile::tempdir()?;
    let write = |name: &str, bytes: &[u8]| fs::write(at.path().join(name), bytes);
    write("good.wasm", b"good")?;
    write("Not_A_Label.wasm", b"")?;
    write(&format!("{}.wasm", "a".repeat(64)), b"")?;
    write(".hidden.wasm", b"half-written by an editor")?;
    write("large.wasm", &[0; 101])?;
    write("binary.wasm", b"good")?;
    write("binary.yaml", &[0xff, 0xfe])?;
    fs::create_dir(at.path().join("folder.wasm"))?;
    symlink("nowhere", at.path().join("dangling.wasm"))?;
    symlink("circle.wasm", at.path().join("circle.wasm"))?;
    let mut folder = Folder::new(FolderConfig { max_bytes: 100, ..config(at.path()) });
    let scan = settle(&mut folder);
    assert_eq!(added(&scan).name, "good");
    let mut found = kinds(&scan);
    found.sort_by_key(|(name, _)| *name);
    let long = format!("{}.wasm", "a".repeat(64));
    let expected = [
        ("Not_A_Label.wasm", "its name"),
        (&long, "its name"),
        ("binary.yaml", "not UTF-8"),
        ("circle.wasm", "cannot be read"),
        ("dangling.wasm", "cannot be read"),
        ("folder.wasm", "not a regular file"),
        ("large.wasm", "larger than 100 bytes"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, kind), (expected_name, expected_kind)) in found.iter().zip(expected) {
        assert_eq!(*name, expected_name);
        assert!(kind.to_string().contains(expected_kind), "{name}: {kind}");
    }
    // They stay problems, and what is repaired is taken.
    assert_eq!(folder.scan().problems.len(), expected.len());
    write("large.wasm", b"small")?;
    assert_eq!(added(&settle(&mut folder)).bytes, b"small");
    Ok(())
}

#[test]
fn a_policy_that_becomes_a_problem_stays_as_it_was() -> Result<()> {
    let at = tempfile::tempdir()?;
    let path = at.path().join("zone.wasm");
    let mut folder = Folder::new(FolderConfig { max_bytes: 100, ..config(at.path()) });
    fs::write(&path, "good")?;
    added(&settle(&mut folder));
    fs::write(&path, [0; 101])?;
    let scan = settle(&mut folder);
    assert_eq!((scan.changes.len(), kinds(&scan)), (0, vec![("zone.wasm", &ProblemKind::TooLarge(100))]));
    fs::remove_file(&path)?;
    symlink("nowhere", &path)?;
    assert_eq!(settle(&mut folder).changes, []);
    assert_eq!(folder.scan().changes, []);
    fs::remove_file(&path)?;
    fs::write(&path, "good")?;
    assert_eq!(settle(&mut folder), Scan::default());
    fs::remove_file(&path)?;
    assert_eq!(settle(&mut folder).changes, [Change::Removed("zone".to_owned())]);
    Ok(())
}

#[test]
fn a_folder_that_is_gone_removes_nothing_but_an_empty_one_does() -> Result<()> {
    let at = tempfile::tempdir()?;
    let path = at.path().join("policies");
    let mut folder = Folder::new(config(&path));
    let missing = [("policies", &ProblemKind::Folder(std::io::ErrorKind::NotFound))];
    assert_eq!(kinds(&folder.scan()), missing);

    fs::create_dir(&path)?;
    fs::write(path.join("zone.wasm"), "one")?;
    added(&settle(&mut folder));
    fs::rename(&path, at.path().join("away"))?;
    for _ in 0..3 {
        let scan = folder.scan();
        assert_eq!((scan.changes.len(), kinds(&scan)), (0, missing.to_vec()));
    }
    fs::rename(at.path().join("away"), &path)?;
    assert_eq!(settle(&mut folder), Scan::default());
    fs::remove_file(path.join("zone.wasm"))?;
    assert_eq!(settle(&mut folder).changes, [Change::Removed("zone".to_owned())]);
    Ok(())
}

#[test]
fn with_keys_only_signed_policies_are_reported() -> Result<()> {
    let ((keys, key), (_, stranger)) = (key_pair(), key_pair());
    let at = tempfile::tempdir()?;
    let signature = at.path().join("zone.wasm.sigstore.json");
    fs::write(at.path().join("zone.wasm"), "one")?;
    let mut folder = Folder::new(FolderConfig {
        verifier: trusting(keys.clone(), LegacySignatures::Refused),
        ..config(at.path())
    });
    let mut refused = |expected: &str| {
        let scan = settle(&mut folder);
        let kind = scan.problems[0].kind.to_string();
        assert!(scan.changes.is_empty() && kind.contains(expected), "{kind}");
    };
    refused("zone.wasm.sigstore.json");
    fs::write(at.path().join("zone.wasm.sig"), OPENSSL_SIGNATURE)?;
    refused("is a legacy signature");
    fs::write(&signature, sign(&stranger, b"one"))?;
    refused("does not hold");
    rewrite(&signature, "not base64!")?;
    refused("this is not a signature");
    rewrite(&signature, &sign(&key, b"one"))?;
    let scan = settle(&mut folder);
    assert_eq!((added(&scan).signed_by.as_deref(), scan.problems.len()), (keys.ids().next(), 0));
    Ok(())
}

#[test]
fn too_many_components_are_not_all_read() -> Result<()> {
    let at = tempfile::tempdir()?;
    for number in 0..258 {
        fs::write(at.path().join(format!("p{number:03}.wasm")), "same")?;
    }
    let mut folder = Folder::new(config(at.path()));
    let scan = settle(&mut folder);
    assert_eq!(scan.changes.len(), 256);
    let most = ProblemKind::Components(256);
    assert_eq!(kinds(&scan), [("p256.wasm", &most), ("p257.wasm", &most)]);
    Ok(())
}

#[tokio::test]
async fn waiting_ends_with_a_change_another_problem_or_the_end() -> Result<()> {
    let at = tempfile::tempdir()?;
    fs::write(at.path().join("zone.wasm"), "one")?;
    let shutdown = CancellationToken::new();
    let mut folder = Folder::new(config(at.path()));
    let mut next = async || tokio::time::timeout(LIMIT, folder.next(&shutdown)).await;
    assert_eq!(added(&next().await?.unwrap()).bytes, b"one");
    fs::write(at.path().join("Bad.wasm"), "")?;
    assert_eq!(kinds(&next().await?.unwrap()), [("Bad.wasm", &ProblemKind::Name)]);
    fs::remove_file(at.path().join("Bad.wasm"))?;
    assert_eq!(next().await?.unwrap(), Scan::default());
    shutdown.cancel();
    assert!(next().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_folder_that_was_quiet_is_taken_at_the_first_look() -> Result<()> {
    let at = tempfile::tempdir()?;
    fs::write(at.path().join("zone.wasm"), "one")?;
    let mut folder = Folder::new(FolderConfig { settled: Duration::ZERO, ..config(at.path()) });
    // With nothing to wait for, one look is enough.
    let policy =
        netmarks_test_cluster::until("a clock that ticks", LIMIT, async || Ok(folder.scan().changes.pop()));
    assert!(matches!(policy.await?, Change::Added(policy) if policy.bytes == b"one"));
    Ok(())
}
