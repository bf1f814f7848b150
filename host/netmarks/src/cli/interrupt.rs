//! Long work that Ctrl-C ends early, with what is done until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;

/// Becomes true with the first Ctrl-C, as long as the runtime lives.
pub(super) fn interrupted(runtime: &Runtime) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    runtime.spawn({
        let flag = flag.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    });
    flag
}
