//! Nothing of one call is seen by the next.

use serde_json::{Value, json};

use super::{Stage, attacks, mark, narrow};
use crate::servers::Recorder;

const URI: &str = "http://127.0.0.1:9";
const MARK: &str = "mark-of-an-earlier-call";

#[tokio::test]
async fn t50_a_mark_that_is_left_is_not_found_by_the_next_call() {
    // One call at a time: the next one is given the memory of the last.
    let stage = Stage::new(host_harness::Limits {
        concurrent_calls: 1,
        ..narrow()
    });
    let arguments = json!({ "mark": mark(MARK), "pages": 64 });
    for _ in 0..30 {
        let left = stage
            .attack(URI, attacks::LEAVE_A_MARK, arguments.clone())
            .await
            .answer
            .expect("an answer");
        assert!(
            left["found"].as_u64() > Some(1000),
            "the search finds what is there: {left}"
        );
        let next = stage
            .attack(URI, attacks::LOOK_FOR_A_MARK, arguments.clone())
            .await
            .answer
            .expect("an answer");
        assert_eq!(next, json!({ "calls": 0, "found": 0, "dirty": false }));
        assert_eq!(left["calls"], 0, "its global was never counted up");
    }
}

#[tokio::test]
async fn t50_a_mark_that_is_left_by_a_call_that_ended_badly_is_not_found_either() {
    let stage = Stage::new(host_harness::Limits {
        concurrent_calls: 1,
        ..narrow()
    });
    for attack in [
        attacks::ALL_MEMORY,
        attacks::ENDLESS_RECURSION,
        attacks::PANIC,
    ] {
        stage.attack(URI, attack, json!({})).await;
        // What `all_memory` filled its memory with.
        let seen = stage
            .attack(
                URI,
                attacks::LOOK_FOR_A_MARK,
                json!({ "mark": mark(&"~".repeat(64)), "pages": 64 }),
            )
            .await;
        assert_eq!(
            seen.answer.expect("an answer"),
            json!({ "calls": 0, "found": 0, "dirty": false }),
            "{attack}"
        );
    }
}

#[tokio::test]
async fn t50_calls_at_a_time_do_not_see_each_other() {
    let stage = Stage::narrow();
    let (left, looked): (Value, Value) = (
        json!({ "mark": mark(MARK), "pages": 16 }),
        json!({ "mark": mark("mark-of-nobody-at-all"), "pages": 16 }),
    );
    let rounds = (0..8).map(|_| async {
        let (leaves, looks) = tokio::join!(
            stage.attack(URI, attacks::LEAVE_A_MARK, left.clone()),
            stage.attack(URI, attacks::LOOK_FOR_A_MARK, looked.clone()),
        );
        assert!(leaves.answer.is_ok(), "{leaves:?}");
        assert_eq!(
            looks.answer.expect("an answer"),
            json!({ "calls": 0, "found": 0, "dirty": false })
        );
    });
    for round in rounds {
        round.await;
    }
}

#[tokio::test]
async fn t50_a_handle_that_was_not_given_is_no_handle() {
    let stage = Stage::wide();
    for handle in [0, 1, 2, 7, 77, 1023, 1_000_000, u32::MAX] {
        for attack in [attacks::MADE_UP_CLOCK, attacks::MADE_UP_STREAM] {
            let seen = stage.attack(URI, attack, json!({ "handle": handle })).await;
            assert_eq!(seen.result(), "trap", "{attack} {handle}: {seen:?}");
        }
    }
    for attack in [attacks::HANDLE_OF_ANOTHER_KIND, attacks::HANDLE_USED_TWICE] {
        let seen = stage.attack(URI, attack, json!({})).await;
        assert_eq!(seen.result(), "trap", "{attack}: {seen:?}");
    }
    stage.still_works().await;
}

#[tokio::test]
async fn t52_after_a_path_of_any_length_the_next_call_works() {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    // What is longer than 4,096 bytes is refused where the path is set; what is longer than 65,534 is no URI at all.
    for (length, rules) in [
        (4096, ["path"].as_slice()),
        (4097, &[]),
        (60_000, &[]),
        (65_535, &[]),
        (1 << 20, &[]),
    ] {
        let path = format!("/{}", "x".repeat(length - 1));
        let seen = stage
            .attack(
                &milvus.uri(),
                attacks::ANOTHER_PATH,
                json!({ "path": path }),
            )
            .await;
        assert_eq!(
            (seen.rules().as_slice(), seen.sent()),
            (rules, 0),
            "{length}"
        );
        stage.still_works().await;
    }
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn t66_a_hundred_thousand_refusals_hold_nobody_up() {
    const REFUSALS: u64 = 100_000;
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let arguments = json!({ "count": REFUSALS, "path": "/expr" });
    let seen = stage
        .attack(&milvus.uri(), attacks::THOUSANDS_OF_REQUESTS, arguments)
        .await;
    println!(
        "{REFUSALS} refusals in {:?}, {:.0} a second",
        seen.time,
        REFUSALS as f64 / seen.time.as_secs_f64()
    );
    assert_eq!(
        (seen.requests.len(), &seen.summary["refused"]),
        (65, &json!(REFUSALS)),
        "{}",
        seen.summary
    );
    assert_eq!(milvus.connections(), 0);
    stage.still_works().await;
}
