//! What the API server noted about each request: who asked for what, and whether it was allowed.

use crate::control_plane::ControlPlane;
use anyhow::{Context as _, Result};
use serde_json::Value;

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// `list`, `watch`, `patch` and so on.
    pub verb: String,
    /// Plural with its group and subresource, such as `pods`, `scoringpolicies.netmarks.dev/status`; for anything that is not a
    /// resource, the path.
    pub resource: String,
    /// Namespace, empty for all or none.
    pub namespace: String,
    /// HTTP status of the answer.
    pub status: u64,
}

impl ControlPlane {
    /// Every request of this user that was answered so far; a watch twice, when it starts and when it ends.
    pub fn calls_of(&self, user: &str) -> Result<Vec<Call>> {
        let events = self.audited()?;
        let ours = events.iter().filter(|event| event.pointer("/user/username") == Some(&user.into()));
        Ok(ours.map(call).collect())
    }

    /// For each creation of a pod in a namespace, the webhooks that were called for it, whatever came of it.
    pub fn webhooks_called(&self, namespace: &str) -> Result<Vec<Vec<String>>> {
        let created = Call {
            verb: "create".to_owned(),
            resource: "pods".to_owned(),
            namespace: namespace.to_owned(),
            status: 201,
        };
        let events = self.audited()?;
        Ok(events.iter().filter(|event| call(event) == created).map(webhooks).collect())
    }

    fn audited(&self) -> Result<Vec<Value>> {
        let path = self.folder().join("audit.log");
        let log =
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        // The last line may be half written.
        Ok(log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect())
    }
}

/// One annotation says that a webhook was called, another one that the call failed and the request went on.
fn webhooks(event: &Value) -> Vec<String> {
    let annotations = event.get("annotations").and_then(Value::as_object).into_iter().flatten();
    let named = annotations.filter_map(|(key, value)| {
        let value = value.as_str()?;
        if key.starts_with("mutation.webhook.admission.k8s.io/") {
            let called: Value = serde_json::from_str(value).ok()?;
            called.get("webhook")?.as_str().map(str::to_owned)
        } else if key.starts_with("failed-open.mutating.webhook.admission.k8s.io/") {
            Some(value.to_owned())
        } else {
            None
        }
    });
    named.collect()
}

fn call(event: &Value) -> Call {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut resource = text("/objectRef/resource");
    for (part, separator) in [("/objectRef/apiGroup", '.'), ("/objectRef/subresource", '/')] {
        let part = text(part);
        if !part.is_empty() {
            resource.push(separator);
            resource.push_str(&part);
        }
    }
    if resource.is_empty() {
        resource = text("/requestURI").split('?').next().unwrap_or_default().to_owned();
    }
    let status = event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default();
    Call { verb: text("/verb"), resource, namespace: text("/objectRef/namespace"), status }
}
