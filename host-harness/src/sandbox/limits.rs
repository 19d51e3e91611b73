//! What a call may use, and the meter that holds a component to it.

use std::fmt;
use std::time::Duration;

use policy::Rule;
use wasmtime::{ResourceLimiter, Result};

/// What the value of a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

/// A limit as it stands in the table below.
struct Row {
    name: &'static str,
    field: &'static str,
    unit: Unit,
    least: u64,
    most: u64,
}

/// The one table of limits: field, type, default; kind, name, unit, and the range of values that make sense.
macro_rules! limits {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $kind:ident $name:literal $unit:ident $least:expr, $most:expr;)*) => {
        /// Limits per call and per host, each with its default. Start from `Limits::default()` and change what you need;
        /// `docs/limits.md` says what happens at each.
        ///
        /// ```
        /// use host_harness::{LimitKind, Limits};
        /// use std::time::Duration;
        ///
        /// let mut limits = Limits { call_time: Duration::from_secs(5), ..Limits::default() };
        /// limits.set(LimitKind::MemoryBytes, 128 << 20)?;
        /// assert_eq!(limits.memory_bytes, 128 << 20);
        /// # Ok::<(), host_harness::LimitError>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits { $($(#[$doc])* pub $field: $type,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Limits {
            /// The value of a limit, in its unit.
            #[must_use]
            pub fn get(&self, limit: LimitKind) -> u64 {
                match limit { $(LimitKind::$kind => self.$field.number(),)* }
            }

            /// Sets a limit, in its unit.
            ///
            /// # Errors
            /// The value makes no sense for this limit.
            pub fn set(&mut self, limit: LimitKind, value: u64) -> Result<(), LimitError> {
                limit.check(value)?;
                match limit { $(LimitKind::$kind => self.$field = Number::of(value),)* }
                Ok(())
            }
        }

        /// A limit, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum LimitKind { $(#[doc = concat!("[`Limits::", stringify!($field), "`].")] $kind,)* }

        impl LimitKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row {
                        name: $name, field: stringify!($field), unit: Unit::$unit, least: $least, most: $most,
                    },)*
                }
            }
        }
    };
}

const DAY: u64 = 86_400_000;

limits! {
    /// Linear memory of a call, over all memories of the component: 256 MiB. The component needs some three times the
    /// rows that it is given.
    memory_bytes: usize = 256 << 20, MemoryBytes "memory-bytes" Bytes 1 << 16, 1 << 32;
    /// Linear memories of a component, those of its parts counted together: 2.
    memories: u32 = 2, Memories "memories" Count 1, 8;
    /// Elements of a call's tables, over all of them: 100,000. A component's own table of functions has some thousands.
    table_elements: usize = 100_000, TableElements "table-elements" Count 1, 1_000_000;
    /// Tables of a component: 16.
    tables: u32 = 16, Tables "tables" Count 1, 100;
    /// Core instances of a component: 16. It has some three.
    instances: u32 = 16, Instances "instances" Count 1, 1000;
    /// Handles (requests, bodies, streams, pollables) that a call may hold at a time: 1,024.
    handles: usize = 1024, Handles "handles" Count 1, 1_000_000;
    /// Headers of one request or answer within the sandbox, as they lie in memory: 16 KiB.
    header_bytes: usize = 16 << 10, HeaderBytes "header-bytes" Bytes 1, 1 << 20;
    /// What the component hands to the host at once, an answer to its caller included (wasmtime's host-call fuel): 64 MiB.
    hostcall_bytes: usize = 64 << 20, HostcallBytes "hostcall-bytes" Bytes 1 << 10, 1 << 31;
    /// Wall clock of a call, everything included: 60 s.
    call_time: Duration = Duration::from_secs(60), CallTime "call-time" Milliseconds 1, DAY;
    /// Time for which a call's code runs, in steps of 2 ms: 30 s.
    cpu_time: Duration = Duration::from_secs(30), CpuTime "cpu-time" Milliseconds 1, DAY;
    /// From a request to the end of its answer's head: 60 s. A component can only ask for less.
    first_byte_time: Duration = Duration::from_secs(60), FirstByteTime "first-byte-time" Milliseconds 1, DAY;
    /// Between two parts of an answer's body: 30 s. A component can only ask for less.
    between_bytes_time: Duration = Duration::from_secs(30), BetweenBytesTime "between-bytes-time" Milliseconds 1, DAY;
    /// Body of one request: 32 MiB.
    request_bytes: u64 = 32 << 20, RequestBytes "request-bytes" Bytes 1, 1 << 31;
    /// Rows in one request: 1,000,000.
    rows_per_request: u64 = 1_000_000, RowsPerRequest "rows-per-request" Count 1, 1_000_000_000;
    /// Body of one answer: 64 MiB.
    response_bytes: u64 = 64 << 20, ResponseBytes "response-bytes" Bytes 1, 1 << 31;
    /// Requests of a call, let out or refused: 64. So many audit lines, two more at most, are written for it, and where
    /// collections are listed the host's own questions, up to three for a name.
    requests_per_call: u32 = 64, RequestsPerCall "requests-per-call" Count 1, 1_000_000;
    /// Requests of a call that are on their way at a time: 8.
    requests_at_once: u32 = 8, RequestsAtOnce "requests-at-once" Count 1, 1000;
    /// Requests a minute of each operation of class `admin` (load, flush, compact), at one endpoint: 10. Creating a
    /// collection counts as loading one. `u32::MAX`: any number.
    admin_per_minute: u32 = 10, AdminPerMinute "admin-per-minute" Count 1, u32::MAX as u64;
    /// Requests and answers that the host holds at a time, over all calls: 256 MiB; one call takes no more than half.
    budget_bytes: u64 = 256 << 20, BudgetBytes "budget-bytes" Bytes 1 << 10, 1 << 40;
    /// Calls at a time; one more is refused as overloaded, none waits: 32.
    concurrent_calls: u32 = 32, ConcurrentCalls "concurrent-calls" Count 1, 1000;
    /// File of the component: 16 MiB.
    component_bytes: usize = 16 << 20, ComponentBytes "component-bytes" Bytes 1, 1 << 30;
    /// Components and modules within one another: 16.
    component_depth: u32 = 16, ComponentDepth "component-depth" Count 1, 1000;
    /// Functions of the component: 100,000.
    component_functions: u32 = 100_000, ComponentFunctions "component-functions" Count 1, 10_000_000;
    /// What the component is made of, beside code and data: types, imports, aliases, canonical functions, instances, tables:
    /// 256 KiB. The component has some 40.
    component_structure: u64 = 256 << 10, ComponentStructure "component-structure" Bytes 1 << 10, 1 << 30;
    /// The squares of the sizes of its functions, in KiB, added up: 4,096. Compiling one takes time that can grow with
    /// more than the square of its size. The component has some 1,500.
    compile_cost: u64 = 4096, CompileCost "compile-cost" Count 1, 1_000_000;
}

