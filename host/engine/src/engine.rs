//! The one wasmtime engine of the process: compilation settings, the pool of instances, the epoch.
//!
//! Policies come and go while the engine stays.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::engine_error::EngineError;
use crate::limits::Limits;
use crate::ticker::Ticker;

/// Memory of a slot that is cleared by writing instead of being given back to the kernel: enough for a Rust policy
/// at 5,000 nodes, so that a call takes no page fault; beyond, a slot would hoard what one large guest touched.
const RESIDENT_BYTES: usize = 2 * 1024 * 1024;

/// Most core instances of one component. A policy in Rust or C has 3, its own module and what adapts it to the contract;
/// CPython is a dozen libraries, each with adapters: 38 with WASI stubbed.
const CORE_INSTANCES: u32 = 64;

/// Most memories of one component. Its own is one; stubs in place of WASI bring one or two of a page.
const MEMORIES: u32 = 4;

/// Most tables of one component: function pointers, for each module and adapter of its own.
const TABLES: u32 = 16;

/// How the epoch advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// By a thread, at this period: the resolution of every deadline.
    Every(Duration),
    /// Only by [`Engine::advance`]: tests decide when a deadline passes.
    ByHand,
}

/// How an engine is made.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// How many calls may run at once; slots are reserved for so many.
    pub concurrent_calls: u32,
    /// How the epoch advances.
    pub tick: Tick,
}

impl Default for EngineSettings {
    fn default() -> Self {
        // 2 ms: a 50 ms deadline is met to 4%, for 500 wake-ups a second.
        Self { concurrent_calls: 64, tick: Tick::Every(Duration::from_millis(2)) }
    }
}

/// Everything that machine code depends on; the same for compiling elsewhere and for running here.
pub(crate) fn configuration() -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .max_wasm_stack(Limits::STACK_BYTES)
        // Addresses in a stripped guest would only fill the log.
        .wasm_backtrace_max_frames(None)
        // The address space of a slot is what a policy may ever use; the rest of wasmtime's 4 GiB default
        // would only be reserved for 64 slots.
        .memory_reservation(u64::from(Limits::MOST_MEMORY_MIB) * 1024 * 1024)
        .memory_guard_size(64 * 1024);
    config
}

/// The engine. Cheap to clone; all clones are the same one.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    tick: Tick,
    _ticker: Option<Arc<Ticker>>,
}

impl Engine {
    /// Makes the engine: reserves address space for the pool and starts the ticker.
    ///
    /// # Errors
    /// If the host cannot reserve that much address space, or start a thread.
    pub fn new(settings: EngineSettings) -> Result<Self, EngineError> {
        let calls = settings.concurrent_calls.max(1);
        let mut pool = PoolingAllocationConfig::default();
        // The totals are what the largest component may have for every call, so that one in the middle of a call never
        // keeps another from starting. They cost address space, not memory.
        pool.total_component_instances(calls)
            .total_core_instances(calls * CORE_INSTANCES)
            .total_memories(calls * MEMORIES)
            .total_tables(calls * TABLES)
            .max_core_instances_per_component(CORE_INSTANCES)
            .max_memories_per_component(MEMORIES)
            .max_tables_per_component(TABLES)
            .max_memory_size(Limits::MOST_MEMORY_MIB as usize * 1024 * 1024)
            .table_elements(Limits::TABLE_ELEMENTS)
            .linear_memory_keep_resident(RESIDENT_BYTES)
            .table_keep_resident(64 * 1024)
            .max_unused_warm_slots(calls.min(8))
            // Finds the pages a call really touched; on kernels without it, the first pages are cleared instead.
            .pagemap_scan(Enabled::Auto);
        let mut config = configuration();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| EngineError::new(&error))?;
        let ticker = match settings.tick {
            Tick::ByHand => None,
            Tick::Every(period) => Some(Arc::new(
                Ticker::start(wasmtime.weak(), period).map_err(|error| EngineError::new(&error.into()))?,
            )),
        };
        Ok(Self { wasmtime, tick: settings.tick, _ticker: ticker })
    }

    /// Advances the epoch by one: what the ticker does, for [`Tick::ByHand`].
    pub fn advance(&self) {
        self.wasmtime.increment_epoch();
    }

    /// The engine underneath, for this crate's own benchmarks: what they compare must run in the same pool as policies.
    /// Nothing outside this crate may use it, since no other crate depends on wasmtime.
    #[doc(hidden)]
    #[must_use]
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// The deadline in epochs: rounded up, and one more because the current epoch has partly passed.
    pub(crate) fn epochs(&self, deadline: Duration) -> u64 {
        match self.tick {
            Tick::ByHand => 1,
            Tick::Every(period) => {
                u64::try_from(deadline.as_nanos().div_ceil(period.as_nanos().max(1))).unwrap_or(u64::MAX - 1)
                    + 1
            }
        }
    }
}
