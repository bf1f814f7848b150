//! A metrics store that answers every query with all flows, as Prometheus writes Istio's series.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::any;
use netmarks_core::flow::book::Flow;

/// Holds the answer, which is the same for every instant, and when it was asked for.
pub struct MetricsStore {
    answer: Bytes,
    asked: Mutex<Vec<Instant>>,
}

impl MetricsStore {
    pub fn new(flows: &[Flow]) -> Self {
        let mut text = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
        for (number, flow) in flows.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let Flow { source, destination, bytes_per_second } = flow;
            let [from, to] = [source, destination].map(|end| (end.namespace(), end.name()));
            write!(
                text,
                concat!(
                    r#"{}{{"metric":{{"destination_app":"{}","destination_workload_namespace":"{}","#,
                    r#""source_app":"{}","source_workload_namespace":"{}"}},"value":[1795772153.781,"{}.7333333333"]}}"#
                ),
                comma, to.1, to.0, from.1, from.0, bytes_per_second
            )
            .unwrap();
        }
        text.push_str("]}}");
        Self { answer: text.into(), asked: Mutex::default() }
    }

    pub fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().clone()
    }
}

pub fn router(store: Arc<MetricsStore>) -> Router {
    Router::new().route("/api/v1/query", any(answer)).with_state(store)
}

async fn answer(State(store): State<Arc<MetricsStore>>) -> impl IntoResponse {
    store.asked.lock().unwrap().push(Instant::now());
    ([(header::CONTENT_TYPE, "application/json")], store.answer.clone())
}
