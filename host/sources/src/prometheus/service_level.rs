//! How well the applications of some namespaces serve: the share of requests that fail, and the 99th percentile of response times, as
//! the mesh measures both.
//!
//! Two numbers for all of it: enough to see that something became worse, not to say what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice::PresetName;
use super::client::{Client, QueryError, beginning};
use super::config::{ConfigError, MetricsConfig};
use super::presets::{cluster, fill, match_labels, promql_duration, promql_text, without_comments};

/// The two queries, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    /// Gives the share of failed requests, 0 to 1.
    pub errors: String,
    /// Gives a response time in seconds.
    pub latency: String,
    /// How far back both ask, for samples that arrive late.
    offset_seconds: f64,
}

/// What was measured; none where there were no requests, or nothing counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// 0 to 1.
    pub error_share: Option<f64>,
    /// The 99th percentile.
    pub p99_seconds: Option<f64>,
}

const ISTIO: [&str; 2] =
    [include_str!("presets/istio-errors.promql"), include_str!("presets/istio-latency.promql")];
const LINKERD: [&str; 2] =
    [include_str!("presets/linkerd-errors.promql"), include_str!("presets/linkerd-latency.promql")];
const BEYLA: [&str; 2] =
    [include_str!("presets/beyla-errors.promql"), include_str!("presets/beyla-latency.promql")];

impl Queries {
    /// For what runs in these namespaces, over so many seconds. None for presets whose series count no requests.
    ///
    /// # Errors
    /// For labels to match that are not labels, and a cluster that the series do not name.
    pub fn new(
        config: &MetricsConfig,
        namespaces: &[&str],
        window_seconds: f64,
    ) -> Result<Option<Self>, ConfigError> {
        let (templates, namespace, more) = match config.preset {
            PresetName::Istio | PresetName::IstioLogical => {
                // A sidecar counts at the destination; in ambient mode a waypoint is what sees requests.
                (ISTIO, "destination_workload_namespace", r#"reporter=~"destination|waypoint","#)
            }
            PresetName::Linkerd => (LINKERD, "namespace", r#"direction="inbound","#),
            PresetName::Beyla => (BEYLA, "k8s_namespace_name", ""),
            PresetName::Recorded | PresetName::Custom => return Ok(None),
        };
        // Names of namespaces have no character that a regular expression minds.
        let namespaces = promql_text(&namespaces.join("|"));
        let matchers =
            format!("{more}{namespace}=~\"{namespaces}\"{}{}", cluster(config)?, match_labels(config)?);
        let window = promql_duration(window_seconds);
        let native = if config.native_histograms {
            " or histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds{{matchers}}[{window}])))"
        } else {
            ""
        };
        let values = [("native_duration", native), ("matchers", &matchers), ("window", &window)];
        let [errors, latency] = templates.map(|template| fill(&without_comments(template), &values));
        Ok(Some(Self { errors, latency, offset_seconds: config.query_offset_seconds }))
    }

    /// Asks both, as far back as the flows are asked for.
    ///
    /// # Errors
    /// If one of them is not answered.
    pub async fn ask(&self, client: &mut Client) -> Result<Figures, QueryError> {
        let at = client.now() - self.offset_seconds;
        Ok(Figures {
            error_share: number(client, &self.errors, at).await?,
            p99_seconds: number(client, &self.latency, at).await?,
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    /// The instant, and the number as a text.
    value: (Value, String),
}

async fn number(client: &mut Client, query: &str, at: f64) -> Result<Option<f64>, QueryError> {
    let body = client.query(query, at).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|source| QueryError::Decode {
        url: client.address().to_owned(),
        body: beginning(&body),
        source,
    })?;
    // Of no requests, the share is not a number.
    let number = answer.data.result.first().and_then(|series| series.value.1.parse::<f64>().ok());
    Ok(number.filter(|number| number.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_in_and_every_selector_matches_the_namespaces() {
        for (preset, namespace) in [
            (PresetName::Istio, "destination_workload_namespace"),
            (PresetName::IstioLogical, "destination_workload_namespace"),
            (PresetName::Linkerd, "namespace"),
            (PresetName::Beyla, "k8s_namespace_name"),
        ] {
            let mut config = MetricsConfig { preset, ..MetricsConfig::default() };
            config.match_labels.insert("region".to_owned(), "north".to_owned());
            let queries = Queries::new(&config, &["shop", "bank"], 90.0).unwrap().unwrap();
            for query in [queries.errors, queries.latency] {
                let selectors = query.matches('{').count();
                let wanted = format!("{namespace}=~\"shop|bank\",region=\"north\"");
                assert!(selectors > 0 && query.matches(&wanted).count() == selectors, "{query}");
                assert_eq!(query.matches("[90s]").count(), selectors, "{query}");
                assert!(
                    !query.contains('#') && !query.contains("{window}") && !query.contains("native"),
                    "{query}"
                );
            }
        }
        for preset in [PresetName::Recorded, PresetName::Custom] {
            let config = MetricsConfig { preset, ..MetricsConfig::default() };
            assert_eq!(Queries::new(&config, &["shop"], 60.0).unwrap(), None);
        }
    }
}
