//! Keys of 64 bits survive every tool exactly. Beyond 2^53 - 1 an answer holds them as decimal text.

use serde_json::{Value, json};

use super::{Collection, is_refused};
use crate::servers::local::{Lite, Server, both};

const KEYS: [i64; 5] = [
    9_007_199_254_740_993,
    i64::MIN,
    i64::MAX,
    -9_007_199_254_740_993,
    7,
];

/// A key as an answer shows it.
fn shown(key: i64) -> Value {
    if key.unsigned_abs() < 1 << 53 {
        json!(key)
    } else {
        json!(key.to_string())
    }
}

async fn collection(server: Server) -> Collection {
    let schema = json!({
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "n", "type": "Int64"},
            {"name": "v", "type": "FloatVector", "dim": 2},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}],
    });
    let rows: Vec<Value> = KEYS
        .iter()
        .zip(1..)
        .map(|(key, at)| json!({"pk": key, "n": key, "v": [at, 0]}))
        .collect();
    Collection::new(server, schema, json!(rows)).await
}

#[tokio::test]
async fn an_insert_answers_them() {
    for server in both() {
        let numbers = collection(server).await;
        let rows: Vec<Value> = KEYS
            .iter()
            .map(|key| json!({"pk": key, "n": 1, "v": [0, 0]}))
            .collect();
        let answer = numbers.call("milvus_upsert", json!({ "data": rows })).await;
        assert_eq!(answer["ids"], json!(KEYS.map(shown)));
        let texts: Vec<Value> = KEYS
            .iter()
            .map(|key| json!({"pk": key.to_string(), "n": key.to_string(), "v": [0, 0]}))
            .collect();
        let answer = numbers
            .call("milvus_upsert", json!({ "data": texts }))
            .await;
        assert_eq!(
            answer["ids"],
            json!(KEYS.map(shown)),
            "keys in text are the same keys"
        );
        assert_eq!(
            numbers.call("milvus_count", json!({})).await,
            json!({"count": KEYS.len()})
        );
    }
}

#[tokio::test]
async fn they_are_read_by_key_as_numbers_and_as_text() {
    for server in both() {
        let numbers = collection(server).await;
        for key in KEYS {
            let rows = if server.queries(key) {
                json!([{"pk": shown(key), "n": shown(key)}])
            } else {
                json!([])
            };
            for ids in [json!([key]), json!([key.to_string()])] {
                for tool in ["milvus_get", "milvus_query"] {
                    let answer = numbers
                        .call(tool, json!({"ids": ids, "output_fields": ["pk", "n"]}))
                        .await;
                    assert_eq!(answer["rows"], rows, "{tool} {ids}");
                }
            }
        }
    }
}

#[tokio::test]
async fn they_are_read_by_filter() {
    for server in both() {
        let numbers = collection(server).await;
        let answer = numbers
            .call(
                "milvus_query",
                json!({"filter": "n == 9007199254740993", "output_fields": ["pk"]}),
            )
            .await;
        assert_eq!(answer, json!({"rows": [{"pk": "9007199254740993"}]}));
    }
}

#[tokio::test]
async fn a_search_answers_them() {
    for server in both() {
        let numbers = collection(server).await;
        let answer = numbers
            .call(
                "milvus_search",
                json!({"query_vector": [0, 0], "output_fields": ["n"]}),
            )
            .await;
        let found: Vec<(Value, Value)> = answer["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| (hit["id"].clone(), hit["entity"]["n"].clone()))
            .collect();
        assert_eq!(found, KEYS.map(|key| (shown(key), shown(key))));
    }
}

#[tokio::test]
async fn a_hybrid_search_answers_them() {
    let numbers = collection(Lite).await;
    let answer = numbers
        .call(
            "milvus_hybrid_search",
            json!({"searches": [{"anns_field": "v", "query_vector": [0, 0]}], "limit": 3}),
        )
        .await;
    let found: Vec<&Value> = answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["id"])
        .collect();
    assert_eq!(
        found,
        KEYS[..3]
            .iter()
            .map(|key| shown(*key))
            .collect::<Vec<_>>()
            .iter()
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn they_are_deleted_one_and_not_another() {
    for server in both() {
        let numbers = collection(server).await;
        let mut left: Vec<i64> = KEYS
            .into_iter()
            .filter(|key| server.queries(*key))
            .collect();
        for (at, key) in KEYS.into_iter().enumerate() {
            let ids = if at % 2 == 0 {
                json!([key])
            } else {
                json!([key.to_string()])
            };
            numbers.call("milvus_delete", json!({ "ids": ids })).await;
            let rows = numbers
                .call("milvus_query", json!({"output_fields": ["pk"]}))
                .await;
            let rows = rows["rows"].as_array().unwrap().clone();
            left.retain(|other| *other != key);
            assert_eq!(rows.len(), left.len(), "after {key}");
            assert!(!rows.contains(&json!({"pk": shown(key)})), "{key} is gone");
        }
    }
}

#[tokio::test]
async fn a_neighbour_that_a_double_cannot_tell_apart_is_another_key() {
    for server in both() {
        let numbers = collection(server).await;
        for neighbour in [9_007_199_254_740_992_i64, i64::MAX - 1] {
            let answer = numbers
                .call("milvus_get", json!({"ids": [neighbour]}))
                .await;
            assert_eq!(answer, json!({"rows": []}), "{neighbour}");
        }
    }
}

#[tokio::test]
async fn a_template_value_that_milvus_would_round_to_a_neighbour_is_refused() {
    let words = Collection::words(Lite).await;
    words.stage.requests();
    for tool in ["milvus_delete", "milvus_query", "milvus_count"] {
        let templates =
            json!({"filter": "pk in {k}", "filter_params": {"k": [9_007_199_254_740_993_i64]}});
        let error = words.fails(tool, templates).await;
        is_refused(&words.stage, &error, "filter_params.k");
    }
}
