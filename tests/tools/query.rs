use host_harness::ErrorKind;
use serde_json::json;

use super::{Collection, is_refused, keys, refuses, says, sent};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn rows_are_read_by_filter() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .call(
                "milvus_query",
                json!({"filter": "category == \"plant\"", "output_fields": ["pk", "word"]}),
            )
            .await;
        assert_eq!(
            answer,
            json!({"rows": [{"pk": 5, "word": "elm"}, {"pk": 6, "word": "fern"}]})
        );
    }
}

#[tokio::test]
async fn any_rows_are_read_without_filter_and_key() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words.call("milvus_query", json!({})).await;
        assert_eq!(keys(&answer), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            answer["rows"][0],
            json!({"pk": 1, "word": "ant", "category": "insect", "frequency": 10, "v": [1, 0]})
        );
    }
}

#[tokio::test]
async fn a_hundred_rows_are_answered_where_no_limit_is_given() {
    for server in both() {
        let words = Collection::words(server).await;
        let more: Vec<_> = (7..=120)
            .map(|key| super::word(key, "more", "plant"))
            .collect();
        words.call("milvus_insert", json!({ "data": more })).await;
        assert_eq!(
            keys(&words.call("milvus_query", json!({})).await).len(),
            100
        );
        assert_eq!(
            keys(&words.call("milvus_query", json!({"limit": 110})).await).len(),
            110
        );
    }
}

#[tokio::test]
async fn rows_are_read_by_key_and_missing_ones_are_left_out() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            keys(&words.call("milvus_query", json!({"ids": [2, 5, 99]})).await),
            [2, 5]
        );
    }
}

#[tokio::test]
async fn filter_params_fill_the_templates_of_a_filter() {
    let words = Collection::words(Lite).await;
    let arguments = json!({"filter": "frequency > {low} and word != {not}", "filter_params": {"low": 30, "not": "elm"}});
    assert_eq!(keys(&words.call("milvus_query", arguments).await), [4, 6]);
}

#[tokio::test]
async fn limit_and_offset_cut_the_rows() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            keys(
                &words
                    .call("milvus_query", json!({"limit": 2, "offset": 1}))
                    .await
            ),
            [2, 3]
        );
    }
}

#[tokio::test]
async fn partition_names_say_where_to_look() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    assert_eq!(
        keys(
            &words
                .call("milvus_query", json!({"partition_names": ["flies"]}))
                .await
        ),
        [10, 11]
    );
    assert_eq!(
        keys(
            &words
                .call(
                    "milvus_query",
                    json!({"ids": [1, 10], "partition_names": ["_default"]})
                )
                .await
        ),
        [1]
    );
    let error = words
        .fails("milvus_query", json!({"partition_names": ["nowhere"]}))
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
}

#[tokio::test]
async fn every_argument_is_sent_as_milvus_takes_it() {
    let arguments = json!({
        "filter": "a in {b}", "filter_params": {"b": [1, 2]}, "output_fields": ["a"], "limit": 5, "offset": 6,
        "partition_names": ["p"], "consistency_level": "Eventually",
    });
    let expected = json!({
        "collectionName": "docs", "filter": "a in {b}", "exprParams": {"b": [1, 2]}, "outputFields": ["a"], "limit": 5,
        "offset": 6, "partitionNames": ["p"], "consistencyLevel": "Eventually",
    });
    assert_eq!(sent("milvus_query", arguments).await, expected);
}

#[tokio::test]
async fn a_wrong_filter_is_milvus_to_refuse() {
    for server in both() {
        let words = Collection::words(server).await;
        for filter in ["no_such_field > 1 and", "pk ==", "word like"] {
            let error = words
                .fails("milvus_query", json!({ "filter": filter }))
                .await;
            refuses(server, &error, 1100);
        }
    }
}

#[tokio::test]
async fn a_filter_and_keys_exclude_each_other() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        let error = words
            .fails("milvus_query", json!({"ids": [1], "filter": "pk > 1"}))
            .await;
        is_refused(&words.stage, &error, "ids");
        let error = words
            .fails("milvus_query", json!({"filter_params": {"low": 1}}))
            .await;
        is_refused(&words.stage, &error, "filter_params");
    }
}

#[tokio::test]
async fn dynamic_fields_are_answered_by_name() {
    for server in both() {
        let words = Collection::words(server).await;
        let mut row = super::word(7, "gnu", "mammal");
        row["legs"] = json!(4);
        words.call("milvus_insert", json!({ "data": [row] })).await;
        let answer = words
            .call(
                "milvus_query",
                json!({"filter": "legs == 4", "output_fields": ["legs"]}),
            )
            .await;
        assert_eq!(
            (keys(&answer), &answer["rows"][0]["legs"]),
            (vec![7], &json!(4))
        );
    }
}
