//! Every field of a snapshot, replaced or kept. Types are taken apart without `..`: a field that nobody decided about does not
//! compile.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use netmarks_core::application::Application;
use netmarks_scheduler_model::{HostPort, Owner, PodScheduling, ResourceList, Volume, Workload};
use netmarks_sources::snapshot_file::{
    DisruptionBudget, FileFlow, FileNamespace, FileNode, FilePod, FileRoundTrip, FileService, Missing,
    NodeCondition, NodeScheduling, SnapshotFile, TrafficDistribution,
};

use super::aliases::Aliases;
use super::rules::Rules;

/// The same cluster with other names. `aliases` learns each replacement.
#[must_use]
pub fn anonymise(mut file: SnapshotFile, aliases: &mut Aliases) -> SnapshotFile {
    let compared = compared(&file);
    Rules { aliases, compared }.file(&mut file);
    // In the order of the new names: the old order would tell how names compare.
    file.sort();
    file
}

/// Keys whose values are compared as numbers: such a value has to stay one.
fn compared(file: &SnapshotFile) -> BTreeSet<String> {
    let is_comparison = |operator: &str| matches!(operator, "Gt" | "Lt");
    let mut keys = BTreeSet::new();
    for scheduling in file.pods.iter().filter_map(|pod| pod.scheduling.as_ref()) {
        let affinity = scheduling.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        let required = affinity
            .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())
            .into_iter()
            .chain(scheduling.volumes.iter().filter_map(|volume| volume.node_affinity.as_ref()))
            .flat_map(|selector| &selector.node_selector_terms);
        let preferred = affinity
            .and_then(|affinity| affinity.preferred_during_scheduling_ignored_during_execution.as_ref())
            .into_iter()
            .flatten()
            .map(|term| &term.preference);
        let requirements = required.chain(preferred).flat_map(|term| term.match_expressions.iter().flatten());
        keys.extend(requirements.filter(|one| is_comparison(&one.operator)).map(|one| one.key.clone()));
        let tolerations = scheduling.tolerations.iter();
        let tolerations = tolerations.filter(|one| one.operator.as_deref().is_some_and(is_comparison));
        keys.extend(tolerations.filter_map(|one| one.key.clone()));
    }
    keys
}

