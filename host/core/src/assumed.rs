//! Pods that were just answered and not yet seen bound.
//!
//! kube-scheduler asks for the next replica before the watch has shown the last one bound. Until then the pod is
//! assumed on the node that scored best: a guess, since other plugins have their say, and so a short-lived one.
//!
//! The members of a pod group are scheduled in one cycle, and none is bound before the cycle has found room for all. So a group is
//! assumed as a whole, however long its cycle and its bindings take: until nothing was answered for it, and no member of it
//! was seen bound, for a member's lifetime. Every cycle asks for the members in the same order. So a member that is asked about again begins
//! another cycle, for which it and those that were answered after it are not placed yet.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::application::Application;
use crate::facts::{ApplicationId, NodeId};
use crate::snapshot::Snapshot;

/// Most pods without a group that are assumed at once; beyond, the oldest is forgotten. A scheduler binds them within milliseconds.
const CAPACITY: usize = 1_024;

/// Most members of groups, all together; beyond, the oldest of the group that was quiet for longest is forgotten. A scheduler
/// schedules one group at a time; kube-scheduler binds up to 50 pods a second unless told otherwise.
const MEMBERS: usize = 8_192;

/// The key of a pod that is assumed before its name is known, by the decision that was made for it; `#` is in no pod's name.
#[must_use]
pub fn key_of_decision(namespace: &str, decision: &str) -> String {
    format!("{namespace}/#{decision}")
}

/// Holds the pods assumed at the moment.
#[derive(Debug, Default)]
pub struct Assumed {
    pods: Mutex<Pods>,
}

#[derive(Debug, Default)]
struct Pods {
    /// Without a group, the oldest first.
    single: VecDeque<(AssumedPod, Instant)>,
    groups: HashMap<String, Group>,
    /// Of all groups.
    members: usize,
}

#[derive(Clone, Debug)]
struct AssumedPod {
    key: String,
    application: Application,
    node: String,
}

/// The members of a pod group in the order of their answers.
#[derive(Debug)]
struct Group {
    members: VecDeque<AssumedPod>,
    lifetime: Duration,
    until: Instant,
}

impl Assumed {
    /// Assumes the pod `key` (`namespace/name`) on `node` until `now + lifetime`, or until it is seen. With a `group`
    /// (`namespace/name`) it is assumed as long as the group.
    pub fn assume(
        &self,
        key: &str,
        group: Option<&str>,
        application: &Application,
        node: &str,
        now: Instant,
        lifetime: Duration,
    ) {
        if lifetime.is_zero() {
            return;
        }
        let mut pods = self.lock();
        pods.expire(now);
        pods.single.retain(|(pod, _)| pod.key != key);
        pods.begin_again(key);
        let pod = AssumedPod { key: key.to_owned(), application: application.clone(), node: node.to_owned() };
        let until = now + lifetime;
        match group {
            Some(group) => pods.join(group, pod, lifetime, until),
            None => {
                if pods.single.len() >= CAPACITY {
                    pods.single.pop_front();
                }
                pods.single.push_back((pod, until));
            }
        }
    }

    /// Assumes the pod `key`, which is in no group, until `now + lifetime`, if it is assumed still.
    pub fn prolong(&self, key: &str, now: Instant, lifetime: Duration) {
        let mut pods = self.lock();
        let mut alive = pods.single.iter_mut().filter(|(_, until)| *until > now);
        if let Some((_, until)) = alive.find(|(pod, _)| pod.key == key) {
            *until = now + lifetime;
        }
    }

    /// Whether the pod `key` is assumed at `now`, alone or with its group.
    #[must_use]
    pub fn holds(&self, key: &str, now: Instant) -> bool {
        let pods = self.lock();
        let mut groups = pods.groups.values().filter(|group| group.until > now);
        pods.single.iter().any(|(pod, until)| *until > now && pod.key == key)
            || groups.any(|group| group.position(key).is_some())
    }

    /// The group goes on at `now`: a member was answered that is assumed nowhere, such as one that prefers no node.
    pub fn renew(&self, group: &str, now: Instant, lifetime: Duration) {
        let mut pods = self.lock();
        if let Some(group) = pods.groups.get_mut(group).filter(|group| group.until > now) {
            group.until = group.until.max(now + lifetime);
        }
    }

    /// Forgets the pod `key`: it may go anywhere, or the watch has shown at `now` where it really is, or that it is gone.
    /// What is left of its group lives on from `now`.
    pub fn forget(&self, key: &str, now: Instant) {
        let mut pods = self.lock();
        pods.single.retain(|(pod, _)| pod.key != key);
        let Pods { groups, members, .. } = &mut *pods;
        for group in groups.values_mut() {
            if let Some(position) = group.position(key) {
                group.members.remove(position);
                *members -= 1;
                group.until = group.until.max(now + group.lifetime);
            }
        }
    }

    /// The pods assumed at `now` for a request for the pod `asking`, in the terms of `snapshot`: not `asking` itself, and of its group only
    /// those that were answered before it.
    #[must_use]
    pub fn resolve(&self, snapshot: &Snapshot, now: Instant, asking: &str) -> Vec<(ApplicationId, NodeId)> {
        let pods = self.lock();
        let single = pods.single.iter().filter(|(pod, until)| *until > now && pod.key != asking);
        let single = single.map(|(pod, _)| pod);
        let groups = pods.groups.values().filter(|group| group.until > now);
        let members =
            groups.flat_map(|group| group.members.iter().take(group.position(asking).unwrap_or(usize::MAX)));
        single
            .chain(members)
            .filter_map(|pod| {
                let application = snapshot.application_id(pod.application.as_str())?;
                Some((application, snapshot.names().id(&pod.node)?))
            })
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pods> {
        // Nothing below can panic half-way, so a poisoned list is still a good one.
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pods {
    fn expire(&mut self, now: Instant) {
        self.single.retain(|(_, until)| *until > now);
        self.groups.retain(|_, group| group.until > now && !group.members.is_empty());
        self.members = self.groups.values().map(|group| group.members.len()).sum();
    }

    /// Takes a member that is asked about again, and those answered after it, out of their group.
    fn begin_again(&mut self, key: &str) {
        for group in self.groups.values_mut() {
            if let Some(position) = group.position(key) {
                self.members -= group.members.len() - position;
                group.members.truncate(position);
            }
        }
    }

    fn join(&mut self, name: &str, pod: AssumedPod, lifetime: Duration, until: Instant) {
        if self.members >= MEMBERS
            && let Some(quiet) = self.groups.values_mut().min_by_key(|group| group.until)
        {
            quiet.members.pop_front();
            self.members -= 1;
        }
        let empty = || Group { members: VecDeque::new(), lifetime, until };
        let group = self.groups.entry(name.to_owned()).or_insert_with(empty);
        group.members.push_back(pod);
        group.lifetime = lifetime;
        group.until = group.until.max(until);
        self.members += 1;
    }
}

impl Group {
    fn position(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|pod| pod.key == key)
    }
}

#[cfg(test)]
mod tests;