impl Limits {
    /// How long a request of a call may take, and what the component is told as its time: a little less than the
    /// whole, so that it can still say what happened.
    pub(crate) fn request_time(&self) -> Duration {
        self.call_time - (self.call_time / 20).min(Duration::from_secs(1))
    }

    /// Whether each value makes sense.
    pub(crate) fn check(&self) -> Result<(), LimitError> {
        LimitKind::ALL
            .iter()
            .try_for_each(|limit| limit.check(self.get(*limit)))
    }
}

/// A value that makes no sense for its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit}: expected {} to {}, {} came", .limit.shown(.limit.row().least), .limit.shown(.limit.row().most), .limit.shown(*.value))]
pub struct LimitError {
    /// The limit.
    pub limit: LimitKind,
    /// The value, in its unit.
    pub value: u64,
}

impl LimitKind {
    /// The stable name: kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its field of [`Limits`].
    #[must_use]
    pub fn field(self) -> &'static str {
        self.row().field
    }

    /// The limit that a rule holds to, where it is one of the host's.
    pub(crate) fn of(rule: Rule) -> Option<Self> {
        Some(match rule {
            Rule::RequestCount => Self::RequestsPerCall,
            Rule::AtOnce => Self::RequestsAtOnce,
            Rule::Rate => Self::AdminPerMinute,
            Rule::RequestBytes => Self::RequestBytes,
            Rule::Rows => Self::RowsPerRequest,
            _ => return None,
        })
    }

    /// What its value counts.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// A value of it with its unit, such as `256MiB`, `60s` or `64`.
    #[must_use]
    pub fn shown(self, value: u64) -> String {
        let units: &[(u64, &str)] = match self.unit() {
            Unit::Count => &[(1, "")],
            Unit::Bytes => &[
                (1 << 30, "GiB"),
                (1 << 20, "MiB"),
                (1 << 10, "KiB"),
                (1, "B"),
            ],
            Unit::Milliseconds => &[(1000, "s"), (1, "ms")],
        };
        let whole = |(size, _): &&(u64, &str)| value > 0 && value.is_multiple_of(*size);
        let (size, unit) = units.iter().find(whole).unwrap_or(&units[units.len() - 1]);
        format!("{}{unit}", value / size)
    }

    fn check(self, value: u64) -> Result<(), LimitError> {
        let Row { least, most, .. } = self.row();
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(LimitError { limit: self, value })
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The types of the limits' fields, as numbers in the limit's unit.
trait Number {
    fn number(&self) -> u64;
    fn of(value: u64) -> Self;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            fn number(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
            fn of(value: u64) -> Self {
                Self::try_from(value).unwrap_or(Self::MAX)
            }
        }
    )*};
}
number!(u32, u64, usize);

