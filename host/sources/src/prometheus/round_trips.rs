//! How long messages take between nodes or zones, by a query of the operator's: no mesh measures it, and every cluster that does has
//! series of its own.

use std::collections::HashMap;

use bytes::Bytes;
use netmarks_core::round_trips::RoundTrip;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Client, QueryError, beginning};
use super::config::ConfigError;
use super::decode::ApiError;
use super::presets::label_name;

/// The query, and how to read its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoundTripsConfig {
    /// PromQL that gives seconds from node to node or from zone to zone, one series a pair. Empty: nothing is asked.
    pub query: String,
    /// The label with the name of the node or zone that measured.
    pub source_label: String,
    /// The label with the name of the node or zone that answered.
    pub destination_label: String,
}

impl Default for RoundTripsConfig {
    fn default() -> Self {
        Self {
            query: String::new(),
            source_label: "source".to_owned(),
            destination_label: "destination".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Data,
    #[serde(default, rename = "errorType")]
    kind: String,
    #[serde(default)]
    error: String,
}

#[derive(Default, Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: HashMap<String, String>,
    /// The instant, and the number as a text.
    value: (f64, String),
}

impl RoundTripsConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        label_name("round_trips.source_label", &self.source_label)?;
        label_name("round_trips.destination_label", &self.destination_label)?;
        Ok(())
    }

    /// Asks for the instant `at` (seconds since the Unix epoch); `None` where nothing is to be asked. Series without both labels,
    /// and values that are not numbers, are left out.
    pub(super) async fn ask(
        &self,
        client: &mut Client,
        at: f64,
    ) -> Result<Option<Vec<RoundTrip>>, QueryError> {
        if self.query.is_empty() {
            return Ok(None);
        }
        let body = client.query(&self.query, at).await?;
        let (config, url) = (self.clone(), client.address().to_owned());
        // As many series as nodes squared: not on a thread that answers requests.
        let work = tokio::task::spawn_blocking(move || config.read(&body, &url));
        work.await.map_err(|source| QueryError::Ended { source })?.map(Some)
    }

    fn read(&self, body: &Bytes, url: &str) -> Result<Vec<RoundTrip>, QueryError> {
        let url = || url.to_owned();
        let answer: Answer = serde_json::from_slice(body).map_err(|source| QueryError::Decode {
            url: url(),
            body: beginning(body),
            source,
        })?;
        if !answer.error.is_empty() {
            let error = ApiError { kind: answer.kind, message: answer.error };
            return Err(QueryError::Api { url: url(), status: reqwest::StatusCode::OK, error });
        }
        let trip = |mut series: Series| {
            Some(RoundTrip {
                source: series.metric.remove(&self.source_label)?,
                destination: series.metric.remove(&self.destination_label)?,
                seconds: series.value.1.parse().ok()?,
            })
        };
        Ok(answer.data.result.into_iter().filter_map(trip).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_without_both_ends_or_a_number_are_left_out() {
        let body = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"source":"a","destination":"b","job":"ping"},"value":[1,"0.0005"]},
            {"metric":{"source":"a"},"value":[1,"0.0005"]},
            {"metric":{"source":"a","destination":"c"},"value":[1,"soon"]}]}}"#;
        let read = RoundTripsConfig::default().read(&Bytes::from_static(body.as_bytes()), "x").unwrap();
        let trip = RoundTrip { source: "a".to_owned(), destination: "b".to_owned(), seconds: 0.0005 };
        assert_eq!(read, [trip]);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in ["", "[]", "<html>", r#"{"data":{"resultType":"scalar","result":[1,"2"]}}"#] {
            let read = RoundTripsConfig::default().read(&Bytes::from_static(body.as_bytes()), "x");
            assert!(matches!(read, Err(QueryError::Decode { .. })), "{body}");
        }
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let read = RoundTripsConfig::default().read(&Bytes::from_static(refused.as_bytes()), "x");
        assert!(matches!(read, Err(QueryError::Api { .. })));
    }

    #[test]
    fn labels_must_be_labels() {
        let config = RoundTripsConfig { source_label: "a b".to_owned(), ..RoundTripsConfig::default() };
        assert_eq!(config.check().unwrap_err().key(), Some("round_trips.source_label"));
    }
}
