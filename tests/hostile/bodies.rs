//! The body on the wire is the body that was looked at, or there is none.

use std::time::Duration;

use serde_json::json;

use super::{HASTE, Seen, Stage, refused_by};
use crate::servers::Recorder;

/// Runs an attack on the narrow host; its request is refused and nobody is connected to.
async fn refused_narrowly(rule: &str, attack: &str, arguments: serde_json::Value) -> Seen {
    let (milvus, stage) = (Recorder::start(), Stage::narrow());
    let seen = stage.attack(&milvus.uri(), attack, arguments).await;
    assert_eq!((seen.rules(), seen.sent()), (vec![rule], 0), "{seen:?}");
    assert_eq!(milvus.connections(), 0, "{seen:?}");
    stage.still_works().await;
    seen
}

#[tokio::test]
async fn fewer_bytes_than_declared_are_not_sent() {
    let milvus = Recorder::start();
    for (declared, written) in [(20, 10), (20, 0), (1, 0), (100_000, 99_999)] {
        let arguments = json!({ "declared": declared, "written": written });
        let seen = Stage::wide()
            .attack(&milvus.uri(), "another_length", arguments)
            .await;
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec!["length"], 0),
            "{declared} {written}: {seen:?}"
        );
    }
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn more_bytes_than_declared_are_not_sent() {
    let milvus = Recorder::start();
    for (declared, written) in [(10, 20), (0, 20), (1, 2), (99_999, 100_000)] {
        let arguments = json!({ "declared": declared, "written": written });
        let seen = Stage::wide()
            .attack(&milvus.uri(), "another_length", arguments)
            .await;
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec!["length"], 0),
            "{declared} {written}: {seen:?}"
        );
    }
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn without_a_declared_length_nothing_is_sent() {
    refused_by("length", "no_length", json!({})).await;
}

#[tokio::test]
async fn of_two_lengths_none_counts() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(&milvus.uri(), "two_lengths", json!({}))
        .await;
    assert_eq!(seen.sent() as usize, milvus.requests().len(), "{seen:?}");
    for request in milvus.requests() {
        assert_eq!(
            (request.header("content-length"), request.body.len()),
            (Some("20"), 20),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_let_go_is_not_sent() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(&milvus.uri(), "body_given_up", json!({}))
        .await;
    assert_eq!(
        (seen.rules().len(), seen.sent(), milvus.connections()),
        (1, 0, 0),
        "{seen:?}"
    );
    assert!(
        ["body", "length", "unfinished"].contains(&seen.rules()[0]),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_body_that_is_never_finished_is_not_sent() {
    let seen = refused_narrowly("unfinished", "body_never_finished", json!({})).await;
    assert_eq!(seen.result(), "call-time", "{seen:?}");
    seen.in_time(HASTE);
}

/// Runs an attack that ends its call in the middle of a body, at once and a little later.
async fn ends_in_a_body(attack: &str, result: &str) {
    for milliseconds in [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 20] {
        let milvus = Recorder::start();
        let seen = Stage::wide()
            .attack(
                &milvus.uri(),
                attack,
                json!({ "milliseconds": milliseconds }),
            )
            .await;
        assert_eq!(
            (seen.result(), seen.sent(), milvus.connections()),
            (result, 0, 0),
            "{seen:?}"
        );
        // A request that the host has not begun to look at when its call ends has no line: nothing came of it.
        assert!(
            seen.rules() == ["unfinished"] || milliseconds < 20 && seen.requests.is_empty(),
            "{seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_does_not_finish_a_body() {
    ends_in_a_body("trap_in_a_whole_body", "trap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_does_not_finish_a_body() {
    ends_in_a_body("return_in_a_whole_body", "ok").await;
}

#[tokio::test]
async fn trailers_are_refused() {
    refused_by("trailers", "trailers", json!({})).await;
}

#[tokio::test]
async fn a_get_with_a_body_is_refused() {
    refused_by("body", "body_on_get", json!({})).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    const MORE: u64 = (1 << 20) + 1;
    refused_narrowly(
        "request-bytes",
        "another_length",
        json!({ "declared": MORE, "written": MORE }),
    )
    .await;
    refused_narrowly(
        "request-bytes",
        "another_length",
        json!({ "declared": u64::MAX, "written": 20 }),
    )
    .await;
    refused_narrowly(
        "request-bytes",
        "body_without_end",
        json!({ "most": 64 << 20 }),
    )
    .await;
}

#[tokio::test]
async fn a_body_at_the_limit_is_sent_whole() {
    let milvus = Recorder::start();
    let arguments = json!({ "declared": 1 << 20, "written": 1 << 20 });
    let seen = Stage::narrow()
        .attack(&milvus.uri(), "another_length", arguments)
        .await;
    assert_eq!(seen.sent(), 1, "{seen:?}");
    assert_eq!(milvus.requests()[0].body.len(), 1 << 20);
}

/// Runs an attack that leaves requests behind, at once and when they are on their way.
async fn leaves_nothing_behind(attack: &str) {
    for milliseconds in [0, 1, 200] {
        let (milvus, stage) = (Recorder::slow(Duration::from_millis(600)), Stage::wide());
        let arguments = json!({ "count": 32, "milliseconds": milliseconds });
        let seen = stage.attack(&milvus.uri(), attack, arguments).await;
        assert!(
            seen.requests
                .iter()
                .all(|line| line["outcome"] != "answered"),
            "{seen:?}"
        );
        if milliseconds == 200 {
            assert_eq!(seen.sent(), 32, "they were on their way: {seen:?}");
        }
        // Bytes that were written before the call ended may arrive after it; requests that were not begun do not.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let came = milvus.requests();
        assert!(
            came.len() as u64 <= seen.sent(),
            "{} came, {} were let out: {seen:?}",
            came.len(),
            seen.sent()
        );
        assert!(
            came.iter().all(|request| request.body.len() == 20),
            "each came whole or not at all"
        );
        stage.still_works().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_end_with_a_call_that_returns() {
    leaves_nothing_behind("return_with_requests_in_flight").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_end_with_a_call_that_traps() {
    leaves_nothing_behind("trap_with_requests_in_flight").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_given_up_in_flight_end() {
    leaves_nothing_behind("give_up_requests_in_flight").await;
}
