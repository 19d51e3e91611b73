//! Arguments as language models write them: taken where the meaning is plain, refused by name where it is not.

use host_harness::{ErrorKind, ErrorSource};
use serde_json::json;

use super::{Collection, is_refused, keys};
use crate::servers::local::{Lite, both, of};

#[tokio::test]
async fn json_in_text_is_taken_as_the_json_that_it_holds() {
    let words = Collection::words(Lite).await;
    let arguments = json!({"query_vector": "[0, 0]", "limit": "2", "output_fields": "[\"word\"]", "filter_params": "{\"low\": 20}", "filter": "frequency > {low}"});
    let answer = words
        .stage
        .takes("milvus_search", &of(&words.name, arguments).to_string())
        .await;
    assert_eq!(
        (keys(&answer), &answer["hits"][0]["entity"]["word"]),
        (vec![3, 4], &json!("cat"))
    );
}

#[tokio::test]
async fn rows_in_text_are_taken() {
    for server in both() {
        let words = Collection::words(server).await;
        let rows = json!([super::word(7, "gnu", "mammal")]).to_string();
        let answer = words
            .stage
            .takes(
                "milvus_insert",
                &of(&words.name, json!({ "data": rows })).to_string(),
            )
            .await;
        assert_eq!(answer["insert_count"], 1);
        let one = super::word(8, "hen", "bird");
        let answer = words
            .stage
            .takes(
                "milvus_insert",
                &of(&words.name, json!({ "data": one })).to_string(),
            )
            .await;
        assert_eq!(answer["ids"], json!([8]), "one row is a list of one");
    }
}

#[tokio::test]
async fn json5_in_a_text_is_taken() {
    for server in both() {
        let words = Collection::words(server).await;
        let text = json!({"query_vector": "[0, 0, /* words */]", "limit": 2});
        let text = of(&words.name, text).to_string();
        assert_eq!(
            keys(&words.stage.takes("milvus_search", &text).await),
            [1, 2]
        );
    }
}

#[tokio::test]
async fn lists_with_commas_are_taken() {
    for server in both() {
        let words = Collection::words(server).await;
        let arguments = of(
            &words.name,
            json!({"ids": "1, 3", "output_fields": "pk, word"}),
        );
        let answer = words
            .stage
            .takes("milvus_get", &arguments.to_string())
            .await;
        assert_eq!(
            answer,
            json!({"rows": [{"pk": 1, "word": "ant"}, {"pk": 3, "word": "cat"}]})
        );
        let arguments = of(&words.name, json!({"query_vector": "0, 0", "limit": 1}));
        assert_eq!(
            keys(
                &words
                    .stage
                    .takes("milvus_search", &arguments.to_string())
                    .await
            ),
            [1]
        );
    }
}

#[tokio::test]
async fn one_key_is_a_list_of_one() {
    for server in both() {
        let words = Collection::words(server).await;
        for ids in [json!(3), json!("3")] {
            let arguments = of(&words.name, json!({ "ids": ids }));
            assert_eq!(
                keys(
                    &words
                        .stage
                        .takes("milvus_get", &arguments.to_string())
                        .await
                ),
                [3],
                "{ids}"
            );
        }
    }
}

#[tokio::test]
async fn words_count_in_any_case_and_null_is_not_given() {
    let words = Collection::words(Lite).await;
    let arguments = json!({"query_vector": [0, 0], "consistency_level": "STRONG", "filter": "", "offset": null, "partition_names": null, "limit": 1});
    assert_eq!(
        keys(
            &words
                .stage
                .takes("milvus_search", &of(&words.name, arguments).to_string())
                .await
        ),
        [1]
    );
}

#[tokio::test]
async fn a_boolean_in_text_is_taken() {
    let words = Collection::words(Lite).await;
    let arguments = of(
        &words.name,
        json!({"data": [{"pk": 1, "word": "asp"}], "partial": "True"}),
    );
    words
        .stage
        .takes("milvus_upsert", &arguments.to_string())
        .await;
    assert_eq!(words.row(1).await["word"], "asp");
}

