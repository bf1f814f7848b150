//! Serves the proxies of a sample application, and prints the scrape targets: to look at, or to point a Prometheus at.

#![forbid(unsafe_code)]

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use netmarks_test_traffic::{
    Mesh, Pods, Protocol, Topology, TrafficServer, bookinfo, online_boutique, social_network, wall_clock,
};
use std::net::SocketAddr;
use std::sync::Arc;

/// Serves the metrics that the proxies of a service mesh would show for a sample application.
#[derive(Debug, Parser)]
struct Args {
    /// Which application's measured traffic to serve.
    #[arg(long, value_enum, default_value_t = Application::OnlineBoutique)]
    application: Application,
    /// Which proxies there are.
    #[arg(long, value_enum, default_value_t = Topology::Sidecar)]
    topology: Topology,
    /// What the applications speak.
    #[arg(long, value_enum, default_value_t = Protocol::Http)]
    protocol: Protocol,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9500")]
    listen: SocketAddr,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Application {
    OnlineBoutique,
    SocialNetwork,
    Bookinfo,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the targets are this program's output")]
async fn main() -> Result<()> {
    let Args { application, topology, protocol, listen } = Args::parse();
    let edges = match application {
        Application::OnlineBoutique => online_boutique(),
        Application::SocialNetwork => social_network(),
        Application::Bookinfo => bookinfo(),
    }?;
    let mesh = Mesh::new(topology, protocol, edges, &Pods::default(), wall_clock());
    let mut server = TrafficServer::start_on(listen, Arc::new(mesh)).await?;
    for target in server.targets() {
        println!("http://{}{} {:?}", target.address, target.path, target.labels);
    }
    tokio::select! {
        () = server.ended() => anyhow::bail!("the server ended by itself"),
        stopped = tokio::signal::ctrl_c() => stopped.context("failed to wait for Ctrl-C"),
    }
}
