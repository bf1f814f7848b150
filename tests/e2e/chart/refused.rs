//! What the chart refuses, with the sentence that it says.
//!
//! The list grows with every mistake that somebody could make.

use super::{METRICS, objects, plane};
use crate::support::release::{Release, chart, values};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_value_is_refused_with_a_sentence() {
    let plane = plane().await.unwrap();
    let install = |values: &[String]| Release::install(&plane, &chart(), values).map(drop);
    for (value, says) in [
        ("replicas=0", "at '/replicas': minimum: got 0, want 1"),
        ("image.repositry=x", "at '/image': additional properties 'repositry' not allowed"),
        (
            "tls.mode=self-signed",
            "at '/tls/mode': value must be one of 'chart', 'certManager', 'secret', 'none'",
        ),
        ("config.metrics.urll=x", "at '/config/metrics': additional properties 'urll' not allowed"),
        ("config.scoring.map=cubic", "at '/config/scoring/map': value must be one of"),
        ("tls.mode=secret", "tls.secret.server does not name one"),
        ("tls.certManager.issuerRef.name=mine", "needs both `kind` (Issuer or ClusterIssuer) and `name`"),
        (
            "tls.certManager.issuerRef.name=mine,tls.certManager.issuerRef.kind=StepIssuer",
            "an issuer of others needs its `group`, too",
        ),
        ("admin.enabled=true,tls.mode=none", "tokens of the cluster must not travel in the clear"),
        ("admission.enabled=true,tls.mode=none", "the API server calls webhooks over HTTPS only"),
        (
            "admission.enabled=true,tls.mode=secret,tls.secret.server=mine",
            "needs admission.caBundle: the authority of the server certificate",
        ),
        (
            "admission.enabled=true,config.admission.listen=0.0.0.0:443",
            "config.admission.listen must end in :9823",
        ),
        (
            "admission.enabled=true,config.admission.request_timeout_ms=1000",
            "config.admission.request_timeout_ms (1000) must be below the webhook's timeoutSeconds (1)",
        ),
        ("admission.mode=off", "at '/admission/mode': value must be one of 'apply', 'preview'"),
        ("shutdownDelay=30", "terminationGracePeriod (30) must be at least 3 longer than shutdownDelay (30)"),
        ("config.server.listen=0.0.0.0:8443", "config.server.listen must end in :9820"),
        ("config.server.health_listen=null", "config.server.health_listen must end in :9821"),
        ("networkPolicy.dnsPorts=null", "at '/networkPolicy': missing property 'dnsPorts'"),
        ("scheduler.httpTimeout=0.0s", "at '/scheduler/httpTimeout': '0.0s' does not match pattern '[1-9]'"),
        ("scheduler.enabled=true,scheduler.name=default-scheduler", "two schedulers would race"),
        (
            "scheduler.enabled=true,scheduler.config.profiles[0].schedulerName=default-scheduler",
            "two schedulers would race",
        ),
        (
            "scheduler.enabled=true,scheduler.config.profiles[0].schedulerName=batch",
            "scheduler.config.profiles (batch) has none for scheduler.name (netmarks)",
        ),
        (
            "scheduler.enabled=true,scheduler.config.profiles[0].plugins=null,scheduler.config.profiles[1].plugins=null",
            "must differ in schedulerName, and one without is called scheduler.name: netmarks, netmarks",
        ),
        ("scheduler.enabled=true,scheduler.config.extenders=null", "extenders is the chart's own"),
        (
            "scheduler.enabled=true,serviceAccount.create=false",
            "scheduler.serviceAccount.name must name an account",
        ),
        (
            "scheduler.enabled=true,scheduler.config.leaderElection.leaderElect=false",
            "scheduler.replicas must be 1, not 2",
        ),
        (
            "scheduler.enabled=true,scheduler.config.leaderElection.resourceName=kube-scheduler",
            "waits for that of the cluster's own scheduler",
        ),
        ("rebalance.enabled=true", "needs rebalance.namespaces: name those whose pods may be evicted"),
        (
            "rebalance.enabled=true,rebalance.namespaces[0]=a,rebalance.windowSeconds=3600",
            "(3600) must be longer than",
        ),
        (
            "rebalance.enabled=true,rebalance.namespaces[0]=a,serviceAccount.create=false",
            "rebalance.serviceAccount.name must name an account",
        ),
        ("rebalance.namespaces[0]=A", "at '/rebalance/namespaces/0': 'A' does not match pattern"),
        ("rebalance.mvoes=1", "at '/rebalance': additional properties 'mvoes' not allowed"),
        ("image.repository=", "image.repository is not set: build the image with"),
    ] {
        let mut values = values(METRICS, &[]);
        values.extend(["--set".to_owned(), value.to_owned()]);
        let error = format!("{:#}", install(&values).unwrap_err());
        assert!(error.contains(says), "{value}: {error}");
    }
    assert_eq!(objects(&plane).unwrap(), Vec::<String>::new(), "nothing of a refused installation is there");
}
