//! What a tool is said to be: its file, and what follows from its operations.

use super::{Form, Tool};
use crate::contract::tools;
use crate::error::Error;
use routes::{Effect, Replay};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Properties that several tools have.
const SHARED: &str = include_str!("properties.json");

/// The dialect of every schema.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A definition.
#[derive(Debug)]
pub struct Definition {
    /// Stable identifier.
    pub name: &'static str,
    /// Short name for people.
    pub title: String,
    /// What it does and when to use it.
    pub description: String,
    /// The protocol's hints.
    pub annotations: Annotations,
    /// Classes of effect of its operations: those that it is for, and `read` where it looks something up before.
    pub classes: Vec<&'static str>,
    /// HTTP requests of one call.
    pub requests: Value,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// JSON Schema of the answer.
    pub output_schema: Value,
    /// Arguments of an example.
    pub example: Value,
}

/// The protocol's hints.
#[derive(Debug)]
pub struct Annotations {
    /// Changes nothing.
    pub read_only: bool,
    /// Can remove or overwrite data.
    pub destructive: bool,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent: bool,
}

/// A tool's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    title: String,
    description: String,
    /// Missing: one request.
    #[serde(default)]
    requests: Option<Value>,
    /// Properties that stand in `properties.json`.
    #[serde(default)]
    shared: Vec<String>,
    #[serde(default)]
    properties: Map<String, Value>,
    #[serde(default)]
    required: Vec<String>,
    /// Missing: the arguments and a status.
    #[serde(default)]
    answer: Option<AnswerWords>,
    example: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerWords {
    properties: Map<String, Value>,
    #[serde(default)]
    required: Vec<String>,
}

impl Tool {
    /// Its definition.
    ///
    /// # Errors
    /// `protocol` if its file is none, which a test rules out.
    pub fn definition(&self) -> Result<Definition, Error> {
        self.read().map_err(|cause| Error::protocol(&cause.into()))
    }

    fn read(&self) -> serde_json::Result<Definition> {
        let mut words: Words = serde_json::from_str(self.words)?;
        let shared: Map<String, Value> = serde_json::from_str(SHARED)?;
        self.declare(&mut words);
        for name in words.shared {
            let property = shared.get(&name).cloned().unwrap_or_default();
            words.properties.insert(name, property);
        }
        let answer = words.answer.unwrap_or_else(|| {
            let text = || json!({"type": "string"});
            let names = words.required.iter().map(String::as_str);
            let names: Vec<String> = names.chain(["status"]).map(ToOwned::to_owned).collect();
            AnswerWords {
                properties: names.iter().map(|name| (name.clone(), text())).collect(),
                required: names,
            }
        });
        let classes = self.classes();
        Ok(Definition {
            name: self.name,
            title: words.title,
            description: words.description,
            annotations: Annotations {
                read_only: classes.iter().all(|class| *class == Effect::Read),
                destructive: classes
                    .iter()
                    .any(|class| matches!(class, Effect::Erase | Effect::Drop)),
                idempotent: self
                    .routes
                    .iter()
                    .all(|route| route.replay != Replay::Unsafe),
            },
            classes: classes.iter().map(|class| class.as_str()).collect(),
            requests: words.requests.unwrap_or(json!({"typical": 1, "most": 1})),
            input_schema: schema(words.properties, words.required),
            output_schema: schema(answer.properties, answer.required),
            example: words.example,
        })
    }

    /// The classes of effect of its operations, in the order of [`Effect::ALL`].
    fn classes(&self) -> Vec<Effect> {
        let mut classes = Effect::ALL.to_vec();
        classes.retain(|class| {
            self.routes
                .iter()
                .any(|route| route.effects().any(|own| own == *class))
        });
        classes
    }

    /// The arguments of declared operations.
    fn declare(&self, words: &mut Words) {
        let choices = self.choices();
        let chosen_by = match &self.form {
            Form::Choice(argument, _) => Some(*argument),
            _ => None,
        };
        if let Some(argument) = chosen_by {
            let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
            let property = words
                .properties
                .entry(argument)
                .or_insert_with(|| json!({}));
            property["type"] = "string".into();
            property["enum"] = names.into();
            words.required.push(argument.to_owned());
        }
        for (name, required) in choices.iter().flat_map(|choice| (choice.arguments)()) {
            if !words.properties.contains_key(name)
                && !words.shared.iter().any(|known| known == name)
            {
                words.shared.push(name.to_owned());
            }
            // What one choice has to be given another may not take.
            if required && chosen_by.is_none() {
                words.required.push(name.to_owned());
            }
        }
    }
}

fn schema(properties: Map<String, Value>, required: Vec<String>) -> Value {
    json!({
        "$schema": DRAFT,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

impl From<Definition> for tools::Tool {
    fn from(definition: Definition) -> Self {
        let classes = definition.classes.into_iter();
        Self {
            name: definition.name.to_owned(),
            title: definition.title,
            description: definition.description,
            input_schema: definition.input_schema.to_string(),
            output_schema: definition.output_schema.to_string(),
            annotations: tools::Annotations {
                read_only: definition.annotations.read_only,
                destructive: definition.annotations.destructive,
                idempotent: definition.annotations.idempotent,
            },
            classes: classes.map(ToOwned::to_owned).collect(),
        }
    }
}
