//! The rules, one by one and after any sequence of operations.

use super::*;
use crate::settings::Settings;
use crate::signature::Signature;
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
        signature: Signature::NoTrustedKeys,
        degraded: None,
        since: f64::from(version),
        by: "test".into(),
    }
}

fn put(name: &str, version: u8, mode: Mode) -> PolicyChange {
    PolicyChange::Put(Box::new(entry(name, version, mode)))
}

fn moved(name: &str, mode: Mode) -> PolicyChange {
    let options = ChangeOptions { leave_nothing_active: true, ..ChangeOptions::default() };
    PolicyChange::Move { name: name.parse().unwrap(), mode, origin: Origin::Upload, options }
}

fn removed(name: &str, origin: Origin) -> PolicyChange {
    PolicyChange::Remove { name: name.parse().unwrap(), origin, options: ChangeOptions::default() }
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
fn something_stays_active_unless_it_is_said_that_nothing_need_be() {
    let options = ChangeOptions::default();
    let upload = Origin::Upload;
    let manifest = after([put("a", 1, Mode::Active), put("b", 1, Mode::Shadow)]);
    for mode in [Mode::Shadow, Mode::Ready, CANARY] {
        let change = PolicyChange::Move { name: "a".parse().unwrap(), mode, origin: upload, options };
        let refusal = manifest.apply(change).unwrap_err();
        assert!(matches!(&refusal, Refusal::NothingActive { name } if name == "a"), "{refusal}");
        assert!(manifest.apply(moved("a", mode)).is_ok(), "as it was said");
    }
    assert!(matches!(manifest.apply(removed("a", upload)), Err(Refusal::NothingActive { .. })));
    assert!(manifest.apply(removed("b", upload)).is_ok());
    let both = manifest.apply(moved("b", Mode::Active)).unwrap();
    assert!(both.apply(removed("a", upload)).is_ok());
    let silent = manifest.apply(moved("a", Mode::Ready)).unwrap();
    assert!(silent.apply(removed("a", upload)).is_ok(), "nothing was active before either");
}

#[test]
fn only_one_can_be_made_to_answer() {
    let manifest = after([
        put("a", 1, Mode::Active),
        put("b", 1, Mode::Active),
        put("b", 2, CANARY),
        put("c", 1, Mode::Ready),
    ]);
    let options = ChangeOptions { only: true, ..ChangeOptions::default() };
    let name: PolicyName = "c".parse().unwrap();
    let change = PolicyChange::Move { name, mode: Mode::Active, origin: Origin::Upload, options };
    let next = manifest.apply(change.clone()).unwrap();
    assert_eq!(shown(&next), ["a 1 ready", "b 2 ready", "c 1 active"]);
    let back = next.apply(PolicyChange::RollBack { to: manifest.clone() }).unwrap();
    assert!(back.answers_like(&manifest));
    let mut other = manifest;
    other.entries[0].origin = Origin::Kubernetes;
    assert!(matches!(other.apply(change), Err(Refusal::Managed { .. })));
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
    let remove = removed("a", Origin::Folder);
    assert!(matches!(manifest.apply(remove), Err(Refusal::Managed { .. })));
    let error = manifest.apply(removed("b", Origin::Folder)).unwrap_err().to_string();
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
    let manifest = before.apply(put("a", 2, Mode::Active)).unwrap().apply(put("d", 1, Mode::Active)).unwrap();
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
                3 => removed(&name, Origin::Upload),
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
