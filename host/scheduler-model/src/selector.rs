//! Label selectors, compiled once.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

pub(crate) type Labels = BTreeMap<String, String>;

/// Requirements that must all hold; with no requirement it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Selector(Vec<Requirement>);

/// A rule for the value of one label, or of one field of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Greater(i64),
    Less(i64),
    /// An operator or a value that the API server accepts nowhere.
    Never,
}

/// Whether a selector selects an object with these labels. An empty one selects everything.
#[must_use]
pub fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::from_api(Some(selector)).is_some_and(|selector| selector.matches(labels))
}

impl Requirement {
    /// With an operator as the API writes it.
    pub(crate) fn new(key: &str, operator: &str, values: &[String]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let number = || match values {
            [one] => one.parse().ok(),
            _ => None,
        };
        let rule = match operator {
            "In" => Rule::In(sorted),
            "NotIn" => Rule::NotIn(sorted),
            "Exists" => Rule::Exists,
            "DoesNotExist" => Rule::DoesNotExist,
            "Gt" => number().map_or(Rule::Never, Rule::Greater),
            "Lt" => number().map_or(Rule::Never, Rule::Less),
            _ => Rule::Never,
        };
        Self { key: key.to_owned(), rule }
    }

    fn equals(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), rule: Rule::In(vec![value.to_owned()]) }
    }

    pub(crate) fn allows(&self, value: Option<&str>) -> bool {
        let listed = |values: &[String], value: &str| values.iter().any(|one| one == value);
        let compared = |holds: fn(&i64, &i64) -> bool, bound: &i64| {
            value.and_then(|value| value.parse().ok()).is_some_and(|value: i64| holds(&value, bound))
        };
        match &self.rule {
            Rule::In(values) => value.is_some_and(|value| listed(values, value)),
            Rule::NotIn(values) => value.is_none_or(|value| !listed(values, value)),
            Rule::Exists => value.is_some(),
            Rule::DoesNotExist => value.is_none(),
            Rule::Greater(bound) => compared(i64::gt, bound),
            Rule::Less(bound) => compared(i64::lt, bound),
            Rule::Never => false,
        }
    }
}

impl Selector {
    pub(crate) fn of(requirements: Vec<Requirement>) -> Self {
        Self(requirements)
    }

    /// Exactly these labels.
    pub(crate) fn of_labels(labels: &Labels) -> Self {
        Self(labels.iter().map(|(key, value)| Requirement::equals(key, value)).collect())
    }

    /// `None`, which selects nothing, for an absent selector.
    pub(crate) fn from_api(selector: Option<&LabelSelector>) -> Option<Self> {
        let selector = selector?;
        let labels = selector.match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| Requirement::equals(key, value));
        let expressions = selector.match_expressions.iter().flatten().map(|expression| {
            let values = expression.values.as_deref().unwrap_or_default();
            Requirement::new(&expression.key, &expression.operator, values)
        });
        Some(Self(labels.chain(expressions).collect()))
    }

    /// Both must hold.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.allows(labels.get(&requirement.key).map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_treat_an_absent_label_as_kubernetes_does() {
        let values = ["a".to_owned(), "b".to_owned()];
        let bound = ["5".to_owned()];
        let text = ["x".to_owned()];
        let table: [(&str, &[String], Option<&str>, bool); 16] = [
            ("In", &values, Some("b"), true),
            ("In", &values, Some("c"), false),
            ("In", &values, None, false),
            ("NotIn", &values, Some("a"), false),
            ("NotIn", &values, Some("c"), true),
            ("NotIn", &values, None, true),
            ("Exists", &[], Some(""), true),
            ("Exists", &[], None, false),
            ("DoesNotExist", &[], None, true),
            ("DoesNotExist", &[], Some("a"), false),
            ("Gt", &bound, Some("6"), true),
            ("Gt", &bound, Some("5"), false),
            ("Lt", &bound, Some("4"), true),
            ("Lt", &bound, None, false),
            ("Gt", &text, Some("6"), false),
            ("Near", &values, Some("a"), false),
        ];
        for (operator, values, value, expected) in table {
            let requirement = Requirement::new("key", operator, values);
            assert_eq!(requirement.allows(value), expected, "{operator} {values:?} on {value:?}");
        }
    }

    #[test]
    fn an_absent_selector_selects_nothing_and_an_empty_one_everything() {
        assert_eq!(Selector::from_api(None), None);
        let everything = Selector::from_api(Some(&LabelSelector::default())).unwrap();
        assert!(everything.is_empty() && everything.matches(&Labels::new()));
    }
}
