//! The component in hosts that others made: PyPI's wasmtime and npm's jco. What it promises is kept by our host alone; that
//! it runs elsewhere is shown here.

use crate::cycles::Running;
use crate::python;
use crate::run::{root, succeed, target};
use anyhow::{Context, Result, ensure};
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
    let hits = printed[0].lines().nth(3).unwrap_or_default();
    ensure!(
        hits.starts_with(r#"{"hits":[{"distance":1.0,"entity":{"word":"dog"}"#),
        "expected the nearest row first, got {hits}"
    );
    Ok(())
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
