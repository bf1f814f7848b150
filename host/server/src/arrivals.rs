//! The bodies that are arriving, in the order in which they began, and which of them goes when memory runs short.
//!
//! A body that is not complete waits for its client, so it is the one to give way: the oldest first, since kube-scheduler sends
//! its own within milliseconds and whoever holds memory for long does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    arriving: BTreeMap<u64, Arriving>,
}

#[derive(Debug)]
struct Arriving {
    /// Of the budget's units.
    held: usize,
    given_up: CancellationToken,
}

/// One body while it arrives.
#[derive(Debug)]
pub(crate) struct Arrival {
    id: u64,
    /// Cancelled when the body has to give way.
    pub(crate) given_up: CancellationToken,
    arrivals: Arc<Arrivals>,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.arrivals.table().arriving.remove(&self.id);
    }
}

impl Arrivals {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Arrival {
        let given_up = CancellationToken::new();
        let mut table = self.table();
        let id = table.next;
        table.next += 1;
        table.arriving.insert(id, Arriving { held: 0, given_up: given_up.clone() });
        drop(table);
        Arrival { id, given_up, arrivals: self.clone() }
    }
}

impl Arrival {
    /// Notes that the body holds `units` now.
    pub(crate) fn holds(&self, units: usize) {
        if let Some(arriving) = self.arrivals.table().arriving.get_mut(&self.id) {
            arriving.held = units;
        }
    }

    /// Makes older bodies give way until they free `units`, the oldest first; `false`, and none does, if they hold less.
    pub(crate) fn displace(&self, units: usize) -> bool {
        let mut table = self.arrivals.table();
        let mut freed = 0;
        let mut going = Vec::new();
        for (id, older) in table.arriving.range(..self.id) {
            if freed >= units {
                break;
            }
            freed += older.held;
            going.push(*id);
        }
        if freed < units {
            return false;
        }
        for id in going {
            if let Some(older) = table.arriving.remove(&id) {
                older.given_up.cancel();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way_and_only_if_they_hold_enough() {
        let arrivals = Arc::new(Arrivals::default());
        let [first, second, third, fourth] = [10, 20, 30, 0].map(|units| {
            let arrival = arrivals.begin();
            arrival.holds(units);
            arrival
        });
        let given_up = || [&first, &second, &third, &fourth].map(|arrival| arrival.given_up.is_cancelled());
        assert!(!fourth.displace(61) && !first.displace(1) && !second.displace(11));
        assert_eq!(given_up(), [false; 4]);
        assert!(fourth.displace(11));
        assert_eq!(given_up(), [true, true, false, false]);
        assert!(!fourth.displace(31), "what went already frees nothing more");
        assert!(fourth.displace(30));
        assert_eq!(given_up(), [true, true, true, false]);
    }
}
