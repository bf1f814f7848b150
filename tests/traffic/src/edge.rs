//! Who talks to whom, and how much: the input, by hand or from measured sample applications.

use anyhow::{Context as _, Result, ensure};

/// Requests are small and answers large in the sample applications; the exact share matters only to tests that set their own.
const DEFAULT_REQUEST_SHARE: f64 = 0.25;

/// One application calling another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Namespace of the caller.
    pub source_namespace: String,
    /// Caller: name of its Deployment and value of its `app` label.
    pub source: String,
    /// Namespace of the called.
    pub destination_namespace: String,
    /// Called: name of its Deployment, of its Service and value of its `app` label.
    pub destination: String,
    /// Bytes per second, requests and responses together.
    pub bytes_per_s: f64,
    /// Part of the bytes that travels from source to destination, 0 to 1.
    pub request_share: f64,
}

impl Edge {
    /// An edge within one namespace, a quarter of whose bytes are requests.
    pub fn new(namespace: &str, source: &str, destination: &str, bytes_per_s: f64) -> Self {
        Self {
            source_namespace: namespace.to_owned(),
            source: source.to_owned(),
            destination_namespace: namespace.to_owned(),
            destination: destination.to_owned(),
            bytes_per_s,
            request_share: DEFAULT_REQUEST_SHARE,
        }
    }

    /// The same with another part of requests, 0 to 1.
    #[must_use]
    pub fn with_request_share(mut self, share: f64) -> Self {
        self.request_share = share;
        self
    }

    /// Bytes per second from source to destination.
    pub fn request_bytes_per_s(&self) -> f64 {
        self.bytes_per_s * self.request_share
    }

    /// Bytes per second from destination to source.
    pub fn response_bytes_per_s(&self) -> f64 {
        self.bytes_per_s - self.request_bytes_per_s()
    }
}

/// Measured edges of Google's Online Boutique, in namespace `online-boutique`.
pub fn online_boutique() -> Result<Vec<Edge>> {
    parse_edges("online-boutique", include_str!("../data/online-boutique-edges.csv"))
}

/// Measured edges of DeathStarBench's Social Network, in namespace `social-network`.
pub fn social_network() -> Result<Vec<Edge>> {
    parse_edges("social-network", include_str!("../data/social-network-edges.csv"))
}

/// Measured edges of Istio's Bookinfo, in namespace `bookinfo`.
pub fn bookinfo() -> Result<Vec<Edge>> {
    parse_edges("bookinfo", include_str!("../data/bookinfo-edges.csv"))
}

/// Reads `src,dst,bytes_per_s` lines under a header line of just that. Names hold no commas, so nothing is quoted.
pub fn parse_edges(namespace: &str, csv: &str) -> Result<Vec<Edge>> {
    let mut lines = csv.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let header = lines.next().map(|(_, line)| line).unwrap_or_default();
    ensure!(header == "src,dst,bytes_per_s", "the header of {namespace}'s edges is {header:?}");
    lines
        .map(|(index, line)| {
            parse_line(namespace, line)
                .with_context(|| format!("edges of {namespace}, line {}: {line:?}", index + 1))
        })
        .collect()
}

fn parse_line(namespace: &str, line: &str) -> Result<Edge> {
    let mut fields = line.split(',');
    let (source, destination, rate, rest) = (fields.next(), fields.next(), fields.next(), fields.next());
    let (Some(source), Some(destination), Some(rate), None) = (source, destination, rate, rest) else {
        anyhow::bail!("not three fields");
    };
    let rate: f64 = rate.parse().with_context(|| format!("{rate:?} is not a number"))?;
    ensure!(rate.is_finite() && rate >= 0.0, "{rate} is not a rate");
    Ok(Edge::new(namespace, source, destination, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_applications_are_complete() {
        assert_eq!(online_boutique().unwrap().len(), 15);
        assert_eq!(social_network().unwrap().len(), 28);
        let bookinfo = bookinfo().unwrap();
        assert_eq!(bookinfo.len(), 6);
        assert_eq!(bookinfo[0].destination, "details");
        assert_eq!(bookinfo[0].bytes_per_s, 80_059.191_682_189_54);
    }

    #[test]
    fn errors_name_the_line() {
        let error = parse_edges("n", "src,dst,bytes_per_s\na,b,1\na,b,fast\n").unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        for bad in ["a,b,-1", "a,b,NaN", "a,b", "a,b,1,2"] {
            parse_edges("n", &format!("src,dst,bytes_per_s\n{bad}\n")).unwrap_err();
        }
        parse_edges("n", "a,b,1\n").unwrap_err();
    }
}
