//! Each limit ends its call by name and in time, and the host lives on.

use serde_json::{Value, json};

use super::{HASTE, Seen, Stage, narrow};
use crate::servers::{Faulty, Recorder};

/// Runs an attack on the narrow host against a Milvus that answers, and then an ordinary call.
async fn run(attack: &str, arguments: Value) -> Seen {
    let (milvus, stage) = (Recorder::start(), Stage::narrow());
    let seen = stage.attack(&milvus.uri(), attack, arguments).await;
    seen.in_time(HASTE);
    stage.still_works().await;
    seen
}

macro_rules! limits {
    ($($name:ident: $attack:literal, $arguments:tt, [$($result:literal),+];)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let seen = run($attack, json!($arguments)).await;
                assert!([$($result),+].contains(&seen.result()), "{seen:?}");
            }
        )+
    };
}

limits! {
    t48_an_endless_loop_ends_at_the_deadline: "endless_loop", {}, ["call-time"];
    t48_endless_calls_to_the_host_end_at_the_deadline: "endless_calls", {}, ["call-time"];
    t48_an_endless_sleep_ends_at_the_deadline: "endless_sleep", {}, ["call-time"];
    t48_an_endless_poll_ends_at_the_deadline: "endless_poll", {}, ["call-time"];
    t48_sleeping_without_sleep_ends_at_the_deadline: "busy_sleep", {}, ["call-time"];
    t48_endless_recursion_is_a_trap: "endless_recursion", {}, ["trap"];
    t52_a_panic_is_a_trap: "panic", {}, ["trap"];
    t52_an_unreachable_instruction_is_a_trap: "unreachable", {}, ["trap"];
    t47_memory_ends_at_its_limit: "all_memory", {}, ["memory-bytes"];
    t46_fields_end_at_the_limit_of_handles: "many_fields", {}, ["handles"];
    t46_clocks_end_at_the_limit_of_handles: "many_pollables", {}, ["handles"];
    t46_bodies_end_at_the_limit_of_handles: "many_bodies", {}, ["handles"];
    t46_many_headers_end_at_their_limit: "many_headers", {}, ["header-bytes", "ok"];
    t46_a_huge_header_ends_at_its_limit: "huge_header", { "bytes": 100_000 }, ["header-bytes", "ok"];
    t46_a_header_of_megabytes_ends_at_a_limit: "huge_header", { "bytes": 8_000_000 }, ["header-bytes", "crossing-bytes"];
    t46_a_huge_list_ends_at_a_limit: "huge_list", { "count": 100_000 }, ["header-bytes", "crossing-bytes"];
    t46_a_list_of_clocks_ends_at_a_limit_or_is_answered: "huge_wait", { "count": 1_000_000 }, ["crossing-bytes", "ok", "trap"];
    t46_an_answer_of_megabytes_to_the_caller_ends_at_its_limit: "huge_answer", { "bytes": 4_000_000 }, ["crossing-bytes"];
}

#[tokio::test]
async fn t46_zeroes_without_number_cost_the_host_nothing() {
    for bytes in [1 << 30, u64::MAX / 2, u64::MAX] {
        let seen = run("huge_zeroes", json!({ "bytes": bytes })).await;
        assert!(
            seen.result() == "trap" || seen.told().contains("false"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn t46_a_read_of_any_size_gives_what_there_is() {
    let seen = run("huge_read", json!({})).await;
    assert_eq!((seen.result(), seen.sent()), ("ok", 1), "{seen:?}");
}

#[tokio::test]
async fn t40_a_component_that_waits_for_ever_waits_until_the_deadline() {
    let (milvus, stage) = (Faulty::silent(), Stage::narrow());
    let seen = stage
        .attack(&milvus.uri(), "endless_patience", json!({}))
        .await;
    assert_eq!(seen.error(), "timeout", "{seen:?}");
    seen.in_time(HASTE);
    stage.still_works().await;
}

#[tokio::test]
async fn t48_thousands_of_requests_end_at_their_limit() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let seen = stage
        .attack(
            &milvus.uri(),
            "thousands_of_requests",
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
        .attack(&milvus.uri(), "thousands_of_requests", arguments)
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
async fn t48_requests_at_once_count_as_those_in_turn_do() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let seen = stage
        .attack(&milvus.uri(), "requests_at_once", json!({ "count": 200 }))
        .await;
    assert_eq!(
        (milvus.requests().len(), seen.sent()),
        (64, 64),
        "{}",
        seen.summary
    );
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
    let endpoint = super::endpoint("http://127.0.0.1:9");
    let error = Stage::wide()
        .host
        .probe(&endpoint)
        .await
        .expect_err("it traps");
    assert!(
        matches!(error, host_harness::CallError::Trap(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_attack_that_is_none_is_the_components_typed_error() {
    let seen = Stage::wide()
        .attack("http://127.0.0.1:9", "no_such_attack", json!({}))
        .await;
    assert_eq!(seen.result(), "not-found", "{seen:?}");
}
