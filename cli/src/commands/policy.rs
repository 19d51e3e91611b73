//! `milvus-host policy`: what the component may do, and what would become of one request. Nothing is sent.

use crate::failure::{Failure, REFUSED};
use crate::output::outln;
use crate::settings::{Flags, Settings};
use policy::{Allowance, Policy, Refusal, WholeRequest};
use routes::{Effect, Route};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A request is written as it goes over the wire, without headers:
  POST /v2/vectordb/entities/query

  {\"collectionName\":\"docs\",\"filter\":\"id > 0\"}

Examples:
  milvus-host policy --mode read-only --collections docs,docs_*
  milvus-host policy explain request.http --mode append")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what would become of the request in a file, and by which rule.
    Explain {
        /// The file.
        file: PathBuf,
    },
}

pub(crate) fn run(flags: &Flags, arguments: &Arguments) -> Result<(), Failure> {
    let settings = flags.resolve()?;
    match &arguments.command {
        None => show(&settings, arguments.json),
        Some(Command::Explain { file }) => explain(&settings, file, arguments.json),
    }
}

fn show(settings: &Settings, as_json: bool) -> Result<(), Failure> {
    let endpoint = settings.endpoint()?;
    let policy = endpoint.policy().to_string();
    if as_json {
        let parts: serde_json::Map<_, _> = policy
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.replace(' ', "_"), json!(value)))
            .collect();
        outln!(
            "{}",
            json!({"origin": endpoint.origin().to_string(), "policy": parts})
        );
    } else {
        outln!("origin: {}\n{policy}", endpoint.origin());
    }
    Ok(())
}

fn explain(settings: &Settings, file: &Path, as_json: bool) -> Result<(), Failure> {
    let endpoint = settings.endpoint()?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let (line, body) = text.split_once('\n').unwrap_or((&text, ""));
    let mut words = line.split_whitespace();
    let (Some(method), Some(target), None | Some("HTTP/1.1"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Failure::usage(format!(
            "{}: expected METHOD and PATH in the first line",
            file.display()
        )));
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let body = body.trim();
    let get = method == "GET";
    let whole = WholeRequest {
        method,
        scheme: endpoint.origin().scheme().name(),
        authority: &endpoint.origin().authority(),
        path,
        query,
        declared: (!get || !body.is_empty()).then_some(body.len() as u64),
        came: body.len() as u64,
        body: body.to_owned().into(),
        trailers: false,
        aborted: false,
    };
    let allowance = Allowance {
        origin: Some(endpoint.origin().clone()),
        request_bytes: settings.limits().request_bytes,
        rows: settings.limits().rows_per_request,
        policy: endpoint.policy().clone(),
        // A file is no call: only the operator's policy counts.
        call: Policy::default().allow(Effect::Outbound),
    };
    match policy::admit(&allowance, whole) {
        Ok(admitted) => {
            sent(admitted.route(), as_json);
            Ok(())
        }
        Err(refusal) => Err(refused(&refusal, as_json)),
    }
}

fn sent(route: &Route, as_json: bool) {
    let classes: Vec<&str> = route.effects().map(Effect::as_str).collect();
    if as_json {
        outln!(
            "{}",
            json!({"verdict": "let-out", "operation": route.name, "classes": classes})
        );
    } else {
        outln!("let out: {} ({})", route.name, classes.join(", "));
    }
}

fn refused(refusal: &Refusal, as_json: bool) -> Failure {
    let (rule, hint) = (refusal.rule.name(), refusal.rule.hint());
    if as_json {
        outln!(
            "{}",
            json!({"verdict": "refused", "rule": rule, "operation": refusal.operation, "detail": refusal.detail, "hint": hint})
        );
        return Failure::usage("").with_code(REFUSED);
    }
    let operation = refusal
        .operation
        .map(|name| format!("{name}: "))
        .unwrap_or_default();
    Failure::usage(format!(
        "{operation}refused by rule `{rule}`: {}",
        refusal.detail
    ))
    .with_code(REFUSED)
    .with_hint(hint)
}
