//! What the host gathers arrives in the guest as it is, in the order that the policy asked for.

use crate::support::{guest, kind, load, load_with, patient, word};
use netmarks_core::needs::{ColumnNeed, Needs};
use netmarks_core::request::{Column, Peers, PolicyRequest};
use netmarks_engine::{Artefact, ParameterValue, Policy};

/// Two candidates and one other node; two peers. Every value is a small whole number, so sums are exact.
fn everything(policy: &Policy) -> PolicyRequest {
    let indexes = |values: [u32; 3]| Column::Indexes(values.into());
    let numbers = |values: [f64; 3]| Column::Numbers(values.into());
    let texts = |values: &[&str]| Column::Texts(values.iter().map(|text| (*text).to_owned()).collect());
    let columns = policy.needs().columns.iter().map(|need| match need {
        ColumnNeed::NodeName => texts(&["a", "bb", "cccc"]),
        ColumnNeed::NodeZone => indexes([1, 2, 9]),
        ColumnNeed::NodeRegion => indexes([10, 20, 90]),
        ColumnNeed::NodeOwnPods => indexes([100, 200, 900]),
        ColumnNeed::NodeTarget => indexes([10_000_000, 20_000_000, 90_000_000]),
        ColumnNeed::NodeTargetCpu => numbers([1e8, 2e8, 9e8]),
        ColumnNeed::NodeCpuAllocatable => numbers([1e3, 2e3, 9e3]),
        ColumnNeed::NodeCpuRequested => numbers([1e4, 2e4, 9e4]),
        ColumnNeed::NodeMemoryAllocatable => numbers([1e5, 2e5, 9e5]),
        ColumnNeed::NodeMemoryRequested => numbers([1e6, 2e6, 9e6]),
        ColumnNeed::ZoneRoundTrips => Column::Numbers(vec![0.0, 18.0, 18.0, 19.0]),
        ColumnNeed::PeerName => texts(&["n/x", "n/yy"]),
        ColumnNeed::PeerPods => Column::Indexes(vec![5, 6]),
        ColumnNeed::PeerReplicas => Column::Indexes(vec![11, 12]),
        ColumnNeed::PeerLocalShare => Column::Numbers(vec![0.0, 1.0]),
        ColumnNeed::PeerCpuRequest => Column::Numbers(vec![13.0, 14.0]),
        ColumnNeed::PeerMemoryRequest => Column::Numbers(vec![15.0, 16.0]),
        ColumnNeed::PodName => texts(&["n/pod"]),
        ColumnNeed::PodLabels => texts(&["app", "x", "tier", "web"]),
        ColumnNeed::PodCpuRequest => Column::Numbers(vec![7.0]),
        ColumnNeed::PodMemoryRequest => Column::Numbers(vec![8.0]),
        ColumnNeed::PodReplicas => Column::Indexes(vec![9]),
        ColumnNeed::PodTarget => Column::Indexes(vec![17]),
        ColumnNeed::PodTargetNotOffered => Column::Indexes(vec![21]),
    });
    PolicyRequest {
        candidates: 2,
        nodes: 3,
        peers: Peers {
            outbound: vec![1.0, 2.0],
            inbound: vec![3.0, 4.0],
            first: vec![0, 1, 3],
            node: vec![0, 1, 2],
            pods: vec![2, 3, 4],
        },
        columns: columns.collect(),
        peer_names: Vec::new(),
    }
}

#[test]
fn a_policy_with_every_need_sees_every_value() {
    let parameters = [
        ("number", ParameterValue::Number(50.0)),
        ("text", word("four")),
        ("toggle", ParameterValue::Toggle(true)),
        ("choice", word("three")),
    ];
    let policy = load_with("columns", &guest("columns"), &parameters, patient()).unwrap();
    assert_eq!(policy.needs().columns.len(), 24);
    // See the fixture for the sum: nodes, then what all candidates share.
    let peers = (1.0 + 2.0 * 3.0 + 2.0 + 3.0 + 5.0) + (2.0 + 2.0 * 4.0 + 6.0 + 12.0 + 4.0 + 6.0);
    let expected = (11.0 + 12.0) + 1.0 + (13.0 + 14.0) + (15.0 + 16.0);
    let pod = 5.0 + 11.0 + 7.0 + 8.0 + 9.0 + 17.0 + 21.0;
    let parameters = 50.0 + 4.0 + 1.0 + 5.0;
    // From each zone to the other, and within the second.
    let round_trips = 18.0 + 18.0 + 19.0;
    let shared = peers + expected + pod + parameters + round_trips + 4.0;
    assert_eq!(
        policy.score(&everything(&policy)).unwrap(),
        [shared + 1.0 + 111_111_111.0, shared + 2.0 + 222_222_222.0]
    );
}

#[test]
fn a_policy_may_refuse_values_that_make_no_sense_together() {
    let parameters = [("text", word("refuse"))];
    let error = load_with("columns", &guest("columns"), &parameters, patient()).unwrap_err();
    assert_eq!(kind(&error), ("configure", "said"));
}

#[test]
fn a_policy_without_needs_is_told_the_number_of_candidates() {
    let policy = load("no-needs", &guest("no-needs")).unwrap();
    assert_eq!(*policy.needs(), Needs::default());
    let request = PolicyRequest { candidates: 5, nodes: 5, ..PolicyRequest::default() };
    assert_eq!(policy.score(&request).unwrap(), [0.0; 5]);
}

#[test]
fn the_digest_is_that_of_the_bytes() {
    let digest = Artefact::new("abc", b"abc").digest();
    assert_eq!(digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
