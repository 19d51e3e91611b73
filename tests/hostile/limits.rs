//! Each limit ends its call by name and in time, and the host lives on. `docs/limits.md` is the list.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use host_harness::{BuildError, CallError, Host, LimitKind, Limits};
use serde_json::{Value, json};

use super::{HASTE, Seen, Stage, attacks, endpoint, guest, narrow};
use crate::servers::local::{command, unique};
use crate::servers::{Faulty, Recorder, ok};

/// Runs an attack on the narrow host against a Milvus that answers, and then an ordinary call.
async fn run(attack: &str, arguments: Value) -> Seen {
    let (milvus, stage) = (Recorder::start(), Stage::narrow());
    let seen = stage.attack(&milvus.uri(), attack, arguments).await;
    seen.in_time(HASTE);
    stage.still_works().await;
    seen
}

macro_rules! limits {
    ($($name:ident: $attack:expr, $arguments:tt, [$($result:literal),+];)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let seen = run($attack, json!($arguments)).await;
                assert!([$($result),+].contains(&seen.result()), "{seen:?}");
                if let Err(CallError::Limit { limit, value, .. }) = &seen.answer {
                    assert_eq!(seen.result(), limit.name());
                    assert_eq!(*value, Stage::narrow().host.limits().get(*limit), "{seen:?}");
                }
            }
        )+
    };
}

limits! {
    t48_an_endless_loop_ends_at_the_deadline: attacks::ENDLESS_LOOP, {}, ["call-time"];
    t48_endless_calls_to_the_host_end_at_the_deadline: attacks::ENDLESS_CALLS, {}, ["call-time"];
    t48_an_endless_sleep_ends_at_the_deadline: attacks::ENDLESS_SLEEP, {}, ["call-time"];
    t48_an_endless_poll_ends_at_the_deadline: attacks::ENDLESS_POLL, {}, ["call-time"];
    t48_sleeping_without_sleep_ends_at_the_deadline: attacks::BUSY_SLEEP, {}, ["call-time"];
    t48_endless_recursion_is_a_trap: attacks::ENDLESS_RECURSION, {}, ["trap"];
    t52_a_panic_is_a_trap: attacks::PANIC, {}, ["trap"];
    t52_an_unreachable_instruction_is_a_trap: attacks::UNREACHABLE, {}, ["trap"];
    t47_memory_ends_at_its_limit: attacks::ALL_MEMORY, {}, ["memory-bytes"];
    t46_fields_end_at_the_limit_of_handles: attacks::MANY_FIELDS, {}, ["handles"];
    t46_clocks_end_at_the_limit_of_handles: attacks::MANY_POLLABLES, {}, ["handles"];
    t46_bodies_end_at_the_limit_of_handles: attacks::MANY_BODIES, {}, ["handles"];
    t46_futures_end_at_the_limit_of_handles: attacks::MANY_FUTURES, {}, ["handles"];
    t46_waits_for_a_stream_end_at_the_limit_of_handles: attacks::MANY_STREAMS, {}, ["handles"];
    t46_options_end_at_the_limit_of_handles: attacks::MANY_OPTIONS, {}, ["handles"];
    t46_many_headers_end_at_their_limit: attacks::MANY_HEADERS, {}, ["header-bytes"];
    t46_a_huge_header_ends_at_its_limit: attacks::HUGE_HEADER, { "bytes": 100_000 }, ["header-bytes"];
    t46_a_header_of_megabytes_ends_at_a_limit: attacks::HUGE_HEADER, { "bytes": 8_000_000 }, ["header-bytes", "hostcall-bytes"];
    t46_a_huge_list_ends_at_a_limit: attacks::HUGE_LIST, { "count": 100_000 }, ["header-bytes", "hostcall-bytes"];
    t46_a_list_of_clocks_ends_at_a_limit: attacks::HUGE_WAIT, { "count": 1_000_000 }, ["hostcall-bytes", "handles"];
    t46_an_answer_of_megabytes_to_the_caller_ends_at_its_limit: attacks::HUGE_ANSWER, { "bytes": 4_000_000 }, ["hostcall-bytes"];
}

