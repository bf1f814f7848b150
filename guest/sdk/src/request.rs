//! Holds [`Request`], what a policy is told about one pod, with typed access to peers and columns.
//!
//! The lists arrive in the guest's memory in one piece; everything here borrows from them and copies nothing.

use std::mem::ManuallyDrop;

use crate::bindings::exports::netmarks::policy::scoring;
use crate::bindings::netmarks::policy::types::{Column, Peers};
use crate::{Need, Parameter, Parameters, Policy};

/// Everything a policy is told about one pod that waits for a node.
///
/// Nodes are numbers: `0 .. candidates` are to be scored, `candidates .. nodes` are others on which peers run.
#[derive(Debug)]
pub struct Request {
    raw: ManuallyDrop<scoring::Request>,
    needs: &'static [Need],
    parameters: &'static [Parameter],
}

/// An application that the pod's application exchanges bytes with, and where its pods run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peer<'a> {
    /// Bytes per second of the calls made by the pod's application to this peer: F(P, X).
    pub outbound: f64,
    /// Bytes per second of the calls made by this peer to the pod's application: F(X, P).
    pub inbound: f64,
    /// The nodes that run pods of this peer, each once, in no order.
    pub nodes: &'a [u32],
    /// How many pods run or start on each of `nodes`; as long as `nodes`.
    pub pods: &'a [u32],
}

impl<'a> Peer<'a> {
    /// Bytes per second in both directions.
    #[must_use]
    pub fn traffic(&self) -> f64 {
        self.outbound + self.inbound
    }

    /// Pairs of a node and the peer's pods there.
    pub fn placements(&self) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        self.nodes.iter().copied().zip(self.pods.iter().copied())
    }

    /// The peer's pods on one node.
    #[must_use]
    pub fn pods_on(&self, node: u32) -> u32 {
        self.placements().find(|(there, _)| *there == node).map_or(0, |(_, pods)| pods)
    }
}

/// How long messages take between zones and back: [`Need::ZoneRoundTrips`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTrips<'a> {
    zones: usize,
    seconds: &'a [f64],
}

impl RoundTrips<'_> {
    /// Between two zones by their numbers in [`Need::NodeZone`]; `None` where nothing measured it.
    #[must_use]
    pub fn seconds(&self, source: u32, destination: u32) -> Option<f64> {
        let (source, destination) = (source as usize, destination as usize);
        let known = source < self.zones && destination < self.zones;
        let seconds = known.then(|| self.seconds.get(source * self.zones + destination).copied())??;
        (seconds > 0.0).then_some(seconds)
    }

    /// The longest of all; `None` where nothing was measured.
    #[must_use]
    pub fn longest(&self) -> Option<f64> {
        self.seconds.iter().copied().reduce(f64::max).filter(|seconds| *seconds > 0.0)
    }
}

impl Request {
    /// Takes over what the host sent for `P`.
    ///
    /// # Errors
    /// When the peers' rows do not fit together, which is a fault of the host: checked here once, so that a policy
    /// neither traps on them nor scores half of them.
    pub(crate) fn new<P: Policy>(raw: ManuallyDrop<scoring::Request>) -> Result<Self, String> {
        if rows_fit(&raw.peers) {
            Ok(Self { raw, needs: P::NEEDS, parameters: P::PARAMETERS })
        } else {
            Err("the rows of request.peers do not fit together".to_owned())
        }
    }

    /// How many nodes to score: the length of the list that a score is. At least 1.
    #[must_use]
    pub fn candidates(&self) -> usize {
        self.raw.candidates as usize
    }

