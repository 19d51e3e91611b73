//! `milvus-host rest`: sends one request to a route of Milvus' REST API.

use super::call;
use super::tools::nearest;
use crate::failure::Failure;
use crate::output::{clean, outln, table};
use crate::settings::Flags;
use host_harness::{CallError, ErrorKind};
use routes::{Effect, Key, Route, Verdict};
use serde_json::{Value, json};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A route is named by its path without the prefix, with dots or slashes; the body has Milvus' own keys. Only this request
is let out, under the same policy as every call. The answer is what Milvus wrote, without `code` and `message`.

Examples:
  milvus-host rest --list                              every route, with its classes of effect
  milvus-host rest --list indexes.create               its keys
  milvus-host rest collections.list
  milvus-host rest aliases/create '{\"collectionName\":\"docs\",\"aliasName\":\"current\"}'")]
pub(crate) struct Arguments {
    /// The route, such as `indexes.describe`.
    #[arg(required_unless_present = "list")]
    route: Option<String>,
    /// The body: JSON or JSON5, `@FILE`, or `-` for standard input.
    #[arg(default_value = "{}", conflicts_with = "list")]
    body: String,
    /// List the routes, or the keys of one; nothing is sent.
    #[arg(long)]
    list: bool,
    /// A failure, or the list, as JSON on standard output. An answer always is.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn run(flags: &Flags, arguments: Arguments) -> Result<(), Failure> {
    let named = arguments.route.as_deref().map(find).transpose()?;
    let route = match named {
        Some(route) if !arguments.list => route,
        named => {
            list(named, arguments.json);
            return Ok(());
        }
    };
    let settings = flags.resolve()?;
    let body = call::text(arguments.body, settings.limits().memory_bytes as u64)?;
    let endpoint = settings.endpoint()?;
    let answer = settings.host()?.rest(&endpoint, route.name, &body).await;
    let answer = answer.map_err(|error| {
        let failure = Failure::call(&error, Some(endpoint.origin()), arguments.json);
        match error {
            CallError::Tool(error) if error.kind == ErrorKind::InvalidArgument => failure
                .with_hint(format!(
                    "`milvus-host rest --list {}` shows its keys",
                    route.name
                )),
            _ => failure,
        }
    })?;
    outln!("{}", call::read(&answer)?);
    Ok(())
}

/// The route of this name, or of this path.
fn find(name: &str) -> Result<&'static Route, Failure> {
    let plain = name.replace('/', ".");
    let by_path = routes::all().find(|route| route.path == name);
    by_path.or_else(|| routes::named(&plain)).ok_or_else(|| {
        let meant = nearest(routes::all().map(|route| route.name), &plain);
        Failure::usage(format!("there is no route `{}`", clean(name)))
            .with_hint(meant.unwrap_or_else(|| "`milvus-host rest --list` lists them".to_owned()))
    })
}

fn list(one: Option<&'static Route>, as_json: bool) {
    let classes = |route: &Route| -> Vec<&str> { route.effects().map(Effect::as_str).collect() };
    if as_json {
        let routes = routes::all().filter(|route| one.is_none_or(|one| one.name == route.name));
        let routes: Vec<Value> = routes
            .map(|route| {
                json!({
                    "route": route.name,
                    "method": route.method.as_str(),
                    "path": route.path,
                    "since": route.since.to_string(),
                    "classes": classes(route),
                    "keys": route.keys.iter().map(|key| key.name).collect::<Vec<_>>(),
                })
            })
            .collect();
        outln!("{}", json!({"routes": routes}));
        return;
    }
    if let Some(route) = one {
        outln!(
            "{} ({})\n{} {}\n",
            route.name,
            classes(route).join(", "),
            route.method,
            route.path
        );
        let mut keys = table(&["key", "since", "what it does"]);
        for key in route.keys {
            keys.add_row([key.name.to_owned(), since(route, key), does(key)]);
        }
        outln!("{keys}");
        return;
    }
    let mut listed = table(&["name", "since", "classes"]);
    for route in routes::all() {
        listed.add_row([
            route.name.to_owned(),
            route.since.to_string(),
            classes(route).join(", "),
        ]);
    }
    outln!("{listed}");
}

fn since(route: &Route, key: &Key) -> String {
    key.since
        .unwrap_or(route.since)
        .max(route.since)
        .to_string()
}

/// What is known of a key beside its name.
fn does(key: &Key) -> String {
    let raised = key.raises.filter(|raise| raise.unless.is_empty());
    let words = [
        key.required.then(|| "required".to_owned()),
        (key.verdict != Verdict::Free).then(|| key.verdict.to_string()),
        raised.map(|raise| format!("of class {}", raise.to)),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
