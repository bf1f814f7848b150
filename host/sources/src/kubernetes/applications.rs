//! What controllers and Services say of applications: events to changes of the index, without I/O.
//!
//! A Deployment or a StatefulSet says how many pods its application will have, a Service how calls to the pods that it selects are
//! routed. Most events are about their status and change nothing here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kube::runtime::watcher::Event;
use netmarks_core::application::{Application, Naming};
use netmarks_core::facts::{ApplicationFacts, Resources};

use super::fold::Outcome;
use super::workloads::{Template, TrimmedService, Workload, application_of};

/// Holds what was said, by namespace.
#[derive(Debug)]
pub struct Applications {
    naming: Naming,
    namespaces: HashMap<String, Namespace>,
    /// Numbers of the latest list of each kind; what a complete list lacks is gone.
    lists: HashMap<Kind, u32>,
    /// Namespaces in which something changed.
    changed: BTreeSet<String>,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Deployment,
    StatefulSet,
    Service,
}

#[derive(Debug, Default)]
struct Namespace {
    controllers: BTreeMap<(Kind, String), Seen<Controller>>,
    services: BTreeMap<String, Seen<Service>>,
    /// What the index was told.
    told: BTreeMap<Application, ApplicationFacts>,
}

#[derive(Debug)]
struct Seen<T> {
    what: T,
    list: u32,
}

#[derive(Debug, PartialEq)]
struct Controller {
    application: Application,
    template: Template,
}

#[derive(Debug, PartialEq)]
struct Service {
    selector: BTreeMap<String, String>,
    local: bool,
}

impl Applications {
    #[must_use]
    pub fn new(naming: Naming) -> Self {
        Self { naming, namespaces: HashMap::new(), lists: HashMap::new(), changed: BTreeSet::new() }
    }

    /// Takes events of Deployments or StatefulSets. Returns what came of them, and what the index is to be told.
    pub(super) fn take_controllers<W: Workload>(
        &mut self,
        kind: Kind,
        events: Vec<Event<W>>,
    ) -> (Outcome, Vec<ApplicationFacts>) {
        self.take(
            kind,
            events,
            |applications, object, list| {
                let (metadata, template) = object.into_parts();
                let (Some(namespace), Some(name)) = (metadata.namespace, metadata.name) else { return };
                let Some(application) =
                    application_of::<W>(applications.naming, &namespace, &name, &template)
                else {
                    return applications.remove(kind, &namespace, &name);
                };
                let controllers =
                    &mut applications.namespaces.entry(namespace.clone()).or_default().controllers;
                if insert(controllers, (kind, name), Controller { application, template }, list) {
                    applications.changed.insert(namespace);
                }
            },
            |object| {
                let (metadata, _) = object.into_parts();
                Some((metadata.namespace?, metadata.name?))
            },
        )
    }

    /// Takes events of Services.
    pub(super) fn take_services(
        &mut self,
        events: Vec<Event<TrimmedService>>,
    ) -> (Outcome, Vec<ApplicationFacts>) {
        self.take(
            Kind::Service,
            events,
            |applications, object, list| {
                let TrimmedService { metadata, selector, local } = object;
                let (Some(namespace), Some(name)) = (metadata.namespace, metadata.name) else { return };
                let services = &mut applications.namespaces.entry(namespace.clone()).or_default().services;
                if insert(services, name, Service { selector, local }, list) {
                    applications.changed.insert(namespace);
                }
            },
            |object| Some((object.metadata.namespace?, object.metadata.name?)),
        )
    }

    fn take<K>(
        &mut self,
        kind: Kind,
        events: Vec<Event<K>>,
        apply: impl Fn(&mut Self, K, u32),
        name: impl Fn(K) -> Option<(String, String)>,
    ) -> (Outcome, Vec<ApplicationFacts>) {
        let mut outcome = Outcome::default();
        for event in events {
            let list = self.lists.entry(kind).or_default();
            match event {
                Event::Init => {
                    *list = list.wrapping_add(1);
                    outcome.lists_begun += 1;
                }
                Event::InitApply(object) | Event::Apply(object) => {
                    let list = *list;
                    apply(self, object, list);
                }
                Event::Delete(object) => {
                    if let Some((namespace, name)) = name(object) {
                        self.remove(kind, &namespace, &name);
                    }
                }
                Event::InitDone => {
                    let list = *list;
                    self.end_list(kind, list);
                    outcome.lists_ended += 1;
                }
            }
        }
        (outcome, self.news())
    }

