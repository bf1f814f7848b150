//! The clock stands still except where everybody waits, so these tests take no time and know when nothing was seen.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// Whether a change is seen within the next `looks` looks.
async fn sees(watch: &mut FileWatch, looks: u32) -> bool {
    // Half an interval more: the look ends before the time does.
    let limit = INTERVAL * looks + INTERVAL / 2;
    tokio::time::timeout(limit, watch.changed(&CancellationToken::new())).await.unwrap_or(false)
}

/// Another size, so that nothing depends on the tick of the file system's clock.
fn grow(file: &Path) {
    let mut content = fs::read(file).unwrap();
    content.push(b'x');
    fs::write(file, content).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_is_seen_once_and_at_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::write(&first, "1").unwrap();
    let mut watch = FileWatch::new(vec![first.clone(), second.clone()]);
    assert!(!sees(&mut watch, 3).await, "nothing changed");
    grow(&first);
    assert!(sees(&mut watch, 1).await);
    assert!(!sees(&mut watch, 3).await, "it was seen");
    fs::write(&second, "2").unwrap();
    assert!(sees(&mut watch, 1).await, "one that appears");
    fs::remove_file(&first).unwrap();
    assert!(sees(&mut watch, 1).await, "one that disappears");
    assert!(!sees(&mut watch, 3).await);
}

/// As kubelet writes a mounted ConfigMap: the file is a link through `..data`, a link to a folder with the content.
fn swap(folder: &Path, version: &str, content: &str) {
    let versioned = folder.join(format!("..{version}"));
    fs::create_dir(&versioned).unwrap();
    fs::write(versioned.join("config.yaml"), content).unwrap();
    symlink(format!("..{version}"), folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_config_map_changes_by_swapping_links() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    swap(folder.path(), "1", "same size: 1");
    symlink("..data/config.yaml", &file).unwrap();
    let mut watch = FileWatch::new(vec![file.clone()]);
    assert!(!sees(&mut watch, 2).await);
    swap(folder.path(), "2", "same size: 2");
    assert!(sees(&mut watch, 1).await);
    // kubelet removes the old folder afterwards, which changes nothing.
    fs::remove_dir_all(folder.path().join("..1")).unwrap();
    assert!(!sees(&mut watch, 2).await);
    // The folder of the links is not there for a moment.
    fs::remove_file(folder.path().join("..data")).unwrap();
    assert!(sees(&mut watch, 1).await);
}

#[tokio::test(start_paused = true)]
async fn replacing_by_rename_is_a_change_with_the_same_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    crate::AtomicWrite::to(&file).write(b"one").unwrap();
    let mut watch = FileWatch::new(vec![file.clone()]);
    crate::AtomicWrite::to(&file).write(b"two").unwrap();
    assert!(sees(&mut watch, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_what_is_followed_is_not_a_change_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let [kept, added] = ["kept", "added"].map(|name| folder.path().join(name));
    fs::write(&kept, "1").unwrap();
    fs::write(&added, "1").unwrap();
    let mut watch = FileWatch::new(vec![kept.clone()]);
    watch.follow(vec![kept.clone(), added.clone()]);
    assert!(!sees(&mut watch, 2).await);
    grow(&added);
    assert!(sees(&mut watch, 1).await);
    // A change before the call is found, though the list of files is a new one.
    grow(&kept);
    watch.follow(vec![kept]);
    assert!(sees(&mut watch, 1).await);
    grow(&added);
    assert!(!sees(&mut watch, 2).await, "it is not followed any more");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_regular_file_is_not_opened_and_never_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    fs::write(&file, "1").unwrap();
    let mut watch = FileWatch::new(vec![file.clone(), pipe.clone(), "/dev/zero".into()]);
    fs::rename(&pipe, &file).unwrap();
    assert!(!sees(&mut watch, 3).await);
    fs::remove_file(&file).unwrap();
    assert!(sees(&mut watch, 1).await);
}

#[tokio::test(start_paused = true)]
async fn waiting_can_be_dropped_and_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    let mut watch = FileWatch::new(vec![file.clone()]);
    let stop = CancellationToken::new();
    let begun = Instant::now();
    grow(&file);
    // Dropped again and again before a look is due; yet it comes when it would have come.
    let short = INTERVAL / 4 + Duration::from_millis(1);
    while tokio::time::timeout(short, watch.changed(&stop)).await.is_err() {}
    assert!(begun.elapsed() >= INTERVAL && begun.elapsed() < INTERVAL + short, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_cancelled() {
    let mut watch = FileWatch::new(Vec::new());
    let stop = CancellationToken::new();
    stop.cancel();
    assert!(!watch.changed(&stop).await);
}
