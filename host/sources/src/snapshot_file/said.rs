//! What a snapshot says of applications as their controllers and Services would: replicas, and how calls are routed.

use std::collections::BTreeMap;

use netmarks_core::application::Application;
use netmarks_core::facts::{ApplicationFacts, Resources};

use super::format::{FilePod, SnapshotFile};

/// Sums over the pods of an application.
#[derive(Default)]
struct Sums {
    pods: u32,
    requests: Resources,
    local_routing: bool,
}

impl SnapshotFile {
    /// Of each application of `pods`: as many replicas as it has pods, and whether a Service that selects one of them prefers the
    /// caller's node.
    #[must_use]
    pub fn said(&self, pods: &[FilePod]) -> Vec<ApplicationFacts> {
        let local: Vec<_> = self.services.iter().filter(|service| service.prefers_node()).collect();
        let mut sums = BTreeMap::<&Application, Sums>::new();
        for pod in pods {
            let Some(application) = &pod.application else { continue };
            let sums = sums.entry(application).or_default();
            sums.pods += 1;
            sums.requests.add(pod.requests());
            sums.local_routing |= local.iter().any(|service| {
                pod.name.split_once('/').is_some_and(|(namespace, _)| namespace == service.namespace)
                    && !service.selector.is_empty()
                    && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
            });
        }
        let facts = |(application, sums): (&Application, Sums)| ApplicationFacts {
            application: application.clone(),
            replicas: sums.pods,
            requests: sums.requests.mean(sums.pods),
            local_routing: sums.local_routing,
        };
        sums.into_iter().map(facts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_prefers_the_caller_s_node_by_either_setting() {
        for (setting, local) in [
            (r#""trafficDistribution":"PreferSameNode""#, true),
            (r#""internalTrafficPolicy":"Local""#, true),
            (r#""trafficDistribution":"PreferSameZone""#, false),
        ] {
            let text = format!(
                r#"{{"version":2,"taken_at":1.0,"identity":"app","nodes":[],"flows":[],
                    "pods":[{{"name":"x/a-1","application":"x/a","labels":{{"app":"a"}}}}],
                    "services":[{{"namespace":"x","name":"a","selector":{{"app":"a"}},{setting}}}]}}"#
            );
            let file = SnapshotFile::from_json(text.as_bytes()).unwrap();
            let said = file.said(&file.pods);
            assert_eq!(said.first().map(|facts| facts.local_routing), Some(local), "{setting}");
        }
    }
}
