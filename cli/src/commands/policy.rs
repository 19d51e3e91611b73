//! `milvus-host policy`: what the component may do, and what would become of one request. Nothing is sent.

use crate::failure::{Failure, REFUSED};
use crate::files;
use crate::hints;
use crate::output::outln;
use crate::settings::{Flags, Settings};
use policy::{Admitted, Allowance, Effects, Refusal, Scope, WholeRequest};
use routes::Effect;
use serde_json::json;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A request is written as it goes over the wire; of its header lines only Host counts, since the host writes all others
itself. `> ` before them, as curl -v prints them, is taken off:
  POST /v2/vectordb/entities/query
  Host: milvus.example:19530

  {\"collectionName\":\"docs\",\"filter\":\"id > 0\"}

Examples:
  milvus-host policy --mode read-only --collections docs,docs_*
  milvus-host policy explain request.http --mode append
  pbpaste | milvus-host policy explain -")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what would become of the request in a file, and by which rule: by the operator's policy alone.
    Explain {
        /// The file, or `-` for standard input.
        file: String,
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

/// A request as it is written in a file.
struct Written<'a> {
    method: &'a str,
    target: &'a str,
    /// What the line `Host` says.
    host: Option<&'a str>,
    body: &'a str,
}

impl<'a> Written<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (line, mut rest) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = sent_line(line).split_whitespace();
        let (Some(method), Some(target), version, None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        if version.is_some_and(|version| !version.starts_with("HTTP/")) {
            return None;
        }
        let mut host = None;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let Some((name, value)) = header(sent_line(line)) else {
                break;
            };
            if name.eq_ignore_ascii_case("host") {
                host = Some(value);
            }
            rest = after;
        }
        // The empty line after the headers, as curl prints it, too.
        let rest = rest.trim_start();
        let body = rest.strip_prefix('>').unwrap_or(rest).trim();
        Some(Self {
            method,
            target,
            host,
            body,
        })
    }
}

/// A line without what curl -v writes before those that it sent.
fn sent_line(line: &str) -> &str {
    line.strip_prefix("> ").unwrap_or(line).trim_end()
}

/// Name and value of a header line (RFC 9112, section 5): JSON is none.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!name.is_empty() && name.bytes().all(token)).then(|| (name, value.trim()))
}

fn explain(settings: &Settings, file: &str, as_json: bool) -> Result<(), Failure> {
    let endpoint = settings.endpoint()?;
    // A body beyond the limit is a matter for the policy, so the file may be larger.
    let cap = settings.limits().request_bytes.saturating_mul(2);
    let text = files::read_input(file, cap)?;
    let Some(written) = Written::read(&text) else {
        return Err(Failure::usage(format!(
            "{file}: expected METHOD and PATH in the first line"
        )));
    };
    let (method, target, body) = (written.method, written.target, written.body);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let authority = endpoint.origin().authority();
    let get = method == "GET";
    let whole = WholeRequest {
        method,
        scheme: endpoint.origin().scheme().name(),
        authority: written.host.unwrap_or(&authority),
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
        call: Scope::of(Effects::of(&Effect::ALL)),
    };
    match policy::admit(&allowance, whole) {
        Ok(admitted) => {
            sent(&admitted, as_json);
            Ok(())
        }
        Err(refusal) => Err(refused(&refusal, as_json)),
    }
}

fn sent(admitted: &Admitted, as_json: bool) {
    let route = admitted.route();
    // Not the route's own: keys of the body raise them.
    let classes: Vec<&str> = admitted.effects().iter().map(Effect::as_str).collect();
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
    let (rule, hint) = (refusal.rule.name(), hints::about(refusal.rule));
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
