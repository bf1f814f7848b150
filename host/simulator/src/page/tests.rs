use netmarks_map::MapView;
use netmarks_placement::{
    Assumptions, Figure, Figures, Flow, Inventory, Node, Pod, Repetition, Study, figures,
};

use super::{map, page, scene};
use crate::report::{Conditions, SimulationReport};

/// So many nodes in three zones, two pods on each, a ring of applications with ten pods.
fn inventory(nodes: usize, name: &dyn Fn(usize) -> String) -> Inventory {
    let node = |index: usize| Node {
        name: name(index),
        zone: Some(name(index % 3)),
        cpu_millicores: 1_000,
        memory_bytes: 1_000,
        ..Node::default()
    };
    let pods = nodes * 2;
    let applications = pods.div_ceil(10);
    let pod = |index: usize| Pod {
        application: Some(index / 10),
        cpu_millicores: 100,
        node: Some(index * 7 % nodes),
        ..Pod::default()
    };
    let flow = |source: usize| Flow {
        source,
        destination: (source + 1) % applications,
        bytes_per_second: 1_000.0 * (source + 1) as f64,
        calls_per_second: 1.0,
    };
    Inventory {
        nodes: (0..nodes).map(node).collect(),
        applications: (0..applications).map(name).collect(),
        pods: (0..pods).map(pod).collect(),
        flows: (0..applications).map(flow).collect(),
    }
}

/// Two arms: pods as they are, and pods side by side.
fn report(inventory: &Inventory, other: &str) -> SimulationReport {
    let side_by_side: Vec<Option<usize>> =
        (0..inventory.pods.len()).map(|pod| Some(pod / 2 % inventory.nodes.len())).collect();
    let placements = [inventory.initial(), side_by_side];
    let repetitions = |placement| {
        let figures: Figures = figures(inventory, placement, &Assumptions::default());
        vec![Some(Repetition { figures, faults: 1, decisions: 2 }); 2]
    };
    let [first, second] = &placements;
    let study = Study::new(&[("default".into(), repetitions(first)), (other.into(), repetitions(second))]);
    let conditions = Conditions {
        left_out: [(other.to_owned(), 3)].into(),
        ..Conditions::new(inventory, 2, 1, Assumptions::default())
    };
    SimulationReport { conditions, as_found: None, study, first_placements: placements.map(Some).into() }
}

/// The page without the script that draws its maps.
fn without_script(page: &str) -> String {
    let script = format!("<script>{}</script>", map::SCRIPT);
    let (before, after) = page.split_once(&script).unwrap();
    [before, after].concat()
}

/// The page's elements, after what only HTML allows is taken out: the doctype, scripts, and elements that have no end.
fn elements(page: &str) -> String {
    let page = without_script(page);
    let body = page.strip_prefix("<!DOCTYPE html>").unwrap().replace("<br>", "<br/>");
    let mut xml = String::new();
    let mut parts = body.split("<meta ");
    xml.push_str(parts.next().unwrap());
    for part in parts {
        xml.push_str(part.split_once('>').unwrap().1);
    }
    xml
}

/// The data of the maps.
fn maps(document: &roxmltree::Document<'_>) -> Vec<MapView> {
    let data = document.descendants().filter(|node| node.attribute("type") == Some("application/json"));
    data.map(|node| serde_json::from_str(node.text().unwrap()).unwrap()).collect()
}

#[test]
fn the_page_is_well_formed_and_says_what_was_found() {
    let inventory = inventory(12, &|index| format!("node-{index}"));
    let page = page(&report(&inventory, "netmarks"), &inventory);
    let xml = elements(&page);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let pictures = || document.descendants().filter(|node| node.attribute("role") == Some("img"));
    assert_eq!(pictures().count(), 4, "a plot for each group");
    for picture in pictures() {
        for name in ["title", "desc"] {
            assert!(picture.children().any(|child| child.has_tag_name(name)), "{name}");
        }
        let ids: Vec<&str> = picture.attribute("aria-labelledby").unwrap().split(' ').collect();
        assert!(ids.iter().all(|id| picture.children().any(|child| child.attribute("id") == Some(*id))));
    }
    let maps = maps(&document);
    assert_eq!(maps.len(), 2);
    for map in maps {
        assert_eq!(map.nodes.names.len(), 12, "every node");
        assert_eq!(map.placements.unwrap().pods.iter().sum::<u32>(), 24, "every pod");
        let sum = map.totals.within_node + map.totals.within_zone + map.totals.across_zones;
        assert!((sum - inventory.bytes_per_second()).abs() < 1e-6, "every byte");
    }
    assert!(page.contains("stays here"));
    let sentence = document.descendants().find(|node| node.attribute("class") == Some("headlines")).unwrap();
    let text: String =
        sentence.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect();
    assert!(text.starts_with("netmarks keeps ") && text.contains("default"), "{text}");
}

