use host_harness::{ErrorKind, Outcome};
use serde_json::{Value, json};

use super::{Collection, is_refused, keys, says, sent, words_schema};
use crate::servers::local::{Lite, both, stage, unique};

async fn described(collection: &Collection) -> Value {
    let answer = collection
        .call("milvus_collection", json!({"operation": "describe"}))
        .await;
    answer["collection"].clone()
}

#[tokio::test]
async fn the_quick_form_can_be_written_to_and_searched_at_once() {
    let quick = Collection::new(
        Lite,
        json!({"dimension": 2}),
        json!([{"id": 1, "vector": [1, 0]}, {"id": 2, "vector": [0, 1], "word": "bee"}]),
    )
    .await;
    let answer = quick
        .call(
            "milvus_search",
            json!({"query_vector": [0, 2], "limit": 1, "output_fields": ["word"]}),
        )
        .await;
    assert_eq!(
        answer,
        json!({"hits": [{"id": 2, "distance": 1.0, "entity": {"word": "bee"}}]})
    );
    let collection = described(&quick).await;
    assert_eq!(
        (
            &collection["enable_dynamic_field"],
            &collection["load_state"]
        ),
        (&json!(true), &json!("LoadStateLoaded"))
    );
    assert_eq!(collection["indexes"][0]["metric_type"], "COSINE");
}

#[tokio::test]
async fn the_quick_form_takes_a_text_key_names_and_a_metric() {
    let quick = Collection::new(Lite,
        json!({"dimension": 2, "id_type": "VarChar", "max_length": 8, "metric_type": "L2", "primary_field_name": "pk",
               "vector_field_name": "v", "enable_dynamic_field": false, "description": "Quick"}),
        json!([{"pk": "one", "v": [1, 0]}]),
    )
    .await;
    let collection = described(&quick).await;
    assert_eq!(
        collection["fields"][0],
        json!({"name": "pk", "type": "VarChar", "is_primary": true, "params": {"max_length": "8"}})
    );
    assert_eq!(
        (
            &collection["fields"][1]["name"],
            &collection["indexes"][0]["metric_type"]
        ),
        (&json!("v"), &json!("L2"))
    );
    assert_eq!(
        (
            &collection["enable_dynamic_field"],
            &collection["description"]
        ),
        (&json!(false), &json!("Quick"))
    );
    let error = quick
        .fails(
            "milvus_insert",
            json!({"data": [{"pk": "longer than eight", "v": [1, 0]}]}),
        )
        .await;
    assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error:?}");
    let error = quick
        .fails(
            "milvus_insert",
            json!({"data": [{"pk": "two", "v": [1, 0], "more": 1}]}),
        )
        .await;
    says(&error, ErrorKind::InvalidArgument, 1804);
}

#[tokio::test]
async fn automatic_keys_are_made_by_milvus() {
    for server in both() {
        let quick =
            Collection::new(server, json!({"dimension": 2, "auto_id": true}), json!([])).await;
        let answer = quick
            .call(
                "milvus_insert",
                json!({"data": [{"vector": [1, 0]}, {"vector": [0, 1]}]}),
            )
            .await;
        let ids = answer["ids"].as_array().unwrap();
        assert_eq!((&answer["insert_count"], ids.len()), (&json!(2), 2));
        let answer = quick
            .call("milvus_get", json!({"ids": ids, "output_fields": ["id"]}))
            .await;
        assert_eq!(
            answer["rows"].as_array().unwrap().len(),
            2,
            "keys beyond 2^53 are exact: {ids:?}"
        );
        assert_eq!(described(&quick).await["auto_id"], true);
    }
}

