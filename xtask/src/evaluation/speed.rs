//! How long a simulation takes, by the size of the cluster.

use std::time::Instant;

use anyhow::Result;

use super::application::Application;
use super::cluster::Cluster;
use super::markdown::table;
use super::simulation::{Settings, Simulator};
use crate::machine::Machine;

/// Nodes, and ten pods for each.
const SIZES: [usize; 4] = [500, 1_000, 2_000, 5_000];

pub(super) fn report(simulator: &Simulator) -> Result<String> {
    let mut text = "# How long a simulation takes\n\n\
                    This page is written by `cargo xtask evaluation speed`. Its figures depend on the machine.\n"
        .to_owned();
    text.push_str(&format!(
        "\nOne arm, one repetition, random order, with kube-scheduler's own adaptive sample of nodes; reading the file is included. Made-up\n\
         applications, ten pods for each node. Machine: {}.\n",
        Machine::this()?.processors()
    ));
    let mut rows = Vec::new();
    for nodes in SIZES {
        let application = application(nodes);
        let mut row =
            vec![nodes.to_string(), pods(&application).to_string(), application.edges.len().to_string()];
        for arm in ["default", "netmarks"] {
            row.push(format!("{:.1} s", seconds(simulator, &application, nodes, arm)?));
        }
        rows.push(row);
    }
    text.push_str(&table(&["nodes", "pods", "edges", "`default`", "`netmarks`"], &rows));
    Ok(text)
}

/// Ten pods for each node: services have 3.8 replicas on average.
pub(super) fn application(nodes: usize) -> Application {
    Application::generated(nodes * 10 * 10 / 38, 1)
}

pub(super) fn pods(application: &Application) -> u32 {
    application.services.iter().map(|service| service.replicas).sum()
}

/// How long one arm takes, reading the file included.
pub(super) fn seconds(
    simulator: &Simulator,
    application: &Application,
    nodes: usize,
    arm: &str,
) -> Result<f64> {
    let cluster = Cluster { nodes, zones: 3, requested: 0.7, pods_per_node: 110 };
    let settings = Settings {
        arms: &[arm],
        order: "random",
        repetitions: 1,
        extender_weight: 2,
        score_map: "linear",
        optimal_steps: None,
        flags: &[],
    };
    let started = Instant::now();
    simulator.run(application, &cluster, &settings)?;
    Ok(started.elapsed().as_secs_f64())
}
