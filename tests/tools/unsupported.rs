//! What REST v1 cannot do: refused as `unsupported` before anything is changed, with the version that can. Every property
//! of every tool either works on Milvus 2.3.5 or is refused here.

use std::collections::BTreeSet;

use host_harness::{CallError, ErrorKind, ErrorSource};
use milvus_plugin::tools::TOOLS;
use serde_json::{Value, json};

use super::answers::definitions;
use super::{Collection, word};
use crate::servers::local::{Standalone, of, stage, unique};

/// Properties that stand beside another one and say nothing alone; the other one is refused.
const BESIDE: [(&str, &str); 5] = [
    ("milvus_search", "group_size"),
    ("milvus_search", "strict_group_size"),
    ("milvus_create_collection", "functions"),
    ("milvus_create_collection", "max_length"),
    ("milvus_search", "level"),
];

/// Calls that work, by tool; the collection has the six words.
fn works() -> Vec<(&'static str, Value)> {
    let row = word(7, "gnu", "mammal");
    vec![
        ("milvus_collection", json!({"operation": "describe"})),
        ("milvus_collection", json!({"operation": "has"})),
        ("milvus_collection", json!({"operation": "load_state"})),
        ("milvus_count", json!({})),
        ("milvus_count", json!({"filter": "frequency > 20"})),
        ("milvus_get", json!({"ids": [1], "output_fields": ["word"]})),
        (
            "milvus_query",
            json!({"filter": "pk > 1", "output_fields": ["word"], "limit": 2, "offset": 1}),
        ),
        ("milvus_query", json!({"ids": [1]})),
        (
            "milvus_search",
            json!({
                "query_vector": [0, 0], "anns_field": "v", "limit": 2, "offset": 1, "output_fields": ["word"],
                "filter": "pk > 1", "radius": 30, "range_filter": 0,
            }),
        ),
        ("milvus_insert", json!({"data": [row]})),
        ("milvus_upsert", json!({"data": [row]})),
        ("milvus_delete", json!({"ids": [7]})),
        ("milvus_delete", json!({"filter": "pk == 7"})),
    ]
}

/// Calls of which one property cannot be had: tool, property, the version that has it, arguments.
fn lacks() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let row = word(7, "gnu", "mammal");
    let search = |more: Value| {
        let mut arguments = json!({"query_vector": [0, 0]});
        let members = arguments.as_object_mut().expect("it is one");
        members.extend(more.as_object().expect("an object").clone());
        arguments
    };
    let quick = |more: Value| {
        let mut arguments = json!({"dimension": 2, "auto_id": true});
        let members = arguments.as_object_mut().expect("it is one");
        members.extend(more.as_object().expect("an object").clone());
        arguments
    };
    let templates = json!({"low": 1});
    let mut calls = vec![
        (
            "milvus_collection",
            "partition_names",
            "2.3.13",
            json!({"operation": "load_state", "partition_names": ["_default"]}),
        ),
        (
            "milvus_hybrid_search",
            "",
            "2.4.0",
            json!({"searches": [{"anns_field": "v", "query_vector": [0, 0]}]}),
        ),
        (
            "milvus_insert",
            "partition_name",
            "2.3.13",
            json!({"data": [row], "partition_name": "p"}),
        ),
        (
            "milvus_upsert",
            "partition_name",
            "2.3.13",
            json!({"data": [row], "partition_name": "p"}),
        ),
        (
            "milvus_upsert",
            "partial",
            "2.6.1",
            json!({"data": [row], "partial": true}),
        ),
        (
            "milvus_delete",
            "partition_name",
            "2.3.13",
            json!({"filter": "pk == 7", "partition_name": "p"}),
        ),
        (
            "milvus_search",
            "query_text",
            "2.3.13",
            json!({"query_text": "a large cat"}),
        ),
        (
            "milvus_search",
            "group_by_field",
            "2.4.0",
            search(json!({"group_by_field": "category"})),
        ),
        (
            "milvus_search",
            "metric_type",
            "2.4.16",
            search(json!({"metric_type": "L2"})),
        ),
        (
            "milvus_search",
            "search_params",
            "2.4.16",
            search(json!({"search_params": {"ef": 64}})),
        ),
        (
            "milvus_search",
            "function_score",
            "2.6.0",
            search(json!({"function_score": {"functions": []}})),
        ),
        (
            "milvus_create_collection",
            "auto_id",
            "2.3.13",
            json!({"dimension": 2, "auto_id": false}),
        ),
        (
            "milvus_create_collection",
            "id_type",
            "2.3.13",
            quick(json!({"id_type": "VarChar", "max_length": 8, "auto_id": false})),
        ),
        (
            "milvus_create_collection",
            "fields",
            "2.3.13",
            super::words_schema(),
        ),
        (
            "milvus_create_collection",
            "index_params",
            "2.3.13",
            super::words_schema(),
        ),
        (
            "milvus_create_collection",
            "consistency_level",
            "2.3.13",
            quick(json!({"consistency_level": "Strong"})),
        ),
        (
            "milvus_create_collection",
            "num_shards",
            "2.3.13",
            quick(json!({"num_shards": 2})),
        ),
        (
            "milvus_create_collection",
            "num_partitions",
            "2.3.13",
            quick(json!({"num_partitions": 2})),
        ),
        (
            "milvus_create_collection",
            "ttl_seconds",
            "2.3.13",
            quick(json!({"ttl_seconds": 60})),
        ),
    ];
    for tool in [
        "milvus_search",
        "milvus_query",
        "milvus_count",
        "milvus_get",
    ] {
        let base = match tool {
            "milvus_search" => json!({"query_vector": [0, 0]}),
            "milvus_get" => json!({"ids": [1]}),
            _ => json!({"filter": "pk > 1"}),
        };
        let with = |name: &str, value: Value| {
            let mut arguments = base.clone();
            arguments[name] = value;
            arguments
        };
        calls.push((
            tool,
            "partition_names",
            "2.3.13",
            with("partition_names", json!(["p"])),
        ));
        let level = if tool == "milvus_search" {
            "2.4.16"
        } else {
            "2.5.27"
        };
        calls.push((
            tool,
            "consistency_level",
            level,
            with("consistency_level", json!("Strong")),
        ));
    }
    for tool in [
        "milvus_search",
        "milvus_query",
        "milvus_count",
        "milvus_delete",
    ] {
        let mut arguments = json!({"filter": "pk > {low}", "filter_params": templates});
        if tool == "milvus_search" {
            arguments["query_vector"] = json!([0, 0]);
        }
        calls.push((tool, "filter_params", "2.4.18", arguments));
    }
    calls
}