#[tokio::test]
async fn t46_zeroes_without_number_cost_the_host_nothing() {
    for bytes in [1 << 30, u64::MAX / 2, u64::MAX] {
        let seen = run(attacks::HUGE_ZEROES, json!({ "bytes": bytes })).await;
        assert!(
            seen.result() == "trap" || seen.told().contains("false"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn t46_a_read_of_any_size_gives_what_there_is() {
    let seen = run(attacks::HUGE_READ, json!({})).await;
    assert_eq!((seen.result(), seen.sent()), ("ok", 1), "{seen:?}");
}

#[tokio::test]
async fn t46_t48_answers_that_nobody_reads_end_at_half_of_the_budget() {
    let milvus = Recorder::answering(|_| ok("application/json", &[b' '; 1 << 20]));
    let stage = Stage::new(Limits {
        budget_bytes: 8 << 20,
        ..Limits::default()
    });
    let seen = stage
        .attack(&milvus.uri(), attacks::MANY_ANSWERS, json!({ "count": 30 }))
        .await;
    let failed = |line: &&Value| line["error"] == "overloaded";
    let (kept, refused) = (
        seen.requests
            .iter()
            .filter(|line| line["status"] == 200)
            .count(),
        seen.requests.iter().filter(failed).count(),
    );
    // Half of the budget, in which the body of the request has its share, too.
    assert_eq!((kept, refused), (3, 27), "{seen:?}");
    stage.still_works().await;
}

#[tokio::test]
async fn t48_lengths_that_are_only_declared_take_no_room_from_others() {
    let milvus = Recorder::start();
    let limits = Limits::default();
    let arguments = json!({ "count": 8, "bytes": limits.request_bytes, "milliseconds": 1000 });
    let stage = Stage::new(limits);
    let uri = milvus.uri();
    let held = stage.attack(&uri, attacks::LENGTHS_ONLY_DECLARED, arguments);
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage
            .attack(&uri, attacks::ORDINARY_REQUEST, json!({}))
            .await
    };
    let (held, other) = tokio::join!(held, others);
    assert_eq!(held.sent(), 0, "{held:?}");
    assert_eq!((other.result(), other.sent()), ("ok", 1), "{other:?}");
    assert!(other.time < Duration::from_millis(600), "{other:?}");
}

#[tokio::test]
async fn t48_time_for_computing_ends_before_the_time_of_the_call() {
    let time = Duration::from_millis(300);
    let stage = Stage::new(Limits {
        cpu_time: time,
        ..Limits::default()
    });
    for attack in [attacks::ENDLESS_LOOP, attacks::ENDLESS_CALLS] {
        let seen = stage.attack("http://127.0.0.1:9", attack, json!({})).await;
        assert_eq!(seen.result(), "cpu-time", "{seen:?}");
        // Ticks come late on a busy machine; long before the time of the call all the same.
        seen.in_time(Duration::from_secs(10));
    }
    stage.still_works().await;
}

#[tokio::test]
async fn t48_waiting_is_no_computing() {
    let (milvus, stage) = (
        Recorder::slow(Duration::from_millis(100)),
        Stage::new(Limits {
            cpu_time: Duration::from_millis(200),
            ..Limits::default()
        }),
    );
    let seen = stage
        .attack(
            &milvus.uri(),
            attacks::ORDINARY_REQUEST,
            json!({ "times": 10 }),
        )
        .await;
    assert_eq!((seen.result(), seen.sent()), ("ok", 10), "{seen:?}");
    assert!(seen.time >= Duration::from_secs(1), "{seen:?}");
}

#[tokio::test]
async fn t48_a_call_at_full_load_does_not_keep_a_second_caller_waiting() {
    // All on one thread, which the loops would have to themselves if they did not give way.
    let (milvus, stage) = (Recorder::start(), Stage::narrow());
    let (uri, started) = (milvus.uri(), Instant::now());
    let second = async {
        let seen = stage
            .attack(&uri, attacks::ORDINARY_REQUEST, json!({}))
            .await;
        (seen, started.elapsed())
    };
    let nowhere = "http://127.0.0.1:9";
    let (busy, busier, (served, after)) = tokio::join!(
        stage.attack(nowhere, attacks::ENDLESS_LOOP, json!({})),
        stage.attack(nowhere, attacks::ENDLESS_CALLS, json!({})),
        second,
    );
    assert_eq!((busy.result(), busier.result()), ("call-time", "call-time"));
    assert_eq!((served.result(), served.sent()), ("ok", 1), "{served:?}");
    assert!(
        after < HASTE,
        "the second caller was served after {after:?}"
    );
}

#[tokio::test]
async fn t48_calls_beyond_their_number_are_refused_by_name_and_later_ones_run() {
    let stage = Stage::new(Limits {
        concurrent_calls: 1,
        call_time: HASTE,
        ..Limits::default()
    });
    stage.still_works().await;
    let at = endpoint("http://127.0.0.1:9");
    let (ran, refused) = tokio::join!(
        stage.attack_at(&at, attacks::ENDLESS_SLEEP, json!({})),
        async {
            tokio::time::sleep(HASTE / 2).await;
            stage.host.call_tool(&at, attacks::PANIC, "{}").await
        },
    );
    assert_eq!(ran.result(), "call-time", "{ran:?}");
    let error = refused.expect_err("one call is running");
    assert!(matches!(error, CallError::Overloaded), "{error:?}");
    assert!(
        error.to_string().contains("Limits::concurrent_calls"),
        "{error}"
    );
    stage.still_works().await;
}

/// A request that a component is patient with, or is not, against a server of which no answer comes.
async fn patience(milvus: &Faulty, stage: &Stage, nanoseconds: u64, within: Duration) {
    let seen = stage
        .attack(
            &milvus.uri(),
            attacks::PATIENCE,
            json!({ "nanoseconds": nanoseconds }),
        )
        .await;
    assert_eq!(seen.error(), "timeout", "{seen:?}");
    seen.in_time(within);
    stage.still_works().await;
}

#[tokio::test]
async fn t40_a_component_that_waits_for_ever_waits_until_the_deadline() {
    patience(&Faulty::silent(), Stage::narrow(), u64::MAX, HASTE).await;
}

#[tokio::test]
async fn t40_a_component_that_waits_for_no_time_is_told_so() {
    patience(&Faulty::silent(), Stage::narrow(), 0, Duration::ZERO).await;
}

#[tokio::test]
async fn t40_a_component_cannot_widen_the_hosts_waits() {
    let wait = Duration::from_millis(300);
    let stage = Stage::new(Limits {
        first_byte_time: wait,
        between_bytes_time: wait,
        ..Limits::default()
    });
    for milvus in [
        Faulty::silent(),
        Faulty::slow_head(),
        Faulty::oversized(100),
    ] {
        patience(&milvus, &stage, u64::MAX, wait).await;
    }
}

#[tokio::test]
async fn t48_thousands_of_requests_end_at_their_limit() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let seen = stage
        .attack(
            &milvus.uri(),
            attacks::THOUSANDS_OF_REQUESTS,
            json!({ "count": 3000 }),
        )
        .await;
    assert_eq!(
        (milvus.requests().len(), seen.sent()),
        (64, 64),
        "{}",
        seen.summary
    );
    assert_eq!(seen.summary["refused"], 2936);
    assert_eq!(
        seen.rules(),
        ["request-count"],
        "those beyond are counted, not written"
    );
    stage.still_works().await;
}

#[tokio::test]
async fn t48_t66_refused_requests_count_too() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let arguments = json!({ "count": 3000, "path": "/expr" });
    let seen = stage
        .attack(&milvus.uri(), attacks::THOUSANDS_OF_REQUESTS, arguments)
        .await;
    assert_eq!(
        (milvus.connections(), seen.sent()),
        (0, 0),
        "{}",
        seen.summary
    );
    assert_eq!(
        (seen.requests.len(), &seen.summary["refused"]),
        (65, &json!(3000))
    );
}

#[tokio::test]
async fn t48_of_a_thousand_requests_at_once_a_few_are_on_their_way() {
    // Nobody answers: whoever was let out is on his way until the call ends.
    let (milvus, stage) = (Faulty::silent(), Stage::narrow());
    let seen = stage
        .attack(
            &milvus.uri(),
            attacks::REQUESTS_AT_ONCE,
            json!({ "count": 1000 }),
        )
        .await;
    seen.in_time(HASTE);
    let most = stage.host.limits().requests_at_once as usize;
    assert_eq!(
        (milvus.connections(), seen.sent()),
        (most, 8),
        "{}",
        seen.summary
    );
    let rules = seen.rules();
    let at_once = rules
        .iter()
        .filter(|rule| **rule == "requests-at-once")
        .count();
    assert!(at_once >= 50, "{rules:?}");
    stage.still_works().await;
}

/// A component that does `body` while an instance of it is made.
fn starting(module: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m {module} (func $start {body}) (start $start) (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $tools (export "list-tools" (func $f)) (export "call-tool" (func $f)))
            (export "milvus:vector-store/tools@0.1.0" (instance $tools)))"#
    );
    wat::parse_str(text).expect("text of a component")
}

