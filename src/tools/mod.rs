//! The JSON door: named tools, each a file beside its definition (`search.rs`, `search.json`).
//!
//! A definition has the name, the words, the MCP annotations, the classes of effect, how many HTTP requests a call
//! takes, the JSON Schemas of arguments and answer, and an example. Beside `read` a tool has one class of effect at most,
//! so that its annotations are honest and a host can show or hide it by class.

mod answers;
mod arguments;
mod collection;
mod count;
mod create_collection;
mod delete;
mod drop_collection;
mod get;
mod hybrid_search;
mod insert;
mod load_collection;
mod queries;
mod query;
mod release_collection;
mod search;
mod upsert;

use crate::client::Client;
use crate::contract::{tools, types};
use crate::error::{Error, ErrorKind};
use arguments::Arguments;
use serde::Deserialize;
use serde_json::Value;

/// A tool: its definition and what it does.
#[derive(Debug)]
pub struct Tool {
    /// Stable identifier. It stands in the definition, too; here it is found without reading that.
    pub name: &'static str,
    /// The text of its definition.
    pub definition: &'static str,
    run: fn(&mut Client<'_>, Arguments) -> Result<Value, Error>,
}

macro_rules! tools {
    ($($module:ident),* $(,)?) => {
        /// Every tool, in the order in which they are listed.
        pub const TOOLS: &[Tool] = &[$(Tool {
            name: concat!("milvus_", stringify!($module)),
            definition: include_str!(concat!(stringify!($module), ".json")),
            run: $module::run,
        }),*];
    };
}

tools![
    collection,
    search,
    hybrid_search,
    query,
    get,
    count,
    insert,
    upsert,
    delete,
    create_collection,
    load_collection,
    release_collection,
    drop_collection,
];

/// A definition, read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Stable identifier.
    pub name: String,
    /// Short name for people.
    pub title: String,
    /// What it does and when to use it.
    pub description: String,
    /// The protocol's hints.
    pub annotations: Annotations,
    /// Classes of effect of its operations: those that it is for, and `read` where it looks something up before.
    pub classes: Vec<String>,
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
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Changes nothing.
    pub read_only_hint: bool,
    /// Can remove or overwrite data.
    pub destructive_hint: bool,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent_hint: bool,
}

impl Tool {
    /// The definition, read.
    ///
    /// # Errors
    /// `protocol` if the text is no definition, which a test rules out.
    pub fn read(&self) -> Result<Definition, Error> {
        serde_json::from_str(self.definition).map_err(|cause| Error::protocol(&cause.into()))
    }
}

/// All tools as the contract describes them.
pub fn list() -> Vec<tools::Tool> {
    TOOLS
        .iter()
        .filter_map(|tool| tool.read().ok())
        .map(|definition| tools::Tool {
            name: definition.name,
            title: definition.title,
            description: definition.description,
            input_schema: definition.input_schema.to_string(),
            output_schema: definition.output_schema.to_string(),
            annotations: tools::Annotations {
                read_only: definition.annotations.read_only_hint,
                destructive: definition.annotations.destructive_hint,
                idempotent: definition.annotations.idempotent_hint,
            },
            classes: definition.classes,
        })
        .collect()
}

/// Runs the tool `name`.
///
/// # Errors
/// `not-found` if there is no such tool, `invalid-argument` for its arguments, or what its operation answers.
pub fn call(client: &mut Client<'_>, name: &str, arguments: &str) -> Result<Value, Error> {
    let Some(tool) = TOOLS.iter().find(|tool| tool.name == name) else {
        let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no tool of this name; there are {}",
                names.join(", ")
            ),
        ));
    };
    let parsed = Arguments::parse(arguments)?;
    (tool.run)(client, parsed).map_err(|error| misspelt(tool, arguments, error))
}

/// A misspelt name would be told as a missing one: it comes first. The schema is read only for that.
fn misspelt(tool: &Tool, arguments: &str, error: Error) -> Error {
    if error.kind != ErrorKind::InvalidArgument || error.milvus_code.is_some() {
        return error;
    }
    let unknown = || {
        let definition = tool.read().ok()?;
        let known = definition.input_schema["properties"].as_object()?;
        Arguments::parse(arguments).ok()?.check_names(known).err()
    };
    unknown().unwrap_or(error)
}

/// The consistency level that an argument names.
fn consistency_level(arguments: &mut Arguments) -> Result<Option<&'static str>, Error> {
    use types::ConsistencyLevel as Level;
    let words = [
        Level::Strong,
        Level::Session,
        Level::Bounded,
        Level::Eventually,
        Level::Customized,
    ]
    .map(crate::operations::consistency_level_name);
    arguments.one_of("consistency_level", &words)
}

#[cfg(test)]
mod mutation_tests;
#[cfg(test)]
mod tests;
