//! `milvus-host inspect`: what the component is, what it may reach, and its limits. Nothing is run.

use crate::failure::Failure;
use crate::output::outln;
use crate::settings::Flags;
use host_harness::{ComponentInfo, Endpoint, Limits};
use serde_json::json;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  milvus-host inspect\n  milvus-host inspect --component other.wasm --json"
)]
pub(crate) struct Arguments {
    /// JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(flags: &Flags, arguments: &Arguments) -> Result<(), Failure> {
    let settings = flags.resolve()?;
    let info = match settings.component()? {
        Some(bytes) => host_harness::inspect(&bytes),
        None => host_harness::inspect(host_harness::embedded_component()),
    }
    .map_err(|error| Failure::usage(error.to_string()))?;
    let endpoint = settings.endpoint()?;
    let limits = settings.limits()?;
    if arguments.json {
        outln!(
            "{}",
            json!({
                "digest": format!("sha256:{}", info.digest),
                "size_bytes": info.size,
                "imports": info.imports,
                "exports": info.exports,
                "origin": endpoint.origin().to_string(),
                "policy": endpoint.policy().to_string().lines().collect::<Vec<_>>(),
                "limits": {
                    "memory_bytes": limits.memory_bytes,
                    "call_time_ms": limits.call_time.as_millis(),
                    "request_bytes": limits.request_bytes,
                    "response_bytes": limits.response_bytes,
                    "requests_per_call": limits.requests_per_call,
                    "budget_bytes": limits.budget_bytes,
                    "concurrent_calls": limits.concurrent_calls,
                    "handles": limits.handles,
                    "header_bytes": limits.header_bytes,
                },
            })
        );
    } else {
        show(&info, &endpoint, &limits);
    }
    Ok(())
}

fn show(info: &ComponentInfo, endpoint: &Endpoint, limits: &Limits) {
    let origin = endpoint.origin();
    outln!("component   {} bytes, sha256:{}", info.size, info.digest);
    for (title, names) in [("imports", &info.imports), ("exports", &info.exports)] {
        for (position, name) in names.iter().enumerate() {
            outln!("{:<11} {name}", if position == 0 { title } else { "" });
        }
    }
    outln!(
        "\npolicy      It may send Milvus' own REST requests ({} routes, compared byte by byte) to\n            {origin}\n            \
         and nothing else, nowhere else. The host writes every header, sends the body that it\n            \
         checked with its own length, follows no redirection, and adds the token, which the\n            \
         component never sees. It has no file, no environment, no socket, no clock of the day,\n            \
         no random numbers. What a call lets out is for the tool and the collection that it names;\n            \
         beyond that the operator allows:",
        routes::all().count()
    );
    for line in endpoint.policy().to_string().lines() {
        outln!("            {line}");
    }
    outln!(
        "\nlimits      {} MiB of memory, {} s and {} requests a call, {} MiB a request, {} MiB an answer,\n            \
         {} calls at a time",
        limits.memory_bytes >> 20,
        limits.call_time.as_secs_f64(),
        limits.requests_per_call,
        limits.request_bytes >> 20,
        limits.response_bytes >> 20,
        limits.concurrent_calls
    );
}
