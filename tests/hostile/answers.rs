//! A server that misbehaves ends in a typed error in time, and never in another call's answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{HASTE, Seen, Stage, endpoint};
use crate::servers::{Faulty, Recorder, ok};

/// Asks a server once, on the narrow host, and then another one.
async fn ask(milvus: &Faulty) -> Seen {
    let stage = Stage::narrow();
    let seen = stage
        .attack(&milvus.uri(), "ordinary_request", json!({}))
        .await;
    seen.in_time(HASTE);
    assert_eq!(
        (seen.sent(), milvus.connections()),
        (1, 1),
        "asked once, whatever comes: {seen:?}"
    );
    stage.still_works().await;
    seen
}

macro_rules! faulty {
    ($($name:ident: $server:expr, $errors:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let seen = ask(&$server).await;
                let errors: &[&str] = &$errors;
                assert!(errors.contains(&seen.error()), "expected one of {errors:?}: {seen:?}");
            }
        )+
    };
}

faulty! {
    t40_a_silent_server_ends_at_the_deadline: Faulty::silent(), ["timeout"];
    t40_a_slow_head_ends_at_the_deadline: Faulty::slow_head(), ["timeout"];
    t40_a_slow_body_ends_at_the_deadline: Faulty::slow_body(), ["timeout"];
    t40_a_drizzle_of_1xx_ends_at_the_deadline: Faulty::drizzle_of_1xx(), ["timeout"];
    // On a busy machine it is the call that ends, not yet its request.
    t40_a_storm_of_1xx_ends_in_time: Faulty::storm_of_1xx(), ["timeout", "answer-malformed", "cancelled"];
    t41_an_endless_head_is_cut_off: Faulty::endless_head(), ["answer-head-too-large"];
    t41_an_endless_body_is_cut_off: Faulty::endless_body(), ["answer-too-large"];
    t41_an_endless_size_of_a_chunk_is_cut_off: Faulty::endless_chunk_size(), ["answer-incomplete", "answer-malformed"];
    t41_a_body_that_is_announced_as_too_large_is_not_read: Faulty::oversized((1 << 20) + 1), ["answer-too-large"];
    t41_a_body_that_is_announced_as_endless_is_not_read: Faulty::oversized(u64::MAX - 1), ["answer-too-large", "answer-head-too-large"];
    t41_a_body_that_is_too_large_without_announcement_is_cut_off: Faulty::oversized_unannounced((1 << 20) + 1), ["answer-too-large"];
    t42_a_server_that_closes_is_an_error: Faulty::closing(), ["connection-terminated"];
    t42_half_a_head_is_an_error: Faulty::closing_in_head(), ["connection-terminated", "answer-incomplete", "answer-malformed"];
    t42_half_a_body_is_an_error: Faulty::closing_in_body(), ["answer-incomplete"];
    t42_half_of_the_chunks_is_an_error: Faulty::closing_in_chunks(), ["answer-incomplete"];
    t41_a_compressed_answer_is_an_error: Faulty::encoded("gzip"), ["answer-encoded"];
    t41_an_answer_in_two_codings_is_an_error: Faulty::encoded("identity, br"), ["answer-encoded"];
    t42_what_is_no_http_is_an_error: Faulty::no_http(), ["answer-malformed"];
    t42_a_body_without_a_head_is_an_error: Faulty::no_head(), ["answer-malformed"];
    t42_a_switch_of_protocols_is_an_error: Faulty::switching(), ["answer-malformed", "connection-terminated"];
    t39_two_lengths_are_an_error: Faulty::two_lengths(), ["answer-malformed"];
    t42_a_length_that_is_no_number_is_an_error: Faulty::no_number(), ["answer-malformed"];
    t42_a_control_character_in_a_head_is_an_error: Faulty::bad_header(), ["answer-malformed"];
}

#[tokio::test]
async fn t33_only_status_type_and_length_of_an_answer_pass() {
    let milvus = Faulty::saying(
        "HTTP/1.1 200 Fine\r\nSet-Cookie: a=b\r\nServer: x\r\nX-Secret: 1\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nTrailer: X-Later\r\n\r\n2\r\n{}\r\n0\r\nX-Later: 2\r\n\r\n",
        false,
    );
    let seen = ask(&milvus).await;
    let answer = seen.answer.expect("an answer");
    assert_eq!(
        answer["headers"],
        json!([
            ["content-length", "2"],
            ["content-type", "application/json"]
        ])
    );
    assert_eq!(
        (&answer["body"], &answer["trailers"]),
        (&json!("{}"), &json!([]))
    );
}

