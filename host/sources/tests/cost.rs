//! temporary
use netmarks_core::flow::book::{FlowBook, Reading};
use netmarks_core::flow::estimator::Estimator;
use netmarks_core::application::{Application};
use netmarks_core::facts::{PodFacts, Resources};
use netmarks_sources::prometheus::decode::{Interner, decode};
use netmarks_sources::prometheus::presets::EdgeLabels;
use netmarks_sources::state::{ClusterState, MetricsState};
use std::time::Instant;
#[test]
fn cost() {
    let mut body = String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
    for i in 0..20_000 {
        if i > 0 { body.push(','); }
        body += &format!(r#"{{"metric":{{"destination_app":"service-{}","destination_workload_namespace":"namespace-{}","source_app":"service-{}","source_workload_namespace":"namespace-{}"}},"value":[1767225600.123,"{}.333333333"]}}"#, i % 2000, i % 20, (i * 7 + i / 2000) % 2000, (i*3) % 20, i * 13);
    }
    body += "]}}";
    let labels = EdgeLabels { source_namespace: "source_workload_namespace".into(), source_name: "source_app".into(), destination_namespace: "destination_workload_namespace".into(), destination_name: "destination_app".into() };
    let state = ClusterState::new(MetricsState::NotYet);
    state.update(|index| for i in 0..20_000u32 {
        index.apply_pod(&PodFacts { key: format!("namespace-{}/pod-{i}", i % 20), application: Some(Application::new(&format!("namespace-{}", i % 20), &format!("service-{}", i % 2000))), node: Some(format!("node-{}", i % 1000)), gone: false, requests: Resources::default() });
    });
    for estimator in [Estimator::Decay { half_life_seconds: 600.0 }, Estimator::Window { seconds: 600.0 }, Estimator::Lifetime] {
        let mut book = FlowBook::new(estimator);
        for round in 0..60 {
            let at = 1000.0 + f64::from(round) * 15.0;
            let t0 = Instant::now();
            let answer = decode(body.as_bytes(), &labels, &mut Interner::default()).unwrap();
            let t1 = Instant::now();
            book.update(at, Reading::Rate { window_seconds: 60.0 }, answer.samples);
            let t2 = Instant::now();
            let flows: Vec<_> = book.flows().collect();
            let t3 = Instant::now();
            state.update(|index| index.replace_flows(at, flows));
            let t4 = Instant::now();
            if round == 0 || round == 59 { println!("{estimator:?} round {round}: {} bytes, {} flows; decode {:?} book {:?} flows {:?} publish {:?} total {:?}", body.len(), book.len(), t1-t0, t2-t1, t3-t2, t4-t3, t4-t0); }
        }
    }
    let t = Instant::now();
    for i in 0..10_000u32 {
        state.update(|index| index.apply_pod(&PodFacts { key: format!("namespace-{}/pod-{i}", i % 20), application: Some(Application::new(&format!("namespace-{}", i % 20), &format!("service-{}", i % 2000))), node: Some(format!("node-{}", (i + 1) % 1000)), gone: false, requests: Resources::default() }));
    }
    println!("pod event with publication: {:?} each", t.elapsed() / 10_000);
}
