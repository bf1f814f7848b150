//! The connections of all listeners of the process, for its metrics.

use std::sync::{Arc, Mutex, PoisonError};

use crate::listener::Listener;
use crate::places::{Census, Places};

/// The connections of all listeners; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<Vec<Followed>>>);

/// A listener's name and its places.
type Followed = (&'static str, Arc<Places>);

impl Connections {
    /// Counts those of `listener` from now on, under `name`.
    pub fn follow(&self, name: &'static str, listener: &Listener) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, listener.places()));
    }

    /// Those of each listener, by its name.
    #[must_use]
    pub fn census(&self) -> Vec<(&'static str, Census)> {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().map(|(name, places)| (*name, places.census())).collect()
    }
}
