//! What is between refreshes: averages, and waits.

use super::*;
use crate::prometheus::choice::EdgeLabels;

/// The flows of one series that is answered to the only query.
async fn apply(poller: &mut Poller, at: f64) -> (Result<Refresh, QueryError>, usize) {
    let preset = poller.preset.clone();
    let EdgeLabels { source_namespace, source_name, destination_namespace, destination_name } =
        &preset.labels;
    let answer = serde_json::json!({ "status": "success", "data": { "resultType": "vector", "result": [{
        "metric": {
            source_namespace: "shop", source_name: "web", destination_namespace: "shop", destination_name: "db",
        },
        "value": [at, "10"],
    }] } });
    let applied = poller.apply(at.into(), preset, vec![answer.to_string().into()], None).await;
    (applied, poller.averages.flows().count())
}

#[tokio::test]
async fn averages_that_a_panic_left_half_changed_are_dropped() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = MetricsConfig { url: "http://127.0.0.1:9".to_owned(), ..MetricsConfig::default() };
    let mut poller = Poller::new(config, Identity::default()).unwrap();
    poller.published = true;
    let (applied, flows) = apply(&mut poller, 1.0).await;
    assert_eq!((applied.unwrap().samples, flows), (1, 1));
    let working = poller.background;
    // The work is lost, as if it had panicked.
    poller.background = Background::new(WhenIdle::new(|_| {}));
    let (applied, flows) = apply(&mut poller, 2.0).await;
    assert!(matches!(applied, Err(QueryError::Panicked)));
    assert_eq!(flows, 0);
    poller.background = working;
    let (applied, flows) = apply(&mut poller, 3.0).await;
    assert_eq!((applied.unwrap().samples, flows), (1, 1));
}

fn config(interval_seconds: f64, max_backoff_seconds: f64) -> MetricsConfig {
    MetricsConfig { interval_seconds, max_backoff_seconds, ..MetricsConfig::default() }
}

#[test]
fn waits_double_up_to_the_limit_and_half_of_them_is_random() {
    for (config, limits) in [
        (config(10.0, 60.0), [10.0, 20.0, 40.0, 60.0, 60.0]),
        // A limit below the interval would make failures more frequent than successes.
        (config(10.0, 1.0), [10.0; 5]),
    ] {
        for _ in 0..100 {
            for (wait, limit) in retries(&config).zip(limits) {
                let part = wait.as_secs_f64() / limit;
                assert!((0.499..1.001).contains(&part), "{wait:?} of {limit} s");
            }
        }
        assert!(retries(&config).nth(10_000).is_some(), "it is retried forever");
    }
}
