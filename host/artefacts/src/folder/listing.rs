//! Looking at a folder: which names it has, and what their files are like, without reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use netmarks_files::Stamp;

use crate::beside;

use super::problem::{Problem, ProblemKind};

/// Most entries of the folder that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Most components of the folder.
const MOST_COMPONENTS: usize = 256;

/// The files of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) component: Stamp,
    pub(crate) settings: Option<Stamp>,
    /// Its signature as a Sigstore bundle.
    pub(crate) bundle: Option<Stamp>,
    pub(crate) legacy_signature: Option<Stamp>,
}

impl Files {
    /// Whether none of them was touched since.
    pub(crate) fn are_older_than(&self, moment: SystemTime) -> bool {
        let Self { component, settings, bundle, legacy_signature } = self;
        let all = [Some(component), settings.as_ref(), bundle.as_ref(), legacy_signature.as_ref()];
        all.into_iter().flatten().all(|stamp| stamp.is_older_than(moment))
    }

    #[cfg(test)]
    pub(crate) fn made_up(size: u64, touched_seconds: i64) -> Self {
        let component = Stamp::made_up(size, touched_seconds);
        Self { component, settings: None, bundle: None, legacy_signature: None }
    }
}

/// Where the files of one name are.
pub(crate) struct Paths {
    pub(crate) component: PathBuf,
    pub(crate) settings: PathBuf,
    pub(crate) bundle: PathBuf,
    pub(crate) legacy_signature: PathBuf,
}

impl Paths {
    pub(crate) fn of(folder: &Path, name: &str) -> Self {
        Self {
            component: folder.join(format!("{name}.wasm")),
            settings: folder.join(format!("{name}.yaml")),
            bundle: folder.join(format!("{name}.wasm{}", beside::BUNDLE)),
            legacy_signature: folder.join(format!("{name}.wasm{}", beside::LEGACY)),
        }
    }
}

/// What one listing found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: BTreeMap<String, Files>,
    /// Names that are there, but whose files cannot be told: neither new nor gone.
    pub(crate) unclear: BTreeSet<String>,
    pub(crate) problems: Vec<Problem>,
}

/// What the files of one name are like now.
pub(crate) fn files(paths: &Paths) -> Result<Files, Problem> {
    let optional = |path: &Path| match Stamp::of(path) {
        Ok(stamp) => Ok(Some(stamp)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::of_reading(path, &error)),
    };
    let component =
        Stamp::of(&paths.component).map_err(|error| Problem::of_reading(&paths.component, &error))?;
    Ok(Files {
        component,
        settings: optional(&paths.settings)?,
        bundle: optional(&paths.bundle)?,
        legacy_signature: optional(&paths.legacy_signature)?,
    })
}

/// Lists the folder.
pub(crate) fn list(folder: &Path) -> Result<Listing, ErrorKind> {
    let mut names = BTreeSet::new();
    let mut list = Listing::default();
    for (index, entry) in std::fs::read_dir(folder).map_err(|error| error.kind())?.enumerate() {
        if index == MOST_ENTRIES {
            let kind = ProblemKind::Entries(MOST_ENTRIES);
            list.problems.push(Problem { path: folder.to_owned(), kind });
            break;
        }
        let file = entry.map_err(|error| error.kind())?.file_name();
        // Hidden ones are half-written by editors, or the folders behind the links of a ConfigMap.
        let Some(stem) =
            file.as_encoded_bytes().strip_suffix(b".wasm").filter(|stem| !stem.starts_with(b"."))
        else {
            continue;
        };
        match std::str::from_utf8(stem).ok().filter(|name| is_label(name)) {
            Some(name) => {
                names.insert(name.to_owned());
            }
            None => list.problems.push(Problem { path: folder.join(&file), kind: ProblemKind::Name }),
        }
    }
    for (index, name) in names.into_iter().enumerate() {
        let paths = Paths::of(folder, &name);
        if index >= MOST_COMPONENTS {
            let kind = ProblemKind::Components(MOST_COMPONENTS);
            list.problems.push(Problem { path: paths.component, kind });
            list.unclear.insert(name);
            continue;
        }
        match files(&paths) {
            Ok(files) => {
                list.files.insert(name, files);
            }
            Err(problem) => {
                list.problems.push(problem);
                list.unclear.insert(name);
            }
        }
    }
    list.problems.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(list)
}

/// Whether it is a DNS label (RFC 1123).
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn labels() {
        let long = "a".repeat(63);
        for name in ["a", "zone-1", "1", &long] {
            assert!(is_label(name), "{name}");
        }
        let longer = "a".repeat(64);
        for name in ["", "-a", "a-", "A", "a_b", "a.b", "ä", &longer] {
            assert!(!is_label(name), "{name}");
        }
    }

    #[test]
    fn they_are_as_old_as_the_youngest() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert!(Files::made_up(1, 99).are_older_than(moment));
        let mut mixed = Files::made_up(1, 99);
        mixed.settings = Some(Files::made_up(1, 101).component);
        assert!(!mixed.are_older_than(moment));
    }
}
