//! The journal of a plan's moves: one JSON object a line, each on the disk before what it tells is done.
//!
//! The first line says of which moves it is. What follows are events of moves, and when runs began and ended. It is read once, when it is
//! opened, and one process at a time has it.

use std::path::{Path, PathBuf};

use netmarks_core::clock::unix_now;
use netmarks_core::digest::Digest;
use netmarks_files::{AppendError, AppendFile};
use netmarks_sources::prometheus::service_level::Figures;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::moves::{Move, digest};
use crate::stop::Stop;

/// The version of the format. Version 1 had neither a controller's API version nor the mesh's figures.
const VERSION: u64 = 2;

/// Largest journal, in bytes. A line is some 200 bytes, and 40 more for each pod that a controller has.
const LIMIT: u64 = 256 << 20;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file itself.
    #[error("failed to use the journal")]
    File(#[from] AppendError),
    /// It belongs to other moves.
    #[error(
        "the journal {} is of another plan ({found}, and this plan's moves are {expected}); give --journal with another file, or the plan \
         that it belongs to",
        path.display()
    )]
    OtherPlan { path: PathBuf, found: Digest, expected: Digest },
    /// It is of a version that is not known.
    #[error(
        "the journal {} has version {version}, and this program knows {VERSION}; go on with the build of Netmarks that began it, or remove \
         the journal and make a new plan",
        path.display()
    )]
    Version { path: PathBuf, version: u64 },
    /// It is not a journal, or was changed by somebody.
    #[error("{}:{line} is not a line of a journal: {problem}; nothing was changed", path.display())]
    Line { path: PathBuf, line: usize, problem: String },
    /// The thread that writes it died.
    #[error("failed to write the journal: its thread ended early")]
    Ended(#[source] tokio::task::JoinError),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    journal_version: u64,
    plan: Digest,
    moves: usize,
}

/// A line after the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Move {
        /// Seconds since the Unix epoch.
        at: f64,
        /// From 0.
        #[serde(rename = "move")]
        number: usize,
        /// For people.
        pod: String,
        what: Event,
    },
    Run {
        /// Seconds since the Unix epoch.
        at: f64,
        run: Mark,
        /// For people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// The mesh's figures before the first move, in the line of the run that measured them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Figures>,
    },
}

/// What a whole run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mark {
    Began,
    Stopped,
    Finished,
}

/// Holds an open journal.
#[derive(Debug)]
pub struct Journal {
    file: AppendFile,
    moves: Vec<String>,
    /// The first line, where it is not written yet.
    header: Option<Header>,
    before: Option<Figures>,
}

impl Journal {
    /// Opens the journal of these moves, or makes an empty file for one; with the events in it. Blocking.
    ///
    /// # Errors
    /// If it cannot be read and written, another process has it, or it is not of these moves.
    pub fn open(path: &Path, moves: &[Move]) -> Result<(Self, Vec<Event>), JournalError> {
        let (file, text) = AppendFile::open(path, LIMIT)?;
        let (header, Past { events, before }) = if text.is_empty() {
            let header = Header { journal_version: VERSION, plan: digest(moves), moves: moves.len() };
            (Some(header), Past::default())
        } else {
            (None, read(path, &text, moves)?)
        };
        let moves = moves.iter().map(|planned| planned.pod.clone()).collect();
        Ok((Self { file, moves, header, before }, events))
    }

    /// The mesh's figures before the first move, as an earlier run measured them; none where no pod was evicted since.
    #[must_use]
    pub fn before(&self) -> Option<Figures> {
        self.before
    }

