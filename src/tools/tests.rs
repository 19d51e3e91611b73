//! The tools against their own definitions: every property of a schema is read and takes effect, every example runs,
//! annotations say what the class of effect means, and a call takes as many requests as is said.

use super::*;
use crate::client::scripted::{Scripted, Sent, connection};
use serde_json::{Map, json};
use std::collections::BTreeSet;

pub(super) const DESCRIPTION: &str = r#"{"collectionName":"docs","fields":[
    {"name":"id","type":"Int64","primaryKey":true},{"name":"word","type":"VarChar"},
    {"name":"embedding","type":"FloatVector","params":[{"key":"dim","value":"2"}]}]}"#;

/// Runs a tool against a server that answers success with `data` to everything; what was sent, and the answer.
fn run_with(name: &str, arguments: &Value, data: &str) -> (Vec<Sent>, Result<Value, Error>) {
    let mut transport = Scripted::new();
    for _ in 0..3 {
        transport = transport.data(data);
    }
    let mut client = Client::new(&mut transport, connection()).unwrap();
    let answer = call(&mut client, name, &arguments.to_string());
    (transport.sent, answer)
}

fn run(name: &str, arguments: &Value) -> (Vec<Sent>, Result<Value, Error>) {
    let by_key = matches!(name, "milvus_delete" | "milvus_query") && arguments.get("ids").is_some();
    run_with(name, arguments, if by_key { DESCRIPTION } else { "{}" })
}

pub(super) fn definitions() -> Vec<Definition> {
    TOOLS
        .iter()
        .map(|tool| tool.definition().unwrap())
        .collect()
}

pub(super) fn properties(schema: &Value) -> &Map<String, Value> {
    schema["properties"].as_object().unwrap()
}

/// Arguments under which a property of a tool means something, without the property itself.
fn context(tool: &str, property: &str) -> Value {
    let definition = definitions()
        .into_iter()
        .find(|definition| definition.name == tool)
        .unwrap();
    let mut arguments = match (tool, property) {
        ("milvus_collection", "partition_names" | "collection_name") => {
            json!({"operation": "load_state", "collection_name": "other"})
        }
        (
            "milvus_create_collection",
            "dimension" | "id_type" | "auto_id" | "max_length" | "metric_type"
            | "primary_field_name" | "vector_field_name" | "fields",
        ) => json!({"collection_name": "c", "dimension": 4}),
        (_, "group_size" | "strict_group_size") => {
            let mut arguments = definition.example.clone();
            arguments["group_by_field"] = json!("word");
            arguments
        }
        ("milvus_hybrid_search", "norm_score") => {
            let mut arguments = definition.example.clone();
            arguments["weights"] = json!([0.5, 0.5]);
            arguments
        }
        ("milvus_hybrid_search", "rerank_strategy") => {
            let mut arguments = definition.example.clone();
            arguments["weights"] = json!([1, 0]);
            arguments
        }
        (_, "range_filter") => {
            let mut arguments = definition.example.clone();
            arguments["radius"] = json!(0.1);
            arguments
        }
        (_, "query_vector") => {
            let mut arguments = definition.example.clone();
            arguments.as_object_mut().unwrap().remove("query_text");
            arguments
        }
        (_, "ids") => {
            let mut arguments = definition.example.clone();
            arguments.as_object_mut().unwrap().remove("filter");
            arguments
        }
        _ => definition.example.clone(),
    };
    if property == "filter_params" {
        arguments["filter"] = json!("frequency > {low}");
    }
    if tool == "milvus_create_collection" && property == "max_length" {
        arguments["id_type"] = json!("VarChar");
    }
    if (tool, property) == ("milvus_create_collection", "fields") {
        arguments.as_object_mut().unwrap().remove("dimension");
    }
    arguments
}

/// A property's example, with what it needs beside it.
pub(super) fn with_property(tool: &str, property: &str, example: &Value) -> Value {
    let mut arguments = context(tool, property);
    arguments[property] = example.clone();
    if (tool, property) == ("milvus_create_collection", "id_type") {
        arguments["max_length"] = json!(64);
    }
    arguments
}

