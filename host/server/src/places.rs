//! The places for connections of one listener: how many there are, how many one client may have, and who goes when they run
//! short.
//!
//! Whoever connects gets a place as long as any connection waits for its client: that one goes. The scheduler's connection is
//! therefore never kept out by connections that do nothing, and a request under way is never cut off for another.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strum::{EnumCount, EnumIter, IntoEnumIterator as _, IntoStaticStr};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::activity::{Activity, ConnectionState};
use crate::peer::Client;
use crate::seldom::Seldom;

/// Most connections at once. kube-scheduler opens a handful; a flood must not exhaust file descriptors.
const PLACES: usize = 512;

/// Most connections of one client. The others' places are out of its reach.
const SHARE: usize = PLACES / 2;

/// A warning about places that run short is repeated only after they were enough for this long.
const CALM: Duration = Duration::from_secs(600);

/// Why we closed a connection. Named in metric labels in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumCount, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum CloseReason {
    /// Another one needed its place.
    Displaced,
    /// There was no place for it: on all others a request was under way.
    Refused,
    /// Its TLS handshake took too long.
    HandshakeTimeout,
    /// Its TLS handshake failed.
    HandshakeFailed,
    /// The head of a request took too long.
    RequestTimeout,
    /// Its client took too long to read an answer.
    Unread,
    /// Nothing was asked for long.
    Idle,
}

impl CloseReason {
    fn overdue(state: ConnectionState) -> Self {
        match state {
            ConnectionState::Handshake => Self::HandshakeTimeout,
            ConnectionState::Opening | ConnectionState::Receiving => Self::RequestTimeout,
            ConnectionState::Sending => Self::Unread,
            ConnectionState::Idle | ConnectionState::Answering => Self::Idle,
        }
    }
}

/// How many connections a listener has in each state, and how many it has closed for each reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// In the order of the states.
    pub open: Vec<(ConnectionState, usize)>,
    /// In the order of the reasons.
    pub closed: Vec<(CloseReason, u64)>,
}

/// Holds the connections of one listener.
#[derive(Debug)]
pub(crate) struct Places {
    places: usize,
    share: usize,
    table: Mutex<Table>,
    closed: [AtomicU64; CloseReason::COUNT],
    handshake_line: Seldom,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Open>,
    of_client: HashMap<Client, usize>,
    /// When places last ran short.
    short: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    client: Client,
    activity: Arc<Activity>,
    closed: CancellationToken,
}

/// One connection's place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    pub(crate) activity: Arc<Activity>,
    /// Cancelled when the connection is to be closed.
    pub(crate) closed: CancellationToken,
    places: Arc<Places>,
}

impl Place {
    /// Counts a failed handshake; whether to write of it in the log, where there may be many.
    pub(crate) fn handshake_failed(&self) -> bool {
        self.places.count(CloseReason::HandshakeFailed);
        self.places.handshake_line.is_due()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().remove(self.id);
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new(PLACES, SHARE)
    }
}

impl Places {
    fn new(places: usize, share: usize) -> Self {
        Self {
            places,
            share,
            table: Mutex::default(),
            closed: Default::default(),
            handshake_line: Seldom::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `address`, if need be another's; `handshake` says that it begins with one of TLS. `None`
    /// if a request is under way on every connection that could go for it.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, handshake: bool) -> Option<Place> {
        let client = Client::from(address);
        let mut table = self.table();
        let of_client = table.of_client.get(&client).copied().unwrap_or(0);
        let among = if of_client >= self.share { Some(client) } else { None };
        if among.is_some() || table.open.len() >= self.places {
            self.warn(&mut table, among.is_some());
            let Some(id) = table.first_to_go(among) else {
                self.count(CloseReason::Refused);
                return None;
            };
            self.close(&mut table, id, CloseReason::Displaced);
        }
        let place = Place {
            id: table.next,
            activity: Arc::new(Activity::new(handshake)),
            closed: CancellationToken::new(),
            places: self.clone(),
        };
        table.next += 1;
        *table.of_client.entry(client).or_default() += 1;
        let open = Open { client, activity: place.activity.clone(), closed: place.closed.clone() };
        table.open.insert(place.id, open);
        Some(place)
    }

    /// Closes the connections whose time is over.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut table = self.table();
        let standing = table.open.iter().map(|(id, open)| (*id, open.activity.standing()));
        let overdue: Vec<_> = standing.filter(|(_, standing)| standing.is_overdue(now)).collect();
        for (id, standing) in overdue {
            self.close(&mut table, id, CloseReason::overdue(standing.state));
        }
    }

    /// Closes one connection that waits for its client: something other than places runs short.
    pub(crate) fn shed(&self) {
        let mut table = self.table();
        if let Some(id) = table.first_to_go(None) {
            self.close(&mut table, id, CloseReason::Displaced);
        }
    }

    /// What there is now.
    pub(crate) fn census(&self) -> Census {
        let mut open: Vec<_> = ConnectionState::iter().map(|state| (state, 0)).collect();
        for connection in self.table().open.values() {
            let state = connection.activity.standing().state;
            if let Some((_, count)) = open.iter_mut().find(|(known, _)| *known == state) {
                *count += 1;
            }
        }
        let counts = self.closed.iter().map(|count| count.load(Ordering::Relaxed));
        Census { open, closed: CloseReason::iter().zip(counts).collect() }
    }

    fn close(&self, table: &mut Table, id: u64, reason: CloseReason) {
        if let Some(open) = table.remove(id) {
            open.closed.cancel();
            self.count(reason);
        }
    }

    fn count(&self, reason: CloseReason) {
        if let Some(count) = self.closed.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn warn(&self, table: &mut Table, of_client: bool) {
        let now = Instant::now();
        let before = table.short.replace(now);
        if before.is_none_or(|before| now.saturating_duration_since(before) >= CALM) {
            let Self { places, share, .. } = self;
            tracing::warn!(
                places,
                share,
                of_client,
                "connections run short: those that wait longest for their client are closed for new ones; \
                 see netmarks_connections"
            );
        }
    }
}

impl Table {
    fn remove(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(count) = self.of_client.get_mut(&open.client) {
            *count -= 1;
            if *count == 0 {
                self.of_client.remove(&open.client);
            }
        }
        Some(open)
    }

    /// Of the connections (of `client`, if given) that wait for their client: of the client that has most; before all one on
    /// which nothing was answered yet; of these the one that has waited longest.
    fn first_to_go(&self, client: Option<Client>) -> Option<u64> {
        let of_client =
            self.open.iter().filter(|(_, open)| client.is_none_or(|client| open.client == client));
        let waiting = of_client.filter_map(|(id, open)| {
            let standing = open.activity.standing();
            let held = self.of_client.get(&open.client).copied().unwrap_or(0);
            standing
                .state
                .waits_for_client()
                .then_some(((Reverse(held), standing.proven, standing.since, *id), *id))
        });
        waiting.min_by_key(|(order, _)| *order).map(|(_, id)| id)
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
