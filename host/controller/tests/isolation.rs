//! A policy whose reconcile fails or panics stops no other one, and is reconciled again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::replica::{Operator, Replica, from_config_map, replicas};
use crate::support::{LIMIT, NAMESPACE, netmarks, plane};
use kube::Client;
use kube::client::Body;
use netmarks_test_cluster::until;

/// What became of the requests that write the status of two policies.
#[derive(Clone, Default)]
struct Intercepted {
    panics: Arc<AtomicUsize>,
    refusals: Arc<AtomicUsize>,
    /// Whether the policy `panics` is let through.
    repaired: Arc<AtomicBool>,
}

/// A client that panics in the reconcile of the policy `panics` until it is repaired, and fails to write the status of
/// the policy `fails`. All other requests go to the API server.
fn client(inner: &Client, intercepted: &Intercepted) -> Client {
    let (inner, intercepted) = (inner.clone(), intercepted.clone());
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (inner, intercepted) = (inner.clone(), intercepted.clone());
        async move {
            let path = request.uri().path();
            if path.ends_with("/scoringpolicies/panics/status")
                && !intercepted.repaired.load(Ordering::SeqCst)
            {
                intercepted.panics.fetch_add(1, Ordering::SeqCst);
                panic!("the test panics in a reconcile");
            }
            if path.ends_with("/scoringpolicies/fails/status") {
                intercepted.refusals.fetch_add(1, Ordering::SeqCst);
                return Err(kube::Error::Service("refused by the test".into()));
            }
            inner.send(request).await
        }
    });
    Client::new(service, NAMESPACE)
}

#[tokio::test]
async fn a_reconcile_that_panics_or_fails_stops_no_other() {
    let plane = plane(Vec::new()).await;
    let operator = Operator::new(plane.client());
    let intercepted = Intercepted::default();
    let replica = Replica::start(client(plane.client(), &intercepted), "a");
    operator.put("policies", netmarks()).await;
    operator.apply("panics", from_config_map("policies", "ready")).await;
    operator.apply("fails", from_config_map("policies", "shadow")).await;
    until("both to have been reconciled", LIMIT, async || {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Ok((count(&intercepted.panics) > 0 && count(&intercepted.refusals) > 0).then_some(()))
    })
    .await
    .unwrap();

    // Another policy is brought in and removed as before.
    operator.apply("zone", from_config_map("policies", "active")).await;
    let status = operator.wait("zone", &["Ready=True"]).await;
    assert_eq!(replicas(&status), ["a 1 Active Active"]);
    operator.delete("zone").await;
    until("the deleted policy to be removed", LIMIT, async || {
        Ok(replica.shown().iter().all(|shown| !shown.starts_with("zone ")).then_some(()))
    })
    .await
    .unwrap();
    // Neither has a status; in the registry, the one that cannot write it is as it should be.
    for name in ["panics", "fails"] {
        let (_, status) = operator.status(name).await.unwrap();
        assert!(status.is_null(), "{name}: {status}");
    }
    assert!(replica.shown().iter().any(|shown| shown.starts_with("fails ") && shown.ends_with(" shadow")));

    // Once the cause is gone, the next reconcile succeeds without a change of the policy.
    intercepted.repaired.store(true, Ordering::SeqCst);
    until("the policy that panicked to be reconciled again", LIMIT, async || {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
        let (_, status) = operator.status("panics").await?;
        Ok((!status.is_null()).then_some(()))
    })
    .await
    .unwrap();
    let status = operator.wait("panics", &["Ready=True"]).await;
    assert_eq!(replicas(&status), ["a 1 Ready Ready"]);
    replica.stop().await;
}
