//! Made-up applications with the degrees of large ones.

use anyhow::Result;

use super::application::Application;
use super::cluster::Cluster;
use super::markdown::{ARM_TITLES, arms, head, table};
use super::simulation::{Settings, Simulator};

const ARMS: [&str; 6] = ["default", "netmarks", "recommended", "declared", "random", "optimal"];

pub(super) fn report(simulator: &Simulator) -> Result<String> {
    let mut text = head("Made-up applications", "cargo xtask evaluation generated");
    text.push_str(
        "\nApplications of 50, 200 and 1,000 services. Who has many callees gets more (degrees fall off as a power law, as large\n\
         companies report), calls spread over two orders of magnitude, bytes per call over one, CPU over one and a half; services have\n\
         1 to 10 replicas. Three zones, 70% of the CPU requested, random orders, extender weight 2, linear map.\n",
    );
    for (services, nodes, repetitions) in [(50, 10, 50), (200, 30, 20), (1_000, 100, 10)] {
        let application = Application::generated(services, 1);
        let pods: u32 = application.services.iter().map(|service| service.replicas).sum();
        let cluster = Cluster { nodes, zones: 3, requested: 0.7, pods_per_node: 110 };
        let settings = Settings {
            arms: &ARMS,
            order: "random",
            repetitions,
            extender_weight: 2,
            score_map: "linear",
            optimal_steps: None,
            flags: &[],
        };
        let outcome = simulator.run(&application, &cluster, &settings)?;
        let edges = application.edges.len();
        text.push_str(&format!(
            "\n## {services} services, {pods} pods, {edges} edges on {nodes} nodes; {repetitions} orders\n"
        ));
        text.push_str(&table(&ARM_TITLES, &arms(&ARMS, &outcome)));
    }
    Ok(text)
}
