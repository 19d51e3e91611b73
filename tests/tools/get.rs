use host_harness::ErrorKind;
use serde_json::json;

use super::{Collection, is_refused, keys, refuses, sent};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn rows_are_read_by_key() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words.call("milvus_get", json!({"ids": [2, 4]})).await;
        assert_eq!(keys(&answer), [2, 4]);
        assert_eq!(
            answer["rows"][0],
            json!({"pk": 2, "word": "bee", "category": "insect", "frequency": 20, "v": [2, 0]})
        );
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_left_out() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            words.call("milvus_get", json!({"ids": [99]})).await,
            json!({"rows": []})
        );
    }
}

#[tokio::test]
async fn more_than_a_hundred_keys_are_read() {
    for server in both() {
        let words = Collection::words(server).await;
        let more: Vec<_> = (7..=150)
            .map(|key| super::word(key, "more", "plant"))
            .collect();
        words.call("milvus_insert", json!({ "data": more })).await;
        let all: Vec<i64> = (1..=150).collect();
        assert_eq!(
            keys(
                &words
                    .call("milvus_get", json!({"ids": all, "output_fields": ["pk"]}))
                    .await
            )
            .len(),
            150
        );
        let texts: Vec<String> = all.iter().map(i64::to_string).collect();
        assert_eq!(
            keys(
                &words
                    .call("milvus_get", json!({"ids": texts, "output_fields": ["pk"]}))
                    .await
            )
            .len(),
            150
        );
    }
}

#[tokio::test]
async fn output_fields_say_what_is_read() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .call(
                "milvus_get",
                json!({"ids": [3], "output_fields": ["pk", "word"]}),
            )
            .await;
        assert_eq!(answer, json!({"rows": [{"pk": 3, "word": "cat"}]}));
    }
}

#[tokio::test]
async fn partition_names_say_where_to_look() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    for ids in [json!([1, 10]), json!(["1", "10"])] {
        let answer = words
            .call(
                "milvus_get",
                json!({"ids": ids, "partition_names": ["flies"]}),
            )
            .await;
        assert_eq!(keys(&answer), [10], "{ids}");
    }
}

#[tokio::test]
async fn a_consistency_level_is_sent() {
    let body = sent("milvus_get", json!({"ids": [1], "consistency_level": "Strong", "partition_names": ["p"], "output_fields": ["a"]})).await;
    assert_eq!(
        body,
        json!({"collectionName": "docs", "id": [1], "consistencyLevel": "Strong", "partitionNames": ["p"], "outputFields": ["a"]})
    );
}

#[tokio::test]
async fn t31_text_keys_of_any_content_are_read_and_never_an_expression() {
    for server in both() {
        let schema = json!({
            "fields": [{"name": "pk", "type": "VarChar", "max_length": 200, "is_primary": true}, {"name": "v", "type": "FloatVector", "dim": 2}],
            "index_params": [{"field_name": "v", "metric_type": "L2"}],
        });
        let odd = [
            "\"] or pk != \"",
            "it's",
            "back\\slash",
            "a \"quoted\" one",
            "ünïcödé 猫",
            "line\nbreak",
            "1",
            "x' or '1'=='1",
        ];
        let rows: Vec<_> = odd
            .iter()
            .map(|key| json!({"pk": key, "v": [1, 0]}))
            .collect();
        let collection = Collection::new(server, schema, json!(rows)).await;
        for key in odd {
            let answer = collection
                .call("milvus_get", json!({"ids": [key], "output_fields": ["pk"]}))
                .await;
            assert_eq!(answer, json!({"rows": [{"pk": key}]}), "{key}");
            let answer = collection
                .call(
                    "milvus_query",
                    json!({"ids": [key], "output_fields": ["pk"]}),
                )
                .await;
            assert_eq!(answer, json!({"rows": [{"pk": key}]}), "{key}");
        }
        for hostile in [
            "\"] or pk != \"\" or pk in [\"",
            "\\\"] or true or pk in [\"",
            "x\"] || pk != \"x",
        ] {
            let answer = collection
                .call("milvus_get", json!({"ids": [hostile]}))
                .await;
            assert_eq!(answer, json!({"rows": []}), "{hostile}");
            collection
                .call("milvus_delete", json!({"ids": [hostile]}))
                .await;
        }
        assert_eq!(
            collection.call("milvus_count", json!({})).await,
            json!({"count": odd.len()})
        );
    }
}

#[tokio::test]
async fn keys_of_another_type_are_refused() {
    for server in both() {
        let words = Collection::words(server).await;
        let error = words.fails("milvus_get", json!({"ids": ["one"]})).await;
        assert_eq!(
            (error.kind, error.argument.as_deref()),
            (ErrorKind::InvalidArgument, Some("ids[0]")),
            "{error:?}"
        );
        words.stage.requests();
        for (ids, argument) in [
            (json!([]), "ids"),
            (json!([1.5]), "ids[0]"),
            (json!([true]), "ids[0]"),
            (json!({}), "ids"),
        ] {
            let error = words.fails("milvus_get", json!({ "ids": ids })).await;
            is_refused(&words.stage, &error, argument);
        }
    }
}

#[tokio::test]
async fn an_output_field_that_is_not_there_is_milvus_to_refuse() {
    for server in both() {
        let schema = json!({
            "fields": [{"name": "pk", "type": "Int64", "is_primary": true}, {"name": "v", "type": "FloatVector", "dim": 2}],
            "index_params": [{"field_name": "v", "metric_type": "L2"}],
        });
        let strict = Collection::new(server, schema, json!([{"pk": 1, "v": [1, 0]}])).await;
        let error = strict
            .fails(
                "milvus_get",
                json!({"ids": [1], "output_fields": ["nothing"]}),
            )
            .await;
        refuses(server, &error, 1100);
    }
}
