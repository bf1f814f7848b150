//! An extender whose policies run until the test lets their deadline pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use netmarks::config::Config;
use netmarks::http::body::BodyBudget;
use netmarks::http::routes::App;
use netmarks::service::{self, Scoring, Tasks};
use netmarks_engine::{Engine, EngineSettings, Tick};
use netmarks_policies::Compiling;
use netmarks_sources::state::ClusterState;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What scores, with an epoch that only [`Engine::advance`] moves.
pub async fn scoring(config: &Config, state: Arc<ClusterState>, tasks: &mut Tasks) -> Result<Scoring> {
    let engine = Engine::new(EngineSettings { concurrent_calls: 8, tick: Tick::ByHand })?;
    service::scoring_on(engine, config, state, Compiling::Here, tasks).await
}

/// The routes, with a deadline that no configuration allows.
pub fn app(scoring: &Scoring, permits: usize, deadline: Duration) -> App {
    App {
        scorer: scoring.scorer.clone(),
        identity: Config::default().identity,
        bodies: BodyBudget::new(1 << 20, 1 << 20),
        permits: Arc::new(Semaphore::new(permits)),
        deadline,
        stopping: CancellationToken::new(),
    }
}

/// Ends the calls under way, and with them the blocking threads that a runtime waits for.
pub struct Advance(pub Engine);

impl Drop for Advance {
    fn drop(&mut self) {
        self.0.advance();
    }
}
