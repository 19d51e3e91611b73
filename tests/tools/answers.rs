//! Definitions are true: what a tool takes and what it answers is what its schemas say. Every call of these tests
//! goes through [`Stage::call`], which checks both.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::servers::local::{Stage, host};

/// A definition, and its two schemas ready to check.
pub(super) struct Definition {
    pub(super) definition: milvus_plugin::tools::Definition,
    input: Validator,
    output: Validator,
}

/// Every definition, by the tool's name.
pub(super) fn definitions() -> &'static BTreeMap<&'static str, Definition> {
    static DEFINITIONS: OnceLock<BTreeMap<&str, Definition>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let definitions = milvus_plugin::tools::TOOLS.iter().map(|tool| {
            let definition = tool.definition().expect("a definition");
            let input = validator(&definition.input_schema);
            let output = validator(&definition.output_schema);
            let definition = Definition {
                definition,
                input,
                output,
            };
            (tool.name, definition)
        });
        definitions.collect()
    })
}

fn validator(schema: &Value) -> Validator {
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    jsonschema::draft202012::new(schema).expect("a schema")
}

fn problems(validator: &Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect()
}

impl Stage {
    /// Calls a tool with arguments that are written as its schema says; checks that they are, and the answer, too.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let problems = problems(&definitions()[tool].input, &arguments);
        assert!(
            problems.is_empty(),
            "{tool} does not declare {arguments}: {problems:?}"
        );
        let answer = self.takes(tool, &arguments.to_string()).await;
        if matches!(tool, "milvus_insert" | "milvus_upsert" | "milvus_delete") {
            let collection = arguments["collection_name"].as_str();
            self.settle(collection.expect("a write names its collection"));
        }
        answer
    }

    /// Calls a tool with arguments that are written in another way than its schema says; checks the answer.
    pub(crate) async fn takes(&self, tool: &str, arguments: &str) -> Value {
        let answer = self.try_call(tool, arguments).await;
        let answer = answer.unwrap_or_else(|error| panic!("{tool} {arguments}: {error}"));
        let problems = problems(&definitions()[tool].output, &answer);
        assert!(
            problems.is_empty(),
            "{tool} does not declare {answer}: {problems:?}"
        );
        answer
    }
}

#[test]
fn every_schema_is_one_of_draft_2020_12() {
    for (name, Definition { definition, .. }) in definitions() {
        for schema in [&definition.input_schema, &definition.output_schema] {
            jsonschema::draft202012::meta::validate(schema)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                (&schema["type"], &schema["additionalProperties"]),
                (&json!("object"), &json!(false)),
                "{name}"
            );
        }
    }
}

#[test]
fn every_example_is_what_its_schema_declares() {
    for (name, definition) in definitions() {
        let problems = problems(&definition.input, &definition.definition.example);
        assert!(problems.is_empty(), "{name}: {problems:?}");
    }
}

#[test]
fn the_check_of_an_answer_finds_what_is_not_declared() {
    let search = &definitions()["milvus_search"].output;
    assert!(
        problems(
            search,
            &json!({"hits": [{"id": "9007199254740993", "distance": 0.5, "entity": {}}]})
        )
        .is_empty()
    );
    for wrong in [
        json!({}),
        json!({"hits": {}}),
        json!({"hits": [{"id": 1.5, "distance": 0, "entity": {}}]}),
        json!({"hits": [], "more": 1}),
    ] {
        assert!(!problems(search, &wrong).is_empty(), "{wrong}");
    }
}

#[tokio::test]
async fn the_tools_that_the_component_lists_are_the_definitions() {
    let tools = host()
        .list_tools()
        .await
        .expect("the component lists its tools");
    let listed: Vec<String> = tools.iter().map(|tool| format!("{tool:?}")).collect();
    let known = milvus_plugin::tools::list();
    let known: Vec<String> = known.iter().map(|tool| format!("{tool:?}")).collect();
    assert_eq!(listed, known);
}