    /// How many nodes the per-node columns describe; at least `candidates`.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.raw.nodes as usize
    }

    /// The peers, the heaviest first; their positions are what [`Part::peer`](crate::Part) refers to. Empty without
    /// [`Need::Peers`] and for an application that the mesh has not reported yet.
    pub fn peers(&self) -> impl Iterator<Item = Peer<'_>> {
        let peers = &self.raw.peers;
        let rows = peers.first.windows(2).map(|row| match row {
            [start, end] => *start as usize..*end as usize,
            _ => 0..0,
        });
        peers.outbound.iter().zip(&peers.inbound).zip(rows).map(|((outbound, inbound), row)| Peer {
            outbound: *outbound,
            inbound: *inbound,
            nodes: peers.node.get(row.clone()).unwrap_or_default(),
            pods: peers.pods.get(row).unwrap_or_default(),
        })
    }

    /// The values of the policy's parameters.
    #[must_use]
    pub fn parameters(&self) -> Parameters<'_> {
        Parameters::new(self.parameters, &self.raw.parameters)
    }

    /// The column of a need that arrives as numbers.
    ///
    /// # Errors
    /// When `NEEDS` does not list it, or it arrives as something else.
    pub fn numbers(&self, need: Need) -> Result<&[f64], String> {
        match self.column(need) {
            Some(Column::Numbers(numbers)) => Ok(numbers),
            _ => Err(no_column("numbers", need)),
        }
    }

    /// The column of a need that arrives as indexes.
    ///
    /// # Errors
    /// When `NEEDS` does not list it, or it arrives as something else.
    pub fn indexes(&self, need: Need) -> Result<&[u32], String> {
        match self.column(need) {
            Some(Column::Indexes(indexes)) => Ok(indexes),
            _ => Err(no_column("indexes", need)),
        }
    }

    /// The column of a need that arrives as texts.
    ///
    /// # Errors
    /// When `NEEDS` does not list it, or it arrives as something else.
    pub fn texts(&self, need: Need) -> Result<&[String], String> {
        match self.column(need) {
            Some(Column::Texts(texts)) => Ok(texts),
            _ => Err(no_column("texts", need)),
        }
    }

    /// How long messages take between zones.
    ///
    /// # Errors
    /// When `NEEDS` does not list [`Need::ZoneRoundTrips`], or it arrives as something else.
    pub fn round_trips(&self) -> Result<RoundTrips<'_>, String> {
        let seconds = self.numbers(Need::ZoneRoundTrips)?;
        Ok(RoundTrips { zones: seconds.len().isqrt(), seconds })
    }

    /// The only entry of a need about the pod that arrives as a number, for example [`Need::PodCpuRequest`].
    ///
    /// # Errors
    /// When `NEEDS` does not list it, or it does not arrive as one number.
    pub fn number(&self, need: Need) -> Result<f64, String> {
        match self.numbers(need)? {
            [number] => Ok(*number),
            _ => Err(no_column("one number", need)),
        }
    }

    /// The pod's labels as pairs of key and value.
    ///
    /// # Errors
    /// When `NEEDS` does not list [`Need::PodLabels`].
    pub fn labels(&self) -> Result<impl Iterator<Item = (&str, &str)>, String> {
        Ok(self.texts(Need::PodLabels)?.chunks_exact(2).filter_map(|pair| match pair {
            [key, value] => Some((key.as_str(), value.as_str())),
            _ => None,
        }))
    }

    fn column(&self, need: Need) -> Option<&Column> {
        self.raw.columns.get(need.position(self.needs)?)
    }
}

/// Whether `first` are ascending row starts that cover `node` and `pods` exactly, one row per peer.
fn rows_fit(peers: &Peers) -> bool {
    let (outbound, entries) = (peers.outbound.len(), peers.node.len());
    if peers.inbound.len() != outbound || peers.pods.len() != entries {
        return false;
    }
    match (peers.first.first(), peers.first.last()) {
        (Some(start), Some(end)) => {
            peers.first.len() == outbound + 1
                && *start == 0
                && *end as usize == entries
                && peers.first.is_sorted()
        }
        _ => outbound == 0 && entries == 0,
    }
}

