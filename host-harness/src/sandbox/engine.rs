//! The engine: which WebAssembly it runs, out of which pool, and the clock that interrupts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result,
    WasmBacktraceDetails,
};

use super::limits::Limits;

/// How often running code gives way. tokio looks at timers and sockets once in 61 turns of a busy thread: this times
/// 61 is the longest that calls which only compute can hold up everything else.
pub(super) const TICK: Duration = Duration::from_millis(2);

pub(super) fn engine(limits: &Limits) -> Result<Engine> {
    let mut config = Config::new();
    // What Rust's compiler emits for wasm32-unknown-unknown is MVP code with bulk memory, reference types (the
    // encoding; values that need garbage collection are off), sign extension and conversions. All else is off:
    // every proposal is code that a hostile component can reach.
    config
        .wasm_component_model(true)
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_memory64(false)
        .wasm_multi_value(false)
        .wasm_multi_memory(false)
        .wasm_extended_const(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_stack_switching(false)
        .wasm_threads(false)
        .wasm_shared_everything_threads(false)
        .wasm_component_model_error_context(false)
        .wasm_component_model_gc(false)
        .wasm_component_model_map(false)
        .wasm_component_model_memory64(false)
        .wasm_component_model_fixed_length_lists(false)
        .wasm_component_model_implements(false)
        .concurrency_support(false)
        .shared_memory(false);
    config
        .epoch_interruption(true)
        // Traps are told without the component's names: nothing is kept to find them.
        .wasm_backtrace_max_frames(None)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .memory_init_cow(true)
        .parallel_compilation(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config)
}

/// Room for `concurrent_calls` and one to spare, whose slot is still being cleaned.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let calls = limits.concurrent_calls.saturating_add(1);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(limits.instances))
        .total_memories(calls.saturating_mul(limits.memories))
        .total_tables(calls.saturating_mul(limits.tables))
        .total_stacks(calls.saturating_mul(2))
        .total_gc_heaps(0)
        .max_core_instances_per_component(limits.instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .max_memories_per_module(1)
        .max_tables_per_module(limits.tables)
        .max_memory_size(limits.memory_bytes)
        .table_elements(limits.table_elements)
        // What a call touched beyond this is given back to the system instead of being cleared.
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(1 << 16)
        .async_stack_keep_resident(1 << 16)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// A thread that advances the engine's epoch while a call is running; ends when dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    ended: AtomicBool,
}

/// Keeps the ticker ticking as long as it lives: one for each call.
#[derive(Debug)]
pub(super) struct Beat(Arc<Shared>);

impl Ticker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let (engine, shared) = (engine.weak(), Arc::<Shared>::default());
        let seen = Arc::clone(&shared);
        let tick = move || {
            while !seen.ended.load(Ordering::SeqCst) {
                if seen.running.load(Ordering::SeqCst) == 0 {
                    thread::park();
                    continue;
                }
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        };
        let thread = thread::Builder::new()
            .name("milvus-ticker".into())
            .spawn(tick)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn beat(&self) -> Beat {
        if self.shared.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.wake();
        }
        Beat(Arc::clone(&self.shared))
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    #[test]
    fn t44_every_proposal_that_is_not_needed_is_refused() {
        let engine = engine(&Limits::default()).unwrap();
        for (proposal, module) in [
            ("gc", "(module (type (struct)))"),
            ("externref", "(module (func (param externref)))"),
            (
                "function references",
                "(module (type $t (func)) (func (param (ref $t))))",
            ),
            ("exceptions", "(module (tag))"),
            ("tail call", "(module (func $f (return_call $f)))"),
            ("simd", "(module (func (param v128)))"),
            ("memory64", "(module (memory i64 1))"),
            (
                "multi value",
                "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))",
            ),
            ("multi memory", "(module (memory 1) (memory 1))"),
            ("threads", "(module (memory 1 1 shared))"),
            (
                "atomics",
                "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            ),
            (
                "extended const",
                "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))",
            ),
            (
                "wide arithmetic",
                "(module (func (param i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 0))))",
            ),
            ("custom page sizes", "(module (memory 1 (pagesize 1)))"),
        ] {
            let bytes =
                wat::parse_str(format!("(component (core {}", &module[1..]) + ")").expect(proposal);
            assert!(Component::new(&engine, bytes).is_err(), "{proposal}");
        }
        let stream = wat::parse_str("(component (type (stream u8)))").unwrap();
        assert!(
            Component::new(&engine, stream).is_err(),
            "component-model async"
        );
    }

    #[test]
    fn what_rust_emits_is_compiled() {
        let engine = engine(&Limits::default()).unwrap();
        let text = "(component (core module (memory 1) (table 1 funcref)
            (func (param f32 i32) (result i32)
                (memory.fill (i32.const 0) (i32.const 0) (i32.const 8))
                (i32.extend8_s (i32.trunc_sat_f32_u (local.get 0))))))";
        Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    }

    #[test]
    fn the_ticker_ends_when_it_is_dropped() {
        let engine = engine(&Limits::default()).unwrap();
        for busy in [false, true] {
            let ticker = Ticker::start(&engine).unwrap();
            let beat = busy.then(|| ticker.beat());
            let shared = Arc::clone(&ticker.shared);
            drop(ticker);
            drop(beat);
            assert_eq!(Arc::strong_count(&shared), 1, "the thread is gone");
        }
    }
}
