//! A server that misbehaves ends in a typed error in time, and never in another call's answer.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use host_harness::{CallError, Endpoint, ErrorKind, Host, Limits, Outcome, Policy};
use serde_json::{Value, json};

use super::{HASTE, SLACK, Seen, Stage, attacks, endpoint};
use crate::servers::tls::{self, Authority};
use crate::servers::{Faulty, Recorder, ok};

/// Asks a server once, on the narrow host, and then another one.
async fn ask(milvus: &Faulty) -> Seen {
    let stage = Stage::narrow();
    let seen = stage
        .attack(&milvus.uri(), attacks::ORDINARY_REQUEST, json!({}))
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
    t40_slow_chunks_end_at_the_deadline: Faulty::slow_chunks(), ["timeout"];
    t41_many_headers_are_cut_off: Faulty::many_headers(1000), ["answer-head-too-large", "answer-malformed"];
    t41_an_endless_reason_is_cut_off: Faulty::endless_reason(), ["answer-head-too-large", "answer-malformed"];
    t42_a_size_of_a_chunk_that_is_no_number_is_an_error: Faulty::chunk_of("2g"), ["answer-incomplete", "answer-malformed"];
    t42_a_size_of_a_chunk_beyond_all_numbers_is_an_error: Faulty::chunk_of("fffffffffffffffff"), ["answer-incomplete", "answer-malformed"];
    t42_a_size_of_a_chunk_that_is_a_lie_is_an_error: Faulty::chunk_of("9"), ["answer-incomplete", "answer-malformed"];
    t42_a_size_of_a_chunk_below_what_comes_is_an_error: Faulty::chunk_of("1"), ["answer-incomplete", "answer-malformed"];
    t42_a_server_that_hangs_up_is_an_error: Faulty::hanging_up(), ["connection-terminated"];
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
        // The same to Milvus, each with another number of blanks.
        let body = format!("{{{}}}", " ".repeat(number));
        let seen = stage
            .attack_at(
                &endpoint,
                attacks::ORDINARY_REQUEST,
                json!({ "body": body }),
            )
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
            .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
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
            .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
            .await;
        assert!(!seen.told().contains("foreign"), "{seen:?}");
    }
}

#[tokio::test]
async fn t39_a_call_that_ran_out_of_time_leaves_its_answer_to_nobody() {
    const LATE: &str = "{}";
    const NEXT: &str = r#"{"dbName":"default"}"#;
    // The first answer comes when its call is over.
    let milvus = Recorder::answering(|request| {
        if request.body == LATE.as_bytes() {
            std::thread::sleep(HASTE + Duration::from_millis(200));
        }
        ok("application/json", &request.body)
    });
    let (stage, endpoint) = (Stage::narrow(), endpoint(&milvus.uri()));
    let late = stage
        .attack_at(
            &endpoint,
            attacks::ORDINARY_REQUEST,
            json!({ "body": LATE }),
        )
        .await;
    assert_eq!(late.error(), "timeout", "{late:?}");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let next = stage
        .attack_at(
            &endpoint,
            attacks::ORDINARY_REQUEST,
            json!({ "body": NEXT }),
        )
        .await;
    assert_eq!(next.answer.expect("an answer")["body"], NEXT);
}

/// The component as it is, and calls that have little time.
fn honest() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let limits = Limits {
            call_time: HASTE,
            ..Limits::default()
        };
        let host = Host::builder().embedded().limits(limits).build();
        host.expect("it may be loaded")
    })
}

/// Calls a tool of which no good comes; its typed error, in time, and then one that works.
async fn fails(endpoint: &Endpoint, tool: &str, arguments: &Value) -> CallError {
    let started = Instant::now();
    let answer = honest()
        .call_tool(endpoint, tool, &arguments.to_string())
        .await;
    let time = started.elapsed();
    // A server that floods takes its share of the same cores.
    assert!(time < HASTE + 3 * SLACK, "{time:?}: {answer:?}");
    let milvus = Recorder::start();
    let list = json!({ "operation": "list" }).to_string();
    let next = honest()
        .call_tool(&super::endpoint(&milvus.uri()), "milvus_collection", &list)
        .await;
    assert!(next.is_ok(), "the next call: {next:?}");
    answer.expect_err("no good comes of it")
}