impl Number for Duration {
    fn number(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
    fn of(value: u64) -> Self {
        Self::from_millis(value)
    }
}

/// Counts what a call grows, over all memories and all tables.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    memory: usize,
    elements: usize,
    exceeded: Option<LimitKind>,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            memory: 0,
            elements: 0,
            exceeded: None,
        }
    }

    /// The limit at which a growth was refused, if one was.
    pub(crate) fn exceeded(&self) -> Option<LimitKind> {
        self.exceeded
    }

    fn allows(&mut self, fits: bool, limit: LimitKind) -> bool {
        if !fits {
            self.exceeded = Some(limit);
        }
        fits
    }
}

/// Adds a growth to a sum, unless the sum would be beyond its limit.
fn grow(sum: &mut usize, current: usize, desired: usize, limit: usize) -> bool {
    let total = sum.saturating_add(desired.saturating_sub(current));
    let fits = total <= limit;
    if fits {
        *sum = total;
    }
    fits
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let fits = grow(&mut self.memory, current, desired, self.limits.memory_bytes);
        Ok(self.allows(fits, LimitKind::MemoryBytes)
            && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let fits = grow(
            &mut self.elements,
            current,
            desired,
            self.limits.table_elements,
        );
        Ok(self.allows(fits, LimitKind::TableElements)
            && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t47_memory_is_counted_over_all_memories() {
        let limits = Limits {
            memory_bytes: 3 << 16,
            ..Limits::default()
        };
        let mut meter = Meter::new(&limits);
        assert!(meter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(meter.memory_growing(0, 1 << 16, None).unwrap());
        assert_eq!(meter.exceeded(), None);
        assert!(!meter.memory_growing(1 << 16, 2 << 16, None).unwrap());
        assert_eq!(meter.exceeded(), Some(LimitKind::MemoryBytes));
    }

    #[test]
    fn t47_elements_are_counted_over_all_tables() {
        let mut meter = Meter::new(&Limits::default());
        assert!(meter.table_growing(0, 100_000, None).unwrap());
        assert!(!meter.table_growing(0, 1, None).unwrap());
        assert!(!meter.table_growing(0, usize::MAX, None).unwrap());
        assert_eq!(meter.exceeded(), Some(LimitKind::TableElements));
    }

    #[test]
    fn a_growth_beyond_what_a_memory_says_of_itself_is_no_limit_of_the_host() {
        let mut meter = Meter::new(&Limits::default());
        assert!(!meter.memory_growing(0, 2 << 16, Some(1 << 16)).unwrap());
        assert!(!meter.table_growing(0, 2, Some(1)).unwrap());
        assert_eq!(meter.exceeded(), None);
    }

    #[test]
    fn a_request_ends_before_its_call() {
        for (call, request) in [(60_000, 59_000), (10_000, 9_500), (100, 95), (0, 0)] {
            let limits = Limits {
                call_time: Duration::from_millis(call),
                ..Limits::default()
            };
            assert_eq!(limits.request_time(), Duration::from_millis(request));
        }
    }

    #[test]
    fn each_limit_can_be_set_and_read_within_its_range_and_not_beyond() {
        for limit in LimitKind::ALL {
            let Row { least, most, .. } = limit.row();
            let mut limits = Limits::default();
            assert!(limits.check().is_ok(), "{limit}");
            for value in [least, most] {
                limits.set(*limit, value).unwrap();
                assert_eq!(limits.get(*limit), value, "{limit}");
            }
            for value in [least - 1, most + 1, u64::MAX] {
                let error = limits.set(*limit, value).unwrap_err();
                assert_eq!((error.limit, error.value), (*limit, value));
                assert_eq!(limits.get(*limit), most, "{limit}");
            }
        }
    }

    #[test]
    fn each_name_is_its_fields() {
        for limit in LimitKind::ALL {
            assert_eq!(limit.name().replace('-', "_"), limit.field());
        }
    }

    #[test]
    fn values_are_shown_in_the_largest_unit_that_divides_them() {
        for (limit, value, shown) in [
            (LimitKind::MemoryBytes, 256 << 20, "256MiB"),
            (LimitKind::MemoryBytes, 1 << 30, "1GiB"),
            (LimitKind::MemoryBytes, 1025, "1025B"),
            (LimitKind::MemoryBytes, 0, "0B"),
            (LimitKind::CallTime, 60_000, "60s"),
            (LimitKind::CallTime, 1500, "1500ms"),
            (LimitKind::Handles, 1024, "1024"),
        ] {
            assert_eq!(limit.shown(value), shown);
        }
    }
}
