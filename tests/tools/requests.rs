//! How many HTTP requests each tool makes, counted before the real server, against what its definition says.

use milvus_plugin::tools::TOOLS;
use serde_json::{Value, json};

use super::answers::definitions;
use super::{Collection, word};
use crate::servers::Recorder;
use crate::servers::local::{Lite, LocalMilvus, Stage, Standalone, endpoint, of, unique};

/// Each tool that is written by hand in its usual form, and in every form that costs more. An operation that is sent as it
/// was declared takes one request: `contract::component` counts it.
fn calls() -> Vec<(&'static str, &'static str, Value)> {
    let searches = json!([{"anns_field": "dense", "query_vector": [0, 0]}, {"anns_field": "sparse", "query_text": "cat"}]);
    let row = json!({"pk": 7, "text": "a bird", "category": "pet", "dense": [7, 0]});
    vec![
        (
            "milvus_search",
            "vector",
            json!({"query_vector": [0, 0], "anns_field": "dense", "output_fields": ["text"]}),
        ),
        (
            "milvus_search",
            "text",
            json!({"query_text": "cat", "anns_field": "sparse"}),
        ),
        (
            "milvus_search",
            "every field",
            json!({"query_vector": [0, 0], "anns_field": "dense", "output_fields": ["*"]}),
        ),
        (
            "milvus_search",
            "the key among the fields",
            json!({"query_vector": [0, 0], "anns_field": "dense", "output_fields": ["pk"]}),
        ),
        (
            "milvus_search",
            "a text that no field takes",
            json!({"query_text": "cat", "anns_field": "dense"}),
        ),
        (
            "milvus_hybrid_search",
            "two searches",
            json!({"searches": searches, "output_fields": ["text"]}),
        ),
        (
            "milvus_hybrid_search",
            "every field",
            json!({"searches": searches, "output_fields": ["*"]}),
        ),
        ("milvus_query", "filter", json!({"filter": "pk > 1"})),
        ("milvus_query", "keys", json!({"ids": [1]})),
        ("milvus_get", "keys as numbers", json!({"ids": [1]})),
        ("milvus_get", "keys as text", json!({"ids": ["1"]})),
        ("milvus_count", "all", json!({})),
        ("milvus_insert", "one row", json!({"data": [row]})),
        ("milvus_upsert", "one row", json!({"data": [row]})),
        ("milvus_delete", "filter", json!({"filter": "pk == 7"})),
        ("milvus_delete", "keys", json!({"ids": [7]})),
        ("milvus_create_collection", "quick", json!({"dimension": 2})),
    ]
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
async fn a_call_takes_as_many_requests_as_its_definition_says() {
    let texts = Collection::texts().await;
    let (mut table, mut wrong) = (String::new(), Vec::new());
    let mut typical = std::collections::BTreeSet::new();
    let mut most = std::collections::BTreeMap::<&str, u64>::new();
    for (tool, form, mut arguments) in calls() {
        let own = (tool == "milvus_create_collection").then(|| unique("test"));
        arguments = of(own.as_ref().unwrap_or(&texts.name), arguments);
        let proxy = Recorder::forwarding(LocalMilvus::shared().address());
        let ended = Stage::before(endpoint(&proxy.uri()))
            .try_call(tool, &arguments.to_string())
            .await;
        assert!(
            ended.is_ok() || form.contains("no field"),
            "{tool}: {ended:?}"
        );
        let count = proxy.requests().len() as u64;
        let declared = &definitions()[tool].definition.requests;
        let limit = declared["most"].as_u64();
        table.push_str(&format!(
            "{tool:<26} {form:<28} {count}   typical {}, most {}\n",
            declared["typical"], declared["most"]
        ));
        if limit.is_some_and(|limit| count > limit) || limit.is_none() && count != 1 {
            wrong.push(format!("{tool}, {form}: {count} requests, {declared}"));
        }
        if declared["typical"] == count {
            typical.insert(tool);
        }
        let seen = most.entry(tool).or_default();
        *seen = count.max(*seen);
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}\n{table}");
    let by_hand = TOOLS.iter().filter(|tool| tool.choices().is_empty());
    for name in by_hand.map(|tool| tool.name) {
        let definition = &definitions()[name];
        assert!(
            typical.contains(name),
            "{name} never takes the requests that it calls typical\n{table}"
        );
        let limit = definition.definition.requests["most"].as_u64().unwrap_or(1);
        assert_eq!(
            most[name], limit,
            "{name} never takes the most that it names\n{table}"
        );
    }
}

#[tokio::test]
async fn rows_of_more_than_16_mib_take_one_request_for_each_16_mib() {
    let schema = json!({
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "text", "type": "VarChar", "max_length": 65_535},
            {"name": "v", "type": "FloatVector", "dim": 2},
        ],
    });
    let large = Collection::new(Lite, schema, json!([])).await;
    let text = "x".repeat(65_000);
    let rows: Vec<Value> = (0..300)
        .map(|key| json!({"pk": key, "text": text, "v": [0, 0]}))
        .collect();
    let proxy = Recorder::forwarding(LocalMilvus::shared().address());
    let stage = Stage::before(endpoint(&proxy.uri()));
    let answer = stage
        .call("milvus_insert", of(&large.name, json!({ "data": rows })))
        .await;
    assert_eq!(
        (&answer["insert_count"], &answer["requests"]),
        (&json!(300), &json!(2))
    );
    let sizes: Vec<usize> = proxy
        .requests()
        .iter()
        .map(|request| request.body.len())
        .collect();
    assert_eq!(sizes.len(), 2);
    assert!(
        sizes.iter().all(|size| *size < (16 << 20) + 1024),
        "{sizes:?}"
    );
}

