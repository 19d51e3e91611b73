//! Definitions are true: what a tool takes and what it answers is what its schemas say. Every call of these tests
//! goes through [`Stage::call`], which checks both.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::servers::local::{Stage, host};

/// A definition, and its two schemas ready to check.
pub(super) struct Definition {
    /// The text beside the tool, read.
    pub(super) value: Value,
    input: Validator,
    output: Validator,
}

/// Every definition, by the tool's name.
pub(super) fn definitions() -> &'static BTreeMap<String, Definition> {
    static DEFINITIONS: OnceLock<BTreeMap<String, Definition>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../src/tools"))
            .expect("the tools");
        let paths = folder.map(|entry| entry.expect("an entry").path());
        let definitions = paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .map(|path| {
                let text = std::fs::read_to_string(&path).expect("a text");
                let value: Value = serde_json::from_str(&text).expect("a definition is JSON");
                let name = value["name"].as_str().expect("it has a name").to_owned();
                let [input, output] =
                    ["inputSchema", "outputSchema"].map(|schema| validator(&value[schema]));
                (
                    name,
                    Definition {
                        value,
                        input,
                        output,
                    },
                )
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
    assert_eq!(definitions().len(), 13);
    for (name, definition) in definitions() {
        for schema in ["inputSchema", "outputSchema"] {
            let schema = &definition.value[schema];
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
        let problems = problems(&definition.input, &definition.value["example"]["arguments"]);
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
    assert_eq!(tools.len(), definitions().len());
    for tool in tools.value {
        let known = &definitions()[&tool.name].value;
        for (schema, listed) in [
            ("inputSchema", &tool.input_schema),
            ("outputSchema", &tool.output_schema),
        ] {
            let listed: Value = serde_json::from_str(listed).expect("a schema is JSON");
            assert_eq!(listed, known[schema], "{}", tool.name);
        }
        let hints = &tool.annotations;
        let listed = json!({"readOnlyHint": hints.read_only, "destructiveHint": hints.destructive, "idempotentHint": hints.idempotent});
        assert_eq!(
            (listed, json!(tool.title)),
            (known["annotations"].clone(), known["title"].clone()),
            "{}",
            tool.name
        );
    }
}