#[tokio::test]
async fn the_schema_form_makes_every_kind_of_field() {
    let schema = json!({
        "description": "All", "consistency_level": "Session", "num_shards": 2,
        "fields": [
            {"name": "pk", "type": "VarChar", "max_length": 20, "is_primary": true},
            {"name": "yes", "type": "Bool"}, {"name": "i8", "type": "Int8"}, {"name": "i16", "type": "Int16"},
            {"name": "i32", "type": "Int32", "nullable": true}, {"name": "i64", "type": "Int64", "default_value": 7},
            {"name": "f", "type": "Float"}, {"name": "d", "type": "Double"}, {"name": "j", "type": "JSON"},
            {"name": "a", "type": "Array", "element_type": "VarChar", "max_length": 10, "max_capacity": 4},
            {"name": "v", "type": "FloatVector", "dim": 2}, {"name": "s", "type": "SparseFloatVector"},
        ],
        "index_params": [
            {"field_name": "v", "metric_type": "COSINE", "index_type": "HNSW", "index_name": "near", "params": {"M": 8, "efConstruction": 32}},
            {"field_name": "s", "metric_type": "IP"},
        ],
    });
    let all = Collection::new(Lite, schema, json!([])).await;
    let collection = described(&all).await;
    let field = |name: &str| {
        let fields = collection["fields"].as_array().unwrap();
        fields
            .iter()
            .find(|field| field["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        field("i32"),
        json!({"name": "i32", "type": "Int32", "nullable": true})
    );
    assert_eq!(
        field("i64"),
        json!({"name": "i64", "type": "Int64", "default_value": 7})
    );
    assert_eq!(
        (
            &field("a")["element_type"],
            &field("a")["params"]["max_capacity"]
        ),
        (&json!("VarChar"), &json!("4"))
    );
    assert_eq!(field("j")["type"], "JSON");
    assert!(
        collection["indexes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|index| index["index_name"] == "near"),
        "{collection}"
    );
    assert_eq!(
        (&collection["consistency_level"], &collection["num_shards"]),
        (&json!("Session"), &json!(2))
    );
}

#[tokio::test]
async fn a_partition_key_spreads_rows_over_partitions() {
    let mut schema = words_schema();
    schema["fields"][2]["is_partition_key"] = json!(true);
    schema["num_partitions"] = json!(16);
    let words = Collection::new(Lite, schema, super::words()).await;
    let collection = described(&words).await;
    assert_eq!(
        (
            &collection["num_partitions"],
            &collection["fields"][2]["is_partition_key"]
        ),
        (&json!(16), &json!(true))
    );
    assert_eq!(
        keys(
            &words
                .near(json!({"filter": "category == \"mammal\""}))
                .await
        ),
        [3, 4]
    );
}

#[tokio::test]
async fn without_index_params_a_schema_is_not_loaded() {
    let mut schema = words_schema();
    schema.as_object_mut().unwrap().remove("index_params");
    let words = Collection::new(Lite, schema, json!([])).await;
    let collection = described(&words).await;
    assert_eq!(
        (&collection["load_state"], &collection["indexes"]),
        (&json!("LoadStateNotLoad"), &json!([]))
    );
}

#[tokio::test]
async fn an_analyzer_takes_its_parameters() {
    let schema = json!({
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true, "auto_id": true},
            {"name": "text", "type": "VarChar", "max_length": 200, "enable_analyzer": true, "enable_match": true,
             "analyzer_params": {"tokenizer": "standard", "filter": ["lowercase", {"type": "stop", "stop_words": ["cat"]}]}},
            {"name": "sparse", "type": "SparseFloatVector"},
        ],
        "functions": [{"name": "bm25", "type": "BM25", "input_field_names": ["text"], "output_field_names": ["sparse"], "params": {}}],
        "index_params": [{"field_name": "sparse", "metric_type": "BM25"}],
    });
    let rows = json!([{"text": "a cat"}, {"text": "a dog"}]);
    let texts = Collection::new(Lite, schema, rows).await;
    let search = async |text: &str| {
        texts
            .call(
                "milvus_search",
                json!({"query_text": text, "anns_field": "sparse"}),
            )
            .await
    };
    assert_eq!(search("dog").await["hits"].as_array().unwrap().len(), 1);
    assert_eq!(
        search("cat").await,
        json!({"hits": []}),
        "it is a stop word"
    );
}

#[tokio::test]
async fn creating_the_same_collection_again_changes_nothing() {
    let words = Collection::words(Lite).await;
    words.call("milvus_create_collection", words_schema()).await;
    assert_eq!(words.keys().await.len(), 6);
}

#[tokio::test]
async fn creating_another_collection_under_the_same_name_is_refused() {
    let words = Collection::words(Lite).await;
    let error = words
        .fails("milvus_create_collection", json!({"dimension": 4}))
        .await;
    assert!(error.milvus_code.is_some(), "{error:?}");
    assert_eq!(words.keys().await.len(), 6);
}

#[tokio::test]
async fn an_index_that_cannot_be_made_leaves_the_outcome_open() {
    let mut schema = words_schema();
    schema["index_params"][0]["metric_type"] = json!("HAMMING");
    let name = unique("test");
    schema["collection_name"] = json!(name);
    let error = stage(Lite).fails("milvus_create_collection", schema).await;
    says(&error, ErrorKind::InvalidArgument, 1100);
    assert_eq!(
        error.outcome,
        Outcome::Unknown,
        "Milvus makes the collection before the index: {error:?}"
    );
}

#[tokio::test]
async fn every_argument_of_the_quick_form_is_sent_as_milvus_takes_it() {
    let arguments = json!({
        "dimension": 8, "id_type": "VarChar", "auto_id": true, "max_length": 64, "metric_type": "L2", "description": "Words",
        "primary_field_name": "pk", "vector_field_name": "v", "enable_dynamic_field": false, "consistency_level": "Strong",
        "num_shards": 2, "num_partitions": 16, "ttl_seconds": 3600,
    });
    let expected = json!({
        "collectionName": "docs", "dimension": 8, "idType": "VarChar", "autoID": true, "metricType": "L2", "description": "Words",
        "primaryFieldName": "pk", "vectorFieldName": "v",
        "params": {"max_length": 64, "enableDynamicField": false, "consistencyLevel": "Strong", "shardsNum": 2,
                   "partitionsNum": 16, "ttlSeconds": 3600},
    });
    assert_eq!(sent("milvus_create_collection", arguments).await, expected);
}

#[tokio::test]
async fn a_clustering_key_and_a_description_are_sent_with_their_field() {
    let fields = json!([
        {"name": "pk", "type": "Int64", "is_primary": true, "auto_id": true},
        {"name": "word", "type": "VARCHAR", "max_length": 9, "is_clustering_key": true, "description": "The word"},
        {"name": "v", "type": "FLOAT_VECTOR", "dim": 2},
    ]);
    let body = sent("milvus_create_collection", json!({ "fields": fields })).await;
    let fields = &body["schema"]["fields"];
    assert_eq!(body["schema"]["autoID"], true, "{body}");
    assert_eq!(
        (&fields[1]["isClusteringKey"], &fields[1]["description"]),
        (&json!(true), &json!("The word")),
        "{body}"
    );
    assert_eq!(
        (&fields[1]["dataType"], &fields[2]["dataType"]),
        (&json!("VarChar"), &json!("FloatVector"))
    );
}

#[tokio::test]
async fn arguments_that_do_not_fit_together_are_refused() {
    for server in both() {
        let stage = stage(server);
        let key = json!({"name": "pk", "type": "Int64", "is_primary": true});
        for (arguments, argument) in [
            (json!({}), "dimension"),
            (json!({"dimension": 0}), "dimension"),
            (json!({"dimension": 4, "id_type": "VarChar"}), "max_length"),
            (json!({"dimension": 4, "max_length": 4}), "max_length"),
            (
                json!({"dimension": 4, "index_params": [{"field_name": "v"}]}),
                "index_params",
            ),
            (json!({"dimension": 4, "fields": [key]}), "dimension"),
            (
                json!({"fields": [{"name": "pk", "type": "Int64"}]}),
                "fields",
            ),
            (json!({"fields": [key, key]}), "fields"),
            (
                json!({"fields": [key, {"name": "w", "type": "Text"}]}),
                "fields[1].type",
            ),
            (
                json!({"fields": [key, {"name": "w", "type": "Int64", "auto_id": true}]}),
                "fields[1].auto_id",
            ),
            (
                json!({"fields": [key, {"name": "w", "type": "Array"}]}),
                "fields[1].element_type",
            ),
            (
                json!({"fields": [key, {"name": "w", "type": "VarChar", "length": 3}]}),
                "fields[1].length",
            ),
            (
                json!({"fields": [key], "functions": [{"name": "f", "type": "BM25", "input_field_names": [], "output_field_names": ["s"]}]}),
                "functions[0].input_field_names",
            ),
        ] {
            let error = stage
                .fails(
                    "milvus_create_collection",
                    crate::servers::local::of("docs", arguments),
                )
                .await;
            is_refused(&stage, &error, argument);
        }
    }
}
