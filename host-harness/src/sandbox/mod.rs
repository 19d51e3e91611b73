//! The sandbox: a component compiled once, and a fresh instance of it for each call.

pub(crate) mod bindings;
mod engine;
mod imports;
pub(crate) mod limits;
mod outgoing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use code_cache::CompiledCode;
use wasmtime::component::{HasData, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store, UpdateDeadline};
use wasmtime_wasi::clocks::WasiClocksCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::egress::{Call, Egress};
use crate::error::{BuildError, TimeIsUp};

use bindings::Exports;
pub use imports::ComponentInfo;
pub(crate) use imports::read;
use limits::Meter;
pub use limits::{LimitError, LimitKind, Limits, Unit};

/// What the host keeps for one instance.
pub(crate) struct Guest {
    table: ResourceTable,
    clocks: WasiClocksCtx,
    http: WasiHttpCtx,
    egress: Egress,
    pub(crate) meter: Meter,
    _beat: engine::Beat,
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.egress,
        }
    }
}

/// `wasi:io` needs the table of handles only.
struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

pub(crate) struct Sandbox {
    ticker: engine::Ticker,
    engine: Engine,
    pub(crate) instance: InstancePre<Guest>,
    pub(crate) exports: Exports,
    pub(crate) code: CompiledCode,
}

impl Sandbox {
    /// Compiles a component that [`read`] has passed, which takes a second or more of CPU, or reads its compiled code
    /// from a folder.
    pub(crate) fn new(
        component: &[u8],
        limits: &Limits,
        cache: Option<&Path>,
    ) -> Result<Self, BuildError> {
        let build = || -> Result<Self> {
            let engine = engine::engine(limits)?;
            let (component, code) = code_cache::component(&engine, component, cache)?;
            let mut linker = Linker::new(&engine);
            imports::link(&mut linker)?;
            let instance = linker.instantiate_pre(&component)?;
            let exports = Exports::find(&instance)?;
            Ok(Self {
                ticker: engine::Ticker::start(&engine)?,
                engine,
                instance,
                exports,
                code,
            })
        };
        // What the compiler takes for a fault of its own can be a hostile component's doing: adapters between two memories
        // with the proposal for them off, for one.
        let built = catch_unwind(AssertUnwindSafe(build)).map_err(|_| {
            BuildError::Compile(
                "the compiler panicked on it, which is a fault of the compiler".to_owned(),
            )
        })?;
        built.map_err(|error| {
            BuildError::beyond(&error, limits)
                .unwrap_or_else(|| BuildError::Compile(plain(&format!("{error:#}"))))
        })
    }

    /// A store for one call, all its limits armed.
    pub(crate) fn store(&self, call: Arc<Call>, limits: &Limits) -> Store<Guest> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits.header_bytes);
        let guest = Guest {
            table,
            clocks: WasiClocksCtx::default(),
            http,
            egress: Egress(call),
            meter: Meter::new(limits),
            _beat: self.ticker.beat(),
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        // Code that only computes is ended here: a busy thread may be late to see the timer of the whole call.
        let end = Instant::now() + limits.call_time;
        let (mut ticks, most) = (0, limits.cpu_time.as_nanos() / engine::TICK.as_nanos());
        store.epoch_deadline_callback(move |_| {
            ticks += 1;
            if Instant::now() >= end {
                Err(TimeIsUp(LimitKind::CallTime).into())
            } else if ticks > most {
                Err(TimeIsUp(LimitKind::CpuTime).into())
            } else {
                Ok(UpdateDeadline::Yield(1))
            }
        });
        store
    }
}

/// The runtime's words, in which names of the component may stand: visible ASCII, cut.
fn plain(text: &str) -> String {
    let visible = |character: char| {
        if matches!(character, ' '..='~') {
            character
        } else {
            '?'
        }
    };
    text.chars().take(1000).map(visible).collect()
}
