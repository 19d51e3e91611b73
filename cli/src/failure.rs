//! Why a command failed: words for people, a hint what to do next, and the exit code.

use crate::output::{clean, outln};
use crate::{hints, settings, unreachable};
use host_harness::{
    CallError, ErrorKind, ErrorSource, LimitKind, Origin, Outcome, ToolError, kind_name,
};
use serde_json::{Value, json};

/// The tool failed.
pub(crate) const TOOL: u8 = 1;
/// Wrong usage: arguments, settings, files.
pub(crate) const USAGE: u8 = 2;
/// Refused by the policy.
pub(crate) const REFUSED: u8 = 3;
/// Milvus cannot be reached.
pub(crate) const UNREACHABLE: u8 = 4;

/// Where the arguments of a tool are shown.
pub(crate) const ARGUMENTS: &str = "`milvus-host tools NAME` shows the arguments of a tool";

/// The longest text of a component or a server within a failure, in characters. Our own component cuts at less.
const MAX_WORDS: usize = 1000;

/// A failure.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    pub(crate) code: u8,
    message: String,
    /// Lines of another program.
    said: Vec<String>,
    hint: Option<String>,
    json: Option<Value>,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            message: message.into(),
            said: Vec::new(),
            hint: None,
            json: None,
        }
    }

    /// A local program or file failed.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self {
            code: TOOL,
            ..Self::usage(message)
        }
    }

    /// The same with another exit code.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same with what another program said of it: one line ends the sentence, more stand below it, each marked as
    /// that program's.
    pub(crate) fn with_lines(mut self, said: Vec<String>) -> Self {
        match said.as_slice() {
            [line] => self.message = format!("{}: {line}", self.message),
            _ => self.said = said,
        }
        self
    }

    /// The same with advice.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A call that failed. `json`: as an object on standard output, for programs.
    pub(crate) fn call(error: &CallError, origin: Option<&Origin>, json: bool) -> Self {
        let (code, message, hint) = match error {
            CallError::Tool(tool) => (exit_code(tool), words(tool), advice(tool, origin)),
            CallError::Refused { refusals, error } => {
                let rules: Vec<String> = refusals
                    .iter()
                    .map(|refusal| format!("rule `{}`: {}", refusal.rule.name(), refusal.detail))
                    .collect();
                let hint = refusals
                    .first()
                    .map(|refusal| hints::about(refusal.rule).to_owned());
                (
                    REFUSED,
                    format!("{}; {}", cut(&error.message), rules.join("; ")),
                    hint,
                )
            }
            CallError::Unreachable { reason, error } => (
                UNREACHABLE,
                match origin {
                    Some(origin) => format!("cannot reach {origin}: {reason}{}", outcome(error)),
                    None => words(error),
                },
                origin.map(|origin| unreachable::advice(*reason, origin)),
            ),
            CallError::Limit {
                limit,
                value,
                error,
            } => limited(*limit, *value, error.as_ref(), origin),
            CallError::Overloaded => (
                TOOL,
                "too many calls at a time: nothing was done".to_owned(),
                Some(
                    "try again in a moment, or allow more: --limit concurrent-calls=...".to_owned(),
                ),
            ),
            other => (TOOL, other.to_string(), None),
        };
        let json = json.then(|| as_json(error));
        Self {
            code,
            message,
            said: Vec::new(),
            hint,
            json,
        }
    }

    /// Shows it: words on standard error, JSON on standard output where it was asked for.
    pub(crate) fn show(&self, as_json: bool) {
        if as_json {
            let usage = || {
                let lines = [std::slice::from_ref(&self.message), &self.said].concat();
                let message = lines.join("\n");
                json!({"error": {"kind": "usage", "message": message, "hint": self.hint}})
            };
            match &self.json {
                Some(json) => outln!("{json}"),
                None if self.message.is_empty() => {}
                None => outln!("{}", usage()),
            }
            return;
        }
        eprintln!("error: {}", clean(&self.message));
        for line in &self.said {
            eprintln!("  | {}", clean(line));
        }
        if let Some(hint) = &self.hint {
            eprintln!("\nhint: {}", clean(hint));
        }
    }
}

/// Exit code, words and hint of a call that reached a limit; `said` is what the component made of it.
fn limited(
    limit: LimitKind,
    value: u64,
    said: Option<&ToolError>,
    origin: Option<&Origin>,
) -> (u8, String, Option<String>) {
    let message = format!("the limit {limit} of {} was reached", limit.shown(value));
    let raise = settings::raise(limit, value).map_or_else(
        || "ask for less".to_owned(),
        |flag| format!("ask for less, or raise the limit: {flag}"),
    );
    match said {
        Some(said) if said.kind == ErrorKind::Timeout => (
            UNREACHABLE,
            format!("{message}: {}", words(said)),
            advice(said, origin).map(|hint| format!("{hint}; {raise}")),
        ),
        Some(said) => (TOOL, format!("{message}: {}", words(said)), Some(raise)),
        None => (TOOL, message, Some(raise)),
    }
}

