//! The webhook beside the extender: how many terms there are, how they are graded, and what that keeps local.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::company::generated;
use super::markdown::{head, percent, table};
use super::simulation::{Outcome, Settings, Simulator};

/// Settings of the webhook: terms, nodes in one, and how good the nodes of one are, in percent of its best.
type Grading = (u32, u32, u32);

const DEFAULT: Grading = (3, 8, 90);

const GRADINGS: [Grading; 7] =
    [(1, 8, 90), (2, 8, 90), DEFAULT, (3, 4, 90), (3, 32, 90), (3, 8, 70), (3, 32, 50)];

/// Machines of a cluster, how often that shape is repeated, how often each way is tried, and by which settings.
const CLUSTERS: [(usize, u32, usize, &[Grading]); 3] =
    [(96, 1, 3, &GRADINGS), (480, 5, 1, &GRADINGS), (960, 10, 1, &[DEFAULT])];

const TITLES: [&str; 6] =
    ["who asks", "terms", "nodes a term", "as good", "bytes within a node", "across zones"];

pub(super) fn report(simulator: &Simulator) -> Result<String> {
    let mut text = head("The webhook beside the extender", "cargo xtask evaluation admission");
    text.push_str(
        "\nThe [large company's shape](company.md) with plain NetMARKS, random order, the default `percentageOfNodesToScore`. The extender is asked\n\
         about the nodes that kube-scheduler found, with weight 2; the [webhook](../admission.md) scores all nodes, and names a few.\n",
    );
    for (machines, times, repetitions, gradings) in CLUSTERS {
        let file = generated(simulator, 1, times)?;
        let run = |flags: &[&str], arms: &[&str]| {
            let settings = Settings {
                arms,
                order: "random",
                repetitions,
                extender_weight: 2,
                score_map: "linear",
                optimal_steps: None,
                flags,
            };
            simulator.run_file(&file, &settings)
        };
        let both = run(&[], &["default", "netmarks"])?;
        let mut rows = vec![row("nobody", None, &both, 0), row("kube-scheduler (extender)", None, &both, 1)];
        for grading in gradings {
            let config = config(simulator, *grading)?;
            let config = config.to_string_lossy();
            let outcome = run(&["--door", "admission", "--admission-config", &config], &["netmarks"])?;
            rows.push(row("API server (webhook)", Some(*grading), &outcome, 0));
        }
        let config = config(simulator, DEFAULT)?;
        let config = config.to_string_lossy();
        let burst = run(
            &["--door", "admission", "--admission-config", &config, "--created-at-once", "20"],
            &["netmarks"],
        )?;
        rows.push(row("API server, 20 pods at once", Some(DEFAULT), &burst, 0));
        text.push_str(&format!("\n## {machines} nodes; repetitions: {repetitions}\n"));
        text.push_str(&table(&TITLES, &rows));
    }
    Ok(text)
}

fn row(who: &str, grading: Option<Grading>, outcome: &Outcome, arm: usize) -> Vec<String> {
    // One run has no interval.
    let share = |name: &str| {
        let percent = percent(outcome.figure(arm, name));
        percent.strip_suffix(" ± 0.0").map_or(percent.clone(), str::to_owned)
    };
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        who.to_owned(),
        or_none(grading.map(|(terms, _, _)| terms.to_string())),
        or_none(grading.map(|(_, nodes, _)| nodes.to_string())),
        or_none(grading.map(|(_, _, as_good)| format!("{as_good}%"))),
        share("bytes_within_node"),
        share("bytes_across_zones"),
    ]
}

fn config(simulator: &Simulator, (terms, nodes, as_good): Grading) -> Result<PathBuf> {
    let file = simulator.folder.join("admission.yaml");
    let section = format!("{{terms: {terms}, nodes_per_term: {nodes}, as_good_percent: {as_good}}}");
    fs::write(&file, format!("admission: {section}\n"))
        .with_context(|| format!("failed to write {}", file.display()))?;
    Ok(file)
}
