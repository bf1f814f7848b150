//! Pods that were answered, until they are seen bound or gone, or a time has passed: a rollout is a burst, so that the next replica is
//! created before the last one is bound.
//!
//! A pod's name is seldom known as it is created. It is found again by the decision that it names, by its uid where the review
//! had one, or else by its owner: the pods of one owner in the order in which they were answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use netmarks_core::application::Application;
use netmarks_core::assumed::key_of_decision;

use crate::patch::{DECISION, PREFERRED_NODE};

/// Most pods that are assumed at once; beyond, the oldest is forgotten. So are the names of the last pods that were found by their owner.
const CAPACITY: usize = 4_096;

/// What their reviews had together, in bytes; the model keeps about as much of each.
const BYTES: usize = 32 << 20;

/// The watch shows a pod within milliseconds of its creation; with a busy API server, within seconds.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// How much earlier than it was answered a pod may say it was created: it says whole seconds, by another clock.
const CLOCKS_APART_SECONDS: f64 = 2.0;

/// A pod that was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assumption {
    /// The model's.
    pub(crate) number: u64,
    pub(crate) decision: String,
    /// Whether it was answered here, and not by another replica.
    pub(crate) own: bool,
    pub(crate) uid: Option<String>,
    pub(crate) namespace: String,
    /// Empty until it is known.
    pub(crate) name: String,
    /// The uid of its controller.
    pub(crate) owner: Option<String>,
    pub(crate) application: Option<Application>,
    /// The node that it is assumed on.
    pub(crate) best: String,
    /// When it was answered, in seconds since the Unix epoch.
    pub(crate) at: f64,
    /// Until when it is assumed. Until it is seen, that is sooner: what the watch does not show soon was refused, as by a quota.
    pub(crate) until: Instant,
    /// And once it is seen.
    pub(crate) at_last: Instant,
    /// What its review had, in bytes.
    pub(crate) bytes: usize,
}

/// A pod as the watch sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    /// The decision that it names.
    pub(crate) decision: Option<&'a str>,
    /// The node that it was assumed on, by whoever decided.
    pub(crate) preferred: Option<&'a str>,
    pub(crate) uid: Option<&'a str>,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// The uid of its controller.
    pub(crate) owner: Option<&'a str>,
    /// In seconds since the Unix epoch.
    pub(crate) created: Option<f64>,
    /// Where it is bound.
    pub(crate) node: Option<&'a str>,
    /// Whether it is bound or gone.
    pub(crate) settled: bool,
}

impl<'a> Seen<'a> {
    /// A pod that came or changed, or is `gone`.
    pub(crate) fn of(pod: &'a Pod, gone: bool) -> Self {
        let metadata = &pod.metadata;
        let mut owners = metadata.owner_references.iter().flatten();
        let owner = owners.find(|owner| owner.controller == Some(true));
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let node = node.filter(|node| !node.is_empty());
        let annotation = |key: &str| metadata.annotations.as_ref()?.get(key).map(String::as_str);
        #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0.as_second() as f64);
        Self {
            decision: annotation(DECISION),
            preferred: annotation(PREFERRED_NODE),
            uid: metadata.uid.as_deref(),
            namespace: metadata.namespace.as_deref().unwrap_or_default(),
            name: metadata.name.as_deref().unwrap_or_default(),
            owner: owner.map(|owner| owner.uid.as_str()),
            created,
            node,
            settled: gone || node.is_some(),
        }
    }
}

/// Holds what was answered.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In the order of the answers.
    pods: VecDeque<Assumption>,
    /// `namespace/name` of pods that were found by their owner and have left: another event of one is not another pod.
    found: VecDeque<String>,
    numbers: u64,
}

impl Assumption {
    /// As the ledger of all doors knows it.
    pub(crate) fn key(&self) -> String {
        key_of_decision(&self.namespace, &self.decision)
    }
}

