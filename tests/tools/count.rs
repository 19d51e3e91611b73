use host_harness::ErrorKind;
use serde_json::json;

use super::{Collection, is_refused, refuses, says, sent};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn all_rows_are_counted() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            words.call("milvus_count", json!({})).await,
            json!({"count": 6})
        );
    }
}

#[tokio::test]
async fn the_rows_of_a_filter_are_counted() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            words
                .call("milvus_count", json!({"filter": "frequency > 20"}))
                .await,
            json!({"count": 4})
        );
        assert_eq!(
            words
                .call("milvus_count", json!({"filter": "frequency > 1000"}))
                .await,
            json!({"count": 0})
        );
    }
}

#[tokio::test]
async fn filter_params_fill_the_templates_of_a_filter() {
    let words = Collection::words(Lite).await;
    let arguments = json!({"filter": "frequency > {low}", "filter_params": {"low": 50}});
    assert_eq!(
        words.call("milvus_count", arguments).await,
        json!({"count": 1})
    );
}

#[tokio::test]
async fn more_rows_than_a_query_answers_are_counted() {
    for server in both() {
        let words = Collection::words(server).await;
        let more: Vec<_> = (7..=450)
            .map(|key| super::word(key, "more", "plant"))
            .collect();
        words.call("milvus_insert", json!({ "data": more })).await;
        assert_eq!(
            words.call("milvus_count", json!({})).await,
            json!({"count": 450})
        );
    }
}

#[tokio::test]
async fn deleted_rows_do_not_count() {
    for server in both() {
        let words = Collection::words(server).await;
        words.call("milvus_delete", json!({"ids": [1, 2]})).await;
        assert_eq!(
            words.call("milvus_count", json!({})).await,
            json!({"count": 4})
        );
    }
}

#[tokio::test]
async fn the_rows_of_a_partition_are_counted() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    assert_eq!(
        words
            .call("milvus_count", json!({"partition_names": ["flies"]}))
            .await,
        json!({"count": 2})
    );
    let error = words
        .fails("milvus_count", json!({"partition_names": ["nowhere"]}))
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
}

#[tokio::test]
async fn every_argument_is_sent_as_milvus_takes_it() {
    let arguments = json!({"filter": "a == {b}", "filter_params": {"b": "c"}, "partition_names": ["p"], "consistency_level": "Strong"});
    let expected = json!({
        "collectionName": "docs", "filter": "a == {b}", "exprParams": {"b": "c"}, "partitionNames": ["p"],
        "consistencyLevel": "Strong", "outputFields": ["count(*)"],
    });
    assert_eq!(sent("milvus_count", arguments).await, expected);
}

#[tokio::test]
async fn a_wrong_filter_is_milvus_to_refuse_and_lonely_params_are_not_sent() {
    for server in both() {
        let words = Collection::words(server).await;
        let error = words
            .fails("milvus_count", json!({"filter": "frequency >"}))
            .await;
        refuses(server, &error, 1100);
        words.stage.requests();
        let error = words
            .fails("milvus_count", json!({"filter_params": {"low": 1}}))
            .await;
        is_refused(&words.stage, &error, "filter_params");
    }
}
