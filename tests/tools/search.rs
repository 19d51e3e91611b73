use host_harness::ErrorKind;
use serde_json::{Value, json};

use super::{Collection, is_refused, keys, says, sent};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn the_nearest_rows_come_first_with_their_distance() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words.near(json!({})).await;
        let distances: Vec<f64> = answer["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["distance"].as_f64().unwrap())
            .collect();
        assert_eq!(
            (keys(&answer), distances),
            (
                vec![1, 2, 3, 4, 5, 6],
                vec![1.0, 4.0, 9.0, 16.0, 25.0, 36.0]
            )
        );
        assert!(
            answer["hits"]
                .as_array()
                .unwrap()
                .iter()
                .all(|hit| hit["entity"] == json!({})),
            "no field was asked for"
        );
    }
}

#[tokio::test]
async fn ten_hits_are_answered_where_no_limit_is_given() {
    for server in both() {
        let words = Collection::words(server).await;
        let more: Vec<Value> = (7..=15)
            .map(|key| super::word(key, "more", "plant"))
            .collect();
        words.call("milvus_insert", json!({ "data": more })).await;
        assert_eq!(keys(&words.near(json!({})).await).len(), 10);
    }
}

#[tokio::test]
async fn limit_and_offset_cut_the_hits() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(keys(&words.near(json!({"limit": 2})).await), [1, 2]);
        assert_eq!(
            keys(&words.near(json!({"limit": 2, "offset": 3})).await),
            [4, 5]
        );
        assert_eq!(words.near(json!({"offset": 6})).await, json!({"hits": []}));
    }
}

#[tokio::test]
async fn output_fields_come_with_each_hit() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .near(json!({"limit": 1, "output_fields": ["word", "frequency"]}))
            .await;
        assert_eq!(
            answer,
            json!({"hits": [{"id": 1, "distance": 1.0, "entity": {"word": "ant", "frequency": 10}}]})
        );
    }
}

#[tokio::test]
async fn the_key_may_be_an_output_field_too() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .near(json!({"limit": 1, "output_fields": ["pk", "word"]}))
            .await;
        assert_eq!(
            answer["hits"][0],
            json!({"id": 1, "distance": 1.0, "entity": {"pk": 1, "word": "ant"}})
        );
    }
}

#[tokio::test]
async fn a_star_asks_for_every_field_and_dynamic_ones_too() {
    for server in both() {
        let words = Collection::words(server).await;
        let row = json!({"pk": 7, "word": "gnu", "category": "mammal", "frequency": 70, "v": [0, 0], "legs": 4});
        words.call("milvus_insert", json!({ "data": [row] })).await;
        let answer = words
            .near(json!({"limit": 1, "output_fields": ["*"]}))
            .await;
        let hit = &answer["hits"][0];
        assert_eq!((&hit["id"], &hit["distance"]), (&json!(7), &json!(0.0)));
        for (field, value) in [
            ("word", json!("gnu")),
            ("frequency", json!(70)),
            ("legs", json!(4)),
            ("pk", json!(7)),
        ] {
            assert_eq!(hit["entity"][field], value, "{hit}");
        }
    }
}

#[tokio::test]
async fn a_filter_narrows_the_hits() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            keys(
                &words
                    .near(json!({"filter": "category == \"mammal\" or frequency > 50"}))
                    .await
            ),
            [3, 4, 6]
        );
    }
}

#[tokio::test]
async fn filter_params_fill_the_templates_of_a_filter() {
    let words = Collection::words(Lite).await;
    let arguments = json!({"filter": "word in {names} and frequency > {low}", "filter_params": {"names": ["ant", "cat", "elm"], "low": 20}});
    assert_eq!(keys(&words.near(arguments).await), [3, 5]);
    let hostile = json!({"filter": "word == {name}", "filter_params": {"name": "\"] or pk != \""}});
    assert_eq!(
        words.near(hostile).await,
        json!({"hits": []}),
        "a value is a value, never an expression"
    );
}

#[tokio::test]
async fn another_metric_than_the_index_has_is_refused_by_milvus() {
    let words = Collection::words(Lite).await;
    assert_eq!(
        keys(&words.near(json!({"metric_type": "L2", "limit": 1})).await),
        [1]
    );
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "metric_type": "COSINE"}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
    assert!(error.message.contains("metric type"), "{error:?}");
}