#[tokio::test]
async fn t47_tables_end_at_their_limit() {
    let grow = "(loop $more (br_if $more (i32.ne (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    let stage = Stage::of(&starting("(table 1 funcref)", grow), narrow());
    let seen = stage.list().await;
    assert_eq!(seen.result(), "table-elements", "{seen:?}");
}

#[tokio::test]
async fn t48_time_runs_out_before_the_first_function_is_called_too() {
    let stage = Stage::of(&starting("", "(loop $more (br $more))"), narrow());
    let seen = stage.list().await;
    assert_eq!(seen.result(), "call-time", "{seen:?}");
    seen.in_time(HASTE);
}

#[tokio::test]
async fn t52_a_trap_in_another_interface_is_a_trap() {
    let endpoint = endpoint("http://127.0.0.1:9");
    let error = Stage::wide()
        .host
        .probe(&endpoint)
        .await
        .expect_err("it traps");
    assert!(matches!(error, CallError::Trap(_)), "{error:?}");
}

#[tokio::test]
async fn an_attack_that_is_none_is_the_components_typed_error() {
    let seen = Stage::wide()
        .attack("http://127.0.0.1:9", "no_such_attack", json!({}))
        .await;
    assert_eq!(seen.result(), "not-found", "{seen:?}");
}