    /// Writes of which moves it is, unless it says so already: a file in which nothing is belongs to no plan.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn headed(mut self) -> Result<Self, JournalError> {
        match self.header.take() {
            Some(header) => self.append(json(&header)).await,
            None => Ok(self),
        }
    }

    /// Writes that a run begins, with the mesh's figures where it measured those from before the first move.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn began(self, before: Option<Figures>) -> Result<Self, JournalError> {
        self.write(Line::Run { at: unix_now(), run: Mark::Began, why: None, before }).await
    }

    /// Writes an event of a move.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn happened(self, number: usize, what: Event) -> Result<Self, JournalError> {
        let pod = self.moves.get(number).cloned().unwrap_or_default();
        self.write(Line::Move { at: unix_now(), number, pod, what }).await
    }

    /// Writes that the run ends, with the reason why it ends early.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn ended(self, early: Option<&Stop>) -> Result<Self, JournalError> {
        let run = if early.is_some() { Mark::Stopped } else { Mark::Finished };
        let why = early.map(ToString::to_string);
        self.write(Line::Run { at: unix_now(), run, why, before: None }).await
    }

    async fn write(self, line: Line) -> Result<Self, JournalError> {
        self.headed().await?.append(json(&line)).await
    }

    async fn append(mut self, line: String) -> Result<Self, JournalError> {
        let written = tokio::task::spawn_blocking(move || self.file.append(&line).map(|()| self));
        Ok(written.await.map_err(JournalError::Ended)??)
    }
}

fn json(value: &impl Serialize) -> String {
    // Texts, numbers and lists: there is nothing in them that JSON does not have.
    serde_json::to_string(value).unwrap_or_default()
}

/// What a journal has.
#[derive(Debug, Default)]
struct Past {
    events: Vec<Event>,
    before: Option<Figures>,
}

