//! The JSON API: named tools.
//!
//! `search.json` has what only people can say of the tool `milvus_search`: title, description, properties, an example.
//! The rest comes from the operations that it sends: its classes of effect and its hints from their rows in the table of
//! routes, its arguments from their declaration where nothing more is to be done than to send them. A tool that does
//! more has its `run` in a file of its name, `search.rs`. Properties of several tools stand once, in `properties.json`.
//!
//! Beside `read` a tool has one class of effect, so that a host can show or hide it by class.

mod answers;
mod count;
mod create_collection;
mod declared;
mod definition;
mod delete;
mod description;
mod get;
mod hybrid_search;
mod insert;
mod queries;
mod query;
mod search;
mod upsert;

use crate::arguments::Arguments;
use crate::client::Client;
use crate::contract::{tools, types};
use crate::error::{Error, ErrorKind};
use crate::operations::Operation;
use crate::operations::collections::*;
use crate::operations::entities::*;
use crate::operations::partitions::*;
use crate::operations::search::{HybridSearch, Search};
pub use declared::Choice;
pub use definition::{Annotations, Definition};
use routes::Route;
use serde_json::{Map, Value};

/// A tool: its definition and what it does.
#[derive(Debug)]
pub struct Tool {
    /// Stable identifier.
    pub name: &'static str,
    /// What people say of it: the text of its file.
    words: &'static str,
    /// Rows of the operations that it sends; first the one that it is for.
    pub routes: &'static [&'static Route],
    form: Form,
}

/// What a tool does.
#[derive(Debug)]
enum Form {
    /// What stands in a file of its name.
    Written(fn(&mut Client<'_>, Arguments) -> Result<Value, Error>),
    /// It sends one operation.
    Operation(Choice),
    /// It sends the operation that an argument of this name chooses.
    Choice(&'static str, &'static [Choice]),
}

/// Every tool, in the order in which they are listed: with the operations that it sends, if it is written by hand; or
/// with the operation that it is, and the word under which its answer is shown; or with the argument that chooses one.
macro_rules! tools {
    ($($name:ident $body:tt)*) => {
        /// Every tool, in the order in which they are listed.
        pub const TOOLS: &[Tool] = &[$(tools!(@tool $name $body)),*];
    };
    (@tool $name:ident [$($operation:ident),*]) => {
        tools!(@new $name [$($operation),*] Form::Written($name::run))
    };
    (@tool $name:ident ($operation:ident => $word:literal)) => {
        tools!(@new $name [$operation] Form::Operation(Choice::of::<$operation>("", $word)))
    };
    (@tool $name:ident {$argument:ident: $($choice:ident $operation:ident => $word:literal),* $(,)?}) => {
        tools!(@new $name [$($operation),*] Form::Choice(
            stringify!($argument),
            &[$(Choice::of::<$operation>(stringify!($choice), $word)),*],
        ))
    };
    (@new $name:ident [$($operation:ident),*] $form:expr) => {
        Tool {
            name: concat!("milvus_", stringify!($name)),
            words: include_str!(concat!(stringify!($name), ".json")),
            routes: &[$(<$operation as Operation>::ROUTE),*],
            form: $form,
        }
    };
}

tools! {
    collection {
        operation:
            list ListCollections => "collections",
            describe DescribeCollection => "collection",
            stats GetStats => "row_count",
            has HasCollection => "exists",
            load_state GetLoadState => "load_state",
    }
    info {
        what:
            partition HasPartition => "exists",
    }
    search [Search, DescribeCollection]
    hybrid_search [HybridSearch, DescribeCollection]
    query [Query, DescribeCollection]
    get [Get, Query, DescribeCollection]
    count [Query, DescribeCollection]
    insert [Insert, DescribeCollection]
    upsert [Upsert, DescribeCollection]
    delete [Delete, DescribeCollection]
    create_collection [CreateCollection]
    create {
        what:
            partition CreatePartition => "created",
    }
    load_collection (LoadCollection => "loading")
    release_collection (ReleaseCollection => "released")
    drop {
        what:
            partition DropPartition => "dropped",
    }
    drop_collection (DropCollection => "dropped")
}

impl Tool {
    /// The operations that it sends as they were declared; none if it is written by hand.
    pub fn choices(&self) -> &[Choice] {
        match &self.form {
            Form::Written(_) => &[],
            Form::Operation(operation) => std::slice::from_ref(operation),
            Form::Choice(_, choices) => choices,
        }
    }

    /// The arguments that make it send the operation of `route`: none, or the one that chooses it. `None` if that is not
    /// what the tool is for.
    pub fn choosing(&self, route: &Route) -> Option<Map<String, Value>> {
        let choice = match &self.form {
            Form::Choice(argument, choices) => {
                let choice = choices
                    .iter()
                    .find(|choice| choice.route.name == route.name)?;
                Some(((*argument).to_owned(), choice.name.into()))
            }
            _ if self.routes.first()?.name == route.name => None,
            _ => return None,
        };
        Some(choice.into_iter().collect())
    }
}

/// All tools as the contract describes them.
pub fn list() -> Vec<tools::Tool> {
    let definitions = TOOLS.iter().filter_map(|tool| tool.definition().ok());
    definitions.map(tools::Tool::from).collect()
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
    let answer = match &tool.form {
        Form::Written(run) => run(client, parsed),
        Form::Operation(operation) => operation.run(client, parsed),
        Form::Choice(argument, choices) => declared::choose(client, parsed, argument, choices),
    };
    answer.map_err(|error| misspelt(tool, arguments, error))
}

/// A misspelt name would be told as a missing one: it comes first. The schema is read only for that.
fn misspelt(tool: &Tool, arguments: &str, error: Error) -> Error {
    if error.kind != ErrorKind::InvalidArgument || error.milvus_code.is_some() {
        return error;
    }
    let unknown = || {
        let definition = tool.definition().ok()?;
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
