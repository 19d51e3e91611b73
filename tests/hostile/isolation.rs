//! Nothing of one call is seen by the next.

use serde_json::{Value, json};

use super::{Stage, mark, narrow};

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
            .attack(URI, "leave_a_mark", arguments.clone())
            .await
            .answer
            .expect("an answer");
        assert!(
            left["found"].as_u64() > Some(1000),
            "the search finds what is there: {left}"
        );
        let next = stage
            .attack(URI, "look_for_a_mark", arguments.clone())
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
    for attack in ["all_memory", "endless_recursion", "panic"] {
        stage.attack(URI, attack, json!({})).await;
        // What `all_memory` filled its memory with.
        let seen = stage
            .attack(
                URI,
                "look_for_a_mark",
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
            stage.attack(URI, "leave_a_mark", left.clone()),
            stage.attack(URI, "look_for_a_mark", looked.clone()),
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
        for attack in ["made_up_clock", "made_up_stream"] {
            let seen = stage.attack(URI, attack, json!({ "handle": handle })).await;
            assert_eq!(seen.result(), "trap", "{attack} {handle}: {seen:?}");
        }
    }
    for attack in ["handle_of_another_kind", "handle_used_twice"] {
        let seen = stage.attack(URI, attack, json!({})).await;
        assert_eq!(seen.result(), "trap", "{attack}: {seen:?}");
    }
    stage.still_works().await;
}
