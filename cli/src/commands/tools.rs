//! `milvus-host tools`: what there is to call.

use crate::failure::Failure;
use crate::output::{clean, table};
use crate::settings::Flags;
use host_harness::Tool;
use serde_json::{Value, json};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  milvus-host tools\n  milvus-host tools milvus_search\n  milvus-host tools --json"
)]
pub(crate) struct Arguments {
    /// Show one tool: its words and its arguments.
    name: Option<String>,
    /// JSON on standard output, as the Model Context Protocol describes tools.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(flags: &Flags, arguments: &Arguments) -> Result<(), Failure> {
    let host = flags.resolve()?.host()?;
    let mut tools = host
        .list_tools()
        .await
        .map_err(|error| Failure::call(&error, "", arguments.json))?;
    if let Some(name) = &arguments.name {
        tools.retain(|tool| tool.name == *name);
        if tools.is_empty() {
            return Err(
                Failure::usage(format!("there is no tool `{}`", clean(name)))
                    .with_hint("`milvus-host tools` lists them"),
            );
        }
    }
    if arguments.json {
        let tools: Vec<Value> = tools.iter().map(described).collect();
        println!("{}", json!({"tools": tools}));
    } else if arguments.name.is_some() {
        for tool in &tools {
            show(tool);
        }
    } else {
        let mut table = table(&["tool", "effect", "what it does"]);
        for tool in &tools {
            table.add_row([
                clean(&tool.name),
                effect(tool).to_owned(),
                clean(&tool.title),
            ]);
        }
        println!("{table}");
        eprintln!(
            "`milvus-host tools NAME` shows a tool's arguments, `milvus-host call NAME JSON` calls it"
        );
    }
    Ok(())
}

fn effect(tool: &Tool) -> &'static str {
    match (tool.annotations.read_only, tool.annotations.destructive) {
        (true, _) => "reads",
        (false, false) => "adds",
        (false, true) => "removes",
    }
}

/// A tool as the Model Context Protocol describes it.
fn described(tool: &Tool) -> Value {
    json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": serde_json::from_str::<Value>(&tool.input_schema).unwrap_or_default(),
        "outputSchema": serde_json::from_str::<Value>(&tool.output_schema).unwrap_or_default(),
        "annotations": {
            "readOnlyHint": tool.annotations.read_only,
            "destructiveHint": tool.annotations.destructive,
            "idempotentHint": tool.annotations.idempotent,
            "openWorldHint": true,
        },
    })
}

fn show(tool: &Tool) {
    println!(
        "{} ({}): {}\n",
        clean(&tool.name),
        effect(tool),
        clean(&tool.title)
    );
    println!("{}\n", clean(&tool.description));
    let schema: Value = serde_json::from_str(&tool.input_schema).unwrap_or_default();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut table = table(&["argument", "kind", "what it is"]);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let kind = property["type"].as_str().unwrap_or("any");
        let kind = if required.contains(&name.as_str()) {
            format!("{kind}, required")
        } else {
            kind.to_owned()
        };
        let mut words = property["description"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(example) = property["examples"]
            .as_array()
            .and_then(|examples| examples.first())
        {
            words = format!("{words} Example: {example}");
        }
        table.add_row([clean(name), kind, clean(&words)]);
    }
    println!("{table}");
}
