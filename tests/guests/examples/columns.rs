//! Needs everything, checks the length of every column, and returns a sum in which every value counts.
//!
//! The score of candidate `n` is the sum of
//!  - for node `n`: bytes of its name, zone, region, the four CPU and memory numbers, own pods, target
//!    and CPU that it awaits;
//!  - over all nodes that are not candidates: bytes of their names;
//!  - over all peers: outbound + 2 * inbound + sum of (node + 1) * pods over their placements, bytes of the name, pods, replicas,
//!    share of local traffic, CPU and memory request;
//!  - bytes of the pod's name, of its labels' keys and values, its CPU and its memory request, its replicas and its target;
//!  - the parameters: `number`, bytes of `text`, 1 if `toggle`, bytes of `choice`.
//!
//! All of them small whole numbers in the tests, so that the sum is exact. `check` refuses `text = refuse`.

use netmarks_policy_sdk::{Need, Parameter, Parameters, Policy, Request, export};

struct Columns;

impl Policy for Columns {
    const NAME: &'static str = "columns";
    const VERSION: &'static str = "0.0.0";
    const SUMMARY: &'static str = "A fixture of the tests that needs every column.";
    const NEEDS: &'static [Need] = &Need::ALL;
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::number("number", "Added to every score.", 0.0, -100.0, 100.0),
        Parameter::text("text", "Its length in bytes is added.", ""),
        Parameter::toggle("toggle", "Adds one.", false),
        Parameter::choice("choice", "Its length in bytes is added.", "one", &["one", "three"]),
    ];

    fn check(parameters: &Parameters<'_>) -> Result<(), String> {
        match parameters.text("text")? {
            "refuse" => Err("text must not be `refuse`".to_owned()),
            _ => Ok(()),
        }
    }

    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let shared =
            peers(request)? + pod(request)? + parameters(&request.parameters())? + round_trips(request)?;
        let mut scores = vec![shared; request.nodes()];
        for need in [Need::NodeZone, Need::NodeRegion, Need::NodeOwnPods, Need::NodeTarget] {
            let column = of_length(need, request.indexes(need)?, request.nodes())?;
            scores.iter_mut().zip(column).for_each(|(score, value)| *score += f64::from(*value));
        }
        for need in [
            Need::NodeTargetCpu,
            Need::NodeCpuAllocatable,
            Need::NodeCpuRequested,
            Need::NodeMemoryAllocatable,
            Need::NodeMemoryRequested,
        ] {
            let column = of_length(need, request.numbers(need)?, request.nodes())?;
            scores.iter_mut().zip(column).for_each(|(score, value)| *score += value);
        }
        let names = of_length(Need::NodeName, request.texts(Need::NodeName)?, request.nodes())?;
        let others: f64 = names.iter().skip(request.candidates()).map(|name| bytes(name)).sum();
        scores.truncate(request.candidates());
        scores.iter_mut().zip(names).for_each(|(score, name)| *score += bytes(name) + others);
        Ok(scores)
    }
}

fn peers(request: &Request) -> Result<f64, String> {
    let mut sum = 0.0;
    for peer in request.peers() {
        sum += peer.outbound + 2.0 * peer.inbound;
        for (node, pods) in peer.placements() {
            if node as usize >= request.nodes() || pods == 0 {
                return Err(format!("{pods} pods on node {node} of {}", request.nodes()));
            }
            sum += (f64::from(node) + 1.0) * f64::from(pods);
        }
    }
    let count = request.peers().count();
    let names = of_length(Need::PeerName, request.texts(Need::PeerName)?, count)?;
    sum += names.iter().map(|name| bytes(name)).sum::<f64>();
    for need in [Need::PeerPods, Need::PeerReplicas] {
        let column = of_length(need, request.indexes(need)?, count)?;
        sum += column.iter().copied().map(f64::from).sum::<f64>();
    }
    for need in [Need::PeerLocalShare, Need::PeerCpuRequest, Need::PeerMemoryRequest] {
        sum += of_length(need, request.numbers(need)?, count)?.iter().sum::<f64>();
    }
    Ok(sum)
}

fn pod(request: &Request) -> Result<f64, String> {
    let name = of_length(Need::PodName, request.texts(Need::PodName)?, 1)?;
    let labels = request.texts(Need::PodLabels)?;
    if labels.len() % 2 != 0 {
        return Err("pod.labels is not a list of pairs".to_owned());
    }
    let texts: f64 = name.iter().chain(labels).map(|text| bytes(text)).sum();
    let mut counts = 0.0;
    for need in [Need::PodReplicas, Need::PodTarget, Need::PodTargetNotOffered] {
        counts += of_length(need, request.indexes(need)?, 1)?.iter().copied().map(f64::from).sum::<f64>();
    }
    Ok(texts + request.number(Need::PodCpuRequest)? + request.number(Need::PodMemoryRequest)? + counts)
}

fn round_trips(request: &Request) -> Result<f64, String> {
    let trips = request.round_trips()?;
    let pairs = [(0, 1), (1, 0), (1, 1)].map(|(source, destination)| trips.seconds(source, destination));
    match (trips.seconds(0, 0), trips.seconds(7, 0)) {
        (None, None) => Ok(pairs.into_iter().flatten().sum()),
        _ => Err("a round trip that nobody measured".to_owned()),
    }
}

fn parameters(parameters: &Parameters<'_>) -> Result<f64, String> {
    let toggle = f64::from(u8::from(parameters.toggle("toggle")?));
    Ok(parameters.number("number")?
        + bytes(parameters.text("text")?)
        + toggle
        + bytes(parameters.text("choice")?))
}

fn of_length<T>(need: Need, column: &[T], expected: usize) -> Result<&[T], String> {
    if column.len() == expected {
        Ok(column)
    } else {
        Err(format!("{} has {} entries, not {expected}", need.name(), column.len()))
    }
}

#[allow(clippy::cast_precision_loss, reason = "texts of the tests are short")]
fn bytes(text: &str) -> f64 {
    text.len() as f64
}

export!(Columns);