/// The component as it is, on a host with one limit of its own.
struct Honest {
    host: Host,
    limit: LimitKind,
    value: u64,
}

impl Honest {
    fn new(limit: LimitKind, value: u64) -> Self {
        let mut limits = Limits::default();
        limits.set(limit, value).expect("it makes sense");
        let host = Host::builder().embedded().limits(limits).build();
        Self {
            host: host.expect("it may be loaded"),
            limit,
            value,
        }
    }

    /// A call that ends at the limit, by name, and within `time`; then one that works.
    async fn ends(&self, uri: &str, tool: &str, arguments: Value, time: Duration) -> CallError {
        let started = Instant::now();
        let error = self
            .host
            .call_tool(&endpoint(uri), tool, &arguments.to_string())
            .await
            .expect_err("it is beyond the limit");
        let took = started.elapsed();
        assert!(took < time + super::SLACK, "{took:?}: {error:?}");
        let named = matches!(error, CallError::Limit { limit, value, error: Some(_) }
            if (limit, value) == (self.limit, self.value));
        assert!(named, "{error:?}");
        let (words, limit) = (error.to_string(), self.limit);
        let expected = [
            format!("`{limit}` of {}", limit.shown(self.value)),
            format!("`Limits::{}`", limit.field()),
        ];
        assert!(expected.iter().all(|part| words.contains(part)), "{words}");
        let milvus = Recorder::start();
        let list = json!({ "operation": "list" }).to_string();
        let next = self
            .host
            .call_tool(&endpoint(&milvus.uri()), "milvus_collection", &list)
            .await;
        assert!(next.is_ok(), "the next call: {next:?}");
        error
    }

    async fn lists(&self, milvus: &Faulty, time: Duration) {
        let list = json!({ "operation": "list" });
        self.ends(&milvus.uri(), "milvus_collection", list, time)
            .await;
    }
}

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn t40_a_server_that_is_silent_ends_the_call_at_a_limit_with_a_name() {
    let host = Honest::new(LimitKind::CallTime, 1000);
    host.lists(&Faulty::silent(), Duration::from_secs(1)).await;
}

#[tokio::test]
async fn t40_the_time_to_the_first_byte_is_a_limit_with_a_name() {
    let host = Honest::new(LimitKind::FirstByteTime, 300);
    for milvus in [
        Faulty::silent(),
        Faulty::slow_head(),
        Faulty::drizzle_of_1xx(),
    ] {
        host.lists(&milvus, SOON).await;
    }
}

#[tokio::test]
async fn t40_the_time_between_two_parts_is_a_limit_with_a_name() {
    let host = Honest::new(LimitKind::BetweenBytesTime, 300);
    host.lists(&Faulty::oversized(100), SOON).await;
}

