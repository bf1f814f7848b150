//! What a connection does at the moment, and who waits for whom.
//!
//! A connection whose client waits for us is left alone. One that waits for its client has a deadline, and may be closed
//! before it when places run short.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::{EnumIter, IntoStaticStr};
use tokio::time::Instant;

/// A TLS handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// From the first moment of a connection to the whole head of its first request, and from the first byte of a later head to
/// its last. Go's client may open a connection and then use another one; it notices when we close the one that it kept.
const HEAD: Duration = Duration::from_secs(5);

/// How long no byte of an answer is taken before the connection is given up.
const UNREAD: Duration = Duration::from_secs(10);

/// Bytes of answers that one connection has ready at most, beside the last one.
const UNREAD_BYTES: usize = 256 * 1024;

/// An idle connection is closed after this. Go's client closes its own after 90 s; if we were first, a request could
/// cross our close on the wire and its pod would be placed without scores.
const IDLE: Duration = Duration::from_secs(120);

/// What a connection does. Named in metric labels in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ConnectionState {
    /// The TLS handshake is not finished.
    Handshake,
    /// No request has arrived yet, or the head of one has begun and not ended.
    Opening,
    /// A body is awaited.
    Receiving,
    /// A request has arrived, and its answer is being made.
    Answering,
    /// An answer is made, and its client is to take it.
    Sending,
    /// The last answer was taken, and no further request has begun.
    Idle,
}

impl ConnectionState {
    /// How long a connection may stay in it. A body has the deadline of its route.
    fn limit(self) -> Option<Duration> {
        match self {
            Self::Handshake => Some(HANDSHAKE),
            Self::Opening => Some(HEAD),
            Self::Receiving | Self::Answering => None,
            Self::Sending => Some(UNREAD),
            Self::Idle => Some(IDLE),
        }
    }

    /// Whether the next move is the client's.
    pub(crate) fn waits_for_client(self) -> bool {
        self != Self::Answering
    }
}

/// Follows one connection.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Facts>);

#[derive(Debug)]
struct Facts {
    handshake: bool,
    http_2: bool,
    /// Whether an answer of success was taken to its end.
    proven: bool,
    /// Whether any request has arrived.
    asked: bool,
    /// Requests that a route works on.
    handlers: usize,
    /// Bodies of requests that a route waits for.
    receiving: usize,
    /// Bodies of answers that are not taken to their end.
    sending: usize,
    /// Those of them whose next part is not made yet.
    producing: usize,
    /// Bytes of answers that their client has not taken.
    unsent: usize,
    /// Whether the socket takes no more for the moment.
    unwritten: bool,
    /// When the first byte arrived after the last answer; HTTP/1.1 only, since HTTP/2 has frames that begin no request.
    head: Option<Instant>,
    /// When the client last did what was awaited of it.
    progress: Instant,
}

/// What a connection does, and since when it has waited for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: ConnectionState,
    pub(crate) since: Instant,
    /// Whether an answer of success was taken to its end.
    pub(crate) proven: bool,
}

impl Standing {
    /// Whether its time is over.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.state.limit().is_some_and(|limit| now.saturating_duration_since(self.since) >= limit)
    }
}