#[test]
fn every_tool_has_a_name_of_its_own_and_a_schema_that_model_apis_take() {
    let mut names = BTreeSet::new();
    for definition in definitions() {
        let name = definition.name;
        assert!(names.insert(name), "{name} twice");
        assert!(
            name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        for schema in [&definition.input_schema, &definition.output_schema] {
            assert_eq!(schema["type"], "object", "{name}");
            for banned in ["oneOf", "anyOf", "allOf"] {
                assert!(schema.get(banned).is_none(), "{name}: {banned} at the top");
            }
            assert_eq!(schema["additionalProperties"], false, "{name}");
        }
    }
}

#[test]
fn t55_annotations_say_what_the_classes_of_effect_mean() {
    for definition in definitions() {
        let hints = &definition.annotations;
        let expected = match definition.classes.as_slice() {
            ["read"] => (true, false),
            ["write" | "admin"] | ["read", "write"] => (false, false),
            ["erase" | "drop"] | ["read", "erase"] => (false, true),
            other => panic!("{}: no tool has the classes {other:?}", definition.name),
        };
        assert_eq!(
            (hints.read_only, hints.destructive),
            expected,
            "{}",
            definition.name
        );
    }
}

#[test]
fn t26_the_operations_that_a_tool_sends_have_its_classes_of_effect() {
    for definition in definitions() {
        let (sent, _) = run(definition.name, &definition.example);
        assert!(
            !sent.is_empty(),
            "{}: the example sends nothing",
            definition.name
        );
        for request in sent {
            let route = routes::find("POST", request.path.as_bytes()).unwrap();
            assert!(
                definition.classes.contains(&route.effect.as_str()),
                "{}: {} is {}, the tool says {:?}",
                definition.name,
                route.name,
                route.effect,
                definition.classes
            );
        }
    }
}

#[test]
fn an_argument_of_an_impossible_kind_is_refused_by_name_and_nothing_is_sent() {
    for definition in definitions() {
        for (property, schema) in properties(&definition.input_schema) {
            // Every kind of value is one of these for some property; `default_value` and rows take any.
            let impossible = if schema["type"] == "object" {
                json!([[5]])
            } else {
                json!({"": {"": []}})
            };
            if schema["type"] == "array"
                && schema["items"]["type"] == "object"
                && property == "data"
            {
                continue;
            }
            let arguments = with_property(definition.name, property, &impossible);
            let (sent, answer) = run(definition.name, &arguments);
            let error = answer.expect_err(&format!("{}: {property} is ignored", definition.name));
            assert_eq!(
                error.kind,
                ErrorKind::InvalidArgument,
                "{}: {}",
                definition.name,
                error.message
            );
            assert!(
                error
                    .argument
                    .as_deref()
                    .is_some_and(|argument| argument.starts_with(property.as_str())),
                "{}: {property}: {}",
                definition.name,
                error.message
            );
            assert!(sent.is_empty(), "{}: {property}", definition.name);
        }
    }
}

#[test]
fn every_property_changes_what_is_sent() {
    for definition in definitions() {
        for (property, schema) in properties(&definition.input_schema) {
            let example = &schema["examples"][0];
            assert!(
                !example.is_null(),
                "{}: {property} has no example",
                definition.name
            );
            let (with, answer) = run(
                definition.name,
                &with_property(definition.name, property, example),
            );
            assert!(
                !with.is_empty(),
                "{}: {property}: nothing was sent: {:?}",
                definition.name,
                answer.err().map(|error| error.message)
            );
            let mut others = context(definition.name, property);
            others.as_object_mut().unwrap().remove(property);
            let (without, _) = run(definition.name, &others);
            let only_required = definition.input_schema["required"].as_array().unwrap();
            if only_required.iter().any(|name| name == property) {
                continue;
            }
            // Weights alone already mean `weighted`; what the word itself does is tested below.
            if property != "rerank_strategy" {
                assert_ne!(
                    with, without,
                    "{}: {property} changes nothing",
                    definition.name
                );
            }
        }
    }
}

#[test]
fn a_rerank_strategy_against_its_parameters_is_refused() {
    let mut arguments = context("milvus_hybrid_search", "rerank_strategy");
    arguments["rerank_strategy"] = json!("rrf");
    let (sent, answer) = run("milvus_hybrid_search", &arguments);
    assert_eq!(answer.unwrap_err().argument.as_deref(), Some("weights"));
    assert!(sent.is_empty());
}

#[test]
fn every_nested_property_changes_what_is_sent() {
    let nested = [
        ("milvus_create_collection", "fields"),
        ("milvus_create_collection", "functions"),
        ("milvus_create_collection", "index_params"),
        ("milvus_hybrid_search", "searches"),
    ];
    for (tool, list) in nested {
        let definition = definitions()
            .into_iter()
            .find(|definition| definition.name == tool)
            .unwrap();
        let items = &definition.input_schema["properties"][list]["items"];
        for (property, schema) in properties(items) {
            let example = &schema["examples"][0];
            assert!(
                !example.is_null(),
                "{tool}: {list}[].{property} has no example"
            );
            let base = nested_context(tool, list, property);
            let mut changed = base.clone();
            changed[list][0][property] = example.clone();
            match property.as_str() {
                "max_capacity" | "element_type" => {
                    changed[list][0]["type"] = json!("Array");
                    changed[list][0]["element_type"] = json!("Int64");
                }
                "range_filter" => changed[list][0]["radius"] = json!(0.1),
                "filter_params" => changed[list][0]["filter"] = json!("a > {low}"),
                "query_vector" => {
                    changed[list][0]
                        .as_object_mut()
                        .unwrap()
                        .remove("query_text");
                }
                "query_text" => {
                    changed[list][0]
                        .as_object_mut()
                        .unwrap()
                        .remove("query_vector");
                }
                _ => {}
            }
            let (with, answer) = run(tool, &changed);
            assert!(
                !with.is_empty(),
                "{tool}: {list}[].{property}: {:?}",
                answer.err().map(|error| error.message)
            );
            let (without, _) = run(tool, &base);
            assert_ne!(with, without, "{tool}: {list}[].{property} changes nothing");

            let mut impossible = changed;
            impossible[list][0][property] = if schema["type"] == "object" {
                json!([5])
            } else {
                json!({"": {"": []}})
            };
            if property == "default_value" {
                continue;
            }
            let (sent, answer) = run(tool, &impossible);
            assert!(
                answer.is_err() && sent.is_empty(),
                "{tool}: {list}[].{property} takes anything"
            );
        }
    }
}

fn nested_context(tool: &str, list: &str, property: &str) -> Value {
    let key = json!({"name": "key", "type": "Int64", "is_primary": true});
    match (tool, list) {
        ("milvus_create_collection", "fields") if property == "is_primary" => {
            json!({"collection_name": "c", "fields": [{"name": "f", "type": "Int64"}]})
        }
        ("milvus_create_collection", "fields") if property == "auto_id" => {
            json!({"collection_name": "c", "fields": [{"name": "f", "type": "Int64", "is_primary": true}]})
        }
        ("milvus_create_collection", "fields") => {
            json!({"collection_name": "c", "fields": [{"name": "f", "type": "JSON"}, key]})
        }
        ("milvus_create_collection", "functions") => {
            json!({"collection_name": "c", "fields": [key], "functions": [
            {"name": "f", "type": "MinHash", "input_field_names": ["a"], "output_field_names": ["b"]}]})
        }
        ("milvus_create_collection", "index_params") => {
            json!({"collection_name": "c", "fields": [key], "index_params": [{"field_name": "f"}]})
        }
        _ => {
            json!({"collection_name": "c", "searches": [{"anns_field": "a", "query_text": "words"}]})
        }
    }
}

#[test]
fn t57_an_unknown_argument_is_refused_by_name_by_every_tool() {
    for definition in definitions() {
        let mut arguments = definition.example.clone();
        arguments["top_k"] = json!(5);
        let (sent, answer) = run(definition.name, &arguments);
        assert_eq!(
            answer.unwrap_err().argument.as_deref(),
            Some("top_k"),
            "{}",
            definition.name
        );
        assert!(sent.is_empty(), "{}", definition.name);
    }
}

#[test]
fn every_example_takes_as_many_requests_as_is_said_to_be_typical() {
    for definition in definitions() {
        let data = match definition.name {
            "milvus_collection" => DESCRIPTION,
            "milvus_insert" => r#"{"insertCount":1,"insertIds":[1]}"#,
            "milvus_upsert" => r#"{"upsertCount":1,"upsertIds":[1]}"#,
            "milvus_query" | "milvus_get" | "milvus_search" | "milvus_hybrid_search" => "[]",
            "milvus_count" => r#"[{"count(*)":3}]"#,
            // What any declared operation can read.
            _ => r#"{"has":true,"rowCount":1,"loadState":"LoadStateLoaded"}"#,
        };
        let (sent, answer) = run_with(definition.name, &definition.example, data);
        answer.unwrap_or_else(|error| panic!("{}: {}", definition.name, error.message));
        assert_eq!(
            Value::from(sent.len()),
            definition.requests["typical"],
            "{}",
            definition.name
        );
    }
}

#[test]
fn an_unknown_tool_is_answered_with_the_names_that_there_are() {
    let (sent, answer) = run("milvus_everything", &json!({}));
    let error = answer.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("milvus_search"), "{}", error.message);
    assert!(sent.is_empty());
}

