//! Which series a PromQL query reads.
//!
//! It works on the text of any query, custom ones included. Whoever asks why a query
//! finds nothing asks next which of its series are there, and which matcher leaves them out.

use std::fmt;

/// Words of PromQL that stand where a metric's name could: operators, and aggregations before `by`.
const WORDS: [&str; 23] = [
    "and",
    "atan2",
    "avg",
    "bool",
    "bottomk",
    "count",
    "count_values",
    "group",
    "inf",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "nan",
    "offset",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
    "default",
];

/// Words that are followed by a list of labels in parentheses.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// One vector selector of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector {
    /// The metric; empty if only matchers say it.
    pub metric: String,
    /// Its matchers as they are written: `reporter="source"`.
    pub matchers: Vec<String>,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        if self.matchers.is_empty() { Ok(()) } else { write!(f, "{{{}}}", self.matchers.join(",")) }
    }
}

/// The selectors of `query`, each once, in the order in which they appear.
#[must_use]
pub fn selectors(query: &str) -> Vec<Selector> {
    let mut found: Vec<Selector> = Vec::new();
    let mut rest = query;
    let mut take = |selector: Selector| {
        if !found.contains(&selector) {
            found.push(selector);
        }
    };
    while let Some(first) = rest.chars().next() {
        if is_quote(first) {
            rest = after_text(rest);
        } else if first == '{' {
            let (matchers, after) = split_matchers(rest);
            take(Selector { metric: String::new(), matchers });
            rest = after;
        } else if first == '[' {
            rest = rest.split_once(']').map_or("", |(_, after)| after);
        } else if first.is_ascii_digit() {
            // A number or a duration, with its unit.
            rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
        } else if is_name(first) {
            let end = rest.find(|c: char| !is_name(c) && !c.is_ascii_digit()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after.trim_start();
            let lower = name.to_ascii_lowercase();
            if LISTS.contains(&lower.as_str()) {
                if let Some(list) = rest.strip_prefix('(') {
                    rest = list.split_once(')').map_or("", |(_, after)| after);
                }
            } else if rest.starts_with('{') {
                let (matchers, after) = split_matchers(rest);
                take(Selector { metric: name.to_owned(), matchers });
                rest = after;
            } else if !rest.starts_with('(') && !WORDS.contains(&lower.as_str()) {
                take(Selector { metric: name.to_owned(), matchers: Vec::new() });
            }
        } else {
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    found
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

/// What follows the quoted text that `text` begins with.
fn after_text(text: &str) -> &str {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return "" };
    let mut escaped = false;
    for (at, c) in chars {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return text.get(at + c.len_utf8()..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

/// The matchers of the braces that `text` begins with, and what follows them.
fn split_matchers(text: &str) -> (Vec<String>, &str) {
    let mut matchers = Vec::new();
    let mut rest = text.get(1..).unwrap_or_default();
    let mut matcher = String::new();
    let mut done = |matcher: &mut String| {
        let text = std::mem::take(matcher);
        if !text.trim().is_empty() {
            matchers.push(text.trim().to_owned());
        }
    };
    while let Some(c) = rest.chars().next() {
        let after = if is_quote(c) { after_text(rest) } else { rest.get(c.len_utf8()..).unwrap_or_default() };
        match c {
            ',' => done(&mut matcher),
            '}' => {
                done(&mut matcher);
                return (matchers, after);
            }
            _ => matcher.push_str(rest.get(..rest.len() - after.len()).unwrap_or_default()),
        }
        rest = after;
    }
    done(&mut matcher);
    (matchers, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::MetricsConfig;
    use crate::prometheus::choice::PresetName;
    use crate::prometheus::presets::Preset;
    use netmarks_core::application::Identity;

    fn shown(query: &str) -> Vec<String> {
        selectors(query).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_matchers_and_ranges_are_told_from_functions_and_labels() {
        assert_eq!(
            shown("sum by (a, b) (rate(x_total{a=\"1,}\", b!~'c|'}[5m])) > 0"),
            ["x_total{a=\"1,}\",b!~'c|'}"]
        );
        assert_eq!(shown("job:x:rate5m or on (a) group_left (b) y offset 5m"), ["job:x:rate5m", "y"]);
        assert_eq!(shown(r#"label_replace(z, "a", "$1", "b", "(.*)") / 2e3"#), ["z"]);
        assert_eq!(shown(r#"max by (a) (x) or max by (a) (x)"#), ["x"]);
        assert_eq!(shown(r#"count({__name__=~"a|b"})"#), [r#"{__name__=~"a|b"}"#]);
        assert_eq!(shown("rate(x{a=\"never closed"), ["x{a=\"never closed}"]);
        assert!(shown("").is_empty() && shown("\"text").is_empty());
    }

    #[test]
    fn every_preset_names_its_metrics() {
        let metrics = |preset| {
            let config = MetricsConfig { preset, ..MetricsConfig::default() };
            let preset = Preset::new(&config, Identity::Workload).unwrap();
            let all = preset.queries.iter().flat_map(|query| selectors(query));
            let mut names: Vec<String> = all.map(|selector| selector.metric).collect();
            names.sort();
            names.dedup();
            names
        };
        let istio = metrics(PresetName::Istio);
        assert!(istio.contains(&"istio_tcp_sent_bytes_total".to_owned()), "{istio:?}");
        assert!(istio.iter().all(|name| name.contains("istio_")), "{istio:?}");
        assert_eq!(metrics(PresetName::IstioLogical), istio);
        assert!(metrics(PresetName::Linkerd).contains(&"tcp_write_bytes_total".to_owned()));
        assert!(metrics(PresetName::Beyla).contains(&"beyla_network_flow_bytes_total".to_owned()));
    }
}
