//! An extender whose policies run until the test lets their deadline pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring::{self, Scoring};
use netmarks_engine::{Engine, EngineSettings, Tick};
use netmarks_extender::Extender;
use netmarks_policies::Compiling;
use netmarks_server::BodyBudget;
use netmarks_state::ClusterState;
use tokio::sync::Semaphore;

/// What scores, with an epoch that only [`Engine::advance`] moves.
pub async fn scoring(config: &Config, state: Arc<ClusterState>, tasks: &mut Tasks) -> Result<Scoring> {
    let engine = Engine::new(EngineSettings { concurrent_calls: 8, tick: Tick::ByHand })?;
    wiring::scoring(engine, config, state, Compiling::Here, tasks).await
}

/// The scheduler's door, with a deadline that no configuration allows.
pub fn door(scoring: &Scoring, permits: usize, deadline: Duration) -> Extender {
    Extender {
        bodies: BodyBudget::new(1 << 20, 1 << 20),
        permits: Arc::new(Semaphore::new(permits)),
        deadline,
        ..scoring.extender(&Config::default())
    }
}

/// Ends the calls under way, and with them the blocking threads that a runtime waits for.
pub struct Advance(pub Engine);

impl Drop for Advance {
    fn drop(&mut self) {
        self.0.advance();
    }
}
