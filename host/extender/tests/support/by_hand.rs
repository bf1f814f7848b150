//! An extender whose policies run until the test lets their deadline pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use netmarks::config::Config;
use netmarks::http::body::BodyBudget;
use netmarks::http::routes::App;
use netmarks::metrics::Metrics;
use netmarks::policies;
use netmarks::scoring::{Live, Scorer};
use netmarks::service::Scoring;
use netmarks_engine::{Engine, EngineSettings, Tick};
use netmarks_sources::state::ClusterState;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What scores, with an epoch that only [`Engine::advance`] moves.
pub fn scoring(config: &Config, state: Arc<ClusterState>) -> Result<Scoring> {
    let engine = Engine::new(EngineSettings { concurrent_calls: 8, tick: Tick::ByHand })?;
    let policy = Arc::new(policies::load(&engine, &config.policy)?);
    let live = Live { generation: 1, policy, settings: config.scoring_settings() };
    let scorer = Scorer::new(state, live, config.scoring.decisions, Arc::new(Metrics::new()));
    Ok(Scoring { engine, scorer: Arc::new(scorer) })
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