impl Ledger {
    /// A number for the next pod.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn len(&self) -> usize {
        self.pods.len()
    }

    /// Remembers a pod; returns those that had to be forgotten for it.
    pub(crate) fn remember(&mut self, pod: Assumption) -> Vec<Assumption> {
        self.pods.push_back(pod);
        let mut bytes: usize = self.pods.iter().map(|pod| pod.bytes).sum();
        let mut forgotten = Vec::new();
        while (self.pods.len() > CAPACITY || bytes > BYTES)
            && let Some(oldest) = self.pods.pop_front()
        {
            bytes -= oldest.bytes;
            forgotten.push(oldest);
        }
        forgotten
    }

    /// Takes out what has expired.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Assumption> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pods).into_iter().partition(|pod| pod.until <= now);
        self.pods = kept.into();
        gone
    }

    /// Takes a pod out that will not come: its answer was not waited for.
    pub(crate) fn forget(&mut self, number: u64) -> Option<Assumption> {
        let position = self.pods.iter().position(|pod| pod.number == number)?;
        self.pods.remove(position)
    }

    /// Finds the pod that is seen. One that is settled leaves the ledger, any other one has its name from then on.
    pub(crate) fn see(&mut self, seen: &Seen<'_>) -> Option<Assumption> {
        if self.pods.is_empty() {
            return None;
        }
        let (position, by_owner) = self.position(seen)?;
        if !seen.settled {
            let pod = self.pods.get_mut(position)?;
            seen.name.clone_into(&mut pod.name);
            pod.until = pod.at_last;
            return Some(pod.clone());
        }
        if by_owner || seen.decision.is_none() {
            if self.found.len() >= CAPACITY {
                self.found.pop_front();
            }
            self.found.push_back(format!("{}/{}", seen.namespace, seen.name));
        }
        self.pods.remove(position).map(|pod| Assumption { name: seen.name.to_owned(), ..pod })
    }

    /// Where it is, and whether only its owner says so.
    fn position(&self, seen: &Seen<'_>) -> Option<(usize, bool)> {
        let position = |is: &dyn Fn(&Assumption) -> bool| self.pods.iter().position(is);
        if let Some(found) = position(&|pod| seen.decision == Some(&pod.decision)) {
            return Some((found, false));
        }
        let same_uid = |pod: &Assumption| pod.uid.is_some() && pod.uid.as_deref() == seen.uid;
        if let Some(found) = position(&same_uid) {
            return Some((found, false));
        }
        // What names another decision is another pod, and so is what was there before.
        let could_be = |pod: &Assumption| {
            seen.decision.is_none()
                && pod.namespace == seen.namespace
                && seen.created.is_none_or(|at| at + CLOCKS_APART_SECONDS >= pod.at)
        };
        if let Some(found) = position(&|pod| could_be(pod) && pod.name == seen.name) {
            return Some((found, false));
        }
        let nameless = |pod: &Assumption| pod.name.is_empty() && pod.uid.is_none();
        let mine = |pod: &Assumption| {
            could_be(pod) && nameless(pod) && pod.owner.is_some() && pod.owner.as_deref() == seen.owner
        };
        let found = position(&mine)?;
        let key = format!("{}/{}", seen.namespace, seen.name);
        (!self.found.contains(&key)).then_some((found, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Setting {
        ledger: Ledger,
        start: Instant,
    }

    impl Setting {
        fn new() -> Self {
            Self { ledger: Ledger::default(), start: Instant::now() }
        }

        fn answer(&mut self, decision: &str, owner: Option<&str>) -> Vec<Assumption> {
            let number = self.ledger.number();
            self.ledger.remember(Assumption {
                number,
                decision: decision.to_owned(),
                own: true,
                uid: None,
                namespace: "shop".to_owned(),
                name: String::new(),
                owner: owner.map(str::to_owned),
                application: None,
                best: "a".to_owned(),
                at: 100.0,
                until: self.start + SEEN_WITHIN,
                at_last: self.start + Duration::from_secs(30),
                bytes: 1 << 10,
            })
        }

        /// The decision of the pod that is found.
        fn see(&mut self, seen: Seen<'_>) -> Option<String> {
            self.ledger.see(&seen).map(|pod| pod.decision)
        }
    }

    const POD: Seen<'static> = Seen {
        decision: None,
        preferred: None,
        uid: None,
        namespace: "shop",
        name: "web-1",
        owner: Some("rs"),
        created: Some(100.0),
        node: None,
        settled: true,
    };

    #[test]
    fn a_pod_is_found_by_the_decision_that_it_names() {
        let mut setting = Setting::new();
        setting.answer("d-1", Some("rs"));
        setting.answer("d-2", Some("rs"));
        let seen = Seen { decision: Some("d-2"), settled: false, ..POD };
        assert_eq!(setting.see(seen).as_deref(), Some("d-2"));
        assert_eq!(setting.ledger.len(), 2, "it waits for its node");
        assert_eq!(
            setting.see(Seen { owner: None, ..POD }).as_deref(),
            Some("d-2"),
            "by its name from then on"
        );
        assert_eq!(
            setting.see(Seen { decision: Some("d-9"), name: "web-2", ..POD }),
            None,
            "another replica's"
        );
        assert_eq!(setting.ledger.len(), 1);
    }

    #[test]
    fn without_a_name_the_pods_of_an_owner_come_in_their_order() {
        let mut setting = Setting::new();
        for decision in ["d-1", "d-2"] {
            setting.answer(decision, Some("rs"));
        }
        setting.answer("d-3", None);
        assert_eq!(setting.see(Seen { owner: Some("other"), name: "x", ..POD }), None);
        assert_eq!(setting.see(Seen { owner: None, name: "x", ..POD }), None);
        assert_eq!(setting.see(Seen { namespace: "bank", ..POD }), None);
        assert_eq!(
            setting.see(Seen { created: Some(97.0), name: "old", ..POD }),
            None,
            "it was there before"
        );
        assert_eq!(setting.see(POD).as_deref(), Some("d-1"));
        assert_eq!(setting.see(POD), None, "another event of the same pod");
        assert_eq!(setting.see(Seen { name: "web-2", ..POD }).as_deref(), Some("d-2"));
        assert_eq!(setting.see(Seen { name: "web-3", ..POD }), None);
    }

    #[test]
    fn what_is_not_seen_expires_and_the_oldest_gives_way() {
        let mut setting = Setting::new();
        for number in 0..CAPACITY {
            assert_eq!(setting.answer(&number.to_string(), None), []);
        }
        assert_eq!(setting.answer("more", None)[0].decision, "0");
        setting.see(Seen { decision: Some("7"), settled: false, ..POD });
        let (start, ledger) = (setting.start, &mut setting.ledger);
        assert!(ledger.expire(start + SEEN_WITHIN - Duration::from_millis(1)).is_empty());
        let refused = ledger.expire(start + SEEN_WITHIN);
        assert_eq!(refused.len(), CAPACITY - 1, "all but the one that was seen");
        assert!(ledger.expire(start + Duration::from_millis(29_999)).is_empty());
        assert_eq!(ledger.expire(start + Duration::from_secs(30)).len(), 1);
        assert_eq!(ledger.len(), 0);
    }

    #[test]
    fn large_pods_are_fewer() {
        let mut setting = Setting::new();
        for number in 0..10 {
            setting.answer(&number.to_string(), None);
        }
        let large = Assumption { bytes: BYTES - (2 << 10), ..setting.ledger.pods[0].clone() };
        assert_eq!(setting.ledger.remember(large.clone()).len(), 8);
        assert_eq!(setting.ledger.remember(large).len(), 3, "all others");
        assert_eq!(setting.ledger.len(), 1);
    }

    #[test]
    fn a_name_is_not_enough_where_its_last_bearer_goes() {
        let mut setting = Setting::new();
        setting.answer("d-2", Some("set"));
        setting.ledger.pods[0].name = "web-1".to_owned();
        assert_eq!(setting.see(Seen { decision: Some("d-1"), ..POD }), None, "it was steered before");
        assert_eq!(setting.see(Seen { created: Some(50.0), ..POD }), None, "it was there before");
        assert_eq!(setting.see(Seen { decision: Some("d-2"), ..POD }).as_deref(), Some("d-2"));
    }

    #[test]
    fn a_uid_is_certain() {
        let mut setting = Setting::new();
        setting.answer("d-1", Some("rs"));
        setting.ledger.pods[0].uid = Some("u".to_owned());
        assert_eq!(setting.see(POD), None, "its owner alone says nothing");
        assert_eq!(setting.see(Seen { uid: Some("u"), ..POD }).as_deref(), Some("d-1"));
    }
}
