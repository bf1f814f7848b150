//! What each operation does to the manifest.
//!
//! Pure, so that the rules are tested without loading anything:
//! - A name has at most one active entry and one beside it that is not (ready, shadow or canary): the next version.
//! - Whatever becomes active displaces the active entry of its name; the one displaced leaves.
//! - There is at most one canary.
//! - A name belongs to the origin that first gave it. The built-in score gives way to anyone who uses its name.

use crate::errors::Refusal;
use crate::manifest::{Entry, Manifest};
use crate::origin::Origin;
use crate::revision::RevisionId;
use crate::settings::{Mode, PolicyName};

/// Most entries: every one holds machine code in memory.
const MOST_ENTRIES: usize = 64;

/// An operator's operation.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyChange {
    /// A new revision.
    Put(Box<Entry>),
    /// Another mode for the newest revision of a name: the one beside the active one, if there is one.
    Move { name: PolicyName, mode: Mode, origin: Origin },
    /// Away with all revisions of a name.
    Remove { name: PolicyName, origin: Origin },
    /// The active entries and the canary as they were in `to`; those displaced become ready.
    RollBack {
        /// An earlier manifest.
        to: Manifest,
    },
    /// A revision broke a rule.
    Degrade {
        revision: RevisionId,
        reason: String,
        /// What answers from now on.
        fallback: Fallback,
    },
}

/// What answers after a revision broke a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Fallback {
    /// An earlier set, in which it did not answer.
    Set(Manifest),
    /// Those that answered beside it.
    Others,
    /// There is nothing else, so it goes on: some scores are better than none.
    Nothing,
}

impl Manifest {
    /// The manifest after `change`.
    ///
    /// # Errors
    /// If the change breaks a rule; nothing is changed then.
    pub fn apply(&self, change: PolicyChange) -> Result<Self, Refusal> {
        let mut next = Self { generation: self.generation + 1, entries: self.entries.clone() };
        match change {
            PolicyChange::Put(entry) => {
                // Taking what answers out of the set is an operation of its own, never a side effect of an upload.
                if self.entry(&entry.revision).is_some_and(Entry::is_active) && !entry.is_active() {
                    return Err(Refusal::AlreadyActive { name: entry.name.to_string() });
                }
                // The configuration names one policy; under another name it is still the one.
                let stale = |other: &Entry| other.origin == Origin::Configuration && other.name != entry.name;
                if entry.origin == Origin::Configuration {
                    next.entries.retain(|other| !stale(other));
                }
                next.put(*entry)?;
            }
            PolicyChange::Move { name, mode, origin } => {
                next.check_origin(&name, origin)?;
                let position = next.newest(&name).ok_or_else(|| self.unknown(&name))?;
                let mut entry = next.entries.remove(position);
                entry.mode = mode;
                entry.degraded = None;
                next.put(entry)?;
            }
            PolicyChange::Remove { name, origin } => {
                next.check_origin(&name, origin)?;
                next.newest(&name).ok_or_else(|| self.unknown(&name))?;
                next.entries.retain(|entry| entry.name != name);
            }
            PolicyChange::RollBack { to } => next.put_back(&to),
            PolicyChange::Degrade { revision, reason, fallback } => {
                if let Fallback::Set(to) = &fallback {
                    next.put_back(to);
                }
                for entry in next.entries.iter_mut().filter(|entry| entry.revision == revision) {
                    if fallback != Fallback::Nothing {
                        entry.mode = Mode::Ready;
                    }
                    entry.degraded = Some(reason.clone());
                }
            }
        }
        next.entries
            .sort_by(|left, right| (&left.name, !left.is_active()).cmp(&(&right.name, !right.is_active())));
        if next.entries.len() > MOST_ENTRIES {
            return Err(Refusal::Full { most: MOST_ENTRIES });
        }
        Ok(next)
    }

    fn put(&mut self, entry: Entry) -> Result<(), Refusal> {
        entry.settings.validate()?;
        self.check_origin(&entry.name, entry.origin)?;
        if let Mode::Canary { percent } = entry.mode {
            if !(1..=99).contains(&percent) {
                return Err(Refusal::Percent { percent });
            }
            let other =
                |other: &&Entry| matches!(other.mode, Mode::Canary { .. }) && other.name != entry.name;
            if let Some(other) = self.entries.iter().find(other) {
                return Err(Refusal::Canary { other: other.name.to_string() });
            }
        }
        let stays = |other: &Entry| {
            other.name != entry.name
                || (other.is_active() && !entry.is_active() && other.revision != entry.revision)
        };
        self.entries.retain(stays);
        self.entries.push(entry);
        Ok(())
    }

