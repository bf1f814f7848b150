//! How long messages take between nodes or zones, by a query of the operator's: no mesh measures it, and every cluster that does has
//! series of its own.

use std::collections::HashMap;

use bytes::Bytes;
use netmarks_core::round_trips::RoundTrip;
use serde::Deserialize;

use super::choice::RoundTripsConfig;
use super::client::{Client, QueryError, beginning};
use super::config::ConfigError;
use super::decode::ApiError;
use super::presets::label_name;

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default, rename = "errorType")]
    kind: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: HashMap<String, String>,
    /// The instant, and the number as a text.
    value: (f64, String),
}

/// Whether the labels can be labels.
pub(super) fn check(config: &RoundTripsConfig) -> Result<(), ConfigError> {
    label_name("round_trips.source_label", &config.source_label)?;
    label_name("round_trips.destination_label", &config.destination_label)?;
    Ok(())
}

/// Asks for the instant `at` (seconds since the Unix epoch); `None` where nothing is to be asked. Series without both labels,
/// and values that are not numbers, are left out.
pub(super) async fn ask(
    config: &RoundTripsConfig,
    client: &mut Client,
    at: f64,
) -> Result<Option<Vec<RoundTrip>>, QueryError> {
    if config.query.is_empty() {
        return Ok(None);
    }
    let body = client.query(&config.query, at).await?;
    let (config, url) = (config.clone(), client.address().to_owned());
    // As many series as nodes squared: not on a thread that answers requests.
    let work = tokio::task::spawn_blocking(move || read(&config, &body, &url));
    work.await.map_err(|source| QueryError::Ended { source })?.map(Some)
}

fn read(config: &RoundTripsConfig, body: &Bytes, url: &str) -> Result<Vec<RoundTrip>, QueryError> {
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
            source: series.metric.remove(&config.source_label)?,
            destination: series.metric.remove(&config.destination_label)?,
            seconds: series.value.1.parse().ok()?,
        })
    };
    let data = answer.data.ok_or_else(|| {
        let source = serde::de::Error::missing_field("data");
        QueryError::Decode { url: url(), body: beginning(body), source }
    })?;
    Ok(data.result.into_iter().filter_map(trip).collect())
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
        let trips = read(&RoundTripsConfig::default(), &Bytes::from_static(body.as_bytes()), "x").unwrap();
        let trip = RoundTrip { source: "a".to_owned(), destination: "b".to_owned(), seconds: 0.0005 };
        assert_eq!(trips, [trip]);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in ["", "[]", "<html>", r#"{"data":{"resultType":"scalar","result":[1,"2"]}}"#] {
            let trips = read(&RoundTripsConfig::default(), &Bytes::from_static(body.as_bytes()), "x");
            assert!(matches!(trips, Err(QueryError::Decode { .. })), "{body}");
        }
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let trips = read(&RoundTripsConfig::default(), &Bytes::from_static(refused.as_bytes()), "x");
        assert!(matches!(trips, Err(QueryError::Api { .. })));
    }

    #[test]
    fn labels_must_be_labels() {
        let config = RoundTripsConfig { source_label: "a b".to_owned(), ..RoundTripsConfig::default() };
        assert_eq!(check(&config).unwrap_err().key(), Some("round_trips.source_label"));
    }
}
