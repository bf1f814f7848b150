//! What to do about a listing of the folder: pure, so that each case can be stated.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::listing::Files;

/// What to do about one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read these files: they are new, and nobody is writing to them.
    Read(Box<Files>),
    /// Its files are gone.
    Forget,
}

/// The files that a name was last read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownFile<'a> {
    pub(crate) accepted: Option<&'a Files>,
    pub(crate) refused: Option<&'a Files>,
}

/// Compares two looks with what was read before.
///
/// `names` are those that were read before, `unclear` those that are there but whose files cannot be told, `settled` is the
/// moment since which a file must not have been touched to be taken at the first listing.
pub(crate) fn plan<'a>(
    last: &BTreeMap<String, Files>,
    now: &BTreeMap<String, Files>,
    unclear: &BTreeSet<String>,
    names: BTreeSet<String>,
    known: impl Fn(&str) -> KnownFile<'a>,
    settled: Option<SystemTime>,
) -> BTreeMap<String, Action> {
    let mut actions = BTreeMap::new();
    for (name, files) in now {
        let KnownFile { accepted, refused } = known(name);
        // What was refused last is what counts: an accepted file may have been replaced and put back.
        if refused.or(accepted) == Some(files) {
            continue;
        }
        let is_still =
            last.get(name) == Some(files) || settled.is_some_and(|moment| files.are_older_than(moment));
        if is_still {
            actions.insert(name.clone(), Action::Read(Box::new(files.clone())));
        }
    }
    for name in names {
        let was_gone = !last.contains_key(&name);
        if !now.contains_key(&name) && !unclear.contains(&name) && was_gone {
            actions.insert(name, Action::Forget);
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn files(size: u64) -> Files {
        Files::made_up(size, 1_000)
    }

    fn folder(files: Option<Files>) -> BTreeMap<String, Files> {
        files.map(|files| ("zone".to_owned(), files)).into_iter().collect()
    }

    /// The action for `zone`, with the files of the last listing, of this one, and those accepted and refused before.
    fn decide(
        last: Option<Files>,
        now: Option<Files>,
        accepted: Option<&Files>,
        refused: Option<&Files>,
    ) -> Option<Action> {
        let known = |_: &str| KnownFile { accepted, refused };
        let names = accepted.iter().chain(&refused).map(|_| "zone".to_owned()).collect();
        plan(&folder(last), &folder(now), &BTreeSet::new(), names, known, None).remove("zone")
    }

    #[test]
    fn a_file_is_read_once_it_was_the_same_twice() {
        assert_eq!(decide(None, Some(files(1)), None, None), None);
        assert_eq!(decide(Some(files(1)), Some(files(2)), None, None), None);
        assert_eq!(
            decide(Some(files(2)), Some(files(2)), None, None),
            Some(Action::Read(Box::new(files(2))))
        );
    }

    #[test]
    fn what_was_read_is_not_read_again_until_it_changes() {
        let (one, two) = (Some(files(1)), Some(files(2)));
        let (first, second) = (one.as_ref(), two.as_ref());
        assert_eq!(decide(one.clone(), one.clone(), first, None), None);
        assert_eq!(decide(one.clone(), one.clone(), None, first), None);
        assert_eq!(decide(two.clone(), two.clone(), first, None), Some(Action::Read(Box::new(files(2)))));
        assert_eq!(decide(two.clone(), two.clone(), first, second), None);
        // Put back after something that was refused: read again, to find that nothing changed.
        assert_eq!(decide(one.clone(), one.clone(), first, second), Some(Action::Read(Box::new(files(1)))));
    }

    #[test]
    fn a_file_that_is_gone_at_two_looks_is_forgotten() {
        let one = Some(files(1));
        assert_eq!(decide(one.clone(), None, one.as_ref(), None), None);
        assert_eq!(decide(None, None, one.as_ref(), None), Some(Action::Forget));
        assert_eq!(decide(None, None, None, one.as_ref()), Some(Action::Forget));
        assert_eq!(decide(None, None, None, None), None);
    }

    #[test]
    fn a_file_that_cannot_be_told_is_not_gone() {
        let accepted = files(1);
        let known = |_: &str| KnownFile { accepted: Some(&accepted), refused: None };
        let name = || BTreeSet::from(["zone".to_owned()]);
        let actions = plan(&folder(None), &folder(None), &name(), name(), known, None);
        assert_eq!(actions, BTreeMap::new());
    }

    #[test]
    fn a_file_that_was_not_touched_for_long_is_read_at_once() {
        let moment = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let known = |_: &str| KnownFile { accepted: None, refused: None };
        let decide = |settled| {
            plan(&folder(None), &folder(Some(files(1))), &BTreeSet::new(), BTreeSet::new(), known, settled)
                .remove("zone")
        };
        assert_eq!(decide(moment(1_001)), Some(Action::Read(Box::new(files(1)))));
        assert_eq!(decide(moment(1_000)), None);
    }
}