#[tokio::test]
async fn t42_what_is_no_answer_of_milvus_is_a_typed_error_of_every_kind_of_call() {
    let deep = |open: &str| format!(r#"{{"code":0,"data":{}"#, open.repeat(1 << 20));
    let bodies = [
        deep("["),
        deep("{\"a\":"),
        "[".repeat(10 << 20),
        r#"{"code":0,"data":[{"id":1"#.to_owned(),
        r#"{"code":0,"data":{"insertCount":"#.to_owned(),
        "\u{1f}\u{8b}\u{8}\0\0\0\0\0".to_owned(),
        String::new(),
        "null".to_owned(),
        r#"{"code":"0","data":[]}"#.to_owned(),
        r#"{"code":0.0,"data":[]}"#.to_owned(),
        r#"{"code":0,"data":17}"#.to_owned(),
        r#"{"code":0,"data":[[[1]]]}"#.to_owned(),
        r#"{"code":0,"data":[{"id":{"a":1}},5]}"#.to_owned(),
        r#"{"code":0,"code":0,"data":[]}"#.to_owned(),
        r#"{"code":0,"data":[],"data":[]}"#.to_owned(),
        r#"{"code":0,"data":{}}{"code":0,"data":{}}"#.to_owned(),
    ];
    let calls = [
        (
            "milvus_collection",
            json!({ "operation": "describe", "collection_name": "docs" }),
        ),
        (
            "milvus_search",
            json!({ "collection_name": "docs", "query_vector": [0.5, 1] }),
        ),
        (
            "milvus_query",
            json!({ "collection_name": "docs", "filter": "id > 0" }),
        ),
        (
            "milvus_insert",
            json!({ "collection_name": "docs", "data": [{ "id": 1, "vector": [0.5] }] }),
        ),
    ];
    for body in bodies {
        let shown: String = body.chars().take(40).collect();
        let milvus = Recorder::answering(move |_| ok("application/json", body.as_bytes()));
        for (tool, arguments) in &calls {
            let error = fails(&endpoint(&milvus.uri()), tool, arguments).await;
            let CallError::Tool(error) = error else {
                panic!("{tool} of {shown}: {error:?}");
            };
            assert_eq!(
                error.kind,
                ErrorKind::Protocol,
                "{tool} of {shown}: {error:?}"
            );
            // What was written may be in.
            let outcome = if *tool == "milvus_insert" {
                Outcome::Unknown
            } else {
                Outcome::NotApplied
            };
            assert_eq!(error.outcome, outcome, "{tool} of {shown}: {error:?}");
        }
    }
}

#[tokio::test]
async fn t43_counts_that_are_no_counts_of_what_was_sent_are_not_believed() {
    let insert = json!({ "collection_name": "docs", "data": [{ "id": 1, "vector": [0.5] }, { "id": 2, "vector": [1] }] });
    for data in [
        r#"{"insertCount":1,"insertIds":[1]}"#,
        r#"{"insertCount":1000000,"insertIds":[1,2]}"#,
        r#"{"insertCount":0,"insertIds":[]}"#,
        r#"{"insertCount":-2,"insertIds":[1,2]}"#,
        r#"{"insertCount":2.5,"insertIds":[1,2]}"#,
    ] {
        let milvus = Recorder::answering(move |_| {
            ok(
                "application/json",
                format!(r#"{{"code":0,"data":{data}}}"#).as_bytes(),
            )
        });
        let error = fails(&endpoint(&milvus.uri()), "milvus_insert", &insert).await;
        let CallError::Tool(error) = error else {
            panic!("{data}: {error:?}");
        };
        assert_eq!(
            (error.kind, error.outcome),
            (ErrorKind::Protocol, Outcome::Unknown),
            "{data}: {error:?}"
        );
    }
}

/// An HTTP/2 frame on a stream.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short frame");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[tokio::test]
async fn t41_a_flood_of_http2_frames_ends_in_time_and_is_not_kept() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PRIORITY: u8 = 2;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const PROMISE: u8 = 5;
    const PING: u8 = 6;
    const WINDOW: u8 = 8;
    const CONTINUATION: u8 = 9;
    let (authority, list) = (Authority::new(), json!({ "operation": "list" }));
    // `:status: 200` of the static table, and a header of its own: not indexed, `a: b`.
    let (status, header) = ([0x88], [0, 1, b'a', 1, b'b']);
    let begun = frame(HEADERS, 4, 1, &status);
    for (flood, first, again) in [
        ("ping", Vec::new(), frame(PING, 0, 0, &[0; 8])),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[])),
        ("windows", Vec::new(), frame(WINDOW, 0, 0, &[0, 0, 0, 1])),
        (
            "priorities",
            Vec::new(),
            frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1]),
        ),
        ("resets", Vec::new(), frame(RESET, 0, 1, &[0, 0, 0, 8])),
        (
            "promises",
            Vec::new(),
            frame(PROMISE, 4, 1, &[0, 0, 0, 2, 0x82]),
        ),
        (
            "continuations",
            frame(HEADERS, 0, 1, &status),
            frame(CONTINUATION, 0, 1, &header),
        ),
        (
            "empty continuations",
            frame(HEADERS, 0, 1, &status),
            frame(CONTINUATION, 0, 1, &[]),
        ),
        (
            "heads of 1xx",
            Vec::new(),
            frame(HEADERS, 4, 1, &[8, 3, b'1', b'0', b'3']),
        ),
        ("empty data", begun.clone(), frame(DATA, 0, 1, &[])),
        (
            "padding",
            begun.clone(),
            frame(DATA, 8, 1, &[&[200][..], &[0; 200]].concat()),
        ),
        ("data", begun.clone(), frame(DATA, 0, 1, &[b' '; 200])),
        ("unknown frames", begun, frame(200, 0, 1, &[0; 200])),
    ] {
        let config = tls::config(&authority.issue(&["127.0.0.1"]), None);
        let milvus = Faulty::flooding(config, &first, &again);
        let endpoint = Endpoint::builder(
            &format!("https://127.0.0.1:{}", milvus.port()),
            Policy::full(),
        )
        .ca_certificate(authority.pem.as_bytes())
        .build()
        .expect("an origin and an authority");
        let error = fails(&endpoint, "milvus_collection", &list).await;
        println!("{flood}: {error}");
    }
}
