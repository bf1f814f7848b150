//! Round-trip times are asked for beside the flows, count for zones, and never keep the flows from being published.

use axum::http::StatusCode;
use netmarks_core::application::Identity;
use netmarks_core::facts::NodeFacts;
use netmarks_sources::prometheus::Poller;
use netmarks_sources::snapshot_file::SnapshotFile;

use crate::prometheus_api::{Answer, flows, state, store, text};

#[tokio::test]
async fn they_are_kept_when_the_store_has_no_answer_to_them_once() {
    let times = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"from":"a","to":"b"},"value":[1,"0.002"]}]}}"#;
    let (store, mut config) = store(vec![
        flows(&[("web", "db", 70.0)]),
        text(times),
        flows(&[("web", "db", 80.0)]),
        Answer::Text(StatusCode::INTERNAL_SERVER_ERROR, "busy".to_owned()),
    ])
    .await;
    config.round_trips.query = "avg by (from, to) (ping_seconds)".to_owned();
    config.round_trips.source_label = "from".to_owned();
    config.round_trips.destination_label = "to".to_owned();
    let state = state();
    state.update(|index| {
        for (name, zone) in [("a", "east"), ("b", "west")] {
            let zone = Some(zone.to_owned());
            index.apply_node(&NodeFacts { name: name.to_owned(), zone, ..NodeFacts::default() });
        }
    });
    let mut poller = Poller::new(config, Identity::App).unwrap();
    for (at, bytes) in [(100.0, 70.0), (200.0, 80.0)] {
        poller.refresh(at, &state).await.unwrap();
        let snapshot = state.snapshot();
        let web = snapshot.application_id("shop/web").unwrap();
        assert_eq!(snapshot.flows().peers(web)[0].outbound, bytes);
        assert_eq!(snapshot.round_trips().pairs().collect::<Vec<_>>(), [(1, 2, 0.002)], "at {at}");
    }
    let asked =
        store.received.lock().unwrap().iter().filter(|(_, body)| body.contains("ping_seconds")).count();
    assert_eq!(asked, 2);

    // A file has them by the names of the zones, and gives them back.
    let file = state.read(|index| SnapshotFile::from_index(index, Identity::App, 115.0));
    let [trip] = &file.round_trips[..] else { panic!("{:?}", file.round_trips) };
    assert_eq!((trip.source.as_str(), trip.destination.as_str(), trip.seconds), ("east", "west", 0.002));
    assert_eq!(file.to_index().snapshot().round_trips(), state.snapshot().round_trips());
}
