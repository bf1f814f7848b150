//! Taints and tolerations.

use k8s_openapi::api::core::v1::{Taint, Toleration};

const NO_SCHEDULE: &str = "NoSchedule";
const NO_EXECUTE: &str = "NoExecute";
const PREFER_NO_SCHEDULE: &str = "PreferNoSchedule";
/// The taint that stands for a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Whether they tolerate every taint that keeps pods away.
pub(crate) fn tolerated(taints: &[Taint], tolerations: &[Toleration]) -> bool {
    let mut hard = taints.iter().filter(|taint| taint.effect == NO_SCHEDULE || taint.effect == NO_EXECUTE);
    hard.all(|taint| tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// How many taints that a pod should rather avoid they do not tolerate.
pub(crate) fn avoided(taints: &[Taint], tolerations: &[Toleration]) -> i64 {
    let soft = taints.iter().filter(|taint| taint.effect == PREFER_NO_SCHEDULE);
    let avoided = soft.filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)));
    avoided.map(|_| 1).sum()
}

/// Whether they tolerate a cordoned node.
pub(crate) fn tolerate_cordon(tolerations: &[Toleration]) -> bool {
    let cordon = Taint { key: UNSCHEDULABLE.to_owned(), effect: NO_SCHEDULE.to_owned(), ..Taint::default() };
    tolerations.iter().any(|toleration| tolerates(toleration, &cordon))
}

/// As kube-scheduler without the gate `TaintTolerationComparisonOperators`, which is off by default.
fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let unset_or = |asked: &Option<String>, value: &str| {
        asked.as_deref().is_none_or(|asked| asked.is_empty() || asked == value)
    };
    let value = || toleration.value.as_deref().unwrap_or("") == taint.value.as_deref().unwrap_or("");
    unset_or(&toleration.effect, &taint.effect)
        && unset_or(&toleration.key, &taint.key)
        && match toleration.operator.as_deref().unwrap_or("") {
            "" | "Equal" => value(),
            "Exists" => true,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str, effect: &str) -> Taint {
        let value = (!value.is_empty()).then(|| value.to_owned());
        Taint { key: key.to_owned(), value, effect: effect.to_owned(), time_added: None }
    }

    fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Toleration {
            key: some(key),
            operator: some(operator),
            value: some(value),
            effect: some(effect),
            toleration_seconds: None,
        }
    }

    #[test]
    fn a_toleration_matches_key_value_and_effect() {
        let gpu = [taint("gpu", "yes", NO_SCHEDULE)];
        let table = [
            (toleration("gpu", "Equal", "yes", NO_SCHEDULE), true),
            (toleration("gpu", "", "yes", ""), true),
            (toleration("gpu", "Exists", "", ""), true),
            (toleration("", "Exists", "", ""), true),
            (toleration("gpu", "Equal", "no", ""), false),
            (toleration("disk", "Exists", "", ""), false),
            (toleration("gpu", "Exists", "", NO_EXECUTE), false),
            (toleration("gpu", "Gt", "1", ""), false),
        ];
        for (toleration, expected) in table {
            assert_eq!(tolerated(&gpu, std::slice::from_ref(&toleration)), expected, "{toleration:?}");
        }
        assert!(!tolerated(&gpu, &[]) && !tolerated(&[taint("gone", "", NO_EXECUTE)], &[]));
    }

    #[test]
    fn soft_taints_are_counted_and_never_keep_a_pod_away() {
        let taints = [taint("a", "", PREFER_NO_SCHEDULE), taint("b", "", PREFER_NO_SCHEDULE)];
        assert!(tolerated(&taints, &[]));
        assert_eq!(avoided(&taints, &[]), 2);
        assert_eq!(avoided(&taints, &[toleration("a", "Exists", "", "")]), 1);
        // As in kube-scheduler, a toleration of another effect does not count.
        assert_eq!(avoided(&taints, &[toleration("a", "Exists", "", NO_SCHEDULE)]), 2);
    }

    #[test]
    fn a_cordon_is_tolerated_as_its_taint() {
        assert!(!tolerate_cordon(&[]));
        assert!(tolerate_cordon(&[toleration(UNSCHEDULABLE, "Exists", "", "")]));
    }
}