    /// Makes the answering entries of `to` the answering ones; what answered else becomes ready, and what is beside
    /// them stays.
    fn put_back(&mut self, to: &Self) {
        for entry in &mut self.entries {
            if entry.answers() {
                entry.mode = Mode::Ready;
            }
        }
        for entry in to.entries.iter().filter(|entry| entry.answers()) {
            self.entries.retain(|other| other.revision != entry.revision);
            self.entries.push(entry.clone());
        }
        // At most one entry of a name may be beside its active one: the newest.
        let mut kept: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            let twin = kept
                .iter()
                .position(|other| other.name == entry.name && other.is_active() == entry.is_active());
            match twin {
                None => kept.push(entry),
                Some(twin) => {
                    if let Some(slot) = kept.get_mut(twin)
                        && (entry.answers(), entry.since) > (slot.answers(), slot.since)
                    {
                        *slot = entry;
                    }
                }
            }
        }
        self.entries = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use proptest::prelude::*;

    fn entry(name: &str, version: u8, mode: Mode) -> Entry {
        let (name, settings) = (name.parse::<PolicyName>().unwrap(), Settings::default());
        let digest = format!("sha256:{version:064x}");
        Entry {
            revision: RevisionId::new(&name, &digest, &settings),
            name,
            digest,
            settings,
            mode,
            origin: Origin::Upload,
            degraded: None,
            since: f64::from(version),
            by: "test".into(),
        }
    }

    fn put(name: &str, version: u8, mode: Mode) -> PolicyChange {
        PolicyChange::Put(Box::new(entry(name, version, mode)))
    }

    fn moved(name: &str, mode: Mode) -> PolicyChange {
        PolicyChange::Move { name: name.parse().unwrap(), mode, origin: Origin::Upload }
    }

    fn after(changes: impl IntoIterator<Item = PolicyChange>) -> Manifest {
        changes.into_iter().fold(Manifest::default(), |manifest, change| manifest.apply(change).unwrap())
    }

    fn shown(manifest: &Manifest) -> Vec<String> {
        let shown = |entry: &Entry| {
            let version = entry.digest.trim_start_matches("sha256:0").trim_start_matches('0');
            format!("{} {version} {}", entry.name, entry.mode)
        };
        manifest.entries.iter().map(shown).collect()
    }

    const CANARY: Mode = Mode::Canary { percent: 10 };

    #[test]
    fn the_next_version_stands_beside_the_active_one_until_it_displaces_it() {
        let manifest = after([put("a", 1, Mode::Active), put("a", 2, Mode::Shadow)]);
        assert_eq!(shown(&manifest), ["a 1 active", "a 2 shadow"]);
        let manifest = manifest.apply(put("a", 3, CANARY)).unwrap();
        assert_eq!(shown(&manifest), ["a 1 active", "a 3 canary 10%"]);
        let manifest = manifest.apply(moved("a", Mode::Active)).unwrap();
        assert_eq!(shown(&manifest), ["a 3 active"]);
        assert_eq!(shown(&manifest.apply(moved("a", Mode::Ready)).unwrap()), ["a 3 ready"]);
        assert_eq!(manifest.generation, 4);
    }

    #[test]
    fn one_canary_at_a_time_and_never_of_all() {
        let manifest = after([put("a", 1, CANARY)]);
        assert!(matches!(manifest.apply(put("b", 2, CANARY)), Err(Refusal::Canary { .. })));
        assert!(manifest.apply(put("a", 2, CANARY)).is_ok());
        for percent in [0, 100] {
            let change = put("a", 2, Mode::Canary { percent });
            assert!(matches!(manifest.apply(change), Err(Refusal::Percent { .. })));
        }
    }

    #[test]
    fn a_name_belongs_to_its_origin() {
        let mut other = entry("a", 2, Mode::Active);
        other.origin = Origin::Kubernetes;
        let manifest = after([put("a", 1, Mode::Active)]);
        assert!(matches!(
            manifest.apply(PolicyChange::Put(Box::new(other.clone()))),
            Err(Refusal::Managed { .. })
        ));
        let name: PolicyName = "a".parse().unwrap();
        let remove = PolicyChange::Remove { name, origin: Origin::Folder };
        assert!(matches!(manifest.apply(remove), Err(Refusal::Managed { .. })));
        let unknown = PolicyChange::Remove { name: "b".parse().unwrap(), origin: Origin::Folder };
        let error = manifest.apply(unknown).unwrap_err().to_string();
        assert_eq!(error, "there is no policy `b`; there is a");
        // What the configuration began with gives way.
        let mut builtin = entry("a", 1, Mode::Active);
        builtin.origin = Origin::Configuration;
        let manifest =
            after([PolicyChange::Put(Box::new(builtin))]).apply(PolicyChange::Put(Box::new(other))).unwrap();
        assert_eq!(shown(&manifest), ["a 2 active"]);
    }

