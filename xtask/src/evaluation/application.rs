//! The applications that are placed: services with their CPU, and who calls whom.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

/// Replicas of made-up services: few of most, many of some.
const REPLICAS: [u32; 10] = [1, 1, 1, 2, 2, 3, 4, 6, 8, 10];

/// An application of several services.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) services: Vec<Service>,
    pub(super) edges: Vec<Edge>,
}

#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    /// CPU of all replicas together, in cores.
    pub(super) cores: f64,
    pub(super) replicas: u32,
}

/// Who calls whom, by the places of the services.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) source: usize,
    pub(super) destination: usize,
    pub(super) bytes_per_second: f64,
    /// Zero where calls were not counted.
    pub(super) calls_per_second: f64,
}

/// The items of the paper's Settlers and what each is made from: an edge is a call of the consumer to the producer. Traffic
/// and CPU are not published; all edges and services are taken to be alike.
const SETTLERS: [(&str, &[&str]); 14] = [
    ("flour", &["grain"]),
    ("log", &["tree"]),
    ("board", &["log"]),
    ("beer", &["grain", "water"]),
    ("pig", &["grain", "water"]),
    ("boat", &["board"]),
    ("bread", &["flour", "water"]),
    ("meat", &["pig"]),
    ("coal", &["bread", "fish", "meat"]),
    ("gold", &["bread", "fish", "meat"]),
    ("ironore", &["bread", "fish", "meat"]),
    ("coin", &["coal", "gold"]),
    ("iron", &["coal", "ironore"]),
    ("sword", &["coal", "iron"]),
];
const TOOLS: (&str, &[&str]) = ("tools", &["board", "iron"]);

impl Application {
    /// The paper's own application.
    pub(super) fn settlers() -> Self {
        let mut application = Self { services: Vec::new(), edges: Vec::new() };
        for (consumer, producers) in SETTLERS.into_iter().chain([TOOLS]) {
            for producer in producers {
                let source = application.service(consumer, 0.1);
                let destination = application.service(producer, 0.1);
                application.edges.push(Edge {
                    source,
                    destination,
                    bytes_per_second: 1_000.0,
                    calls_per_second: 1.0,
                });
            }
        }
        application
    }

    /// One of those whose traffic was measured (`tests/traffic/data`).
    pub(super) fn measured(edges: &str, cpu: &str) -> Result<Self> {
        let mut application = Self { services: Vec::new(), edges: Vec::new() };
        for [name, cores] in rows(cpu)? {
            application.service(name, cores.parse().with_context(|| format!("`{cores}` of {name}"))?);
        }
        for [source, destination, bytes] in rows(edges)? {
            let (source, destination) =
                (application.service(source, 0.0), application.service(destination, 0.0));
            let bytes_per_second = bytes.parse().with_context(|| format!("`{bytes}`"))?;
            application.edges.push(Edge { source, destination, bytes_per_second, calls_per_second: 0.0 });
        }
        Ok(application)
    }

    /// A made-up one: each service but the first is called by one that is there already, by those that have many callees more
    /// often (so that degrees fall off as a power law), and some more edges run between services that are chosen in the same way.
    /// Traffic and CPU spread over some orders of magnitude.
    pub(super) fn generated(services: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut application = Self { services: Vec::new(), edges: Vec::new() };
        // Every end of every edge once: a draw from here prefers those with many.
        let mut ends = vec![0];
        let mut seen = BTreeMap::new();
        for index in 0..services {
            let cores = 0.05 * magnitude(&mut random, 1.5);
            let replicas = random.choice(REPLICAS).unwrap_or(1);
            application.services.push(Service { name: format!("s{index}"), cores, replicas });
            // A third more edges than services, as in the applications that were measured.
            let calls = [index > 0, index > 2 && index % 3 == 0];
            for _ in calls.into_iter().filter(|there| *there) {
                let caller = ends.get(random.usize(0..ends.len())).copied().unwrap_or(0);
                if caller != index && seen.insert((caller, index), ()).is_none() {
                    let calls_per_second = magnitude(&mut random, 2.0);
                    let bytes_per_second = calls_per_second * 1_000.0 * magnitude(&mut random, 1.0);
                    application.edges.push(Edge {
                        source: caller,
                        destination: index,
                        bytes_per_second,
                        calls_per_second,
                    });
                    ends.extend([caller, index]);
                }
            }
        }
        application
    }

    /// With so many replicas of each service.
    pub(super) fn replicated(mut self, replicas: u32) -> Self {
        for service in &mut self.services {
            service.replicas = replicas;
        }
        self
    }

    /// All CPU together, in cores.
    pub(super) fn cores(&self) -> f64 {
        self.services.iter().map(|service| service.cores).sum()
    }

    fn service(&mut self, name: &str, cores: f64) -> usize {
        if let Some(index) = self.services.iter().position(|service| service.name == name) {
            return index;
        }
        self.services.push(Service { name: name.to_owned(), cores, replicas: 1 });
        self.services.len() - 1
    }
}

/// A number from 1, spread evenly over so many orders of magnitude.
fn magnitude(random: &mut fastrand::Rng, orders: f64) -> f64 {
    10f64.powf(random.f64() * orders)
}

fn rows<const N: usize>(text: &str) -> Result<Vec<[&str; N]>> {
    let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let cells: Option<[&str; N]> = line.split(',').collect::<Vec<_>>().try_into().ok();
            cells.with_context(|| format!("`{line}` has not {N} columns"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settlers_has_the_papers_services_and_edges() {
        let settlers = Application::settlers();
        assert_eq!((settlers.services.len(), settlers.edges.len()), (19, 28));
        let called = |index| settlers.edges.iter().any(|edge| edge.source == index);
        let leaves: Vec<&str> = (0..19)
            .filter(|index| !called(*index))
            .map(|index| settlers.services[index].name.as_str())
            .collect();
        assert_eq!(leaves, ["grain", "tree", "water", "fish"]);
    }

    #[test]
    fn generated_applications_are_connected_and_repeatable() {
        let one = Application::generated(200, 5);
        assert_eq!(format!("{one:?}"), format!("{:?}", Application::generated(200, 5)));
        assert!(one.edges.len() >= 199 && one.edges.len() < 300, "{}", one.edges.len());
        assert!(one.edges.iter().all(|edge| edge.source < edge.destination));
    }
}
