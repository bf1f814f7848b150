//! Policies as the API server's webhook, without HTTP between: each new pod gets the terms that it would add.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::PreferredSchedulingTerm;
use netmarks_admission::terms::Term;
use netmarks_admission::{AdmissionConfig, Preferred, Preferring, left_alone};
use netmarks_core::request::PendingPod;
use netmarks_scheduler_model::{Cluster, Node, Pod, PreferredTerms, TemplateId};

use crate::extender::PolicyExtender;
use crate::world::World;

/// Longer than a burst takes.
const ASSUMED_FOR: Duration = Duration::from_secs(3_600);

/// Decides what pods prefer as `netmarks serve` does.
pub(crate) struct PolicyAdmission<'w> {
    world: &'w World,
    pub(crate) policies: PolicyExtender<'w>,
    config: AdmissionConfig,
    /// The pods that get nothing, whatever their traffic.
    left_alone: Vec<bool>,
    /// Of the pods that are created and not placed yet.
    created: HashMap<usize, PreferredTerms>,
}

impl<'w> PolicyAdmission<'w> {
    pub(crate) fn new(world: &'w World, policies: PolicyExtender<'w>, config: &AdmissionConfig) -> Self {
        let is_left_alone = |pod: &Pod| {
            // All of them are new.
            let new = Pod { node_name: None, ..pod.clone() };
            left_alone(&new, config).is_some()
        };
        Self {
            left_alone: world.pods.iter().map(is_left_alone).collect(),
            world,
            policies,
            config: config.clone(),
            created: HashMap::new(),
        }
    }

    /// The terms that a pod has got, or would get now.
    pub(crate) fn terms(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        pod: usize,
        pending: &PendingPod,
    ) -> PreferredTerms {
        if let Some(terms) = self.created.remove(&pod) {
            return terms;
        }
        self.review(cluster, template, pod, pending).as_ref().map(added).unwrap_or_default()
    }

    /// Pods are created one after the other, each before the last one is bound: it is assumed on its best node.
    pub(crate) fn create(
        &mut self,
        cluster: &mut Cluster,
        pods: &[(usize, TemplateId, Cow<'w, PendingPod>)],
    ) {
        let (mut placed, now) = (Vec::new(), Instant::now());
        for (pod, template, pending) in pods {
            let preferred = self.review(cluster, *template, *pod, pending);
            if let Some(preferred) = &preferred
                && let Some(node) = cluster.node_index(&preferred.best)
            {
                cluster.place(*template, node);
                placed.push((*template, node, &pending.key));
                if let Some(application) = &pending.application {
                    let assumed = self.policies.state.assumed();
                    assumed.assume(&pending.key, None, application, &preferred.best, now, ASSUMED_FOR);
                }
            }
            self.created.insert(*pod, preferred.as_ref().map(added).unwrap_or_default());
        }
        // kube-scheduler knows nothing of that.
        for (template, node, key) in placed {
            cluster.remove(template, node);
            self.policies.state.assumed().forget(key, now);
        }
    }

    fn review(
        &mut self,
        cluster: &Cluster,
        template: TemplateId,
        pod: usize,
        pending: &PendingPod,
    ) -> Option<Preferred> {
        let PolicyExtender { state, scorer, faults, .. } = &mut self.policies;
        let preferring = Preferring { config: &self.config, scorer, state };
        if self.left_alone.get(pod).copied().unwrap_or(true) || preferring.is_without_traffic(pending) {
            return None;
        }
        let feasible = cluster.feasible(template).nodes;
        let candidates: Vec<&Node> = feasible.iter().filter_map(|node| self.world.nodes.get(*node)).collect();
        let (answer, preferred) = preferring.prefer(pending, &candidates);
        if answer.faults() > 0 {
            *faults += 1;
        }
        preferred.ok()
    }
}

fn added(preferred: &Preferred) -> PreferredTerms {
    let terms: Vec<PreferredSchedulingTerm> = preferred.terms.iter().map(Term::to_api).collect();
    PreferredTerms::from_api(&terms)
}
