//! How long a message takes from zone to zone and back, by whatever the operator's metrics store measures.
//!
//! Between nodes there are too many pairs to hand to a policy (25 million at 5,000 nodes), and what differs is mostly the zone, so
//! measurements between nodes count for their zones.

/// Most zones for which it is kept: a policy is handed every pair.
const MOST_ZONES: usize = 64;

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundTrip {
    /// The name of a node or of a zone.
    pub source: String,
    /// The name of a node or of a zone.
    pub destination: String,
    pub seconds: f64,
}

/// Means of the measurements between zones, the same in both directions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoundTrips {
    zones: usize,
    seconds: Vec<f64>,
}

impl RoundTrips {
    /// From measurements between zones by their numbers, 0 being unknown, of which there are `zones`, that one included. Nothing is
    /// kept of those that are not positive and finite.
    pub(crate) fn new(zones: usize, measured: impl IntoIterator<Item = (u32, u32, f64)>) -> Self {
        if zones > MOST_ZONES {
            return Self::default();
        }
        let mut sums = vec![(0.0, 0.0); zones * zones];
        for (source, destination, seconds) in measured {
            if source == 0 || destination == 0 || !seconds.is_finite() || seconds <= 0.0 {
                continue;
            }
            let (source, destination) = (source as usize, destination as usize);
            for position in [source * zones + destination, destination * zones + source] {
                if let Some((sum, count)) = sums.get_mut(position) {
                    *sum += seconds;
                    *count += 1.0;
                }
            }
        }
        if sums.iter().all(|(_, count)| *count == 0.0) {
            return Self::default();
        }
        let mean = |(sum, count): (f64, f64)| if count == 0.0 { 0.0 } else { sum / count };
        Self { zones, seconds: sums.into_iter().map(mean).collect() }
    }

    /// In seconds, from zone `a` to zone `b` at `a * zones + b`; 0 is unknown. Empty where nothing is known.
    #[must_use]
    pub fn seconds(&self) -> &[f64] {
        &self.seconds
    }

    /// Each pair of zones of which something is known, once: `(zone, zone, seconds)`, the smaller number first.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        let numbered = (0..).zip(self.seconds.chunks(self.zones.max(1)));
        numbered.flat_map(|(source, row)| {
            (0..)
                .zip(row)
                .filter(move |(destination, seconds)| *destination >= source && **seconds > 0.0)
                .map(move |(destination, seconds)| (source, destination, *seconds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::NodeFacts;
    use crate::index::Index;

    #[test]
    fn measurements_between_nodes_count_for_their_zones() {
        let mut index = Index::default();
        for (name, zone) in [("a1", "east"), ("a2", "east"), ("b1", "west"), ("lost", "")] {
            let zone = (!zone.is_empty()).then(|| zone.to_owned());
            index.apply_node(&NodeFacts { name: name.to_owned(), zone, ..NodeFacts::default() });
        }
        let trip = |source: &str, destination: &str, seconds| RoundTrip {
            source: source.to_owned(),
            destination: destination.to_owned(),
            seconds,
        };
        index.replace_round_trips(&[
            trip("a1", "b1", 0.002),
            trip("west", "a2", 0.004),
            trip("a1", "a2", 0.000_5),
            trip("a1", "a1", 0.000_01),
            trip("a1", "lost", 9.0),
            trip("a1", "nowhere", 9.0),
            trip("a1", "b1", f64::NAN),
            trip("a1", "b1", -1.0),
        ]);
        let snapshot = index.snapshot();
        assert_eq!(snapshot.round_trips().pairs().collect::<Vec<_>>(), [(1, 1, 0.000_5), (1, 2, 0.003)]);
        let expected = [0.0, 0.0, 0.0, 0.0, 0.000_5, 0.003, 0.0, 0.003, 0.0];
        assert_eq!(snapshot.round_trips().seconds(), expected);
        index.replace_round_trips(&[]);
        assert_eq!(index.snapshot().round_trips(), &RoundTrips::default());
        assert_eq!(snapshot.round_trips().seconds(), expected, "a snapshot never changes");
    }

    #[test]
    fn of_too_many_zones_nothing_is_kept() {
        assert_eq!(RoundTrips::new(MOST_ZONES + 1, [(1, 2, 1.0)]), RoundTrips::default());
        assert_eq!(RoundTrips::new(MOST_ZONES, [(1, 2, 1.0)]).pairs().count(), 1);
    }
}
