//! `milvus-host call`: calls one tool.

use super::tools::nearest;
use crate::failure::Failure;
use crate::files;
use crate::output;
use crate::output::outln;
use crate::settings::{Flags, Settings};
use host_harness::{
    Answer, CallError, Dialect, Endpoint, ErrorKind, ErrorSource, Host, Json, Server, ServerInfo,
};
use serde_json::Value;
use serde_json::value::RawValue;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milvus-host call milvus_create_collection '{\"collection_name\":\"docs\",\"dimension\":4}'
  milvus-host call milvus_insert '{\"collection_name\":\"docs\",\"data\":[{\"id\":1,\"vector\":[0.1,0.2,0.3,0.4]}]}'
  milvus-host call milvus_insert @rows.json
  echo '{\"operation\":\"list\"}' | milvus-host call milvus_collection - --json")]
pub(crate) struct Arguments {
    /// Name of the tool.
    tool: String,
    /// Its arguments: JSON or JSON5, `@FILE`, or `-` for standard input.
    #[arg(default_value = "{}")]
    arguments: String,
    /// The answer as JSON on standard output; a failure, too.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(flags: &Flags, arguments: Arguments) -> Result<(), Failure> {
    let settings = flags.resolve()?;
    // What is larger than the component's memory cannot be handed to it.
    let text = text(arguments.arguments, settings.limits().memory_bytes as u64)?;
    let endpoint = settings.endpoint()?;
    let host = settings.host()?;
    let mut answer = host.call_tool(&endpoint, &arguments.tool, &text).await;
    if let Err(error) = &answer
        && let Some(older) = older(error, &host, &endpoint, &settings).await?
    {
        answer = host.call_tool(&older, &arguments.tool, &text).await;
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let mut failure = Failure::call(&error, Some(endpoint.origin()), arguments.json);
            if is_no_tool(&error)
                && let Ok(tools) = host.list_tools().await
                && let Some(meant) = nearest(
                    tools.value.iter().map(|tool| tool.name.as_str()),
                    &arguments.tool,
                )
            {
                failure = failure.with_hint(meant);
            }
            return Err(failure);
        }
    };
    let answer = read(&answer)?;
    if arguments.json {
        outln!("{answer}");
        return Ok(());
    }
    let answer: Value = serde_json::from_str(answer.get())
        .map_err(|_| Failure::local("the component answered what is no JSON"))?;
    if answer.as_object().is_some_and(serde_json::Map::is_empty) {
        // REST v1 says no more than that.
        outln!("done");
        return Ok(());
    }
    outln!("{}", output::answer(&answer));
    Ok(())
}

/// The text of an answer as it came, every digit of its numbers, but JSON and nothing else. Requests that the host refused
/// meanwhile are told.
pub(super) fn read(answer: &Answer<Json>) -> Result<&RawValue, Failure> {
    if answer.refused > 0 {
        eprintln!(
            "warning: requests of the component that the host refused: {}; --audit stderr shows them",
            answer.refused
        );
    }
    serde_json::from_str(answer.raw())
        .map_err(|_| Failure::local("the component answered what is no JSON"))
}

/// Whether the component says that it has no such tool; it may say so of something else.
fn is_no_tool(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Tool(error)
            if error.kind == ErrorKind::NotFound && error.source == ErrorSource::Component
    )
}

/// The same Milvus in the older dialect, where no dialect was named and the server has no v2: then nothing was done.
async fn older(
    error: &CallError,
    host: &Host,
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<Option<Endpoint>, Failure> {
    let no_such_route = matches!(
        error,
        CallError::Tool(error)
            if error.kind == ErrorKind::Unsupported && error.http_status == Some(404)
    );
    if settings.dialect().is_some() || !no_such_route {
        return Ok(None);
    }
    match host.probe(endpoint).await {
        Ok(info) if spoken(&info) == Dialect::V1 => {
            settings.endpoint_in(Some(Dialect::V1)).map(Some)
        }
        _ => Ok(None),
    }
}

/// The REST API of a server as it was found; what is not known is the newer one.
pub(super) fn spoken(info: &ServerInfo) -> Dialect {
    Server::parse(&info.server).map_or(Dialect::V2, |server| server.rest)
}

/// The arguments as JSON: the host takes nothing else.
pub(super) fn text(arguments: String, cap: u64) -> Result<String, Failure> {
    let text = match arguments.strip_prefix('@') {
        Some(file) => files::read_input(file, cap)?,
        None if arguments == "-" => files::read_input("-", cap)?,
        None => arguments,
    };
    match lenient::read(&text) {
        Ok(json) => Ok(json.get().to_owned()),
        Err(_) if text.trim().is_empty() => Ok("{}".to_owned()),
        Err(problem) if problem.repeats => Err(Failure::usage(format!("the arguments: {problem}"))
            .with_hint(crate::failure::ARGUMENTS)),
        Err(problem) => Err(Failure::usage(format!(
            "the arguments: expected a JSON object: {problem}"
        ))
        .with_hint(crate::failure::ARGUMENTS)),
    }
}
