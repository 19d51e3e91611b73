use host_harness::ErrorKind;
use serde_json::{Value, json};

use super::{Collection, is_refused, keys, says, sent};

/// A vector whose nearest are 4, 3, 2, 1, and a text that only 1 and 2 hold.
fn searches() -> Value {
    json!([{"anns_field": "dense", "query_vector": [0, 0]}, {"anns_field": "sparse", "query_text": "cat"}])
}

async fn hybrid(texts: &Collection, more: Value) -> Value {
    let mut arguments = json!({ "searches": searches() });
    arguments
        .as_object_mut()
        .expect("of that kind")
        .extend(more.as_object().expect("of that kind").clone());
    texts.call("milvus_hybrid_search", arguments).await
}

fn scores(answer: &Value) -> Vec<f64> {
    answer["hits"]
        .as_array()
        .expect("of that kind")
        .iter()
        .map(|hit| hit["distance"].as_f64().expect("of that kind"))
        .collect()
}

#[tokio::test]
async fn hits_are_joined_by_reciprocal_rank_where_nothing_is_said() {
    let texts = Collection::texts().await;
    let answer = hybrid(&texts, json!({})).await;
    let mut found = keys(&answer);
    assert_eq!(
        &found[..2].iter().max(),
        &Some(&2),
        "what both found comes first: {answer}"
    );
    assert!(
        (scores(&answer)[0] - (1.0 / 61.0 + 1.0 / 63.0)).abs() < 1e-4,
        "k is 60: {answer}"
    );
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3, 4]);
}

#[tokio::test]
async fn the_constant_of_the_ranks_takes_effect() {
    let texts = Collection::texts().await;
    let answer = hybrid(&texts, json!({"rerank_strategy": "rrf", "rrf_k": 1})).await;
    assert!(scores(&answer)[0] > 0.5, "1/2 and more: {answer}");
}

#[tokio::test]
async fn weights_decide_which_search_counts() {
    let texts = Collection::texts().await;
    let dense = hybrid(
        &texts,
        json!({"rerank_strategy": "weighted", "weights": [1, 0], "norm_score": true}),
    )
    .await;
    assert_eq!(keys(&dense)[0], 4, "{dense}");
    let sparse = hybrid(
        &texts,
        json!({"rerank_strategy": "weighted", "weights": [0, 1], "norm_score": true}),
    )
    .await;
    assert!(keys(&sparse)[0] <= 2, "{sparse}");
}

#[tokio::test]
async fn limit_and_offset_cut_the_joined_hits() {
    let texts = Collection::texts().await;
    let mut each = searches();
    for search in each.as_array_mut().unwrap() {
        search["limit"] = json!(4);
    }
    let all = keys(
        &texts
            .call("milvus_hybrid_search", json!({ "searches": each }))
            .await,
    );
    let cut = texts
        .call(
            "milvus_hybrid_search",
            json!({"searches": each, "limit": 2, "offset": 1}),
        )
        .await;
    assert_eq!(keys(&cut), all[1..3]);
    assert_eq!(
        keys(&hybrid(&texts, json!({"limit": 2, "offset": 1})).await).len(),
        2
    );
}

#[tokio::test]
async fn output_fields_come_with_each_hit() {
    let texts = Collection::texts().await;
    let answer = hybrid(&texts, json!({"output_fields": ["category"], "limit": 4})).await;
    for hit in answer["hits"].as_array().unwrap() {
        let expected = if hit["id"].as_i64().unwrap() <= 2 {
            "pet"
        } else {
            "news"
        };
        assert_eq!(hit["entity"], json!({"category": expected}));
    }
    let answer = hybrid(&texts, json!({"output_fields": ["*"], "limit": 1})).await;
    assert!(answer["hits"][0]["entity"]["text"].is_string(), "{answer}");
}

#[tokio::test]
async fn each_search_has_a_filter_a_limit_and_parameters_of_its_own() {
    let texts = Collection::texts().await;
    let searches = json!([
        {"anns_field": "dense", "query_vector": [0, 0], "filter": "category == {c}", "filter_params": {"c": "news"}, "limit": 1, "metric_type": "L2"},
        {"anns_field": "sparse", "query_text": "cat", "filter": "pk == 1"},
    ]);
    let mut found = keys(
        &texts
            .call("milvus_hybrid_search", json!({ "searches": searches }))
            .await,
    );
    found.sort_unstable();
    assert_eq!(found, [1, 4]);
    let ranged = json!([{"anns_field": "dense", "query_vector": [0, 0], "radius": 10, "range_filter": 4, "search_params": {"ef": 32}, "level": 1}]);
    assert_eq!(
        keys(
            &texts
                .call("milvus_hybrid_search", json!({ "searches": ranged }))
                .await
        ),
        [3, 2]
    );
    let wrong = json!([{"anns_field": "dense", "query_vector": [0, 0], "metric_type": "COSINE"}]);
    let error = texts
        .fails("milvus_hybrid_search", json!({ "searches": wrong }))
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
}