fn no_column(kind: &str, need: Need) -> String {
    let name = need.name();
    ["the policy reads `", name, "` as ", kind, ", which is not what it was sent; is it in its NEEDS?"]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::{Need, Peer, rows_fit};
    use crate::bindings::netmarks::policy::types::Peers;
    use crate::testing::RequestBuilder;
    use crate::{Parameter, Policy, Request};

    struct Reader;

    impl Policy for Reader {
        const NAME: &'static str = "reader";
        const VERSION: &'static str = "0.0.0";
        const SUMMARY: &'static str = "Reads.";
        const NEEDS: &'static [Need] =
            &[Need::Peers, Need::NodeZone, Need::PodCpuRequest, Need::PodLabels, Need::NodeCpuRequested];
        const PARAMETERS: &'static [Parameter] = &[Parameter::number("weight", "Share.", 1.0, 0.0, 2.0)];

        fn score(request: &Request) -> Result<Vec<f64>, String> {
            Ok(vec![0.0; request.candidates()])
        }
    }

    #[test]
    fn each_peer_has_its_own_row_even_when_it_is_empty() {
        let request = RequestBuilder::new::<Reader>(3)
            .peer(10.0, 1.0, &[(2, 4), (0, 1)])
            .peer(5.0, 0.0, &[])
            .peer(0.0, 2.0, &[(1, 7)])
            .build();
        let peers: Vec<_> = request.peers().collect();
        assert_eq!(
            peers,
            [
                Peer { outbound: 10.0, inbound: 1.0, nodes: &[2, 0], pods: &[4, 1] },
                Peer { outbound: 5.0, inbound: 0.0, nodes: &[], pods: &[] },
                Peer { outbound: 0.0, inbound: 2.0, nodes: &[1], pods: &[7] },
            ]
        );
        assert_eq!(peers.iter().map(|peer| peer.pods_on(0)).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(peers.iter().map(Peer::traffic).collect::<Vec<_>>(), [11.0, 5.0, 2.0]);
    }

    #[test]
    fn columns_are_found_by_need_and_only_by_those_listed() {
        let request = RequestBuilder::new::<Reader>(2)
            .numbers(Need::NodeCpuRequested, &[0.5, 1.5])
            .texts(Need::PodLabels, &["app", "shop", "tier", "web"])
            .indexes(Need::NodeZone, &[1, 2])
            .numbers(Need::PodCpuRequest, &[0.25])
            .build();
        assert_eq!(request.indexes(Need::NodeZone), Ok(&[1, 2][..]));
        assert_eq!(request.numbers(Need::NodeCpuRequested), Ok(&[0.5, 1.5][..]));
        assert_eq!(request.number(Need::PodCpuRequest), Ok(0.25));
        assert_eq!(request.labels().unwrap().collect::<Vec<_>>(), [("app", "shop"), ("tier", "web")]);
        assert!(request.texts(Need::NodeName).unwrap_err().contains("`node.name` as texts"));
        assert!(request.texts(Need::NodeZone).unwrap_err().contains("`node.zone` as texts"));
        assert!(request.number(Need::NodeCpuRequested).unwrap_err().contains("as one number"));
    }

    #[test]
    fn parameters_have_their_defaults_unless_given() {
        let request = RequestBuilder::new::<Reader>(1).build();
        assert_eq!(request.parameters().number("weight"), Ok(1.0));
        let request = RequestBuilder::new::<Reader>(1).number("weight", 0.5).build();
        assert_eq!(request.parameters().number("weight"), Ok(0.5));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let fitting = Peers {
            outbound: vec![1.0, 2.0],
            inbound: vec![0.0, 0.0],
            first: vec![0, 1, 3],
            node: vec![0, 0, 1],
            pods: vec![1, 1, 1],
        };
        let none = Peers { outbound: vec![], inbound: vec![], first: vec![], node: vec![], pods: vec![] };
        assert!(rows_fit(&fitting));
        assert!(rows_fit(&none));
        assert!(rows_fit(&Peers { first: vec![0], ..none.clone() }));
        assert!(!rows_fit(&Peers { first: vec![1], ..none.clone() }));
        assert!(!rows_fit(&Peers { node: vec![0], ..none }));
        assert!(!rows_fit(&Peers { inbound: vec![0.0], ..fitting.clone() }));
        assert!(!rows_fit(&Peers { pods: vec![1, 1], ..fitting.clone() }));
        for first in [vec![], vec![0, 3], vec![0, 1, 2], vec![0, 4, 3], vec![1, 1, 3]] {
            assert!(!rows_fit(&Peers { first: first.clone(), ..fitting.clone() }), "{first:?}");
        }
    }
}