#[tokio::test]
async fn what_v1_lacks_is_refused_with_the_version_that_has_it_and_nothing_is_changed() {
    let words = Collection::words(Standalone).await;
    let stage = &words.stage;
    let mut wrong = Vec::new();
    for (tool, property, version, arguments) in lacks() {
        let new = unique("none");
        let create = tool == "milvus_create_collection";
        let name = if create { &new } else { &words.name };
        let arguments = of(name, arguments);
        stage.requests();
        let error = stage.fails(tool, arguments.clone()).await;
        let good = error.kind == ErrorKind::Unsupported
            && error.source == ErrorSource::Component
            && error
                .message
                .contains(&format!("of Milvus {version} or later"))
            && stage.requests() == 0;
        if !good {
            wrong.push(format!("{tool} {property} ({version}): {error:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(words.keys().await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn every_property_of_every_tool_works_or_is_refused() {
    let words = Collection::words(Standalone).await;
    let mut known: BTreeSet<(String, String)> = BESIDE
        .iter()
        .map(|(tool, property)| ((*tool).to_owned(), (*property).to_owned()))
        .collect();
    let mut note = |tool: &str, arguments: &Value| {
        let members = arguments.as_object().expect("an object");
        known.extend(members.keys().map(|name| (tool.to_owned(), name.clone())));
    };
    for (tool, arguments) in works() {
        words.call(tool, arguments.clone()).await;
        note(tool, &of("", arguments));
    }
    let stage = stage(Standalone);
    let name = unique("test");
    let create = json!({
        "dimension": 2, "auto_id": true, "description": "Words", "metric_type": "L2", "primary_field_name": "pk",
        "vector_field_name": "v", "enable_dynamic_field": true,
    });
    for (tool, arguments) in [
        ("milvus_create_collection", create),
        ("milvus_drop_collection", json!({})),
    ] {
        let arguments = of(&name, arguments);
        stage.call(tool, arguments.clone()).await;
        note(tool, &arguments);
    }
    // Operations that are sent as they were declared: each with all of its arguments.
    for tool in TOOLS {
        let properties = &definitions()[tool.name].definition.input_schema["properties"];
        for choice in tool.choices() {
            let mut arguments = tool.choosing(choice.route).expect("the tool sends it");
            for (name, _) in (choice.arguments)() {
                arguments.insert(name.to_owned(), properties[name]["examples"][0].clone());
            }
            let arguments = Value::from(arguments);
            stage.requests();
            let answer = stage.try_call(tool.name, &arguments.to_string()).await;
            if let Err(CallError::Tool(error)) = answer
                && error.kind == ErrorKind::Unsupported
            {
                let version = format!("of Milvus {} or later", choice.route.since);
                assert!(error.message.contains(&version), "{arguments}: {error:?}");
                assert_eq!(stage.requests(), 0, "{arguments}");
                note(tool.name, &arguments);
            }
        }
    }
    for (tool, property, _, arguments) in lacks() {
        // A tool that is not there at all has none of its properties.
        if property.is_empty() {
            let all = definitions()[tool].definition.input_schema["properties"].clone();
            note(tool, &all);
        } else {
            assert!(!arguments[property].is_null(), "{tool} {property}");
            note(tool, &json!({ property: null }));
        }
    }
    for (tool, definition) in definitions() {
        let properties = definition.definition.input_schema["properties"].as_object();
        for property in properties.expect("properties").keys() {
            assert!(
                known.contains(&((*tool).to_owned(), property.clone())),
                "nothing says what {tool} makes of `{property}` over REST v1"
            );
        }
    }
}