fn read(path: &Path, text: &str, moves: &[Move]) -> Result<Past, JournalError> {
    let bad = |line: usize, problem: String| JournalError::Line { path: path.to_owned(), line, problem };
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let (_, first) = lines.next().unwrap_or_default();
    let header: Header = serde_json::from_str(first).map_err(|error| bad(1, error.to_string()))?;
    let Header { journal_version: version, plan: found, moves: _ } = header;
    if version != VERSION {
        return Err(JournalError::Version { path: path.to_owned(), version });
    }
    let expected = digest(moves);
    if found != expected {
        return Err(JournalError::OtherPlan { path: path.to_owned(), found, expected });
    }
    let mut past = Past::default();
    let mut measured = None;
    let mut ended = 0;
    for (position, line) in lines {
        match serde_json::from_str(line) {
            Ok(Line::Run { before, .. }) => measured = before.or(measured),
            Ok(Line::Move { number, .. }) if number != ended || number >= moves.len() => {
                return Err(bad(position, format!("move {number} where move {ended} is expected")));
            }
            Ok(Line::Move { what, .. }) => {
                if matches!(what, Event::Evicted)
                    && !matches!(past.events.last(), Some(Event::Evicting(_) | Event::Unanswered { .. }))
                {
                    return Err(bad(position, "an end without a beginning".to_owned()));
                }
                ended += usize::from(matches!(
                    what,
                    Event::Replaced { .. } | Event::Unreplaced { .. } | Event::Skipped { .. }
                ));
                if matches!(what, Event::Evicting(_)) {
                    past.before = past.before.or(measured);
                }
                past.events.push(what);
            }
            Err(error) => return Err(bad(position, error.to_string())),
        }
    }
    Ok(past)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Skip, Subject, Unreplaced};
    use crate::seen::Controller;

    fn moves(pods: &[&str]) -> Vec<Move> {
        let each = |pod: &&str| Move {
            pod: (*pod).to_owned(),
            uid: None,
            application: String::new(),
            from: "a".to_owned(),
            to: "b".to_owned(),
            or: Vec::new(),
            gain: 0.0,
        };
        pods.iter().map(each).collect()
    }

    fn evicting() -> Event {
        Event::Evicting(Subject {
            pod_uid: "1".to_owned(),
            controller: Controller {
                uid: "2".to_owned(),
                api_version: "apps/v1".to_owned(),
                kind: "ReplicaSet".to_owned(),
                name: "cart".to_owned(),
            },
            known: vec!["1".to_owned()],
            grace_seconds: 30,
        })
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let moves = moves(&["shop/cart", "shop/ads", "shop/web"]);
        let (journal, past) = Journal::open(&path, &moves).unwrap();
        assert_eq!(past, []);
        let events = [
            Event::Refused { answer: "no".to_owned() },
            evicting(),
            Event::Unanswered { error: "late".to_owned() },
            Event::Evicted,
            Event::Replaced { by: "shop/cart-2".to_owned(), node: "b".to_owned() },
            Event::Skipped { why: Skip::Elsewhere { node: None } },
            Event::Unreplaced { why: Unreplaced::Enough { wants: 1, has: 2 } },
        ];
        let mut journal = journal.began(None).await.unwrap();
        for (number, event) in [0, 0, 0, 0, 0, 1, 2].into_iter().zip(&events) {
            journal = journal.happened(number, event.clone()).await.unwrap();
        }
        drop(journal.ended(Some(&Stop::Window)).await.unwrap());
        let (_, past) = Journal::open(&path, &moves).unwrap();
        assert_eq!(past, events);
    }

    #[tokio::test]
    async fn figures_of_before_the_first_eviction_stay_those_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let moves = moves(&["shop/cart", "shop/ads"]);
        let open = || Journal::open(&path, &moves).unwrap().0;
        let figures = |share| Some(Figures { error_share: Some(share), p99_seconds: None });
        assert_eq!(open().before(), None);
        drop(open().began(figures(0.1)).await.unwrap());
        assert_eq!(open().before(), None, "nothing was evicted since");
        let journal = open().began(figures(0.2)).await.unwrap();
        drop(journal.happened(0, evicting()).await.unwrap());
        assert_eq!(open().before(), figures(0.2));
        let journal = open().began(figures(0.9)).await.unwrap();
        let replaced = Event::Replaced { by: "shop/cart-2".to_owned(), node: "b".to_owned() };
        let journal = journal.happened(0, replaced).await.unwrap();
        drop(journal.happened(1, evicting()).await.unwrap());
        assert_eq!(open().before(), figures(0.2), "pods were evicted by then");
    }

    #[tokio::test]
    async fn a_journal_in_which_nothing_happened_is_of_no_plan() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::open(&path, &moves(&["shop/cart"])).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
        let (journal, past) = Journal::open(&path, &moves(&["shop/ads"])).unwrap();
        assert_eq!(past, []);
        drop(journal.began(None).await.unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        let error = Journal::open(&path, &moves(&["shop/cart"])).unwrap_err();
        assert!(matches!(error, JournalError::OtherPlan { .. }), "{error}");
    }

    mod hostile {
        use super::*;

        #[tokio::test]
        async fn a_journal_of_another_plan_or_changed_by_hand_is_refused_and_stays() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let ours = moves(&["shop/cart"]);
            drop(Journal::open(&path, &ours).unwrap().0.headed().await.unwrap());
            let text = std::fs::read_to_string(&path).unwrap();
            let error = Journal::open(&path, &moves(&["shop/ads"])).unwrap_err();
            assert!(matches!(error, JournalError::OtherPlan { .. }), "{error}");
            let line = r#"{"at":1.0,"move":0,"pod":"shop/cart","what":{"event":"evicted"}}"#;
            for (more, complaint) in [
                ("[]", "did not match"),
                (r#"{"at":1.0,"move":1,"pod":"p","what":{"event":"evicted"}}"#, "move 1 where move 0"),
                (line, "without a beginning"),
            ] {
                let changed = format!("{text}{more}\n");
                std::fs::write(&path, &changed).unwrap();
                let error = Journal::open(&path, &ours).unwrap_err().to_string();
                assert!(error.contains(complaint) && error.contains(":2 "), "{error}");
                assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
            }
            std::fs::write(&path, text.replace("\"journal_version\":2", "\"journal_version\":1")).unwrap();
            let error = Journal::open(&path, &ours).unwrap_err();
            assert!(matches!(error, JournalError::Version { version: 1, .. }), "{error}");
            assert!(error.to_string().contains("make a new plan"), "{error}");
            std::fs::write(&path, "a text\n").unwrap();
            assert!(matches!(Journal::open(&path, &ours), Err(JournalError::Line { line: 1, .. })));
        }
    }
}