impl Rules<'_> {
    fn file(&mut self, file: &mut SnapshotFile) {
        let SnapshotFile {
            version: _,
            taken_at: _,
            identity: _,
            anonymised,
            missing,
            nodes,
            pods,
            services,
            workloads,
            disruption_budgets,
            namespaces,
            flows_at: _,
            flows,
            round_trips,
        } = file;
        *anonymised = true;
        for Missing { what, why } in missing {
            self.word(what);
            // A sentence can hold any name.
            "the reason was left out with the names".clone_into(why);
        }
        nodes.iter_mut().for_each(|node| self.node(node));
        pods.iter_mut().for_each(|pod| self.pod(pod));
        services.iter_mut().for_each(|service| self.service(service));
        workloads.iter_mut().for_each(|workload| self.workload(workload));
        disruption_budgets.iter_mut().for_each(|budget| self.budget(budget));
        for FileNamespace { name, labels } in namespaces {
            self.name(name);
            self.labels(labels);
        }
        for FileFlow { source, destination, bytes_per_second: _, calls_per_second: _ } in flows {
            self.application(source);
            self.application(destination);
        }
        for FileRoundTrip { source, destination, seconds: _ } in round_trips {
            self.name(source);
            self.name(destination);
        }
    }

    fn application(&mut self, application: &mut Application) {
        let (namespace, name) =
            (self.aliases.of(application.namespace()), self.aliases.of(application.name()));
        *application = Application::new(&namespace, &name);
    }

    fn node(&mut self, node: &mut FileNode) {
        let FileNode {
            name,
            zone,
            region,
            labels,
            allocatable_cpu_cores: _,
            allocatable_memory_bytes: _,
            scheduling,
        } = node;
        self.name(name);
        zone.iter_mut().chain(region).for_each(|place| self.name(place));
        self.labels(labels);
        if let Some(NodeScheduling { taints, unschedulable: _, allocatable, conditions }) = scheduling {
            for api::Taint { effect, key, time_added: _, value } in taints {
                value.iter_mut().for_each(|value| self.value(key, value));
                self.key(key);
                self.word(effect);
            }
            self.amounts(allocatable);
            for NodeCondition { kind, status } in conditions {
                self.word(kind);
                self.word(status);
            }
        }
    }

    fn amounts(&mut self, amounts: &mut ResourceList) {
        let ResourceList { cpu_millicores: _, memory_bytes: _, ephemeral_storage_bytes: _, pods: _, others } =
            amounts;
        self.resources(others);
    }

    fn pod(&mut self, pod: &mut FilePod) {
        let FilePod {
            name,
            uid,
            application,
            node,
            labels,
            cpu_request_cores: _,
            memory_request_bytes: _,
            scheduling,
        } = pod;
        *name = self.slashed(name);
        // Whoever has the cluster's objects would find the pod by it.
        *uid = None;
        application.iter_mut().for_each(|application| self.application(application));
        node.iter_mut().for_each(|node| self.name(node));
        self.labels(labels);
        scheduling.iter_mut().for_each(|scheduling| self.scheduling(scheduling));
    }

    fn scheduling(&mut self, scheduling: &mut PodScheduling) {
        let PodScheduling {
            requests,
            non_zero_requests,
            container_requests,
            node_selector,
            affinity,
            tolerations,
            topology_spread_constraints,
            host_ports,
            volumes,
            priority: _,
            scheduler_name,
            owner,
            creation_timestamp: _,
            start_time: _,
            terminating: _,
            left_out: _,
        } = scheduling;
        self.amounts(requests);
        for amounts in non_zero_requests.iter_mut().chain(container_requests) {
            self.amounts(amounts);
        }
        self.labels(node_selector);
        affinity.iter_mut().for_each(|affinity| self.affinity(affinity));
        for api::Toleration { effect, key, operator, toleration_seconds: _, value } in tolerations {
            let original = key.clone().unwrap_or_default();
            value.iter_mut().for_each(|value| self.value(&original, value));
            key.iter_mut().for_each(|key| self.key(key));
            effect.iter_mut().chain(operator).for_each(|word| self.word(word));
        }
        topology_spread_constraints.iter_mut().for_each(|constraint| self.constraint(constraint));
        for HostPort { host_ip, protocol, host_port: _ } in host_ports {
            self.word(host_ip);
            self.word(protocol);
        }
        for Volume { labels, node_affinity } in volumes {
            for (key, value) in labels {
                // Several zones of one volume.
                let mut places: Vec<String> = value.split("__").map(str::to_owned).collect();
                places.iter_mut().for_each(|place| self.value(key, place));
                *value = places.join("__");
            }
            node_affinity.iter_mut().for_each(|selector| self.node_selector(selector));
        }
        scheduler_name.iter_mut().for_each(|name| self.word(name));
        owner.iter_mut().for_each(|owner| self.owner(owner));
    }

    fn owner(&mut self, owner: &mut Owner) {
        let Owner { api_version, kind, name } = owner;
        self.word(api_version);
        self.word(kind);
        self.name(name);
    }

    fn constraint(&mut self, constraint: &mut api::TopologySpreadConstraint) {
        let api::TopologySpreadConstraint {
            label_selector,
            match_label_keys,
            max_skew: _,
            min_domains: _,
            node_affinity_policy,
            node_taints_policy,
            topology_key,
            when_unsatisfiable,
        } = constraint;
        label_selector.iter_mut().for_each(|selector| self.selector(selector));
        match_label_keys.iter_mut().flatten().for_each(|key| self.key(key));
        node_affinity_policy.iter_mut().chain(node_taints_policy).for_each(|word| self.word(word));
        self.key(topology_key);
        self.word(when_unsatisfiable);
    }

    fn affinity(&mut self, affinity: &mut api::Affinity) {
        let api::Affinity { node_affinity, pod_affinity, pod_anti_affinity } = affinity;
        if let Some(api::NodeAffinity {
            preferred_during_scheduling_ignored_during_execution: preferred,
            required_during_scheduling_ignored_during_execution: required,
        }) = node_affinity
        {
            for api::PreferredSchedulingTerm { preference, weight: _ } in preferred.iter_mut().flatten() {
                self.node_term(preference);
            }
            required.iter_mut().for_each(|selector| self.node_selector(selector));
        }
        if let Some(api::PodAffinity {
            preferred_during_scheduling_ignored_during_execution: preferred,
            required_during_scheduling_ignored_during_execution: required,
        }) = pod_affinity
        {
            self.pod_terms(preferred, required);
        }
        if let Some(api::PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: preferred,
            required_during_scheduling_ignored_during_execution: required,
        }) = pod_anti_affinity
        {
            self.pod_terms(preferred, required);
        }
    }

    fn pod_terms(
        &mut self,
        preferred: &mut Option<Vec<api::WeightedPodAffinityTerm>>,
        required: &mut Option<Vec<api::PodAffinityTerm>>,
    ) {
        let preferred = preferred.iter_mut().flatten();
        let preferred =
            preferred.map(|api::WeightedPodAffinityTerm { pod_affinity_term, weight: _ }| pod_affinity_term);
        for term in preferred.chain(required.iter_mut().flatten()) {
            let api::PodAffinityTerm {
                label_selector,
                match_label_keys,
                mismatch_label_keys,
                namespace_selector,
                namespaces,
                topology_key,
            } = term;
            label_selector.iter_mut().chain(namespace_selector).for_each(|selector| self.selector(selector));
            let keys = match_label_keys.iter_mut().chain(mismatch_label_keys).flatten();
            keys.chain(std::iter::once(topology_key)).for_each(|key| self.key(key));
            namespaces.iter_mut().flatten().for_each(|namespace| self.name(namespace));
        }
    }

    fn node_selector(&mut self, selector: &mut api::NodeSelector) {
        let api::NodeSelector { node_selector_terms } = selector;
        node_selector_terms.iter_mut().for_each(|term| self.node_term(term));
    }

    fn node_term(&mut self, term: &mut api::NodeSelectorTerm) {
        let api::NodeSelectorTerm { match_expressions, match_fields } = term;
        for api::NodeSelectorRequirement { key, operator, values } in match_expressions.iter_mut().flatten() {
            values.iter_mut().flatten().for_each(|value| self.value(key, value));
            self.key(key);
            self.word(operator);
        }
        for api::NodeSelectorRequirement { key, operator, values } in match_fields.iter_mut().flatten() {
            values.iter_mut().flatten().for_each(|value| self.name(value));
            self.word(key);
            self.word(operator);
        }
    }

    fn selector(&mut self, selector: &mut LabelSelector) {
        let LabelSelector { match_expressions, match_labels } = selector;
        for LabelSelectorRequirement { key, operator, values } in match_expressions.iter_mut().flatten() {
            values.iter_mut().flatten().for_each(|value| self.value(key, value));
            self.key(key);
            self.word(operator);
        }
        match_labels.iter_mut().for_each(|labels| self.labels(labels));
    }

    fn service(&mut self, service: &mut FileService) {
        let FileService { namespace, name, selector, traffic_distribution, internal_traffic_policy } =
            service;
        self.name(namespace);
        self.name(name);
        self.labels(selector);
        match traffic_distribution {
            Some(TrafficDistribution::Other(text)) => self.name(text),
            Some(TrafficDistribution::PreferSameNode | TrafficDistribution::PreferSameZone) | None => {}
        }
        if let Some(policy) = internal_traffic_policy.as_mut().filter(|policy| *policy != "Local") {
            self.name(policy);
        }
    }

    fn workload(&mut self, workload: &mut Workload) {
        let Workload { namespace, owner, selector } = workload;
        self.name(namespace);
        self.owner(owner);
        self.selector(selector);
    }

    fn budget(&mut self, budget: &mut DisruptionBudget) {
        let DisruptionBudget {
            namespace,
            name,
            selector,
            min_available: _,
            max_unavailable: _,
            disruptions_allowed: _,
        } = budget;
        self.name(namespace);
        self.name(name);
        selector.iter_mut().for_each(|selector| self.selector(selector));
    }
}
