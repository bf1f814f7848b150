//! A captured exposition that goes on growing: real label sets, known rates.

use crate::clock::Clock;
use crate::exposition::{Page, Pages};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;

/// Holds a captured exposition. Every counter and histogram shows its captured value times the seconds since the clock began, so that it grows by that
/// value per second; gauges stay as captured.
pub struct Replay {
    name: String,
    labels: BTreeMap<String, String>,
    content_type: &'static str,
    lines: Vec<Line>,
    clock: Clock,
}

enum Line {
    /// Comments, gauges, blank lines.
    AsIs(String),
    /// Name and labels, and the captured value.
    Growing(String, f64),
}

impl Replay {
    /// Reads an exposition in the Prometheus text format or OpenMetrics (told apart by the `# EOF` that ends the latter). It becomes one target
    /// with this name and these target labels.
    pub fn parse(
        name: &str,
        labels: BTreeMap<String, String>,
        exposition: &str,
        clock: Clock,
    ) -> Result<Self> {
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lines = Vec::new();
        for (index, text) in exposition.lines().enumerate() {
            let line = read_line(text, &mut kinds)
                .with_context(|| format!("line {} of the exposition is not a sample: {text:?}", index + 1))?;
            lines.push(line);
        }
        ensure!(lines.iter().any(|line| matches!(line, Line::Growing(..))), "the exposition has no counter");
        let content_type = if exposition.trim_end().ends_with("# EOF") {
            "application/openmetrics-text;charset=utf-8;version=1.0.0"
        } else {
            "text/plain; version=0.0.4; charset=utf-8"
        };
        Ok(Self { name: name.to_owned(), labels, content_type, lines, clock })
    }

    /// The scrape of a real Istio ztunnel that is kept in `captures/`: `frontend` calls `cartservice` with 9,300 bytes/s and gets
    /// 102,280 bytes/s, and calls `productcatalogservice` with 3,300 and gets 402,300, all in namespace `boutique`.
    pub fn ztunnel(clock: Clock) -> Result<Self> {
        let labels = crate::proxy::target_labels([
            ("job", "kubernetes-pods"),
            ("namespace", "istio-system"),
            ("pod", "ztunnel-t2w9m"),
            ("node", "node-0"),
            ("app", "ztunnel"),
            ("instance", "10.244.2.4:15020"),
        ]);
        Self::parse("ztunnel-t2w9m", labels, include_str!("../captures/ztunnel-metrics.txt"), clock)
    }
}

fn read_line<'a>(text: &'a str, kinds: &mut BTreeMap<&'a str, &'a str>) -> Result<Line> {
    if let Some(declaration) = text.strip_prefix("# TYPE ") {
        let (family, kind) = declaration.split_once(' ').context("a type without a kind")?;
        kinds.insert(family, kind.trim());
    }
    if text.starts_with('#') || text.trim().is_empty() {
        return Ok(Line::AsIs(text.to_owned()));
    }
    // Label values may hold blanks, so the value is looked for behind the labels.
    let end_of_series =
        text.rfind('}').map(|brace| brace + 1).or_else(|| text.find(' ')).context("no value")?;
    let (series, value) = text.split_at(end_of_series);
    let value: f64 = value.trim().parse().with_context(|| format!("{value:?} is not a number"))?;
    let name = series.split('{').next().unwrap_or_default();
    Ok(if grows(name, kinds) { Line::Growing(series.to_owned(), value) } else { Line::AsIs(text.to_owned()) })
}

fn grows(name: &str, kinds: &BTreeMap<&str, &str>) -> bool {
    let is = |family: &str, kind: &str| kinds.get(family) == Some(&kind);
    is(name, "counter")
        || name.strip_suffix("_total").is_some_and(|family| is(family, "counter"))
        || ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name.strip_suffix(suffix).is_some_and(|family| is(family, "histogram")))
}

impl Pages for Replay {
    fn targets(&self) -> Vec<(String, BTreeMap<String, String>)> {
        vec![(self.name.clone(), self.labels.clone())]
    }

    fn page(&self, target: &str) -> Option<Page> {
        let seconds = (self.clock)().as_secs_f64();
        (target == self.name).then(|| {
            let mut body = String::new();
            for line in &self.lines {
                match line {
                    Line::AsIs(text) => body.push_str(text),
                    Line::Growing(series, per_s) => {
                        body.push_str(&format!("{series} {}", (per_s * seconds).floor()));
                    }
                }
                body.push('\n');
            }
            Page { content_type: self.content_type, body: body.into_bytes() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    fn at(seconds: u64) -> Clock {
        Arc::new(move || Duration::from_secs(seconds))
    }

    #[test]
    fn a_capture_after_one_second_is_itself() {
        let page = Replay::ztunnel(at(1)).unwrap().page("ztunnel-t2w9m").unwrap();
        assert_eq!(page.text(), include_str!("../captures/ztunnel-metrics.txt"));
        assert!(page.content_type.starts_with("application/openmetrics-text"));
    }

    #[test]
    fn counters_grow_and_gauges_stay() {
        let text = "# TYPE a gauge\na 3\n# TYPE b_total counter\nb_total{x=\"1 {\"} 2.5\n# TYPE h histogram\nh_sum 4\n";
        let replay = Replay::parse("t", BTreeMap::new(), text, at(10)).unwrap();
        let page = replay.page("t").unwrap();
        assert_eq!(
            page.text(),
            "# TYPE a gauge\na 3\n# TYPE b_total counter\nb_total{x=\"1 {\"} 25\n# TYPE h histogram\nh_sum 40\n"
        );
        assert_eq!(replay.page("other"), None);
    }

    #[test]
    fn what_is_no_exposition_is_refused() {
        for bad in ["", "# TYPE a gauge\na 1\n", "# TYPE a counter\na one\n", "a\n"] {
            assert!(Replay::parse("t", BTreeMap::new(), bad, at(1)).is_err(), "{bad:?}");
        }
    }
}