fn exit_code(error: &ToolError) -> u8 {
    match error.kind {
        ErrorKind::DeniedByHost => REFUSED,
        ErrorKind::Unavailable | ErrorKind::Timeout => UNREACHABLE,
        // The component's own words, or the host's: nothing was sent.
        ErrorKind::InvalidArgument | ErrorKind::NotFound
            if error.source != ErrorSource::Server && error.http_status.is_none() =>
        {
            USAGE
        }
        _ => TOOL,
    }
}

fn words(error: &ToolError) -> String {
    let code = error
        .milvus_code
        .map(|code| format!(" [Milvus code {code}]"))
        .unwrap_or_default();
    let who = if error.source == ErrorSource::Server {
        "Milvus says: "
    } else {
        ""
    };
    format!("{who}{}{code}{}", cut(&error.message), outcome(error))
}

/// Words of others, at a length that does not hide ours.
fn cut(words: &str) -> String {
    match words.char_indices().nth(MAX_WORDS) {
        None => words.to_owned(),
        Some((end, _)) => format!("{}… (cut)", &words[..end]),
    }
}

fn outcome(error: &ToolError) -> &'static str {
    match error.outcome {
        Outcome::NotApplied => "",
        Outcome::Unknown => " (it is not known whether it took effect)",
        Outcome::PartlyApplied => " (a part took effect)",
        Outcome::Applied => " (it took effect)",
    }
}

fn advice(error: &ToolError, origin: Option<&Origin>) -> Option<String> {
    Some(match error.kind {
        ErrorKind::Unauthenticated => {
            "set MILVUS_TOKEN=user:password (or an API key), or name a file with --token-file"
                .to_owned()
        }
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            let at = origin.map_or_else(String::new, |origin| format!(" at {origin}"));
            format!(
                "is Milvus running{at}? `milvus-host doctor` looks; `milvus-host local` starts one; --uri or \
                 MILVUS_URI names another"
            )
        }
        ErrorKind::Protocol if error.http_status.is_none() => {
            "does another program answer there, or one that speaks TLS? `milvus-host doctor` looks".to_owned()
        }
        ErrorKind::NotLoaded => {
            "load it first: milvus-host call milvus_load_collection '{\"collection_name\":\"...\"}'"
                .to_owned()
        }
        ErrorKind::InvalidArgument if error.milvus_code.is_none() => {
            ARGUMENTS.to_owned()
        }
        ErrorKind::NotFound if error.source == ErrorSource::Component => {
            "`milvus-host tools` lists the tools".to_owned()
        }
        ErrorKind::NotFound if error.milvus_code == Some(700) => {
            "it has no index: create it with `index_params`, then it is indexed and loaded".to_owned()
        }
        _ if error.outcome != Outcome::NotApplied => {
            "look before you repeat it: `milvus_collection` describes a collection, `milvus_count` counts its rows"
                .to_owned()
        }
        _ => return None,
    })
}

fn as_json(error: &CallError) -> Value {
    match error {
        CallError::Tool(tool) => json!({"error": tool_json(tool)}),
        CallError::Refused { refusals, error } => {
            let refusals: Vec<Value> = refusals
                .iter()
                .map(|refusal| {
                    json!({"rule": refusal.rule.name(), "operation": refusal.operation, "detail": refusal.detail})
                })
                .collect();
            json!({"error": tool_json(error), "refusals": refusals})
        }
        CallError::Unreachable { reason, error } => {
            let mut told = tool_json(error);
            told["reason"] = json!(reason.name());
            json!({"error": told})
        }
        CallError::Limit {
            limit,
            value,
            error: said,
        } => {
            let mut limited = json!({
                "kind": "limit-exceeded", "message": error.to_string(), "limit": limit.name(), "value": value,
            });
            if let Some(said) = said {
                limited["outcome"] = tool_json(said)["outcome"].clone();
                limited["component"] = tool_json(said);
            }
            json!({ "error": limited })
        }
        other => json!({"error": {"kind": "server", "message": other.to_string()}}),
    }
}

fn tool_json(error: &ToolError) -> Value {
    let outcome = match error.outcome {
        Outcome::NotApplied => "not-applied",
        Outcome::Unknown => "unknown",
        Outcome::PartlyApplied => "partly-applied",
        Outcome::Applied => "applied",
    };
    let source = match error.source {
        ErrorSource::Component => "component",
        ErrorSource::Host => "host",
        ErrorSource::Server => "server",
    };
    json!({
        "kind": kind_name(error.kind),
        "message": cut(&error.message),
        "source": source,
        "argument": error.argument,
        "milvus_code": error.milvus_code,
        "http_status": error.http_status,
        "outcome": outcome,
        "limit": error.limit,
        "details": error.details.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}
