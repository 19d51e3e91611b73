//! What a component can learn, or leave behind, by text of its own that comes back or is written down.

use serde_json::{Value, json};

use super::{Seen, Stage, attacks, endpoint_with};
use crate::servers::{Recorder, ok};

const TOKEN: &str = "root:s3cret-of-the-host";

/// Has `texts` repeated by a server that repeats whatever it is sent; what the component got of them.
async fn repeated(texts: &[String]) -> (Vec<Value>, Seen) {
    let milvus = Recorder::answering(|request| ok("application/json", &request.body));
    let steps: Vec<Value> = texts
        .iter()
        .map(|text| {
            let body = json!({ "collectionName": "docs", "filter": text }).to_string();
            json!({ "do": "request", "path": "/v2/vectordb/entities/query", "body": body, "declared": body.len() })
        })
        .collect();
    let seen = Stage::wide()
        .attack_at(
            &endpoint_with(&milvus.uri(), TOKEN),
            attacks::SCRIPT,
            json!({ "collection_name": "docs", "steps": steps }),
        )
        .await;
    assert_eq!(seen.sent(), texts.len() as u64, "{seen:?}");
    let answer = seen.answer.as_ref().expect("an answer");
    let told = answer["said"].as_array().expect("a list");
    let filters = told.iter().map(|told| {
        let body = told["body"].as_str().expect("text");
        serde_json::from_str::<Value>(body).expect("JSON")["filter"].clone()
    });
    (filters.collect(), seen)
}

#[tokio::test]
async fn t72_a_guess_that_is_right_in_part_comes_back_as_it_was_sent() {
    let password = &TOKEN[5..];
    let parts = (1..TOKEN.len()).map(|end| &TOKEN[..end]);
    let ends = (1..password.len()).map(|start| &password[start..]);
    let wrong = (0..password.len()).map(|at| {
        let mut letters = password.as_bytes().to_vec();
        letters[at] ^= 1;
        String::from_utf8(letters).expect("ASCII")
    });
    let guesses: Vec<String> = parts.chain(ends).map(str::to_owned).chain(wrong).collect();
    for some in guesses.chunks(32) {
        let (told, seen) = repeated(some).await;
        assert_eq!(told, some, "nothing tells them apart");
        let hit = |line: &Value| line["redacted"].is_u64();
        assert!(!seen.requests.iter().any(hit), "{:?}", seen.requests);
    }
}

#[tokio::test]
async fn t72_a_right_guess_is_counted_in_the_audit() {
    let (told, seen) = repeated(&["nothing".to_owned(), format!("{TOKEN} {TOKEN}")]).await;
    assert_eq!(told, ["nothing", "root:[redacted] root:[redacted]"]);
    let counts: Vec<_> = seen
        .requests
        .iter()
        .map(|line| line["redacted"].as_u64())
        .collect();
    assert_eq!(counts, [None, Some(2)], "{:?}", seen.requests);
}

#[tokio::test]
async fn t76_a_call_can_leave_so_much_text_in_the_audit_and_no_more() {
    let milvus = Recorder::start();
    let path = format!("/{}", "row".repeat(1300));
    let seen = Stage::wide()
        .attack(
            &milvus.uri(),
            attacks::THOUSANDS_OF_REQUESTS,
            json!({ "count": 500, "path": path }),
        )
        .await;
    assert_eq!((seen.sent(), milvus.connections()), (0, 0), "{seen:?}");
    assert_eq!(
        (seen.requests.len(), &seen.summary["refused"]),
        (65, &json!(500))
    );
    for line in &seen.requests {
        let written = line["path"].as_str().expect("text");
        assert!(
            written.len() <= 257 && written.starts_with("/row"),
            "{line}"
        );
        assert!(line.to_string().len() < 700, "{line}");
    }
    assert!(
        !seen.summary.to_string().contains("row"),
        "{}",
        seen.summary
    );
}
