//! Series and how they are written: Prometheus text as Envoy and Linkerd write it, OpenMetrics as ztunnel does.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

/// Upper bounds of Envoy's default histogram buckets.
const BUCKETS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

/// What one scrape gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// Text, or Prometheus' protobuf.
    pub body: Vec<u8>,
}

impl Page {
    /// The body of a page of text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Something with scrape targets. Targets may come and go.
pub trait Pages: Send + Sync {
    /// Name, for the URL, and target labels of every target there is now.
    fn targets(&self) -> Vec<(String, BTreeMap<String, String>)>;

    /// What the named target shows now, or `None` if there is no such target.
    fn page(&self, target: &str) -> Option<Page>;
}

/// How a proxy writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Prometheus text without help, as Envoy.
    Text,
    /// OpenMetrics with help: counters' `# TYPE` lacks `_total`, and the end is marked.
    OpenMetrics,
}

impl Dialect {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text;charset=utf-8;version=1.0.0",
        }
    }
}

pub(crate) type Labels = Vec<(&'static str, String)>;

/// What a series counts, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Growth {
    Counter {
        per_s: f64,
    },
    /// So many observations, all of one size.
    Histogram {
        per_s: f64,
        size: f64,
    },
}

/// Holds one series (or the series of one histogram) since its proxy started or its rate changed.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Index of the edge it reports, so that a change of the edge finds it.
    pub(crate) edge: usize,
    /// Name without `_total`, `_sum` and the like.
    pub(crate) family: &'static str,
    pub(crate) labels: Labels,
    /// Part of the edge's traffic that this series sees.
    pub(crate) share: f64,
    pub(crate) growth: Growth,
    /// Values at `since`: the counter, or count and sum.
    base: (f64, f64),
    since: Duration,
}

impl Series {
    pub(crate) fn new(edge: usize, family: &'static str, labels: Labels, share: f64, growth: Growth) -> Self {
        Self { edge, family, labels, share, growth, base: (0.0, 0.0), since: Duration::ZERO }
    }

    /// Count (or the counter) and sum at `now`, in whole units as proxies count them.
    pub(crate) fn values(&self, now: Duration) -> (f64, f64) {
        let elapsed = now.saturating_sub(self.since).as_secs_f64();
        let (first, second) = match self.growth {
            Growth::Counter { per_s } => (per_s, 0.0),
            Growth::Histogram { per_s, size } => (per_s, per_s * size),
        };
        let at = |base: f64, per_s: f64| (base + per_s * self.share * elapsed).floor();
        (at(self.base.0, first), at(self.base.1, second))
    }

    fn sample_into(&self, samples: &mut Samples, name: &str, now: Duration) {
        let labels = label_text(&self.labels);
        let (count, sum) = self.values(now);
        match self.growth {
            Growth::Counter { .. } => samples.add(format!("{name}{{{labels}}}"), count),
            Growth::Histogram { size, .. } => {
                for bound in BUCKETS {
                    let below = if size <= bound { count } else { 0.0 };
                    samples.add(format!("{name}_bucket{{{labels},le=\"{bound}\"}}"), below);
                }
                samples.add(format!("{name}_bucket{{{labels},le=\"+Inf\"}}"), count);
                samples.add(format!("{name}_sum{{{labels}}}"), sum);
                samples.add(format!("{name}_count{{{labels}}}"), count);
            }
        }
    }

    /// Starts again at zero, as after a restart of the proxy.
    pub(crate) fn reset(&mut self, now: Duration) {
        self.base = (0.0, 0.0);
        self.since = now;
    }

    /// Splits off the part (0 to 1) of what it counts that fails from now on; `None` if what it counts has no outcome, or fails already.
    pub(crate) fn split_off_failing(&mut self, now: Duration, part: f64) -> Option<Self> {
        let mut failing = self.clone();
        let mut labels = failing.labels.iter_mut();
        let (_, code) = labels.find(|(name, code)| *name == "response_code" && code == "200")?;
        "503".clone_into(code);
        failing.reset(now);
        failing.scale(now, part);
        self.scale(now, 1.0 - part);
        Some(failing)
    }

    /// Goes on from its present value at another rate.
    pub(crate) fn scale(&mut self, now: Duration, factor: f64) {
        self.base = self.values(now);
        self.since = now;
        self.growth = match self.growth {
            Growth::Counter { per_s } => Growth::Counter { per_s: per_s * factor },
            Growth::Histogram { per_s, size } => Growth::Histogram { per_s: per_s * factor, size },
        };
    }
}

/// Writes series grouped by family, in order of first appearance.
pub(crate) fn render(dialect: Dialect, series: &[Series], now: Duration) -> String {
    let mut families: Vec<&'static str> = Vec::new();
    for one in series {
        if !families.contains(&one.family) {
            families.push(one.family);
        }
    }
    let mut text = String::new();
    for family in families {
        let members: Vec<&Series> = series.iter().filter(|one| one.family == family).collect();
        let histogram = members.iter().any(|one| matches!(one.growth, Growth::Histogram { .. }));
        let kind = if histogram { "histogram" } else { "counter" };
        let sample = if histogram { family.to_owned() } else { format!("{family}_total") };
        match dialect {
            Dialect::Text => line(&mut text, format_args!("# TYPE {sample} {kind}")),
            Dialect::OpenMetrics => {
                line(&mut text, format_args!("# HELP {family} {}.", help(family)));
                line(&mut text, format_args!("# TYPE {family} {kind}"));
            }
        }
        let mut samples = Samples::default();
        for one in members {
            one.sample_into(&mut samples, &sample, now);
        }
        for (series, value) in samples.in_order {
            line(&mut text, format_args!("{series} {value}"));
        }
    }
    if dialect == Dialect::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// Holds the values of one family in order of first appearance. Reports that come to the same labels are one series in a proxy: a ztunnel
/// sees all that a waypoint sends as from the waypoint, whoever asked.
#[derive(Default)]
struct Samples {
    in_order: Vec<(String, f64)>,
    index: HashMap<String, usize>,
}

impl Samples {
    fn add(&mut self, series: String, value: f64) {
        match self.index.get(&series).and_then(|index| self.in_order.get_mut(*index)) {
            Some((_, sum)) => *sum += value,
            None => {
                self.index.insert(series.clone(), self.in_order.len());
                self.in_order.push((series, value));
            }
        }
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _written = writeln!(text, "{content}");
}

fn label_text(labels: &Labels) -> String {
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    pairs.join(",")
}

/// ztunnel's own words for its families.
fn help(family: &str) -> &'static str {
    match family {
        "istio_tcp_connections_opened" => "The total number of TCP connections opened",
        "istio_tcp_connections_closed" => "The total number of TCP connections closed",
        "istio_tcp_received_bytes" => {
            "The size of total bytes received during request in case of a TCP connection"
        }
        "istio_tcp_sent_bytes" => "The size of total bytes sent during response in case of a TCP connection",
        _ => "Undescribed",
    }
}
