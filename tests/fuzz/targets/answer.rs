//! Answers of the metrics store. What is taken from them is finite, and what serde takes from the same answer by the shape that
//! Prometheus documents.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use netmarks_core::bounded::{NAME, NAMESPACE};
use netmarks_sources::prometheus::choice::EdgeLabels;
use netmarks_sources::prometheus::decode::{Answer, Interner, decode};
use serde::Deserialize;

/// <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>
#[derive(Deserialize)]
struct Documented {
    status: String,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

fuzz_target!(|body: &[u8]| {
    let labels = EdgeLabels {
        source_namespace: "source_workload_namespace".to_owned(),
        source_name: "source_workload".to_owned(),
        destination_namespace: "destination_workload_namespace".to_owned(),
        destination_name: "destination_workload".to_owned(),
    };
    let Ok(answer) = decode(body, &labels, &mut Interner::default()) else { return };
    assert!(answer.samples.iter().all(|sample| sample.value.is_finite()));
    if let Ok(documented) = serde_json::from_slice::<Documented>(body)
        && documented.status == "success"
        && documented.data.result_type == "vector"
    {
        compare(&answer, &documented.data.result, &labels);
    }
});

fn compare(answer: &Answer, series: &[Series], labels: &EdgeLabels) {
    let mut expected = Vec::new();
    for Series { metric, value: (_, value) } in series {
        let end = |namespace: &str, name: &str| {
            let [namespace, name] = [(namespace, NAMESPACE), (name, NAME)].map(|(label, most)| {
                metric.get(label).filter(|text| !text.is_empty() && text.len() <= most && *text != "unknown")
            });
            Some(format!("{}/{}", namespace?, name?))
        };
        let source = end(&labels.source_namespace, &labels.source_name);
        let destination = end(&labels.destination_namespace, &labels.destination_name);
        let value: Option<f64> = value.parse().ok().filter(|value: &f64| value.is_finite());
        if let (Some(source), Some(destination), Some(value)) = (source, destination, value) {
            expected.push((source, destination, value));
        }
    }
    let samples = answer.samples.iter();
    let ours: Vec<(String, String, f64)> = samples
        .map(|sample| (sample.source.to_string(), sample.destination.to_string(), sample.value))
        .collect();
    assert_eq!(ours, expected);
    assert_eq!(answer.skipped, (series.len() - expected.len()) as u64);
}
