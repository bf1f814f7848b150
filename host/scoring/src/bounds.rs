//! How long names may be, and how many: what Kubernetes itself allows, so that nothing that is kept of a request is larger.

use netmarks_core::request::PendingPod;

/// Most candidates of one request. Kubernetes is tested with 5,000 nodes, and the largest offer is for 65,000.
pub const MOST_CANDIDATES: usize = 1 << 16;

/// Longest name of an object: a DNS subdomain.
const LONGEST_NAME: usize = 253;

/// Longest `namespace/name`; a namespace is a DNS label.
const LONGEST_KEY: usize = 63 + 1 + LONGEST_NAME;

/// Longest key of a label: `prefix/name`.
const LONGEST_LABEL: usize = LONGEST_NAME + 1 + 63;

/// Longest value of a label.
const LONGEST_VALUE: usize = 63;

/// Most labels of a pod. Kubernetes has no bound of its own for their number; nobody writes so many.
const MOST_LABELS: usize = 1_024;

/// A request that Kubernetes cannot have made.
#[derive(Debug, thiserror::Error)]
pub enum OutOfBounds {
    /// More than a cluster has.
    #[error("the request has {count} {what}; {most} are the most")]
    TooMany {
        /// Nodes or labels.
        what: &'static str,
        count: usize,
        most: usize,
    },
    /// Longer than Kubernetes takes.
    #[error("{what} has {length} bytes; Kubernetes takes {longest} at most")]
    TooLong {
        /// Whose name.
        what: &'static str,
        length: usize,
        longest: usize,
    },
}

/// Checks a decoded request.
///
/// # Errors
/// For the first bound that it breaks.
pub fn check(pod: &PendingPod, nodes: &[&str]) -> Result<(), OutOfBounds> {
    many("nodes", nodes.len(), MOST_CANDIDATES)?;
    many("labels", pod.labels.len(), MOST_LABELS)?;
    long("the pod's namespace and name", pod.key.len(), LONGEST_KEY)?;
    let application = pod.application.as_ref().map_or(0, |application| application.as_str().len());
    long("the pod's application", application, LONGEST_KEY)?;
    long("a node's name", nodes.iter().map(|node| node.len()).max().unwrap_or(0), LONGEST_NAME)?;
    pod.labels.iter().try_for_each(|(key, value)| {
        long("a label's key", key.len(), LONGEST_LABEL)?;
        long("a label's value", value.len(), LONGEST_VALUE)
    })
}

fn many(what: &'static str, count: usize, most: usize) -> Result<(), OutOfBounds> {
    if count > most { Err(OutOfBounds::TooMany { what, count, most }) } else { Ok(()) }
}

fn long(what: &'static str, length: usize, longest: usize) -> Result<(), OutOfBounds> {
    if length > longest { Err(OutOfBounds::TooLong { what, length, longest }) } else { Ok(()) }
}