    #[test]
    fn the_configuration_has_one_policy_whatever_its_name() {
        let configured = |name: &str| {
            let entry = Entry { origin: Origin::Configuration, ..entry(name, 1, Mode::Active) };
            PolicyChange::Put(Box::new(entry))
        };
        let manifest = after([configured("a"), put("b", 1, Mode::Active), configured("c")]);
        assert_eq!(shown(&manifest), ["b 1 active", "c 1 active"]);
    }

    #[test]
    fn rolling_back_restores_what_answered_and_keeps_what_did_not() {
        let before = after([put("a", 1, Mode::Active), put("b", 1, Mode::Active), put("c", 1, Mode::Shadow)]);
        let manifest =
            before.apply(put("a", 2, Mode::Active)).unwrap().apply(put("d", 1, Mode::Active)).unwrap();
        let back = manifest.apply(PolicyChange::RollBack { to: before.clone() }).unwrap();
        assert_eq!(shown(&back), ["a 1 active", "a 2 ready", "b 1 active", "c 1 shadow", "d 1 ready"]);
        assert!(back.answers_like(&before) && back.generation > manifest.generation);
    }

    #[test]
    fn a_degraded_revision_answers_no_more() {
        let before = after([put("a", 1, Mode::Active)]);
        let manifest = before.apply(put("a", 2, Mode::Active)).unwrap();
        let revision = manifest.entries[0].revision.clone();
        let degrade =
            |fallback| PolicyChange::Degrade { revision: revision.clone(), reason: "slow".into(), fallback };
        let back = manifest.apply(degrade(Fallback::Set(before))).unwrap();
        assert_eq!(shown(&back), ["a 1 active", "a 2 ready"]);
        assert_eq!(back.entry(&revision).unwrap().degraded.as_deref(), Some("slow"));
        // By hand it may be tried again.
        let again = back.apply(moved("a", Mode::Active)).unwrap();
        assert_eq!(again.entry(&revision).unwrap().degraded, None);
        assert_eq!(shown(&manifest.apply(degrade(Fallback::Others)).unwrap()), ["a 2 ready"]);
        let alone = manifest.apply(degrade(Fallback::Nothing)).unwrap();
        assert_eq!(shown(&alone), ["a 2 active"]);
        assert!(alone.entry(&revision).unwrap().degraded.is_some());
    }

    fn change() -> impl Strategy<Value = (String, u8, u8)> {
        ("[a-d]", 0u8..5, 0u8..5)
    }

    proptest! {
        /// The rules of the module, after any sequence of operations.
        #[test]
        fn the_rules_hold_after_any_operations(changes in prop::collection::vec(change(), 1..60)) {
            let mut manifest = Manifest::default();
            let mut history = vec![manifest.clone()];
            for (name, version, what) in changes {
                let mode = [Mode::Active, CANARY, Mode::Shadow, Mode::Ready][usize::from(version) % 4];
                let operation = match what {
                    0 | 1 => put(&name, version, mode),
                    2 => moved(&name, mode),
                    3 => PolicyChange::Remove { name: name.parse().unwrap(), origin: Origin::Upload },
                    _ => PolicyChange::RollBack { to: history[usize::from(version) % history.len()].clone() },
                };
                let Ok(next) = manifest.apply(operation) else { continue };
                prop_assert_eq!(next.generation, manifest.generation + 1);
                for entry in &next.entries {
                    let twins = next.entries.iter().filter(|other| {
                        other.name == entry.name && other.is_active() == entry.is_active()
                    });
                    prop_assert_eq!(twins.count(), 1);
                    let same = next.entries.iter().filter(|other| other.revision == entry.revision);
                    prop_assert_eq!(same.count(), 1);
                }
                let canaries = next.entries.iter().filter(|entry| matches!(entry.mode, Mode::Canary { .. }));
                prop_assert!(canaries.count() <= 1);
                history.push(next.clone());
                manifest = next;
            }
        }
    }
}
