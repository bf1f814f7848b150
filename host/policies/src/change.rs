//! What each operation does to the manifest.
//!
//! Pure, so that the rules are tested without loading anything:
//! - A name has at most one active entry and one beside it that is not (ready, shadow or canary): the next version.
//! - Whatever becomes active displaces the active entry of its name; the one displaced leaves.
//! - There is at most one canary.
//! - Something stays active where something was, unless the operation says that nothing has to.
//! - A name belongs to the origin that first gave it. The built-in score gives way to anyone who uses its name.

use crate::errors::Refusal;
use crate::manifest::{Entry, MOST_ENTRIES, Manifest};
use crate::origin::Origin;
use crate::revision::RevisionId;
use crate::settings::{Mode, PolicyName};

/// An operator's operation.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyChange {
    /// A new revision.
    Put(Box<Entry>),
    /// Another mode for the newest revision of a name: the one beside the active one, if there is one.
    Move { name: PolicyName, mode: Mode, origin: Origin, options: ChangeOptions },
    /// Away with all revisions of a name.
    Remove { name: PolicyName, origin: Origin, options: ChangeOptions },
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

/// What an operation may do beside what it is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeOptions {
    /// Whatever else answers becomes ready.
    pub only: bool,
    /// No policy need be active afterwards: then nothing is scored, and the extender is not ready.
    pub leave_nothing_active: bool,
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
        let (subject, keeps_one) = match &change {
            PolicyChange::Move { name, options, .. } | PolicyChange::Remove { name, options, .. } => {
                (name.to_string(), !options.leave_nothing_active)
            }
            _ => (String::new(), false),
        };
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
            PolicyChange::Move { name, mode, origin, options } => {
                next.check_origin(&name, origin)?;
                if options.only {
                    next.retire_others(&name, origin)?;
                }
                let position = next.newest(&name).ok_or_else(|| self.unknown(&name))?;
                let mut entry = next.entries.remove(position);
                entry.mode = mode;
                entry.degraded = None;
                next.put(entry)?;
            }
            PolicyChange::Remove { name, origin, options: _ } => {
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
        if keeps_one && self.has_active() && !next.has_active() {
            return Err(Refusal::NothingActive { name: subject });
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

    /// Makes ready whatever else answers.
    fn retire_others(&mut self, name: &PolicyName, origin: Origin) -> Result<(), Refusal> {
        let others: Vec<PolicyName> = self
            .entries
            .iter()
            .filter(|entry| entry.answers() && entry.name != *name)
            .map(|entry| entry.name.clone())
            .collect();
        for other in others {
            self.check_origin(&other, origin)?;
            // A name has one entry beside its active one: the newest stays.
            let beside = |entry: &Entry| entry.name == other && !entry.is_active();
            if self.entries.iter().any(beside) {
                self.entries.retain(|entry| entry.name != other || beside(entry));
            }
            for entry in self.entries.iter_mut().filter(|entry| entry.name == other && entry.answers()) {
                entry.mode = Mode::Ready;
            }
        }
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
mod tests;