impl Activity {
    /// A connection that was just accepted.
    pub(crate) fn new(handshake: bool) -> Self {
        Self(Mutex::new(Facts {
            handshake,
            http_2: false,
            proven: false,
            asked: false,
            handlers: 0,
            receiving: 0,
            sending: 0,
            producing: 0,
            unsent: 0,
            unwritten: false,
            head: None,
            progress: Instant::now(),
        }))
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it does now.
    pub(crate) fn standing(&self) -> Standing {
        let facts = self.facts();
        let (state, since) = if facts.handshake {
            (ConnectionState::Handshake, facts.progress)
        } else if facts.handlers > facts.receiving || facts.producing > 0 {
            (ConnectionState::Answering, facts.progress)
        } else if facts.receiving > 0 {
            (ConnectionState::Receiving, facts.progress)
        } else if facts.sending > 0 || facts.unwritten {
            (ConnectionState::Sending, facts.progress)
        } else if let Some(head) = facts.head {
            (ConnectionState::Opening, head)
        } else if facts.asked {
            (ConnectionState::Idle, facts.progress)
        } else {
            (ConnectionState::Opening, facts.progress)
        };
        Standing { state, since, proven: facts.proven }
    }

    /// The TLS handshake is done.
    pub(crate) fn secured(&self) {
        let mut facts = self.facts();
        facts.handshake = false;
        facts.progress = Instant::now();
    }

    /// Bytes arrived.
    pub(crate) fn read(&self) {
        let mut facts = self.facts();
        let between = facts.asked && facts.handlers == 0 && facts.sending == 0 && !facts.unwritten;
        if between && !facts.http_2 && facts.head.is_none() {
            facts.head = Some(Instant::now());
        }
    }

    /// The socket took bytes.
    pub(crate) fn wrote(&self) {
        let mut facts = self.facts();
        let stalled = std::mem::take(&mut facts.unwritten);
        // An answer to a PING, which a client can have at any time, is not progress of what it asked for.
        if facts.asked && (stalled || !facts.http_2) {
            facts.progress = Instant::now();
        }
    }

    /// The socket takes no bytes for the moment.
    pub(crate) fn write_stalled(&self) {
        self.facts().unwritten = true;
    }

    /// A request arrived.
    pub(crate) fn handler_begun(&self, http_2: bool) {
        let mut facts = self.facts();
        facts.http_2 = http_2;
        facts.asked = true;
        facts.head = None;
        facts.handlers += 1;
        facts.progress = Instant::now();
    }

    /// Its answer is made, or nobody waits for it any more.
    pub(crate) fn handler_ended(&self) {
        let mut facts = self.facts();
        facts.handlers = facts.handlers.saturating_sub(1);
        facts.progress = Instant::now();
    }

    /// An answer of success was taken to its end.
    pub(crate) fn proven(&self) {
        self.facts().proven = true;
    }

    /// A route waits for more of a body.
    pub(crate) fn body_awaited(&self) {
        self.facts().receiving += 1;
    }

    /// More of a body arrived, or the route waits no longer.
    pub(crate) fn body_moved(&self) {
        let mut facts = self.facts();
        facts.receiving = facts.receiving.saturating_sub(1);
        facts.progress = Instant::now();
    }

    /// Whether another answer may be held ready for the client.
    pub(crate) fn may_send(&self) -> bool {
        self.facts().unsent < UNREAD_BYTES
    }

    /// The body of an answer begins, of so many bytes as far as is known.
    pub(crate) fn answer_begun(&self, bytes: usize) {
        let mut facts = self.facts();
        facts.sending += 1;
        facts.unsent += bytes;
    }

    /// So many bytes of an answer were taken, which were known of.
    pub(crate) fn answer_moved(&self, bytes: usize) {
        let mut facts = self.facts();
        facts.unsent = facts.unsent.saturating_sub(bytes);
        facts.progress = Instant::now();
    }

    /// The next part of an answer is not made yet.
    pub(crate) fn answer_awaited(&self) {
        self.facts().producing += 1;
    }

    /// It is made, or nobody waits for it any more.
    pub(crate) fn answer_produced(&self) {
        let mut facts = self.facts();
        facts.producing = facts.producing.saturating_sub(1);
    }

    /// An answer was taken to its end, or given up.
    pub(crate) fn answer_ended(&self) {
        let mut facts = self.facts();
        facts.sending = facts.sending.saturating_sub(1);
        facts.progress = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(activity: &Activity) -> ConnectionState {
        activity.standing().state
    }

    #[tokio::test(start_paused = true)]
    async fn it_follows_a_connection_from_handshake_to_idle() {
        let activity = Activity::new(true);
        assert_eq!(state(&activity), ConnectionState::Handshake);
        activity.secured();
        activity.read();
        assert_eq!(state(&activity), ConnectionState::Opening);
        activity.handler_begun(false);
        assert_eq!(state(&activity), ConnectionState::Answering);
        activity.body_awaited();
        assert_eq!(state(&activity), ConnectionState::Receiving);
        activity.body_moved();
        activity.answer_begun(1);
        activity.handler_ended();
        assert_eq!(state(&activity), ConnectionState::Sending);
        activity.answer_awaited();
        assert_eq!(state(&activity), ConnectionState::Answering);
        activity.answer_produced();
        activity.answer_ended();
        assert_eq!(state(&activity), ConnectionState::Idle);
        activity.write_stalled();
        assert_eq!(state(&activity), ConnectionState::Sending);
        activity.wrote();
        activity.read();
        assert_eq!(state(&activity), ConnectionState::Opening);
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_for_the_client_has_its_limit() {
        let lasts = async |activity: &Activity, limit: Duration| {
            let begun = Instant::now();
            tokio::time::advance(limit.saturating_sub(Duration::from_millis(1))).await;
            assert!(!activity.standing().is_overdue(Instant::now()), "{activity:?}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(activity.standing().is_overdue(Instant::now()), "{activity:?}");
            assert_eq!(begun.elapsed(), limit);
        };
        lasts(&Activity::new(true), HANDSHAKE).await;
        let activity = Activity::new(false);
        activity.read();
        lasts(&activity, HEAD).await;
        activity.handler_begun(false);
        tokio::time::advance(IDLE * 10).await;
        assert!(!activity.standing().is_overdue(Instant::now()), "its client waits for us");
        activity.handler_ended();
        lasts(&activity, IDLE).await;
        // Further bytes of a head give it no more time.
        activity.read();
        tokio::time::advance(HEAD / 2).await;
        activity.read();
        lasts(&activity, HEAD / 2).await;
    }
}