#[tokio::test]
async fn radius_and_range_filter_narrow_the_hits() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            keys(&words.near(json!({"radius": 16})).await),
            [1, 2, 3],
            "the outer bound is excluded"
        );
        assert_eq!(
            keys(&words.near(json!({"radius": 16, "range_filter": 4})).await),
            [2, 3],
            "the inner one included"
        );
        let error = words
            .fails(
                "milvus_search",
                json!({"query_vector": [0, 0], "range_filter": 4}),
            )
            .await;
        words.stage.requests();
        assert_eq!(error.argument.as_deref(), Some("range_filter"));
    }
}

#[tokio::test]
async fn search_params_reach_the_index() {
    let words = Collection::words(Lite).await;
    assert_eq!(
        keys(&words.near(json!({"search_params": {"radius": 4}})).await),
        [1]
    );
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "search_params": {"ef": "x"}}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
    let stage = &words.stage;
    stage.requests();
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "radius": 1, "search_params": {"radius": 4}}),
        )
        .await;
    is_refused(stage, &error, "radius");
}

#[tokio::test]
async fn partition_names_say_where_to_look() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    assert_eq!(
        keys(&words.near(json!({"partition_names": ["flies"]})).await),
        [10, 11]
    );
    assert_eq!(
        keys(
            &words
                .near(json!({"partition_names": ["_default"], "limit": 2}))
                .await
        ),
        [1, 2]
    );
    assert_eq!(
        keys(
            &words
                .near(json!({"partition_names": ["_default", "flies"]}))
                .await
        )
        .len(),
        8
    );
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "partition_names": ["nowhere"]}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
}

#[tokio::test]
async fn hits_are_grouped_by_a_field() {
    let words = Collection::words(Lite).await;
    assert_eq!(
        keys(
            &words
                .near(json!({"group_by_field": "category", "limit": 2}))
                .await
        ),
        [1, 3]
    );
    let two = words.near(json!({"group_by_field": "category", "group_size": 2, "strict_group_size": true, "limit": 2})).await;
    assert_eq!(keys(&two), [1, 2, 3, 4]);
    words.stage.requests();
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "group_size": 2}),
        )
        .await;
    is_refused(&words.stage, &error, "group_size");
}

#[tokio::test]
async fn every_consistency_level_is_taken_and_another_is_refused() {
    let words = Collection::words(Lite).await;
    for level in ["Strong", "Session", "Bounded", "Eventually", "Customized"] {
        assert_eq!(
            keys(
                &words
                    .near(json!({"consistency_level": level, "limit": 1}))
                    .await
            ),
            [1],
            "{level}"
        );
    }
    words.stage.requests();
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "consistency_level": "Hopeful"}),
        )
        .await;
    is_refused(&words.stage, &error, "consistency_level");
}

#[tokio::test]
async fn what_a_local_milvus_ignores_or_lacks_is_sent_as_milvus_takes_it() {
    let score = json!({"functions": [{"name": "recent", "type": "Rerank", "params": {"reranker": "decay"}}]});
    let arguments = json!({
        "query_vector": [0.5, 1], "level": 2, "metric_type": "L2", "radius": 3, "range_filter": 1, "search_params": {"ef": 64},
        "consistency_level": "Strong", "group_by_field": "category", "group_size": 2, "strict_group_size": true,
        "function_score": score, "anns_field": "v", "filter": "a > {b}", "filter_params": {"b": 1}, "limit": 4, "offset": 2,
        "output_fields": ["word"], "partition_names": ["p"],
    });
    let expected = json!({
        "collectionName": "docs", "data": [[0.5, 1]], "annsField": "v", "filter": "a > {b}", "exprParams": {"b": 1},
        "limit": 4, "offset": 2, "outputFields": ["word"], "partitionNames": ["p"],
        "searchParams": {"level": 2, "metric_type": "L2", "radius": 3.0, "range_filter": 1.0, "ef": 64},
        "consistencyLevel": "Strong", "groupingField": "category", "groupSize": 2, "strictGroupSize": true,
        "functionScore": score,
    });
    assert_eq!(sent("milvus_search", arguments).await, expected);
}