#[tokio::test]
async fn t41_the_bytes_of_an_answer_are_a_limit_with_a_name() {
    let host = Honest::new(LimitKind::ResponseBytes, 1 << 20);
    for milvus in [
        Faulty::oversized((1 << 20) + 1),
        Faulty::oversized_unannounced((1 << 20) + 1),
        Faulty::endless_body(),
    ] {
        host.lists(&milvus, Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn t41_the_budget_of_the_host_is_a_limit_with_a_name() {
    let host = Honest::new(LimitKind::BudgetBytes, 1 << 20);
    for milvus in [Faulty::oversized(2 << 20), Faulty::endless_body()] {
        host.lists(&milvus, Duration::from_secs(1)).await;
    }
}

/// Rows for a collection that nobody has.
fn rows(count: usize) -> Value {
    let rows: Vec<Value> = (0..count)
        .map(|key| json!({ "id": key, "vector": [0.5, 0.25] }))
        .collect();
    json!({ "collection_name": "docs", "data": rows })
}

#[tokio::test]
async fn t46_the_bytes_of_a_request_are_a_limit_with_a_name() {
    let (milvus, host) = (
        Recorder::start(),
        Honest::new(LimitKind::RequestBytes, 1000),
    );
    host.ends(
        &milvus.uri(),
        "milvus_insert",
        rows(100),
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn t30_the_rows_of_a_request_are_a_limit_with_a_name() {
    let (milvus, host) = (
        Recorder::start(),
        Honest::new(LimitKind::RowsPerRequest, 99),
    );
    host.ends(
        &milvus.uri(),
        "milvus_insert",
        rows(100),
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn t48_the_requests_of_a_call_are_a_limit_with_a_name() {
    // A delete by keys asks for the name of the key first.
    let milvus = Recorder::answering(|_| {
        let fields = json!([{ "name": "id", "type": "Int64", "primaryKey": true }]);
        let answer = json!({ "code": 0, "data": { "collectionName": "docs", "fields": fields } });
        ok("application/json", answer.to_string().as_bytes())
    });
    let host = Honest::new(LimitKind::RequestsPerCall, 1);
    let delete = json!({ "collection_name": "docs", "ids": [1, 2] });
    host.ends(
        &milvus.uri(),
        "milvus_delete",
        delete,
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(milvus.requests().len(), 1);
}

#[tokio::test]
async fn t30_the_loads_of_a_minute_are_a_limit_with_a_name() {
    let (milvus, host) = (Recorder::start(), Honest::new(LimitKind::AdminPerMinute, 1));
    let at = endpoint(&milvus.uri());
    let load = json!({ "collection_name": "docs" }).to_string();
    let mut ended = Vec::new();
    for _ in 0..3 {
        ended.push(
            host.host
                .call_tool(&at, "milvus_load_collection", &load)
                .await,
        );
    }
    assert!(ended.remove(0).is_ok());
    for error in ended {
        assert!(
            matches!(
                error,
                Err(CallError::Limit {
                    limit: LimitKind::AdminPerMinute,
                    value: 1,
                    ..
                })
            ),
            "{error:?}"
        );
    }
    assert_eq!(milvus.requests().len(), 1);
}

/// Creating a collection that is there and released loads it.
#[tokio::test]
async fn t30_collections_that_are_created_count_as_loads() {
    let (milvus, host) = (Recorder::start(), Honest::new(LimitKind::AdminPerMinute, 2));
    let at = endpoint(&milvus.uri());
    let mut ended = Vec::new();
    for (tool, more) in [
        ("milvus_create_collection", json!({"dimension": 4})),
        ("milvus_load_collection", json!({})),
        ("milvus_create_collection", json!({"dimension": 4})),
        ("milvus_load_collection", json!({})),
    ] {
        let arguments = crate::servers::local::of("docs", more).to_string();
        ended.push(host.host.call_tool(&at, tool, &arguments).await);
    }
    let limited = |end: &Result<_, CallError>| {
        let kind = LimitKind::AdminPerMinute;
        matches!(end, Err(CallError::Limit { limit, .. }) if *limit == kind)
    };
    assert_eq!(
        ended.iter().map(limited).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    assert_eq!(milvus.requests().len(), 2);
}

/// What keeps a host from being built around a component.
fn refused(component: &[u8]) -> BuildError {
    let built = Host::builder().component(component.to_vec()).build();
    built.err().expect("it is beyond a limit")
}

fn beyond(component: &[u8], kind: LimitKind) {
    let started = Instant::now();
    let error = refused(component);
    let value = Limits::default().get(kind);
    assert!(
        matches!(error, BuildError::Limit { limit, value: at } if (limit, at) == (kind, value)),
        "{kind}: {error:?}"
    );
    let words = error.to_string();
    assert!(
        words.contains(&format!("`{kind}` of {}", kind.shown(value))),
        "{words}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{kind}: {:?}",
        started.elapsed()
    );
}

const EXPORT: &str =
    r#"(instance $none) (export "milvus:vector-store/tools@0.1.0" (instance $none))"#;

fn text(parts: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {parts} {EXPORT})")).expect("text of a component")
}

#[test]
fn t47_what_a_component_has_from_the_start_is_limited_too() {
    let many = |count, module: &str| {
        let instances = "(core instance (instantiate $m))".repeat(count);
        text(&format!("(core module $m {module}) {instances}"))
    };
    for (component, limit) in [
        (many(100, "(memory 1)"), LimitKind::Instances),
        (many(3, "(memory 1)"), LimitKind::Memories),
        (many(1, "(memory 5000)"), LimitKind::MemoryBytes),
        (many(1, &"(table 1 funcref)".repeat(17)), LimitKind::Tables),
        (
            many(1, "(table 100000000 funcref)"),
            LimitKind::TableElements,
        ),
    ] {
        beyond(&component, limit);
    }
}

#[test]
fn t47_memories_of_nested_components_are_counted_together() {
    let inner = "(component $c (core module $m (memory 1)) (core instance (instantiate $m)))";
    let component = text(&format!(
        "{inner} {}",
        "(instance (instantiate $c))".repeat(3)
    ));
    beyond(&component, LimitKind::Memories);
}

/// An unsigned number as it stands in a module.
fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

fn section(id: u8, count: usize, entry: &[u8]) -> Vec<u8> {
    let mut body = leb(count);
    for _ in 0..count {
        body.extend_from_slice(entry);
    }
    [&[id][..], &leb(body.len()), &body].concat()
}

/// A component around a core module of these sections.
fn around(sections: &[Vec<u8>]) -> Vec<u8> {
    let module = [b"\0asm\x01\0\0\0".as_slice(), &sections.concat()].concat();
    let export = text("");
    let (head, rest) = export.split_at(8);
    [head, &[1], &leb(module.len()), &module, rest].concat()
}

#[test]
fn t49_a_file_of_fifty_megabytes_is_not_read() {
    beyond(&vec![0; 50 << 20], LimitKind::ComponentBytes);
}

#[test]
fn t49_a_million_functions_are_not_compiled() {
    let functions = 1_000_000;
    let component = around(&[
        section(1, 1, &[0x60, 0, 0]),
        section(3, functions, &[0]),
        section(10, functions, &[2, 0, 0x0b]),
    ]);
    beyond(&component, LimitKind::ComponentFunctions);
}

/// A component of `count` functions of this body.
fn functions(count: usize, body: &[u8]) -> Vec<u8> {
    let entry = [leb(body.len()).as_slice(), body].concat();
    around(&[
        section(1, 1, &[0x60, 0, 0]),
        section(3, count, &[0]),
        section(10, count, &entry),
    ])
}

/// Blocks (0x02) or loops (0x03) within one another, each with `inner` before the next.
fn nest(kind: u8, depth: usize, inner: &[u8]) -> Vec<u8> {
    let open = [&[kind, 0x40], inner].concat().repeat(depth);
    [&[0][..], &open, &vec![0x0b; depth + 1]].concat()
}

/// So many locals that live through so many loops.
fn locals(count: usize, loops: usize) -> Vec<u8> {
    let of = |before: &[u8], after: &[u8]| -> Vec<u8> {
        (0..count)
            .flat_map(|local| [before, &leb(local), after].concat())
            .collect()
    };
    let (set, get) = (of(&[0x41, 1, 0x21], &[]), of(&[0x20], &[0x1a]));
    let again = [0x03, 0x40, 0x41, 0, 0x0d, 0, 0x0b].repeat(loops);
    [&[1][..], &leb(count), &[0x7f], &set, &again, &get, &[0x0b]].concat()
}

#[test]
fn t49_what_takes_long_to_check_or_to_compile_is_refused_or_done_in_time() {
    let nested = |depth: usize| {
        let (export, mut inner) = (text(""), Vec::new());
        let (head, rest) = export.split_at(8);
        for _ in 0..depth {
            inner = [head, &inner].concat();
            inner = [&[4][..], &leb(inner.len()), &inner].concat();
        }
        [head, &inner, rest].concat()
    };
    // Each takes seconds to minutes without its limit.
    for (component, limit) in [
        (nested(17), LimitKind::ComponentDepth),
        (nested(10_000), LimitKind::ComponentDepth),
        (functions(1, &nest(2, 2 << 20, &[])), LimitKind::CompileCost),
        (
            functions(1, &nest(3, 20_000, &[0x41, 0, 0x0d, 0])),
            LimitKind::CompileCost,
        ),
        (
            functions(2000, &nest(3, 1000, &[0x41, 0, 0x0d, 0])),
            LimitKind::CompileCost,
        ),
        (
            functions(1, &locals(10_000, 10_000)),
            LimitKind::CompileCost,
        ),
        (functions(1000, &locals(300, 300)), LimitKind::CompileCost),
        // Declared, and never used.
        (
            functions(100_000, &[&[1][..], &leb(50_000), &[0x7f, 0x0b]].concat()),
            LimitKind::CompileCost,
        ),
        (types(1_000_000), LimitKind::ComponentStructure),
        (imports(1_000_000), LimitKind::ComponentStructure),
        (resources(400_000), LimitKind::ComponentStructure),
    ] {
        let started = Instant::now();
        beyond(&component, limit);
        assert!(started.elapsed() < Duration::from_secs(5), "{limit}");
    }
    for (what, component) in [
        ("as many types as may be", types(80_000)),
        ("as many imports as may be", imports(40_000)),
        ("as many resources as may be", resources(30_000)),
        ("components within components", nested(16)),
        ("ten thousand functions", functions(10_000, &[0, 0x0b])),
        ("many locals and loops", functions(1, &locals(1000, 1000))),
        (
            "loops within loops",
            functions(4, &nest(3, 1000, &[0x41, 0, 0x0d, 0])),
        ),
    ] {
        let started = Instant::now();
        // The tools have no functions: what is found after all else.
        let error = refused(&component);
        let time = started.elapsed();
        println!("{what}: {time:?}");
        assert!(matches!(error, BuildError::Compile(_)), "{what}: {error:?}");
        assert!(time < Duration::from_secs(60), "{what}: {time:?}");
    }
}

/// A component with so many types of a module.
fn types(count: usize) -> Vec<u8> {
    around(&[section(1, count, &[0x60, 0, 0])])
}

/// A component with so many imports of a module.
fn imports(count: usize) -> Vec<u8> {
    let entry = [1, b'a', 1, b'b', 0, 0];
    around(&[section(1, 1, &[0x60, 0, 0]), section(2, count, &entry)])
}

/// A component with so many resource types, and a function that drops each.
fn resources(count: usize) -> Vec<u8> {
    let text = text("");
    let types = section(7, count, &[0x3f, 0x7f, 0]);
    let mut drops = Vec::new();
    for index in 0..count {
        drops.push(3);
        drops.extend(leb(index));
    }
    let drops = [leb(count), drops].concat();
    let drops = [&[8][..], &leb(drops.len()), &drops].concat();
    // Behind the component's head, before everything else.
    let (head, rest) = text.split_at(8);
    [head, &types, &drops, rest].concat()
}

/// A fault of the compiler: with two memories it makes adapters that it then refuses, by a panic.
#[test]
fn t52_a_panic_of_the_compiler_is_an_error() {
    let module = r#"
        (core module $m (memory (export "m") 1) (func (export "f") (param i32 i32))
            (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (alias core export $i "m" (core memory $m)) (alias core export $i "r" (core func $r))
        (alias core export $i "f" (core func $f))"#;
    let options = "(memory (core memory $m)) (realloc (core func $r))";
    let inner = format!(
        r#"(component $a {module}
            (func (export "f") (param "x" string) (canon lift (core func $f) {options})))
        (component $b (import "f" (func $in (param "x" string))) {module}
            (core func $out (canon lower (func $in) {options}))
            (core module $user (import "" "f" (func (param i32 i32))))
            (core instance (instantiate $user (with "" (instance (export "f" (func $out)))))))
        (instance $ia (instantiate $a)) (alias export $ia "f" (func $af))
        (instance (instantiate $b (with "f" (func $af))))"#
    );
    let error = refused(&text(&inner));
    let told = matches!(&error, BuildError::Compile(why) if why.contains("panicked"));
    assert!(told, "{error:?}");
}

/// A process of the command line that runs an attack: the most memory that it held, in MiB, and what it said.
fn peak(home: &Path, uri: &str, attack: &str, arguments: &Value) -> (u64, String) {
    let component = home.join("guest.wasm");
    let mut child = command()
        .env("HOME", home)
        .args(["call", attack, &arguments.to_string(), "--uri", uri])
        .arg("--component")
        .arg(&component)
        .args([
            "--limit",
            "call-time=1500ms",
            "--limit",
            "memory-bytes=32MiB",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it is a child").is_none() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("it is piped");
    errors.read_to_string(&mut said).expect("text");
    (most, said)
}

#[test]
fn t46_the_host_holds_no_more_for_a_hostile_component_than_fifty_megabytes() {
    let milvus = Recorder::start();
    let home = std::env::temp_dir().join(unique("milvus-limits"));
    std::fs::create_dir(&home).expect("the temporary folder can be written");
    std::fs::write(home.join("guest.wasm"), guest()).expect("it is ours");
    let peak = |attack: &str, arguments: Value| peak(&home, &milvus.uri(), attack, &arguments);
    // The first process compiles, which takes more than any attack; the next ones find the code.
    peak(attacks::ORDINARY_REQUEST, json!({}));
    let (base, said) = peak(attacks::ORDINARY_REQUEST, json!({}));
    assert_eq!(said, "");
    println!("an ordinary call: {base} MiB");
    for (attack, arguments, limit, own) in [
        (attacks::MANY_FIELDS, json!({}), "handles", 0),
        (attacks::MANY_POLLABLES, json!({}), "handles", 0),
        (attacks::MANY_BODIES, json!({}), "handles", 0),
        (attacks::MANY_FUTURES, json!({}), "handles", 0),
        (attacks::MANY_STREAMS, json!({}), "handles", 0),
        (attacks::MANY_OPTIONS, json!({}), "handles", 0),
        (attacks::MANY_HEADERS, json!({}), "header-bytes", 0),
        (
            attacks::HUGE_HEADER,
            json!({ "bytes": 8_000_000 }),
            "header-bytes",
            32,
        ),
        (
            attacks::HUGE_LIST,
            json!({ "count": 100_000 }),
            "header-bytes",
            32,
        ),
        (
            attacks::HUGE_PARTS,
            json!({ "bytes": 400_000 }),
            "handles",
            32,
        ),
        (
            attacks::HUGE_PARTS,
            json!({ "bytes": 60_000 }),
            "handles",
            0,
        ),
        (attacks::ALL_MEMORY, json!({}), "memory-bytes", 32),
    ] {
        let (most, said) = peak(attack, arguments);
        println!("{attack}: {most} MiB");
        assert!(
            said.contains(&format!("--limit {limit}=")),
            "{attack}: {said}"
        );
        assert!(
            most <= base + 50 + own,
            "{attack}: {most} MiB, {base} without it"
        );
    }
    std::fs::remove_dir_all(&home).expect("it is ours");
}

#[test]
fn t40_the_command_line_names_the_limit_and_its_flag() {
    let milvus = Faulty::silent();
    let call = |more: &[&str]| {
        let ran = command()
            .args(["call", "milvus_collection", r#"{"operation":"list"}"#])
            .args(["--uri", &milvus.uri(), "--limit", "first-byte-time=300ms"])
            .args(more)
            .output()
            .expect("it can be started");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (ran.status.code(), text(ran.stdout), text(ran.stderr))
    };
    let (code, _, words) = call(&[]);
    assert_eq!(code, Some(4), "{words}");
    for part in [
        "the limit first-byte-time of 300ms was reached: no answer from ",
        "raise the limit: --limit first-byte-time=600ms",
    ] {
        assert!(words.contains(part), "{words}");
    }
    let (_, json, _) = call(&["--json"]);
    let error = &serde_json::from_str::<Value>(&json).expect("JSON")["error"];
    assert_eq!(
        (
            &error["kind"],
            &error["limit"],
            &error["value"],
            &error["outcome"]
        ),
        (
            &json!("limit-exceeded"),
            &json!("first-byte-time"),
            &json!(300),
            &json!("not-applied")
        )
    );
    let (code, _, words) = call(&["--limit", "first-byte-time=1"]);
    assert_eq!(code, Some(2), "{words}");
}

/// The median time of some ordinary calls.
async fn median(stage: &Stage, milvus: &Recorder) -> Duration {
    let mut times = Vec::new();
    for _ in 0..21 {
        let seen = stage
            .attack(&milvus.uri(), attacks::ORDINARY_REQUEST, json!({}))
            .await;
        assert_eq!((seen.result(), seen.sent()), ("ok", 1), "{seen:?}");
        times.push(seen.time);
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn t48_calls_after_calls_that_ended_at_limits_work_and_their_speed_is_shown() {
    let (milvus, stage) = (Recorder::start(), Stage::new(narrow()));
    let before = median(&stage, &milvus).await;
    for attack in [
        attacks::ALL_MEMORY,
        attacks::MANY_BODIES,
        attacks::MANY_FIELDS,
        attacks::ENDLESS_LOOP,
        attacks::PANIC,
        attacks::ENDLESS_SLEEP,
    ] {
        let seen = stage.attack(&milvus.uri(), attack, json!({})).await;
        assert_ne!(seen.result(), "ok", "{seen:?}");
    }
    let after = median(&stage, &milvus).await;
    // Only shown: other tests run on the same cores.
    println!("median of an ordinary call: {before:?} before the attacks, {after:?} after them");
}