#[tokio::test]
async fn each_request_names_the_database_in_its_body_and_the_token_in_one_header() {
    let proxy = Recorder::forwarding(LocalMilvus::shared().address());
    let words = Collection {
        stage: Stage::before(endpoint(&proxy.uri())),
        name: unique("test"),
    };
    words
        .call("milvus_create_collection", super::words_schema())
        .await;
    words
        .call("milvus_insert", json!({"data": [word(1, "ant", "insect")]}))
        .await;
    for request in proxy.requests() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer root:Milvus"),
            "{request:?}"
        );
        assert!(
            request.line.starts_with("POST /v2/vectordb/"),
            "{request:?}"
        );
        assert!(
            !String::from_utf8_lossy(&request.body).contains("root:Milvus"),
            "{request:?}"
        );
    }
}

/// Over REST v1 some calls take one request more, for the schema: tool, arguments, requests.
fn calls_over_v1() -> Vec<(&'static str, Value, usize)> {
    let row = word(7, "gnu", "mammal");
    vec![
        ("milvus_collection", json!({"operation": "describe"}), 1),
        ("milvus_collection", json!({"operation": "has"}), 1),
        ("milvus_collection", json!({"operation": "load_state"}), 1),
        ("milvus_search", json!({"query_vector": [0, 0]}), 1),
        (
            "milvus_search",
            json!({"query_vector": [0, 0], "output_fields": ["word"]}),
            1,
        ),
        (
            "milvus_search",
            json!({"query_vector": [0, 0], "output_fields": ["*"]}),
            2,
        ),
        (
            "milvus_search",
            json!({"query_vector": [0, 0], "anns_field": "v"}),
            2,
        ),
        ("milvus_query", json!({"filter": "pk > 1"}), 1),
        ("milvus_query", json!({}), 2),
        ("milvus_query", json!({"ids": [1]}), 2),
        ("milvus_get", json!({"ids": [1]}), 1),
        ("milvus_get", json!({"ids": ["1"]}), 2),
        ("milvus_count", json!({}), 2),
        ("milvus_count", json!({"filter": "pk > 1"}), 1),
        ("milvus_insert", json!({"data": [row]}), 2),
        ("milvus_upsert", json!({"data": [row]}), 2),
        ("milvus_delete", json!({"filter": "pk == 7"}), 1),
        ("milvus_delete", json!({"ids": [7]}), 2),
    ]
}

#[tokio::test]
async fn over_v1_a_call_takes_one_request_more_where_it_needs_the_schema() {
    let words = Collection::words(Standalone).await;
    let mut wrong = Vec::new();
    for (tool, arguments, expected) in calls_over_v1() {
        let proxy = Recorder::forwarding(LocalMilvus::of(Standalone).address());
        Stage::through(Standalone, &proxy.uri())
            .call(tool, of(&words.name, arguments.clone()))
            .await;
        let count = proxy.requests().len();
        if count != expected {
            wrong.push(format!("{tool} {arguments}: {count}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
