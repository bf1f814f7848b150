//! What was published of clusters that nobody may hand out.

/// A published shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One production cluster of a large company: 547 services in 3,485 pods on 96 machines.
    Company,
}

/// The figures of a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    pub services: usize,
    pub pods: usize,
    /// Machines of each machine type, by `machines::TYPES`.
    pub machines: [usize; 10],
    /// Share of the machines' CPU that pods request, of 1.
    pub cpu: f64,
    /// Share of the machines' memory that pods request, of 1.
    pub memory: f64,
    /// Pairs of services with traffic between them.
    pub edges: usize,
    /// Services with any traffic.
    pub talking: usize,
    /// Share of the traffic within the largest component, of 1.
    pub component: f64,
    /// So many of the heaviest edges ...
    pub top: usize,
    /// ... carry this share of the traffic, of 1.
    pub top_share: f64,
    /// Edges of the service that has most.
    pub degree: usize,
    /// Its pods, of which no service has more.
    pub hub_pods: usize,
}

impl Shape {
    /// What was published of it. How many machines there are of each type was not; the sum was, 96.
    #[must_use]
    pub fn published(self) -> Published {
        match self {
            Self::Company => Published {
                services: 547,
                pods: 3_485,
                machines: [20, 16, 12, 11, 10, 8, 7, 5, 4, 3],
                cpu: 0.88,
                memory: 0.28,
                edges: 344,
                talking: 161,
                component: 0.99,
                top: 20,
                top_share: 0.72,
                degree: 34,
                hub_pods: 153,
            },
        }
    }
}

impl Published {
    /// The same, so many times as large. Shares stay; so does the hub, since a larger cluster has more services rather than larger ones.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        let times = usize::try_from(times.max(1)).unwrap_or(usize::MAX);
        let Self { services, pods, machines, edges, talking, top, .. } = self;
        Self {
            services: services * times,
            pods: pods * times,
            machines: machines.map(|count| count * times),
            edges: edges * times,
            talking: talking * times,
            top: top * times,
            ..self
        }
    }
}
