//! Replaces all names and label values of a snapshot, so that a file can leave the company.
//!
//! A text has one replacement, wherever it stands: what was equal stays equal, so zones, selectors and applications mean what they
//! meant. Replacements are keyed (HMAC-SHA-256); without the key nobody can tell whether a guess is right. [`KeyFile`] holds the
//! key and what each replacement stands for.
//!
//! What stays as it is: amounts, times, ports, traffic, the words of the API, and keys of labels, taints and resources that Kubernetes and meshes
//! define themselves (`well_known`). Keys of anybody else are replaced.

mod aliases;
mod fields;
mod key_file;
mod rules;
mod well_known;

pub use aliases::{Aliases, Key};
pub use fields::anonymise;
pub use key_file::{KeyFile, KeyFileError};