/// A recorder that repeats what was asked, between `before` and `after`.
fn echo(before: &'static [u8], after: &'static [u8]) -> Recorder {
    Recorder::answering(move |request| {
        [before, &ok("application/json", &request.body), after].concat()
    })
}

/// Asks one endpoint 60 times; answers how many answers were neither their question's nor an error.
async fn foreign_answers(uri: &str, pause: Duration) -> usize {
    let (stage, endpoint) = (Stage::wide(), endpoint(uri));
    let mut foreign = 0;
    for number in 0..60 {
        let body = json!({ "dbName": format!("question_{number}") }).to_string();
        let seen = stage
            .attack_at(&endpoint, "ordinary_request", json!({ "body": body }))
            .await;
        let answer = seen
            .answer
            .as_ref()
            .map_or(Value::Null, |answer| answer["body"].clone());
        if !answer.is_null() && answer != body {
            foreign += 1;
        }
        tokio::time::sleep(pause).await;
    }
    foreign
}

#[tokio::test]
async fn t39_an_answer_that_comes_twice_is_not_the_next_calls() {
    let milvus = echo(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign");
    assert_eq!(foreign_answers(&milvus.uri(), Duration::ZERO).await, 0);
    assert_eq!(
        foreign_answers(&milvus.uri(), Duration::from_millis(5)).await,
        0
    );
}

#[tokio::test]
async fn t39_an_answer_that_comes_twice_a_little_later_is_not_the_next_calls() {
    for micros in [0, 100, 300, 1000] {
        let milvus = Faulty::answering_twice(Duration::from_micros(micros));
        assert_eq!(
            foreign_answers(&milvus.uri(), Duration::ZERO).await,
            0,
            "{micros}"
        );
    }
}

#[tokio::test]
async fn t39_an_http1_connection_carries_one_request() {
    let milvus = Recorder::start();
    let (stage, endpoint) = (Stage::wide(), endpoint(&milvus.uri()));
    for _ in 0..3 {
        stage
            .attack_at(&endpoint, "ordinary_request", json!({}))
            .await;
    }
    assert_eq!((milvus.requests().len(), milvus.connections()), (3, 3));
}

#[tokio::test]
async fn t39_a_body_longer_than_its_length_is_not_the_next_calls_answer() {
    let milvus = echo(b"", b"tail");
    assert_eq!(foreign_answers(&milvus.uri(), Duration::ZERO).await, 0);
}

#[tokio::test]
async fn t39_an_answer_with_length_and_chunks_is_not_read_as_two() {
    let milvus = Recorder::answering(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign"
            .to_vec()
    });
    let (stage, endpoint) = (Stage::wide(), endpoint(&milvus.uri()));
    for _ in 0..20 {
        let seen = stage
            .attack_at(&endpoint, "ordinary_request", json!({}))
            .await;
        assert!(!seen.told().contains("foreign"), "{seen:?}");
    }
}

#[tokio::test]
async fn t39_a_call_that_ran_out_of_time_leaves_its_answer_to_nobody() {
    // The first answer comes when its call is over.
    let milvus = Recorder::answering(|request| {
        if request.body == b"{\"dbName\":\"late\"}" {
            std::thread::sleep(HASTE + Duration::from_millis(200));
        }
        ok("application/json", &request.body)
    });
    let (stage, endpoint) = (Stage::narrow(), endpoint(&milvus.uri()));
    let late = stage
        .attack_at(
            &endpoint,
            "ordinary_request",
            json!({ "body": "{\"dbName\":\"late\"}" }),
        )
        .await;
    assert_eq!(late.error(), "timeout", "{late:?}");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let next = stage
        .attack_at(
            &endpoint,
            "ordinary_request",
            json!({ "body": "{\"dbName\":\"next\"}" }),
        )
        .await;
    assert_eq!(
        next.answer.expect("an answer")["body"],
        "{\"dbName\":\"next\"}"
    );
}