#[tokio::test]
async fn partition_names_say_where_to_look() {
    let texts = Collection::texts().await;
    texts.rest("partitions/create", json!({"partitionName": "more"}));
    let row = json!({"pk": 9, "text": "one more cat", "category": "pet", "dense": [9, 0]});
    texts
        .call(
            "milvus_insert",
            json!({"data": [row], "partition_name": "more"}),
        )
        .await;
    assert_eq!(
        keys(&hybrid(&texts, json!({"partition_names": ["more"]})).await),
        [9]
    );
    let error = texts
        .fails(
            "milvus_hybrid_search",
            json!({"searches": searches(), "partition_names": ["nowhere"]}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1100);
}

#[tokio::test]
async fn joined_hits_are_grouped_by_a_field() {
    let texts = Collection::texts().await;
    let answer = hybrid(
        &texts,
        json!({"group_by_field": "category", "output_fields": ["category"]}),
    )
    .await;
    let mut categories: Vec<_> = answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["entity"]["category"].as_str().unwrap())
        .collect();
    categories.sort_unstable();
    assert_eq!(categories, ["news", "pet"]);
    let answer = hybrid(
        &texts,
        json!({"group_by_field": "category", "group_size": 2, "strict_group_size": true}),
    )
    .await;
    assert_eq!(keys(&answer).len(), 4, "{answer}");
}

#[tokio::test]
async fn a_text_for_a_field_without_a_function_says_which_field_takes_one() {
    let texts = Collection::texts().await;
    let error = texts
        .fails(
            "milvus_hybrid_search",
            json!({"searches": [{"anns_field": "dense", "query_text": "cat"}]}),
        )
        .await;
    assert!(
        error.message.contains("fields that take text: sparse"),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_argument_is_sent_as_milvus_takes_it() {
    let score = json!({"functions": [], "params": {}});
    let search = json!({"anns_field": "v", "query_vector": [1, 2], "limit": 3, "filter": "a > {b}", "filter_params": {"b": 1},
                        "metric_type": "L2", "level": 4, "radius": 9, "range_filter": 1, "search_params": {"ef": 8}});
    let arguments = json!({"searches": [search], "limit": 5, "offset": 1, "output_fields": ["a"], "partition_names": ["p"],
        "consistency_level": "Strong", "group_by_field": "c", "group_size": 2, "strict_group_size": false, "function_score": score});
    let expected = json!({
        "collectionName": "docs", "limit": 5, "offset": 1, "outputFields": ["a"], "partitionNames": ["p"],
        "consistencyLevel": "Strong", "groupingField": "c", "groupSize": 2, "strictGroupSize": false, "functionScore": score,
        "search": [{"annsField": "v", "data": [[1, 2]], "limit": 3, "filter": "a > {b}", "exprParams": {"b": 1},
                    "params": {"metric_type": "L2", "level": 4, "radius": 9.0, "range_filter": 1.0, "ef": 8}}],
    });
    assert_eq!(sent("milvus_hybrid_search", arguments).await, expected);
    let body = sent(
        "milvus_hybrid_search",
        json!({"searches": searches(), "weights": [0.75, 0.25], "limit": 2}),
    )
    .await;
    assert_eq!(
        body["rerank"],
        json!({"strategy": "weighted", "params": {"weights": [0.75, 0.25]}})
    );
    assert_eq!(
        body["search"][0]["limit"], 2,
        "Milvus has no default for it"
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit_together_are_refused() {
    let texts = Collection::texts().await;
    texts.stage.requests();
    for (arguments, argument) in [
        (json!({}), "searches"),
        (json!({"searches": []}), "searches"),
        (
            json!({"searches": [{"query_vector": [0, 0]}]}),
            "searches[0].anns_field",
        ),
        (
            json!({"searches": [{"anns_field": "dense"}]}),
            "searches[0].query_vector",
        ),
        (json!({"searches": searches(), "weights": [1]}), "weights"),
        (
            json!({"searches": searches(), "weights": [1, 2]}),
            "weights",
        ),
        (
            json!({"searches": searches(), "rerank_strategy": "weighted"}),
            "weights",
        ),
        (
            json!({"searches": searches(), "rerank_strategy": "rrf", "weights": [1, 0]}),
            "weights",
        ),
        (
            json!({"searches": searches(), "weights": [1, 0], "rrf_k": 3}),
            "rrf_k",
        ),
        (
            json!({"searches": searches(), "rrf_k": 3, "function_score": {"functions": []}}),
            "function_score",
        ),
        (
            json!({"searches": searches(), "rerank_strategy": "best"}),
            "rerank_strategy",
        ),
    ] {
        let error = texts.fails("milvus_hybrid_search", arguments).await;
        is_refused(&texts.stage, &error, argument);
    }
}
