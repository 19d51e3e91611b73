//! `milvus-host inspect`: what the component is, what it may reach, and its limits. Nothing is run.

use crate::failure::{Failure, REFUSED};
use crate::output::outln;
use crate::settings::component::digest;
use crate::settings::{Flags, Settings};
use host_harness::{ComponentInfo, Endpoint, LimitKind, Limits, Unit};
use serde_json::{Map, Value, json};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  milvus-host inspect\n  milvus-host inspect --component other.wasm --json\n  milvus-host inspect --component other.wasm --verify 0f1e2d..."
)]
pub(crate) struct Arguments {
    /// Only say whether the component has this digest: exit code 0 if so, 3 if not.
    #[arg(long, value_name = "SHA256")]
    verify: Option<String>,
    /// JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(flags: &Flags, arguments: &Arguments) -> Result<(), Failure> {
    let settings = flags.resolve()?;
    let info = match settings.component().bytes(settings.limits())? {
        Some(bytes) => host_harness::inspect_within(&bytes, settings.limits()),
        None => host_harness::inspect(host_harness::embedded_component()),
    }
    .map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(expected) = &arguments.verify {
        return verify(&info, &digest("--verify", expected)?, arguments.json);
    }
    let endpoint = settings.endpoint()?;
    if arguments.json {
        outln!("{}", described(&info, &settings, &endpoint));
    } else {
        show(&info, &settings, &endpoint);
    }
    Ok(())
}

fn verify(info: &ComponentInfo, expected: &str, as_json: bool) -> Result<(), Failure> {
    let came = format!("sha256:{}", info.digest);
    let verified = info.expect(expected).is_ok();
    if as_json {
        outln!(
            "{}",
            json!({"verified": verified, "expected": expected, "digest": came})
        );
    } else if verified {
        outln!("ok  {came}");
    }
    if verified {
        return Ok(());
    }
    // With JSON that was all there is to say.
    let words = if as_json {
        String::new()
    } else {
        format!("this is another component: expected {expected}, came {came}")
    };
    Err(Failure::local(words).with_code(REFUSED))
}

fn described(info: &ComponentInfo, settings: &Settings, endpoint: &Endpoint) -> Value {
    let limit = |limit: &LimitKind| {
        let unit = if limit.unit() == Unit::Milliseconds {
            "_ms"
        } else {
            ""
        };
        let name = format!("{}{unit}", limit.field());
        (name, json!(settings.limits().get(*limit)))
    };
    let component = settings.component();
    json!({
        "digest": format!("sha256:{}", info.digest),
        "pinned": component.pin(),
        "size_bytes": info.size,
        "imports": info.imports,
        "exports": info.exports,
        "compiled_code": component.cache().map(|folder| folder.display().to_string()),
        "origin": endpoint.origin().to_string(),
        "policy": endpoint.policy().to_string().lines().collect::<Vec<_>>(),
        "limits": LimitKind::ALL.iter().map(limit).collect::<Map<_, _>>(),
    })
}

fn show(info: &ComponentInfo, settings: &Settings, endpoint: &Endpoint) {
    let origin = endpoint.origin();
    outln!("component   {} bytes, sha256:{}", info.size, info.digest);
    match settings.component().pin() {
        None => outln!("pinned      no: any component is run that imports no more than this"),
        Some(pin) if info.expect(pin).is_ok() => outln!("pinned      to this digest"),
        Some(pin) => outln!("pinned      to another: {pin}, so this one is not run"),
    }
    for (title, names) in [("imports", &info.imports), ("exports", &info.exports)] {
        for (position, name) in names.iter().enumerate() {
            outln!("{:<11} {name}", if position == 0 { title } else { "" });
        }
    }
    match settings.component().cache() {
        None => outln!("compiled    at each start"),
        Some(folder) => outln!(
            "compiled    once; its code is kept in {}, while nobody else can write there",
            folder.display()
        ),
    }
    outln!(
        "\npolicy      It may send Milvus' own REST requests ({} routes, compared byte by byte) to\n            {origin}\n            \
         and nothing else, nowhere else. The host writes every header, sends the body that it\n            \
         checked with its own length, follows no redirection, and adds the token, which the\n            \
         component never sees. It has no file, no environment, no socket, no clock of the day,\n            \
         no random numbers. What a call lets out is for the tool and the collection that it names, in\n            \
         its database; beyond that the operator allows:",
        routes::all().count()
    );
    for line in endpoint.policy().to_string().lines() {
        outln!("            {line}");
    }
    outln!("\nlimits      set by --limit NAME=VALUE; docs/limits.md says what happens at each");
    show_limits(settings.limits());
}

fn show_limits(limits: &Limits) {
    for limit in LimitKind::ALL {
        outln!(
            "            {:<20} {}",
            limit.name(),
            limit.shown(limits.get(*limit))
        );
    }
}
