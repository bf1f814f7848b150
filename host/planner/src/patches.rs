//! The settings that a plan advises, as YAML to look at and to apply by hand.

use std::fmt::Write as _;

use netmarks_core::printable;
use netmarks_core::units::bytes_per_second;

use crate::file::{Advice, Plan, ServiceRouting};

/// One document for each Service whose routing should change; without any, a comment that says so.
#[must_use]
pub fn patches(plan: &Plan) -> String {
    let mut text = String::from(
        "# What `netmarks plan` advises for the routing of calls once its moves are made. It applies nothing.\n\
         # Each document is a server-side apply: kubectl apply --server-side --field-manager=netmarks-routing -f FILE\n",
    );
    let before = text.len();
    for service in &plan.report.services {
        text.push_str(&patch(service).unwrap_or_default());
    }
    if text.len() == before {
        text.push_str("# No setting would keep more near without loading single pods too much.\n");
    }
    text
}

fn patch(routing: &ServiceRouting) -> Option<String> {
    let (namespace, name) = routing.service.split_once('/')?;
    let (after, distribution) = match routing.advice {
        Advice::PreferSameNode => (routing.same_node, "PreferSameNode"),
        Advice::PreferSameZone => (routing.same_zone, "PreferSameZone"),
        Advice::IstioLocality => (routing.same_zone, ""),
        Advice::Keep | Advice::TooUneven => return None,
    };
    let mut text = String::from("---\n");
    let _ = writeln!(
        text,
        "# {} of {} would stay within nodes instead of {}, {} within zones instead of {};\n\
         # the busiest pod would get {:.1} times the mean of its application.",
        bytes_per_second(after.within_nodes),
        bytes_per_second(routing.bytes_per_second),
        bytes_per_second(routing.within_nodes_after),
        bytes_per_second(after.within_zones),
        bytes_per_second(routing.within_zones_after),
        after.busiest,
    );
    let metadata = format!("metadata:\n  namespace: {}\n  name: {}\n", quoted(namespace), quoted(name));
    if distribution.is_empty() {
        let host = format!("{name}.{namespace}.svc.cluster.local");
        let _ = write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n{metadata}spec:\n  host: {}\n  trafficPolicy:\n    \
             loadBalancer:\n      localityLbSetting:\n        enabled: true\n    \
             # Without it, Istio ignores where endpoints are.\n    outlierDetection:\n      consecutive5xxErrors: 5\n      \
             interval: 30s\n      baseEjectionTime: 30s\n",
            quoted(&host)
        );
    } else {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\n{metadata}spec:\n  trafficDistribution: {distribution}\n"
        );
    }
    Some(text)
}

/// As a text of YAML, whatever is in it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(printable::one_line(text)).to_string()
}

#[cfg(test)]
mod tests {
    use netmarks_core::application::Application;
    use netmarks_placement::Routing;

    use super::*;
    use crate::file::Preference;

    #[test]
    fn only_advised_settings_are_printed_and_names_are_quoted() {
        let service = |name: &str, advice| ServiceRouting {
            service: format!("shop/{name}"),
            application: Application::new("shop", name),
            bytes_per_second: 100.0,
            routing: Routing::Even,
            within_nodes_before: 10.0,
            within_nodes_after: 20.0,
            within_zones_after: 50.0,
            same_node: Preference { within_nodes: 80.0, within_zones: 90.0, busiest: 1.25 },
            same_zone: Preference { within_nodes: 30.0, within_zones: 95.0, busiest: 1.0 },
            advice,
        };
        let text: String = [Advice::PreferSameNode, Advice::IstioLocality, Advice::Keep, Advice::TooUneven]
            .into_iter()
            .filter_map(|advice| patch(&service("a: b", advice)))
            .collect();
        assert_eq!(text.matches("---\n").count(), 2);
        assert!(text.contains("  name: \"a: b\"\nspec:\n  trafficDistribution: PreferSameNode\n"), "{text}");
        assert!(text.contains("the busiest pod would get 1.2 times the mean"), "{text}");
        assert!(text.contains("host: \"a: b.shop.svc.cluster.local\""), "{text}");
    }
}
