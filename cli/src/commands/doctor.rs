//! `milvus-host doctor`: what is reachable, and what to do where something is not. It goes the same way as every
//! call: through the sandbox and its policy.

use super::call::spoken;
use crate::failure::{Failure, REFUSED, TOOL, UNREACHABLE};
use crate::hints;
use crate::output::{clean, outln};
use crate::settings::{Flags, Settings};
use crate::unreachable::advice;
use host_harness::{CallError, Dialect, ErrorKind, Host, Origin, Scheme};
use serde_json::{Value, json};

/// Milvus' port of metrics and management (`metrics.port`), which is no place for a client.
const MANAGEMENT_PORT: u16 = 9091;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  milvus-host doctor\n  milvus-host doctor --uri https://milvus.example.com --json"
)]
pub(crate) struct Arguments {
    /// JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    good: bool,
    found: String,
    advice: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            good: true,
            found: found.into(),
            advice: None,
        }
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            name,
            good: false,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }
}

pub(crate) async fn run(flags: &Flags, arguments: &Arguments) -> Result<(), Failure> {
    let settings = flags.resolve()?;
    let mut endpoint = settings.endpoint()?;
    let origin = endpoint.origin().clone();
    let host = settings.host()?;
    let mut checks = vec![Check::good(
        "component",
        format!(
            "{} imports, sha256:{}",
            host.component().imports.len(),
            host.component().digest
        ),
    )];
    if origin.port() == MANAGEMENT_PORT {
        checks.push(Check::bad(
            "port",
            "9091 is Milvus' port of metrics and management",
            "name the port of its API, 19530 by default",
        ));
    }
    match host.probe(&endpoint).await {
        Ok(info) => {
            let spoken = spoken(&info);
            if settings.dialect() == Some(Dialect::V2) && spoken == Dialect::V1 {
                checks.push(Check::bad(
                    "dialect",
                    format!("{origin} has no REST v2"),
                    "leave --dialect (MILVUS_DIALECT) out: it is found out",
                ));
            }
            checks.push(Check::good(
                "milvus",
                match spoken {
                    Dialect::V2 => format!("{origin} answers and speaks REST v2"),
                    Dialect::V1 => format!(
                        "{origin} answers and speaks REST v1 (Milvus 2.2.9 to 2.3.12), which has fewer operations"
                    ),
                },
            ));
            endpoint = settings.endpoint_in(Some(settings.dialect().unwrap_or(spoken)))?;
        }
        Err(error) => checks.push(match speaks_tls(&host, &settings, &origin, &error).await {
            Some(check) => check,
            None => unreachable(&error, &origin),
        }),
    }
    let mut code = TOOL;
    if checks.iter().all(|check| check.good) {
        checks.push(
            match host
                .call_tool(&endpoint, "milvus_collection", r#"{"operation":"list"}"#)
                .await
            {
                Ok(answer) => {
                    let answer: Value = serde_json::from_str(answer.raw()).unwrap_or_default();
                    let count = answer["collections"].as_array().map_or(0, Vec::len);
                    let database = settings.database().unwrap_or("default");
                    Check::good(
                        "database",
                        format!("`{}`, collections in it: {count}", clean(database)),
                    )
                }
                Err(error) => Check::bad(
                    "database",
                    error.to_string(),
                    "is the name right, and may the token see it?",
                ),
            },
        );
    } else if checks.iter().any(|check| check.name == "connection") {
        code = UNREACHABLE;
    } else if checks.iter().any(|check| check.name == "policy") {
        code = REFUSED;
    }
    show(&checks, arguments.json);
    if checks.iter().all(|check| check.good) {
        return Ok(());
    }
    // With JSON the checks are all there is to say.
    let words = if arguments.json {
        ""
    } else {
        "something is not as it should be, see above"
    };
    Err(Failure::local(words).with_code(code))
}

/// Whether what answers an http origin in no HTTP that is Milvus' speaks TLS at the same port.
async fn speaks_tls(
    host: &Host,
    settings: &Settings,
    origin: &Origin,
    error: &CallError,
) -> Option<Check> {
    let answered =
        matches!(error, CallError::Tool(tool) if tool.kind != ErrorKind::Unauthenticated);
    if origin.scheme() != Scheme::Http || !answered {
        return None;
    }
    let endpoint = settings.over_tls(origin)?;
    match host.probe(&endpoint).await {
        Err(CallError::Unreachable { reason, .. }) if !reason.shows_tls() => None,
        Err(error) if !matches!(error, CallError::Unreachable { .. } | CallError::Tool(_)) => None,
        _ => Some(Check::bad(
            "connection",
            format!("{origin} speaks TLS"),
            format!("name it with https: --uri {}", endpoint.origin()),
        )),
    }
}

fn unreachable(error: &CallError, origin: &Origin) -> Check {
    if let CallError::Unreachable { reason, .. } = error {
        return Check::bad(
            "connection",
            format!("cannot reach {origin}: {reason}"),
            advice(*reason, origin),
        );
    }
    let kind = match error {
        CallError::Tool(tool)
        | CallError::Refused { error: tool, .. }
        | CallError::Limit {
            error: Some(tool), ..
        } => Some(tool.kind),
        _ => None,
    };
    let text = match error {
        CallError::Tool(tool) => tool.message.clone(),
        other => other.to_string(),
    };
    if let CallError::Refused { refusals, .. } = error {
        let hint = refusals
            .first()
            .map_or("", |refusal| hints::about(refusal.rule));
        return Check::bad("policy", text, hint);
    }
    match kind {
        Some(ErrorKind::Unauthenticated) => Check::bad(
            "token",
            format!("{origin} answers, but wants a token, or another one"),
            "set MILVUS_TOKEN=user:password (or an API key), or name a file with --token-file",
        ),
        Some(ErrorKind::Protocol) => Check::bad(
            "milvus",
            text,
            "does another program answer at this port? Milvus' own is 19530 by default",
        ),
        _ => Check::bad(
            "connection",
            text,
            "is Milvus running? `milvus-host local` starts one; --uri or MILVUS_URI names another",
        ),
    }
}

fn show(checks: &[Check], as_json: bool) {
    if as_json {
        let checks: Vec<Value> = checks
            .iter()
            .map(|check| json!({"check": check.name, "good": check.good, "found": check.found, "advice": check.advice}))
            .collect();
        outln!("{}", json!({"checks": checks}));
        return;
    }
    for check in checks {
        outln!(
            "{} {:<11} {}",
            if check.good { "ok " } else { "NO " },
            check.name,
            clean(&check.found)
        );
        if let Some(advice) = &check.advice {
            outln!("{:<15} -> {}", "", clean(advice));
        }
    }
}
