//! Deployments that grow while something happens.

use anyhow::ensure;
use netmarks_test_cluster::{ControlPlane, DeploymentSpec, until};

use super::{Extender, LIMIT};

/// Creates a Deployment of small pods and waits until so many pods of the namespace are bound.
pub async fn deploy(plane: &ControlPlane, namespace: &str, name: &str, replicas: i32, bound: usize) {
    plane
        .create_deployment(&DeploymentSpec::new(namespace, name, replicas).with_requests("10m", "16Mi"))
        .await
        .unwrap();
    plane.wait_bound(namespace, bound, LIMIT).await.unwrap();
}

/// Scales `frontend` up, by one whenever all are bound, until the extender gives an answer of this kind again.
pub async fn scale_until(
    plane: &ControlPlane,
    namespace: &str,
    extender: &Extender,
    outcome: &str,
    replicas: &mut i32,
) {
    let before = extender.answered(outcome).await.unwrap_or(0);
    until(&format!("an answer is `{outcome}` again"), LIMIT, async || {
        let pods = plane.placement(namespace).await?;
        // Not more of them: the nodes would be full before something slow has recovered.
        if pods.iter().filter(|pod| pod.app == "frontend").count() == usize::try_from(*replicas)? {
            plane.scale_deployment(namespace, "frontend", *replicas + 1).await?;
            *replicas += 1;
        }
        let answered = extender.answered(outcome).await?;
        ensure!(answered > before, "{:?}", extender.answers().await?);
        Ok(Some(()))
    })
    .await
    .unwrap();
}
