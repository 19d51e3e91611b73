use serde_json::json;

use super::{Collection, is_refused, words_schema};
use crate::servers::local::{Lite, both, stage, unique};

#[tokio::test]
async fn a_list_names_the_collections() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .stage
            .call("milvus_collection", json!({"operation": "list"}))
            .await;
        assert!(
            answer["collections"]
                .as_array()
                .unwrap()
                .contains(&json!(words.name)),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn has_tells_whether_a_collection_exists() {
    for server in both() {
        let words = Collection::words(server).await;
        assert_eq!(
            words
                .call("milvus_collection", json!({"operation": "has"}))
                .await,
            json!({"exists": true})
        );
        let answer = words
            .stage
            .call(
                "milvus_collection",
                json!({"operation": "has", "collection_name": unique("none")}),
            )
            .await;
        assert_eq!(answer, json!({"exists": false}));
    }
}

#[tokio::test]
async fn a_description_has_everything_that_the_schema_said() {
    let texts = Collection::texts().await;
    let alias = unique("alias");
    texts.rest("aliases/create", json!({"aliasName": alias}));
    let answer = texts
        .call("milvus_collection", json!({"operation": "describe"}))
        .await;
    let collection = &answer["collection"];
    assert_eq!(collection["collection_name"], json!(texts.name));
    assert_eq!(
        (&collection["auto_id"], &collection["enable_dynamic_field"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        (&collection["load_state"], &collection["consistency_level"]),
        (&json!("LoadStateLoaded"), &json!("Bounded"))
    );
    assert_eq!(
        (&collection["aliases"], &collection["num_partitions"]),
        (&json!([alias]), &json!(1))
    );
    let fields = collection["fields"].as_array().unwrap();
    let names: Vec<_> = fields
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["pk", "text", "category", "dense", "sparse"]);
    assert_eq!(
        fields[0],
        json!({"name": "pk", "type": "Int64", "is_primary": true})
    );
    assert_eq!(
        (
            &fields[1]["params"]["max_length"],
            &fields[1]["params"]["enable_analyzer"]
        ),
        (&json!("200"), &json!("true"))
    );
    assert_eq!(fields[3]["params"], json!({"dim": "2"}));
    assert_eq!(fields[4]["is_function_output"], true);
    let function = json!({"name": "bm25", "type": "BM25", "input_field_names": ["text"], "output_field_names": ["sparse"]});
    assert_eq!(collection["functions"], json!([function]));
    let indexes = collection["indexes"].as_array().unwrap();
    assert_eq!(indexes.len(), 2, "{indexes:?}");
    assert!(
        indexes
            .iter()
            .any(|index| index["field_name"] == "sparse" && index["metric_type"] == "BM25"),
        "{indexes:?}"
    );
}

#[tokio::test]
async fn an_alias_stands_for_its_collection() {
    let words = Collection::words(Lite).await;
    let alias = unique("alias");
    words.rest("aliases/create", json!({"aliasName": alias}));
    let answer = words
        .stage
        .call(
            "milvus_collection",
            json!({"operation": "describe", "collection_name": alias}),
        )
        .await;
    assert_eq!(answer["collection"]["fields"][0]["name"], "pk");
    let answer = words
        .stage
        .call("milvus_count", json!({"collection_name": alias}))
        .await;
    assert_eq!(answer, json!({"count": 6}));
}

#[tokio::test]
async fn the_load_state_is_told_for_a_collection_and_for_partitions() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    let loaded = json!({"load_state": "LoadStateLoaded", "load_progress": 100});
    assert_eq!(
        words
            .call("milvus_collection", json!({"operation": "load_state"}))
            .await,
        loaded
    );
    let answer = words
        .call(
            "milvus_collection",
            json!({"operation": "load_state", "partition_names": ["flies"]}),
        )
        .await;
    assert_eq!(answer["load_state"], "LoadStateLoaded");
    words.call("milvus_release_collection", json!({})).await;
    let answer = words
        .call("milvus_collection", json!({"operation": "load_state"}))
        .await;
    assert_eq!(answer, json!({"load_state": "LoadStateNotLoad"}));
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_operation_are_refused() {
    let stage = stage(Lite);
    for (arguments, argument) in [
        (json!({}), "operation"),
        (
            json!({"operation": "drop", "collection_name": "docs"}),
            "operation",
        ),
        (
            json!({"operation": "list", "collection_name": "docs"}),
            "collection_name",
        ),
        (json!({"operation": "describe"}), "collection_name"),
        (
            json!({"operation": "stats", "collection_name": "docs", "partition_names": ["p"]}),
            "partition_names",
        ),
        (
            json!({"operation": "has", "collection_name": "two words"}),
            "collection_name",
        ),
    ] {
        let error = stage.fails("milvus_collection", arguments).await;
        is_refused(&stage, &error, argument);
    }
}

#[tokio::test]
async fn the_properties_and_the_words_of_a_collection_are_described() {
    let mut schema = words_schema();
    schema["description"] = json!("Words");
    schema["consistency_level"] = json!("Strong");
    schema["num_shards"] = json!(2);
    schema["fields"][1]["description"] = json!("The word");
    let words = Collection::new(Lite, schema, json!([])).await;
    let answer = words
        .call("milvus_collection", json!({"operation": "describe"}))
        .await;
    let collection = &answer["collection"];
    assert_eq!(
        (&collection["consistency_level"], &collection["num_shards"]),
        (&json!("Strong"), &json!(2)),
        "{answer}"
    );
    assert_eq!(
        collection["fields"][1]["description"], "The word",
        "{answer}"
    );
    assert_eq!(collection["description"], "Words", "{answer}");
    assert_eq!(collection["enable_dynamic_field"], true, "{answer}");
}