#[test]
fn t31_text_keys_never_travel_as_id() {
    let description = DESCRIPTION.replace(
        r#""type":"Int64","primaryKey""#,
        r#""type":"VarChar","primaryKey""#,
    );
    let arguments = json!({"collection_name": "docs", "ids": ["\"] or id != \""]});
    for name in ["milvus_get", "milvus_query", "milvus_delete"] {
        let (sent, _) = run_with(name, &arguments, &description);
        let body = &sent[1].body;
        assert!(body.get("id").is_none(), "{name}");
        assert_eq!(body["filter"], r#"id in ["\"] or id != \""]"#, "{name}");
    }
}

#[test]
fn int64_keys_beyond_53_bits_are_sent_and_shown_exactly() {
    let arguments = json!({"collection_name": "docs", "ids": [9_007_199_254_740_993_i64]});
    let (sent, answer) = run_with("milvus_get", &arguments, r#"[{"id":9007199254740993}]"#);
    assert_eq!(sent[0].body["id"], json!([9_007_199_254_740_993_i64]));
    assert_eq!(
        answer.unwrap(),
        json!({"rows": [{"id": "9007199254740993"}]})
    );
}

#[test]
fn a_create_that_fails_after_the_collection_was_made_is_in_doubt() {
    let mut transport =
        Scripted::new().answers(200, r#"{"code":1100,"message":"index: wrong metric"}"#);
    let mut client = Client::new(&mut transport, connection()).unwrap();
    let arguments = r#"{"collection_name":"c","dimension":4,"metric_type":"NOPE"}"#;
    let error = call(&mut client, "milvus_create_collection", arguments).unwrap_err();
    assert_eq!(error.outcome, crate::error::Outcome::Unknown);
}
