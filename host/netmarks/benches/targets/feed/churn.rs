//! Pods that come, are bound, run and go, at a rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use crate::synthetic::{application, pod};

/// Changes in the life of one pod: it comes, it is bound, it runs, it goes.
const LIFE: u32 = 4;

/// Pods of a churn that are there at once.
const PODS: u32 = 500;

/// What they are numbered from, beyond all others.
const FIRST: u32 = 1_000_000;

/// Changes pods until it is dropped.
pub struct Churn {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Churn {
    pub fn start(cluster: Arc<Cluster>, per_second: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let thread = std::thread::spawn(move || {
            let (begun, period) = (Instant::now(), Duration::from_secs(1) / per_second);
            for change in 0u32.. {
                let due = begun + period * change;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let number = change / LIFE;
                let of = |number: u32| pod(FIRST + number, application(number % 40), number % 500);
                let mut next = of(number);
                match change % LIFE {
                    0 => {
                        next.node = None;
                        cluster.apply(&next);
                    }
                    3 if number >= PODS => cluster.delete(&of(number - PODS).key),
                    _ => cluster.apply(&next),
                }
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