#[tokio::test]
async fn t57_a_name_that_no_tool_knows_is_refused_before_anything_is_sent() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (tool, name) in [
            ("milvus_search", "top_k"),
            ("milvus_query", "where"),
            ("milvus_get", "id"),
            ("milvus_count", "limit"),
            ("milvus_drop_collection", "force"),
        ] {
            let error = words.fails(tool, json!({ name: 1 })).await;
            is_refused(&words.stage, &error, name);
            assert!(error.message.contains("known are"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_value_of_another_kind_is_refused_before_anything_is_sent() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (tool, arguments, argument) in [
            (
                "milvus_search",
                json!({"query_vector": [0, "x"]}),
                "query_vector[1]",
            ),
            (
                "milvus_search",
                json!({"query_vector": true}),
                "query_vector",
            ),
            (
                "milvus_search",
                json!({"query_vector": [0, 0], "limit": 1.5}),
                "limit",
            ),
            (
                "milvus_search",
                json!({"query_vector": [0, 0], "limit": "many"}),
                "limit",
            ),
            (
                "milvus_search",
                json!({"query_vector": [0, 0], "radius": "far"}),
                "radius",
            ),
            (
                "milvus_search",
                json!({"query_vector": [0, 0], "search_params": [1]}),
                "search_params",
            ),
            (
                "milvus_query",
                json!({"output_fields": [1]}),
                "output_fields",
            ),
            ("milvus_query", json!({"filter": {"a": 1}}), "filter"),
            ("milvus_get", json!({}), "ids"),
            (
                "milvus_upsert",
                json!({"data": [{}], "partial": 2}),
                "partial",
            ),
        ] {
            let error = words.fails(tool, arguments).await;
            is_refused(&words.stage, &error, argument);
        }
    }
}

#[tokio::test]
async fn t57_t74_what_is_no_strict_json_object_is_the_callers_mistake() {
    for server in both() {
        let stage = crate::servers::local::stage(server);
        for (text, argument) in [
            ("[]", "arguments"),
            ("7", "arguments"),
            ("not json", "arguments"),
            ("{collection_name: 'docs'}", "arguments"),
            ("{\"collection_name\":", "collection_name"),
            (
                "{\"ids\":[1],\"ids\":[2],\"collection_name\":\"docs\"}",
                "ids",
            ),
            (
                "{\"collection_name\":\"docs\",\"filter\":\"\\ud83d\"}",
                "filter",
            ),
            (
                "{\"collection_name\":\"docs\",\"data\":[{\"x\":1e309}]}",
                "data[0].x",
            ),
        ] {
            let error = stage.fails_by_text("milvus_get", text).await;
            assert_eq!(
                (error.kind, error.source, error.argument.as_deref()),
                (
                    ErrorKind::InvalidArgument,
                    ErrorSource::Host,
                    Some(argument)
                ),
                "{text}: {error:?}"
            );
            assert_eq!(stage.requests(), 0, "{text}: nothing is sent");
        }
    }
}

#[tokio::test]
async fn t57_a_text_that_repeats_a_name_is_refused_by_its_argument() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        let arguments = json!({"filter": "pk == {k}", "filter_params": "{\"k\":1,k:2}"});
        let error = words.fails("milvus_query", arguments).await;
        is_refused(&words.stage, &error, "filter_params");
        let arguments = json!({"filter": "pk == {k}", "filter_params": "{k:1,k:2}"});
        let error = words.fails("milvus_query", arguments).await;
        is_refused(&words.stage, &error, "filter_params");
    }
}

#[tokio::test]
async fn t57_a_collection_name_is_a_name_and_no_path() {
    for server in both() {
        let stage = crate::servers::local::stage(server);
        for name in [
            "",
            "two words",
            "1st",
            "../docs",
            "docs\"}",
            "a".repeat(256).as_str(),
        ] {
            let error = stage
                .fails("milvus_count", json!({"collection_name": name}))
                .await;
            is_refused(&stage, &error, "collection_name");
        }
    }
}
