//! The body on the wire is the body that was looked at, or there is none.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{HASTE, Seen, Stage, attacks, refused_by};
use crate::servers::{Faulty, Recorder};

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
async fn t07_fewer_bytes_than_declared_are_not_sent() {
    let milvus = Recorder::start();
    for (declared, written) in [(20, 10), (20, 0), (1, 0), (100_000, 99_999)] {
        let arguments = json!({ "declared": declared, "written": written });
        let seen = Stage::wide()
            .attack(&milvus.uri(), attacks::ANOTHER_LENGTH, arguments)
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
async fn t07_more_bytes_than_declared_are_not_sent() {
    let milvus = Recorder::start();
    for (declared, written) in [(10, 20), (0, 20), (1, 2), (99_999, 100_000)] {
        let arguments = json!({ "declared": declared, "written": written });
        let seen = Stage::wide()
            .attack(&milvus.uri(), attacks::ANOTHER_LENGTH, arguments)
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
async fn t07_without_a_declared_length_nothing_is_sent() {
    refused_by("length", attacks::NO_LENGTH, json!({})).await;
}

#[tokio::test]
async fn t07_of_two_lengths_none_counts() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(&milvus.uri(), attacks::TWO_LENGTHS, json!({}))
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
async fn t07_a_length_without_a_body_is_refused_and_written_down() {
    refused_by(
        "malformed",
        attacks::LENGTH_WITHOUT_BODY,
        json!({ "count": 1 }),
    )
    .await;
}

#[tokio::test]
async fn t66_requests_that_are_no_http_are_counted_and_flood_no_audit() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let arguments = json!({ "count": 3000 });
    let seen = stage
        .attack(&milvus.uri(), attacks::LENGTH_WITHOUT_BODY, arguments)
        .await;
    assert_eq!(
        (seen.requests.len(), &seen.summary["refused"]),
        (65, &json!(3000)),
        "{}",
        seen.summary
    );
    assert!(seen.rules().iter().all(|rule| *rule == "malformed"));
    assert_eq!((seen.sent(), milvus.connections()), (0, 0));
}

#[tokio::test]
async fn t07_a_body_that_is_let_go_is_not_sent() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(&milvus.uri(), attacks::BODY_GIVEN_UP, json!({}))
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
async fn t07_a_body_that_is_never_finished_is_not_sent() {
    let seen = refused_narrowly("unfinished", attacks::BODY_NEVER_FINISHED, json!({})).await;
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
        // Also a request that the host has not begun to look at when its call ends has its line.
        assert_eq!(seen.rules(), ["unfinished"], "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t07_a_trap_does_not_finish_a_body() {
    ends_in_a_body(attacks::TRAP_IN_A_WHOLE_BODY, "trap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t07_a_return_does_not_finish_a_body() {
    ends_in_a_body(attacks::RETURN_IN_A_WHOLE_BODY, "ok").await;
}

#[tokio::test]
async fn t04_trailers_are_refused() {
    refused_by("trailers", attacks::TRAILERS, json!({})).await;
}

#[tokio::test]
async fn t06_a_get_with_a_body_is_refused() {
    refused_by("body", attacks::BODY_ON_GET, json!({})).await;
}

#[tokio::test]
async fn t46_a_body_over_the_limit_is_refused_declared_or_not() {
    const MORE: u64 = (1 << 20) + 1;
    refused_narrowly(
        "request-bytes",
        attacks::ANOTHER_LENGTH,
        json!({ "declared": MORE, "written": MORE }),
    )
    .await;
    refused_narrowly(
        "request-bytes",
        attacks::ANOTHER_LENGTH,
        json!({ "declared": u64::MAX, "written": 20 }),
    )
    .await;
    refused_narrowly(
        "request-bytes",
        attacks::BODY_WITHOUT_END,
        json!({ "most": 64 << 20 }),
    )
    .await;
}

#[tokio::test]
async fn a_body_at_the_limit_is_sent_whole() {
    let milvus = Recorder::start();
    let arguments = json!({ "declared": 1 << 20, "written": 1 << 20 });
    let seen = Stage::narrow()
        .attack(&milvus.uri(), attacks::ANOTHER_LENGTH, arguments)
        .await;
    assert_eq!(seen.sent(), 1, "{seen:?}");
    assert_eq!(milvus.requests()[0].body.len(), 1 << 20);
}

/// Runs an attack that leaves requests behind, at once and when they are on their way.
async fn leaves_nothing_behind(attack: &str) {
    for milliseconds in [0, 1, 200] {
        let (milvus, stage) = (Recorder::slow(Duration::from_millis(600)), Stage::wide());
        let arguments = json!({ "count": 8, "milliseconds": milliseconds });
        let seen = stage.attack(&milvus.uri(), attack, arguments).await;
        assert!(
            seen.requests
                .iter()
                .all(|line| line["outcome"] != "answered"),
            "{seen:?}"
        );
        if milliseconds == 200 {
            assert_eq!(seen.sent(), 8, "they were on their way: {seen:?}");
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
async fn t51_requests_in_flight_end_with_a_call_that_returns() {
    leaves_nothing_behind(attacks::RETURN_WITH_REQUESTS_IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t51_requests_in_flight_end_with_a_call_that_traps() {
    leaves_nothing_behind(attacks::TRAP_WITH_REQUESTS_IN_FLIGHT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t51_requests_that_are_given_up_in_flight_end() {
    leaves_nothing_behind(attacks::GIVE_UP_REQUESTS_IN_FLIGHT).await;
}

/// Runs an attack that leaves eight requests behind, at a server that never answers: nothing stays open, and each has
/// one line, which says that nobody knows what became of it.
async fn ends_with_unknown(stage: &Stage, attack: &str, result: &str) {
    let milvus = Faulty::silent();
    let arguments = json!({ "count": 8, "milliseconds": 300 });
    let seen = stage.attack(&milvus.uri(), attack, arguments).await;
    assert_eq!((seen.result(), seen.sent()), (result, 8), "{seen:?}");
    assert_eq!(seen.requests.len(), 8, "{seen:?}");
    assert!(
        seen.requests
            .iter()
            .all(|line| line["outcome"] == "unknown"),
        "{seen:?}"
    );
    let until = Instant::now() + Duration::from_secs(2);
    while milvus.open() > 0 {
        assert!(
            Instant::now() < until,
            "{attack}: {} are still in flight",
            milvus.open()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(milvus.connections(), 8);
    stage.still_works().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t51_what_a_call_leaves_in_flight_is_cut_and_written_down_as_unknown() {
    ends_with_unknown(Stage::wide(), attacks::RETURN_WITH_REQUESTS_IN_FLIGHT, "ok").await;
    ends_with_unknown(Stage::wide(), attacks::GIVE_UP_REQUESTS_IN_FLIGHT, "ok").await;
    ends_with_unknown(Stage::wide(), attacks::TRAP_WITH_REQUESTS_IN_FLIGHT, "trap").await;
    let result = "call-time";
    ends_with_unknown(
        Stage::narrow(),
        attacks::TIME_OUT_WITH_REQUESTS_IN_FLIGHT,
        result,
    )
    .await;
}
