//! By what replicas of this program compare their targets.

use std::fmt::Write as _;

use netmarks_core::digest::Digest;

use crate::inventory::Target;

/// As many hexadecimal digits as name a revision.
const DIGITS: usize = 12;

/// The same for the same target, in whatever replica.
pub(crate) fn digest(target: &Target) -> String {
    let mut text = String::new();
    for (application, nodes) in target {
        // Names have neither spaces nor line ends.
        let _ = write!(text, "{application}");
        for (node, pods) in nodes {
            let _ = write!(text, " {node} {pods}");
        }
        text.push('\n');
    }
    Digest::of(text.as_bytes()).hex().chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use netmarks_core::application::Application;

    use super::*;

    #[test]
    fn any_pod_more_or_elsewhere_is_another_target() {
        let of = |places: &[(&str, &str, u32)]| {
            let each = places.iter().map(|(name, node, pods)| {
                (Application::new("shop", name), vec![((*node).to_owned(), *pods)])
            });
            digest(&each.collect::<Target>())
        };
        let first = of(&[("web", "a", 2), ("db", "b", 1)]);
        assert!(first.len() == 12 && first.chars().all(|digit| digit.is_ascii_hexdigit()), "{first}");
        assert_eq!(of(&[("web", "a", 2), ("db", "b", 1)]), first);
        for other in [&[("web", "a", 3), ("db", "b", 1)][..], &[("web", "b", 2), ("db", "b", 1)], &[]] {
            assert_ne!(of(other), first);
        }
    }
}
