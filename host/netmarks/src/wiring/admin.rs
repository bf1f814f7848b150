//! The admin listener: policies, decisions, and the page with what keeps it up to date.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use netmarks_admin::{Access, Admin, Console, HISTORY_SECONDS, follow_cluster, follow_pods};
use netmarks_artefacts::Verifier;
use netmarks_controller::access::Reviewer;
use netmarks_map::History;
use netmarks_server::{Listener, Peer};
use netmarks_sources::kubernetes;
use netmarks_state::ClusterOrigin;

use super::{Scoring, stop};
use crate::config::Config;
use crate::identity;
use crate::tasks::Tasks;

/// Opens the listener, if one is configured, and serves what operators ask and the page.
pub(super) async fn listener(
    config: &Config,
    scoring: &Scoring,
    verifier: Option<Arc<Verifier>>,
    tasks: &mut Tasks,
) -> Result<Option<SocketAddr>> {
    let admin = &config.admin;
    let Some(address) = admin.listen else { return Ok(None) };
    let reviewer = if admin.kubernetes {
        let audiences = &admin.kubernetes_audiences;
        let audiences = (!audiences.is_empty()).then(|| audiences.clone());
        let reviewer = Reviewer::new(kubernetes::client(&config.cluster).await?, audiences);
        Some((Arc::new(reviewer), identity::namespace(config)?))
    } else {
        None
    };
    let access = Access::new(admin, reviewer);
    let listener = Listener::bind("admin", "`admin.listen`", address, &admin.tls).await?;
    scoring.connections.follow("admin", &listener);
    let address = listener.address();
    tracing::info!(
        %address, scheme = listener.scheme(), access = access.as_str(), "listening for changes of policies"
    );
    let admin = Admin::new(admin, scoring.registry.clone(), access.clone(), verifier);
    let console = console(config, scoring, tasks);
    let stop = stop(config, tasks);
    let router = move |peer: Peer| {
        admin.clone().router(peer.clone()).merge(console.clone().router(access.clone(), peer))
    };
    tasks.serve("admin server", listener.with_page().serve(router, stop));
    Ok(Some(address))
}

/// What the page reads, and what keeps it up to date.
fn console(config: &Config, scoring: &Scoring, tasks: &mut Tasks) -> Console {
    let Scoring { state, scorer, decisions, .. } = scoring;
    let most = config.admin.history_bytes();
    #[allow(clippy::cast_precision_loss, reason = "an hour")]
    let history = Arc::new(Mutex::new(History::new(most, HISTORY_SECONDS as f64)));
    let (of_pods, of_cluster) = (decisions.clone(), history.clone());
    tasks.follow("where pods went", |shutdown| follow_pods(state.clone(), of_pods, shutdown));
    // What a file shows does not change.
    if state.origin() != ClusterOrigin::SnapshotFile {
        tasks.follow("history", |shutdown| follow_cluster(state.clone(), of_cluster, shutdown));
    }
    let console =
        Console::new(state.clone(), scorer.clone(), decisions.clone(), history, tasks.stopping.clone());
    match scoring.model.get().cloned() {
        Some(model) => console.with_filters(move |pod| model.candidates_for_another(pod)),
        None => console,
    }
}