    fn remove(&mut self, kind: Kind, namespace: &str, name: &str) {
        let Some(of) = self.namespaces.get_mut(namespace) else { return };
        let known = match kind {
            Kind::Service => of.services.remove(name).is_some(),
            _ => of.controllers.remove(&(kind, name.to_owned())).is_some(),
        };
        if known {
            self.changed.insert(namespace.to_owned());
        }
    }

    fn end_list(&mut self, kind: Kind, list: u32) {
        for (name, namespace) in &mut self.namespaces {
            let before = (namespace.controllers.len(), namespace.services.len());
            match kind {
                Kind::Service => namespace.services.retain(|_, seen| seen.list == list),
                _ => namespace.controllers.retain(|(of, _), seen| *of != kind || seen.list == list),
            }
            if before != (namespace.controllers.len(), namespace.services.len()) {
                self.changed.insert(name.clone());
            }
        }
    }

    /// What is said now and was not told before; of applications of which nothing is said any more, nothing.
    fn news(&mut self) -> Vec<ApplicationFacts> {
        let mut news = Vec::new();
        for name in std::mem::take(&mut self.changed) {
            let Some(namespace) = self.namespaces.get_mut(&name) else { continue };
            let said = namespace.said();
            news.extend(
                namespace
                    .told
                    .keys()
                    .filter(|application| !said.contains_key(*application))
                    .cloned()
                    .map(nothing),
            );
            news.extend(
                said.values().filter(|facts| namespace.told.get(&facts.application) != Some(*facts)).cloned(),
            );
            namespace.told = said;
            if namespace.controllers.is_empty() && namespace.services.is_empty() {
                self.namespaces.remove(&name);
            }
        }
        news
    }
}

impl Namespace {
    fn said(&self) -> BTreeMap<Application, ApplicationFacts> {
        let mut said = BTreeMap::<Application, ApplicationFacts>::new();
        let mut by_label = HashMap::<(&str, &str), Vec<&Controller>>::new();
        for Seen { what: controller, .. } in self.controllers.values() {
            let Controller { application, template } = controller;
            let facts = said.entry(application.clone()).or_insert_with(|| nothing(application.clone()));
            add(facts, template);
            for (key, value) in &template.labels {
                by_label.entry((key, value)).or_default().push(controller);
            }
        }
        for Seen { what: service, .. } in self.services.values().filter(|seen| seen.what.local) {
            let labels = service.selector.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            // Those with the rarest of its labels; the others have to match as well.
            let rarest = labels.min_by_key(|label| by_label.get(label).map_or(0, Vec::len));
            for controller in rarest.and_then(|label| by_label.get(&label)).into_iter().flatten() {
                let labels = &controller.template.labels;
                if service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
                    && let Some(facts) = said.get_mut(&controller.application)
                {
                    facts.local_routing = true;
                }
            }
        }
        said
    }
}

/// Adds a controller's replicas; what each requests becomes the mean.
fn add(facts: &mut ApplicationFacts, template: &Template) {
    let (before, more) = (u64::from(facts.replicas), u64::from(template.replicas));
    let mean = |one: u64, other: u64| {
        let sum = one.saturating_mul(before).saturating_add(other.saturating_mul(more));
        sum.checked_div(before + more).unwrap_or(other)
    };
    facts.requests = Resources {
        cpu_millicores: mean(facts.requests.cpu_millicores, template.requests.cpu_millicores),
        memory_bytes: mean(facts.requests.memory_bytes, template.requests.memory_bytes),
    };
    facts.replicas = facts.replicas.saturating_add(template.replicas);
}

fn nothing(application: Application) -> ApplicationFacts {
    ApplicationFacts { application, replicas: 0, requests: Resources::default(), local_routing: false }
}

