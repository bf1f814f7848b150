//! Doors whose policies run until the test lets their deadline pass.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring::{self, Scoring};
use netmarks_engine::{Engine, EngineSettings, Tick};
use netmarks_extender::Extender;
use netmarks_policies::Compiling;
use netmarks_server::{BodyBudget, Listener, Stop};
use netmarks_state::ClusterState;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

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

/// Serves these routes without TLS until `stop`; returns the URL below which they are.
pub async fn serve(router: Router, stop: &CancellationToken) -> Result<String> {
    let listener = Listener::bind_plain("test", ([127, 0, 0, 1], 0).into()).await?;
    let url = format!("http://{}", listener.address());
    let end = Stop { begun: stop.clone(), closing: stop.clone(), drain: Duration::ZERO };
    tokio::spawn(listener.serve(move |_| router.clone(), end));
    Ok(url)
}

/// Ends the calls under way, and with them the blocking threads that a runtime waits for.
pub struct Advance(pub Engine);

impl Drop for Advance {
    fn drop(&mut self) {
        self.0.advance();
    }
}
