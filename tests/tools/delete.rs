use host_harness::{ErrorKind, Outcome};
use serde_json::json;

use super::{Collection, deleted, is_refused, refuses, says, sent};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn rows_are_deleted_by_key() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words.call("milvus_delete", json!({"ids": [1, 3]})).await;
        assert_eq!(answer, deleted(server, 2));
        assert_eq!(words.keys().await, [2, 4, 5, 6]);
    }
}

#[tokio::test]
async fn rows_are_deleted_by_filter() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .call("milvus_delete", json!({"filter": "category == \"insect\""}))
            .await;
        assert_eq!(answer, deleted(server, 2));
        assert_eq!(words.keys().await, [3, 4, 5, 6]);
    }
}

#[tokio::test]
async fn filter_params_fill_the_templates_of_a_filter() {
    let words = Collection::words(Lite).await;
    words
        .call(
            "milvus_delete",
            json!({"filter": "frequency >= {low}", "filter_params": {"low": 30}}),
        )
        .await;
    assert_eq!(words.keys().await, [1, 2]);
}

#[tokio::test]
async fn a_partition_bounds_a_delete() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    words
        .call(
            "milvus_delete",
            json!({"filter": "pk > 0", "partition_name": "flies"}),
        )
        .await;
    assert_eq!(words.keys().await, [1, 2, 3, 4, 5, 6]);
    words
        .call(
            "milvus_delete",
            json!({"ids": [1], "partition_name": "flies"}),
        )
        .await;
    assert_eq!(
        words.keys().await.len(),
        6,
        "the row is in another partition"
    );
    let error = words
        .fails(
            "milvus_delete",
            json!({"ids": [1], "partition_name": "nowhere"}),
        )
        .await;
    says(&error, ErrorKind::NotFound, 200);
    assert_eq!(error.outcome, Outcome::NotApplied);
}

#[tokio::test]
async fn keys_that_are_not_there_change_nothing() {
    for server in both() {
        let words = Collection::words(server).await;
        words.call("milvus_delete", json!({"ids": [99]})).await;
        assert_eq!(words.keys().await.len(), 6);
    }
}

#[tokio::test]
async fn nothing_is_deleted_without_keys_and_filter() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (arguments, argument) in [
            (json!({}), "filter"),
            (json!({"filter": ""}), "filter"),
            (json!({"ids": []}), "ids"),
            (json!({"ids": null, "filter": null}), "filter"),
            (json!({"ids": [1], "filter": "pk > 0"}), "filter"),
            (
                json!({"ids": [1], "filter_params": {"low": 1}}),
                "filter_params",
            ),
        ] {
            let error = words.fails("milvus_delete", arguments).await;
            is_refused(&words.stage, &error, argument);
        }
        assert_eq!(words.keys().await.len(), 6);
    }
}

#[tokio::test]
async fn a_wrong_filter_deletes_nothing() {
    for server in both() {
        let words = Collection::words(server).await;
        let error = words
            .fails("milvus_delete", json!({"filter": "frequency >"}))
            .await;
        refuses(server, &error, 1100);
        assert_eq!(words.keys().await.len(), 6);
    }
}

#[tokio::test]
async fn every_argument_is_sent_as_milvus_takes_it() {
    let arguments = json!({"filter": "a == {b}", "filter_params": {"b": 1}, "partition_name": "p"});
    let expected = json!({"collectionName": "docs", "filter": "a == {b}", "exprParams": {"b": 1}, "partitionName": "p"});
    assert_eq!(sent("milvus_delete", arguments).await, expected);
}
