//! Work that takes a core only when nothing else wants it.
//!
//! Hashing and handing over 50 MB takes a tenth of a second, which is short for an upload
//! and long beside a request that is scored in 20 microseconds.

use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

/// Runs `work` on a thread of its own in Linux' idle class, and waits for it. Where the class is refused, it is a thread
/// like any other. Blocks; `None` if `work` panicked.
///
/// `work` must hold no lock that requests need, not even for a moment: it may lose its core meanwhile, for as long as the machine is
/// busy. So it does not log, and maps or lets go no machine code.
pub fn when_idle<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            enter_idle_class();
            work()
        });
        thread.join().ok()
    })
}

/// Puts the calling thread into the idle class for good.
pub(crate) fn enter_idle_class() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let thread = thread_priority::thread_native_id();
    if let Err(error) = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, idle) {
        tracing::debug!(?error, "background work runs at normal priority");
    }
}
