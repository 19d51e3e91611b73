use host_harness::{ErrorKind, Outcome};
use serde_json::{Value, json};

use super::{Collection, is_refused, keys, says, sent, word};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn rows_are_replaced_or_added() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .call(
                "milvus_upsert",
                json!({"data": [word(1, "asp", "snake"), word(7, "gnu", "mammal")]}),
            )
            .await;
        assert_eq!(
            answer,
            json!({"upsert_count": 2, "ids": [1, 7], "requests": 1})
        );
        assert_eq!(words.row(1).await, word(1, "asp", "snake"));
        assert_eq!(words.keys().await, [1, 2, 3, 4, 5, 6, 7]);
    }
}

async fn with_notes() -> Collection {
    let mut schema = super::words_schema();
    schema["fields"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "note", "type": "VarChar", "max_length": 20, "nullable": true}));
    let mut row = word(1, "ant", "insect");
    row["note"] = json!("small");
    row["legs"] = json!(6);
    Collection::new(Lite, schema, json!([row])).await
}

#[tokio::test]
async fn a_full_upsert_loses_the_fields_that_are_left_out() {
    let words = with_notes().await;
    words
        .call("milvus_upsert", json!({"data": [word(1, "asp", "snake")]}))
        .await;
    let row = words.row(1).await;
    assert_eq!(
        (&row["word"], &row["note"], &row["legs"]),
        (&json!("asp"), &Value::Null, &Value::Null),
        "{row}"
    );
}

#[tokio::test]
async fn a_partial_upsert_keeps_the_fields_that_are_left_out() {
    let words = with_notes().await;
    words
        .call(
            "milvus_upsert",
            json!({"data": [{"pk": 1, "word": "asp"}], "partial": true}),
        )
        .await;
    let row = words.row(1).await;
    assert_eq!(
        (&row["word"], &row["note"], &row["category"]),
        (&json!("asp"), &json!("small"), &json!("insect")),
        "{row}"
    );
    assert_eq!(row["v"], json!([1, 0]), "{row}");
}

#[tokio::test]
async fn a_field_that_has_to_be_there_may_be_left_out_of_a_partial_upsert_only() {
    let words = Collection::words(Lite).await;
    let error = words
        .fails("milvus_upsert", json!({"data": [{"pk": 1, "word": "asp"}]}))
        .await;
    says(&error, ErrorKind::InvalidArgument, 1804);
    words
        .call(
            "milvus_upsert",
            json!({"data": [{"pk": 1, "word": "asp"}], "partial": true}),
        )
        .await;
}

#[tokio::test]
async fn a_partition_takes_the_rows() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    words
        .call(
            "milvus_upsert",
            json!({"data": [word(10, "gnat", "insect")], "partition_name": "flies"}),
        )
        .await;
    let answer = words
        .call(
            "milvus_query",
            json!({"partition_names": ["flies"], "filter": "word == \"gnat\""}),
        )
        .await;
    assert_eq!(keys(&answer), [10]);
    let error = words
        .fails(
            "milvus_upsert",
            json!({"data": [word(10, "gnat", "insect")], "partition_name": "nowhere"}),
        )
        .await;
    says(&error, ErrorKind::NotFound, 200);
    assert_eq!(error.outcome, Outcome::NotApplied);
}

#[tokio::test]
async fn a_repeated_upsert_changes_nothing_more() {
    for server in both() {
        let words = Collection::words(server).await;
        for _ in 0..2 {
            words
                .call("milvus_upsert", json!({"data": [word(1, "asp", "snake")]}))
                .await;
        }
        assert_eq!(
            words.call("milvus_count", json!({})).await,
            json!({"count": 6})
        );
    }
}

#[tokio::test]
async fn every_argument_is_sent_as_milvus_takes_it() {
    let body = sent(
        "milvus_upsert",
        json!({"data": [{"pk": 1}], "partition_name": "p", "partial": true}),
    )
    .await;
    assert_eq!(
        body,
        json!({"collectionName": "docs", "data": [{"pk": 1}], "partitionName": "p", "partialUpdate": true})
    );
    let body = sent(
        "milvus_upsert",
        json!({"data": [{"pk": 1}], "partial": false}),
    )
    .await;
    assert_eq!(body, json!({"collectionName": "docs", "data": [{"pk": 1}]}));
}

#[tokio::test]
async fn what_is_no_list_of_rows_is_refused() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (arguments, argument) in [
            (json!({}), "data"),
            (json!({"data": [1]}), "data[0]"),
            (json!({"data": [{}], "partial": "perhaps"}), "partial"),
        ] {
            let error = words.fails("milvus_upsert", arguments).await;
            is_refused(&words.stage, &error, argument);
        }
    }
}