#[test]
fn it_asks_for_nothing_and_is_the_same_every_time() {
    let inventory = inventory(100, &|index| format!("node-{index}"));
    let report = report(&inventory, "netmarks");
    let once = page(&report, &inventory);
    assert_eq!(once, page(&report, &inventory));
    let apart = without_script(&once);
    for word in ["http://", "https://", "href", "src=", "url(", "@import"] {
        assert!(!apart.contains(word), "{word}");
    }
    assert!(
        once.contains("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"),
        "its policy"
    );
    let script = map::SCRIPT.to_lowercase();
    assert!(!script.contains("</script") && !script.contains("<!--"), "what would end it, or begin another");
}

#[test]
fn the_maps_have_the_figures_of_the_report() {
    let inventory = inventory(12, &|index| format!("node-{index}"));
    let report = report(&inventory, "netmarks");
    for (arm, placement) in report.study.arms.iter().zip(&report.first_placements) {
        let view = scene::view(&inventory, placement.as_ref().unwrap());
        let within = arm.figures[&Figure::BytesWithinNode].estimate.mean;
        let share = view.totals.local_share().unwrap();
        assert!((share - within).abs() < 1e-9, "{}: {share} {within}", arm.name);
    }
}

#[test]
fn a_large_cluster_stays_below_a_megabyte() {
    let inventory = inventory(5_000, &|index| format!("worker-{index}.example.internal"));
    let page = page(&report(&inventory, "netmarks"), &inventory);
    assert!(page.len() < 1_000_000, "{}", page.len());
    roxmltree::Document::parse(&elements(&page)).unwrap();
    let map = &maps(&roxmltree::Document::parse(&elements(&page)).unwrap())[0];
    assert_eq!((map.nodes.names.len(), map.node_flows.from.len()), (5_000, 600), "only the heaviest pairs");
}

#[test]
fn nothing_that_finished_is_a_page_too() {
    let inventory = inventory(3, &|index| index.to_string());
    let mut report = report(&inventory, "netmarks");
    report.study = Study::new(&[("default".into(), vec![None]), ("netmarks".into(), vec![None])]);
    report.first_placements = vec![None, None];
    let page = page(&report, &inventory);
    roxmltree::Document::parse(&elements(&page)).unwrap();
    assert!(page.contains("cannot be compared"));
}

mod hostile {
    use super::*;

    #[test]
    fn names_are_text_and_nothing_else() {
        let evil = "</text></svg><script>alert(1)</script>\"' onload=x & \u{1b}[31m\u{0}\u{202e}";
        let inventory = inventory(12, &|index| format!("{index}{evil}"));
        let page = page(&report(&inventory, evil), &inventory);
        let xml = elements(&page);
        let document = roxmltree::Document::parse(&xml).unwrap();
        let data = |node: &roxmltree::Node<'_, '_>| node.attribute("type") == Some("application/json");
        assert!(document.descendants().filter(|node| node.has_tag_name("script")).all(|node| data(&node)));
        let map = &maps(&document)[0];
        assert!(map.nodes.prefix.len() + map.nodes.suffix.len() >= evil.len(), "the script shows it as text");
        assert!(!document.descendants().any(|node| node.has_attribute("onload")));
        assert!(page.contains("&lt;script&gt;"));
        assert!(!page.chars().any(|shown| shown.is_control() && shown != '\n'));
        assert!(!page.contains('\u{202e}'), "text would run backwards");
    }

    #[test]
    fn long_names_and_a_zone_for_every_node_do_not_swell_the_page() {
        let mut inventory = inventory(2_000, &|index| format!("{index}{}", "<x>".repeat(21_000)));
        for node in &mut inventory.nodes {
            node.zone = Some(node.name.clone());
        }
        let page = page(&report(&inventory, &"&".repeat(63_000)), &inventory);
        assert!(page.len() < 1_000_000, "{}", page.len());
        roxmltree::Document::parse(&elements(&page)).unwrap();
    }

    #[test]
    fn numbers_that_are_none_do_not_break_the_drawing() {
        let mut inventory = inventory(6, &|index| index.to_string());
        for (flow, amount) in inventory.flows.iter_mut().zip([f64::NAN, f64::INFINITY]) {
            flow.bytes_per_second = amount;
        }
        let page = page(&report(&inventory, "netmarks"), &inventory);
        roxmltree::Document::parse(&elements(&page)).unwrap();
    }
}