/// Whether something was not there before, or is another now.
fn insert<N: Ord, T: PartialEq>(all: &mut BTreeMap<N, Seen<T>>, name: N, what: T, list: u32) -> bool {
    match all.get_mut(&name) {
        Some(seen) if seen.what == what => {
            seen.list = list;
            false
        }
        _ => {
            all.insert(name, Seen { what, list });
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use netmarks_core::application::Identity;
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::kubernetes::workloads::{TrimmedDeployment, TrimmedStatefulSet};

    fn deployment(name: &str, replicas: Option<i32>, cpu: &str) -> TrimmedDeployment {
        from_value(controller(name, replicas, cpu)).unwrap()
    }

    fn controller(name: &str, replicas: Option<i32>, cpu: &str) -> Value {
        json!({
            "metadata": {"namespace": "shop", "name": name},
            "spec": {"replicas": replicas, "template": {
                "metadata": {"labels": {"app": "web", "tier": name}},
                "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]},
            }},
            "status": {"replicas": 99},
        })
    }

    fn service(selector: &Value, traffic_distribution: Option<&str>, policy: Option<&str>) -> TrimmedService {
        let spec = json!({
            "selector": selector, "trafficDistribution": traffic_distribution, "internalTrafficPolicy": policy,
        });
        from_value(json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": spec})).unwrap()
    }

    fn applications() -> Applications {
        Applications::new(Identity::App.into())
    }

    /// Replicas, millicores of each, and whether calls prefer the caller's node, of the one application that there is news of.
    fn told((_, news): (Outcome, Vec<ApplicationFacts>)) -> Option<(u32, u64, bool)> {
        match news.as_slice() {
            [] => None,
            [facts] => {
                assert_eq!(facts.application.as_str(), "shop/web");
                Some((facts.replicas, facts.requests.cpu_millicores, facts.local_routing))
            }
            more => panic!("{more:?}"),
        }
    }

    #[test]
    fn controllers_of_one_application_add_up_and_a_status_is_no_news() {
        let mut all = applications();
        let mut take = |event| told(all.take_controllers(Kind::Deployment, vec![event]));
        assert_eq!(take(Event::Apply(deployment("stable", Some(3), "100m"))), Some((3, 100, false)));
        assert_eq!(take(Event::Apply(deployment("stable", Some(3), "100m"))), None);
        assert_eq!(take(Event::Apply(deployment("canary", None, "500m"))), Some((4, 200, false)));
        assert_eq!(take(Event::Delete(deployment("canary", None, "500m"))), Some((3, 100, false)));
        assert_eq!(take(Event::Delete(deployment("stable", Some(3), "100m"))), Some((0, 0, false)));
        assert!(all.namespaces.is_empty(), "nothing is kept of what is gone");
    }

    #[test]
    fn a_complete_list_removes_what_it_lacks_of_its_own_kind() {
        let mut all = applications();
        let set: TrimmedStatefulSet = from_value(controller("set", Some(2), "1")).unwrap();
        all.take_controllers(Kind::StatefulSet, vec![Event::Init, Event::InitApply(set), Event::InitDone]);
        let first = [deployment("one", Some(4), "1"), deployment("two", Some(8), "1")].map(Event::InitApply);
        let list = |objects: Vec<_>| [vec![Event::Init], objects, vec![Event::InitDone]].concat();
        let mut take = |objects| all.take_controllers(Kind::Deployment, list(objects));
        assert_eq!(told(take(first.to_vec())), Some((14, 1_000, false)));
        let (outcome, facts) = take(vec![Event::InitApply(deployment("two", Some(8), "1"))]);
        assert_eq!((outcome.lists_begun, outcome.lists_ended), (1, 1));
        assert_eq!(told((outcome, facts)), Some((10, 1_000, false)));
    }

    #[test]
    fn a_service_counts_for_the_pods_that_it_selects() {
        let mut all = applications();
        all.take_controllers(Kind::Deployment, vec![Event::Apply(deployment("stable", Some(1), "1"))]);
        let mut take = |service| told(all.take_services(vec![Event::Apply(service)]));
        let (web, both) = (json!({"app": "web"}), json!({"app": "web", "tier": "other"}));
        assert_eq!(take(service(&web, None, Some("Cluster"))), None);
        assert_eq!(take(service(&web, Some("PreferSameNode"), None)), Some((1, 1_000, true)));
        assert_eq!(take(service(&both, Some("PreferSameNode"), None)), Some((1, 1_000, false)));
        assert_eq!(take(service(&Value::Null, Some("PreferSameNode"), None)), None, "it selects nothing");
        assert_eq!(take(service(&web, Some("PreferSameZone"), None)), None);
        assert_eq!(take(service(&web, None, Some("Local"))), Some((1, 1_000, true)));
    }

    #[test]
    fn pods_of_a_controller_have_the_name_that_running_pods_have() {
        let mut all = Applications::new(Identity::Workload.into());
        let names = |(_, news): (Outcome, Vec<ApplicationFacts>)| {
            news.into_iter().map(|facts| facts.application.as_str().to_owned()).collect::<Vec<_>>()
        };
        let events = vec![Event::Apply(deployment("web-v2", Some(1), "1"))];
        assert_eq!(names(all.take_controllers(Kind::Deployment, events)), ["shop/web-v2"]);
        let set: TrimmedStatefulSet = from_value(controller("db", Some(1), "1")).unwrap();
        assert_eq!(names(all.take_controllers(Kind::StatefulSet, vec![Event::Apply(set)])), ["shop/db"]);
    }
}
