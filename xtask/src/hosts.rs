//! The component in hosts that others made: PyPI's wasmtime and npm's jco. What it promises is kept by our host alone; that
//! it runs elsewhere is shown here.

use crate::cycles::Running;
use crate::python;
use crate::run::{root, succeed, target};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lets both hosts run the same steps on one local Milvus, and compares what they print.
///
/// # Errors
/// Something cannot be installed, a step fails, or the hosts differ.
pub(crate) fn hosts() -> Result<()> {
    let sources = root().join("xtask/hosts");
    let home = target().join("hosts");
    let python = python::environment(&home.join("venv"), &[sources.join("requirements.txt")])?;
    let node = python.with_file_name("node");
    let script = node_modules(&sources, &home.join("node"), &node)?;
    let steps = sources.join("steps.txt");
    let expected = std::fs::read_to_string(&steps)?.lines().count() + 1;
    let milvus = Running::start("lite")?;
    let mut printed = Vec::new();
    for (host, program, script) in [
        ("wasmtime of Python", &python, sources.join("python.py")),
        ("jco", &node, script),
    ] {
        let output = Command::new(program)
            .arg(script)
            .arg(crate::build::folder().join("milvus_plugin.wasm"))
            .arg(&steps)
            .arg(milvus.uri())
            .env("MILVUS_TOKEN", "none")
            .output()
            .with_context(|| format!("{host}: cannot be started"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = said.lines().count();
        ensure!(
            output.status.success() && lines == expected,
            "{host}: expected {expected} lines, got {lines}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        println!("   {host}: {lines} lines");
        printed.push(said);
    }
    ensure!(
        printed[0] == printed[1],
        "the hosts differ:\n{}\n{}",
        printed[0],
        printed[1]
    );
    let (names, wanted) = (printed[0].lines().next().unwrap_or_default(), our_tools()?);
    ensure!(names == wanted, "expected the tools {wanted}, got {names}");
    let hits = printed[0].lines().nth(3).unwrap_or_default();
    let nearest = r#"{"hits":[{"distance":1.0,"entity":{"word":"dog"},"id":"9007199254740993"}"#;
    ensure!(
        hits.starts_with(nearest),
        "expected the nearest row first, {nearest}, got {hits}"
    );
    Ok(())
}

/// The names of the tools, as our own host lists them.
fn our_tools() -> Result<String> {
    let mut list = Command::new(target().join("release/milvus-host"));
    let output = list.args(["tools", "--json"]).output()?;
    ensure!(
        output.status.success(),
        "milvus-host tools: expected a list, got {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let listed: Value = serde_json::from_slice(&output.stdout)?;
    let tools = listed["tools"].as_array().context("it lists tools")?;
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    Ok(names.join(" "))
}

/// Installs what jco's script needs beside a copy of it; the copy.
fn node_modules(sources: &Path, folder: &Path, node: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let lock = "package-lock.json";
    let wanted = std::fs::read(sources.join(lock)).context(lock)?;
    let known = std::fs::read(folder.join("complete")).is_ok_and(|known| known == wanted);
    for file in ["package.json", lock, "node.mjs"] {
        std::fs::copy(sources.join(file), folder.join(file)).context(file)?;
    }
    if !known {
        // What an install that was broken off leaves is not complete, whatever was there before.
        let _ = std::fs::remove_file(folder.join("complete"));
        let mut npm = Command::new(node.with_file_name("npm"));
        npm.args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
        ]);
        succeed(npm.current_dir(folder), "installing what Node needs")?;
        std::fs::write(folder.join("complete"), wanted)?;
    }
    Ok(folder.join("node.mjs"))
}
