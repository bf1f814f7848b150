//! Three applications whose traffic was measured.

use anyhow::Result;

use super::application::Application;
use super::cluster::Cluster;
use super::markdown::{ARM_TITLES, arms, head, table};
use super::simulation::{Settings, Simulator};

const ARMS: [&str; 8] = [
    "default",
    "netmarks",
    "recommended",
    "load-blend",
    "netmarks=2,spread=1",
    "declared",
    "random",
    "optimal",
];

/// For calls that are spread over all pods, which is what these Services say.
const EVEN: [&str; 1] = ["recommended:routing=by-service"];

macro_rules! measured {
    ($name:literal) => {
        Application::measured(
            include_str!(concat!("../../../tests/traffic/data/", $name, "-edges.csv")),
            include_str!(concat!("../../../tests/traffic/data/", $name, "-cpu.csv")),
        )
    };
}

pub(super) fn report(simulator: &Simulator) -> Result<String> {
    let applications = [
        ("Online Boutique", measured!("online-boutique")?),
        ("Bookinfo", measured!("bookinfo")?),
        ("Social Network", measured!("social-network")?),
    ];
    let mut text = head("Three applications with measured traffic", "cargo xtask evaluation demos");
    text.push_str(
        "\nTraffic and CPU were measured (`tests/traffic/data`). Each pod requests the CPU that its service used. Six nodes in two\n\
         zones; 100 random orders of deployment; extender weight 2, linear map. ± is half of a 95% interval. Response times are those\n\
         of the stated model (`netmarks simulate --help`), not measurements.\n",
    );
    for (name, application) in &applications {
        for (what, replicas, requested) in [
            ("one replica, half of the CPU requested", 1, 0.5),
            ("three replicas, half of the CPU requested", 3, 0.5),
            ("three replicas, 85% of the CPU requested", 3, 0.85),
        ] {
            let cluster = Cluster { nodes: 6, zones: 2, requested, pods_per_node: 110 };
            let settings = Settings {
                arms: &ARMS,
                order: "random",
                repetitions: 100,
                extender_weight: 2,
                score_map: "linear",
                optimal_steps: Some(60_000),
                flags: &[],
            };
            let outcome = simulator.run(&application.clone().replicated(replicas), &cluster, &settings)?;
            text.push_str(&format!("\n## {name}: {what}\n"));
            let as_said = Settings { arms: &EVEN, flags: &["--target-routing", "by-service"], ..settings };
            let even = simulator.run(&application.clone().replicated(replicas), &cluster, &as_said)?;
            let mut rows = arms(&ARMS, &outcome);
            rows.extend(arms(&EVEN, &even));
            text.push_str(&table(&ARM_TITLES, &rows));
        }
    }
    text.push_str(
        "\n## How to read this\n\n\
         - With one replica a flow is either local or not. With several, and calls spread evenly over them, a pod beside one of three\n  \
           replicas keeps a third of its calls; the column `routed locally` is what a Service with `PreferSameNode` would keep.\n\
         - Plain NetMARKS multiplies by the number of a peer's replicas on the node and knows no load, so it fills nodes up: the\n  \
           deviation of CPU grows, and with it the queueing part of the response times. `load-blend` weighs both: it keeps\n  \
           40 to 100% of the bytes that plain NetMARKS keeps, and its 99th percentile is at most a quarter above the default's.\n\
         - `recommended` follows a target that packs, and takes calls to be routed locally where Services say nothing else. It keeps most\n  \
           where they are; with even routing it can keep fewer bytes than plain NetMARKS. It answers as late as plain NetMARKS, or later.\n\
         - `recommended:routing=by-service` and its target (`target.routing: by-service`) take calls to be spread, as these Services do. Wherever plain\n  \
           NetMARKS places all pods, that keeps more bytes within nodes than plain NetMARKS. It is the setting for Services that spread their calls.\n\
         - `optimal` maximises gained affinity; with even routing other placements can keep more bytes within a node.\n",
    );
    Ok(text)
}