#[tokio::test]
async fn score_functions_are_milvus_to_refuse() {
    let words = Collection::words(Lite).await;
    let score = json!({"functions": [{"name": "f", "type": "Rerank", "inputFieldNames": ["frequency"], "outputFieldNames": [], "params": {"reranker": "decay"}}]});
    let error = words
        .fails(
            "milvus_search",
            json!({"query_vector": [0, 0], "function_score": score}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1101);
    assert!(error.message.contains("decay function"), "{error:?}");
}

#[tokio::test]
async fn a_text_finds_what_says_it_most() {
    let texts = Collection::texts().await;
    let answer = texts
        .call(
            "milvus_search",
            json!({"query_text": "cat", "anns_field": "sparse", "output_fields": ["text"]}),
        )
        .await;
    let mut found = keys(&answer);
    let scores: Vec<f64> = answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["distance"].as_f64().unwrap())
        .collect();
    assert!(scores[0] >= scores[1] && scores[1] > 0.0, "{answer}");
    found.sort_unstable();
    assert_eq!(found, [1, 2]);
    assert!(
        answer["hits"][0]["entity"]["text"]
            .as_str()
            .unwrap()
            .contains("cat")
    );
}

#[tokio::test]
async fn a_text_for_a_field_without_a_function_says_which_field_takes_one() {
    let texts = Collection::texts().await;
    let error = texts
        .fails(
            "milvus_search",
            json!({"query_text": "cat", "anns_field": "dense"}),
        )
        .await;
    assert_eq!(
        (error.kind, error.argument.as_deref()),
        (ErrorKind::InvalidArgument, Some("query_text")),
        "{error:?}"
    );
    assert!(
        error.message.contains("fields that take text: sparse"),
        "{error:?}"
    );
    let words = Collection::words(Lite).await;
    let error = words
        .fails("milvus_search", json!({"query_text": "cat"}))
        .await;
    assert!(error.message.contains("give `query_vector`"), "{error:?}");
}

#[tokio::test]
async fn the_field_has_to_be_named_where_there_are_several() {
    let texts = Collection::texts().await;
    let found = texts
        .call(
            "milvus_search",
            json!({"query_vector": [0, 0], "anns_field": "dense"}),
        )
        .await;
    assert_eq!(keys(&found), [4, 3, 2, 1]);
    let error = texts
        .fails("milvus_search", json!({"query_vector": [0, 0]}))
        .await;
    assert_eq!(
        (error.milvus_code, error.message.as_str()),
        (
            Some(1801),
            "anns_field: expected one of dense, sparse, came none"
        )
    );
}

#[tokio::test]
async fn a_vector_of_another_dimension_is_refused() {
    for server in both() {
        let words = Collection::words(server).await;
        let error = words
            .fails("milvus_search", json!({"query_vector": [0, 0, 0]}))
            .await;
        assert_eq!(
            (error.milvus_code, error.message.as_str()),
            (
                Some(if server == Lite { 1801 } else { 65_535 }),
                "query_vector: expected 2 numbers, the dimension of `v`, came 3"
            )
        );
    }
}

#[tokio::test]
async fn a_sparse_vector_finds_its_own_dimensions() {
    let schema = json!({
        "fields": [{"name": "pk", "type": "Int64", "is_primary": true}, {"name": "s", "type": "SparseFloatVector"}],
        "index_params": [{"field_name": "s", "metric_type": "IP", "index_type": "SPARSE_INVERTED_INDEX"}],
    });
    let rows = json!([{"pk": 1, "s": {"7": 0.5, "900": 0.5}}, {"pk": 2, "s": {"7": 1.0}}, {"pk": 3, "s": {"8": 1.0}}]);
    let sparse = Collection::new(Lite, schema, rows).await;
    let answer = sparse
        .call("milvus_search", json!({"query_vector": {"7": 2.0}}))
        .await;
    assert_eq!(keys(&answer), [2, 1]);
    assert_eq!(answer["hits"][0]["distance"], 2.0);
}

#[tokio::test]
async fn either_a_vector_or_a_text_is_wanted() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        let error = words.fails("milvus_search", json!({})).await;
        is_refused(&words.stage, &error, "query_vector");
        let error = words
            .fails(
                "milvus_search",
                json!({"query_vector": [0, 0], "query_text": "cat"}),
            )
            .await;
        is_refused(&words.stage, &error, "query_text");
    }
}

#[tokio::test]
async fn a_window_beyond_milvus_is_refused_before_anything_is_sent() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (arguments, argument) in [
            (json!({"limit": 16_385}), "limit"),
            (json!({"limit": 0}), "limit"),
            (json!({"offset": 16_384}), "offset"),
            (json!({"limit": 16_000, "offset": 1_000}), "limit"),
        ] {
            let mut all = json!({"query_vector": [0, 0]});
            all.as_object_mut()
                .unwrap()
                .extend(arguments.as_object().unwrap().clone());
            let error = words.fails("milvus_search", all).await;
            is_refused(&words.stage, &error, argument);
        }
    }
}
