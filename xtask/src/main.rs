//! `cargo xtask`: builds, demonstrates and tests the project.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to the person who runs it"
)]

mod baseline;
mod build;
mod cycles;
mod demo;
mod hosts;
mod python;
mod reproducible;
mod run;
mod supply;
mod test;
mod threats;

use anyhow::{Context as _, Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo            everything from nothing: builds, starts a local Milvus, and shows the main job through the sandbox
  test            all checks and tests, servers included; the last line is `N passed, N failed`
  test --long     the same with ten times as many random cases
  cycles [N] [lite | standalone]
                  starts and stops each local server N times (50), kills a third of them, and looks for what is left
  build           the component, to target/component/milvus_plugin.wasm, and into the host library
  build --names   the same with names kept, for reading traps
  build --guest   the hostile guest, which the tests load
  reproducible    builds the component twice, in two folders, and compares the bytes
  supply          licences, bans and sources of all dependencies, and advisories where they can be had
  baseline        wit/baseline, from the contract as it is now: before the first release a break replaces it
  hosts           runs the component in PyPI's wasmtime and npm's jco, against a local Milvus
  tools           docs/tools.md, from the tools' definitions
  settings        the tables of docs/settings.md, from the flags of the command line
  threats         docs/threats.md, from docs/threats.toml and the names of the tests";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo"] => demo::demo(),
        ["test"] => test::test("100000"),
        ["test", "--long"] => test::test("1000000"),
        ["cycles"] => cycles::cycles(cycles::DEFAULT, &cycles::SERVERS),
        ["cycles", count, servers @ ..] => {
            let count = count.parse().context("expected a number of cycles")?;
            let servers = if servers.is_empty() {
                &cycles::SERVERS
            } else {
                servers
            };
            cycles::cycles(count, servers)
        }
        ["build"] => build::component(build::PROFILE).map(|()| ExitCode::SUCCESS),
        ["build", "--names"] => {
            build::component(build::PROFILE_WITH_NAMES).map(|()| ExitCode::SUCCESS)
        }
        ["build", "--guest"] => build::guest().map(|()| ExitCode::SUCCESS),
        ["reproducible"] => reproducible::reproducible().map(|()| ExitCode::SUCCESS),
        ["supply"] => supply::supply().map(|()| ExitCode::SUCCESS),
        ["baseline"] => baseline::write().map(|()| ExitCode::SUCCESS),
        ["hosts"] => {
            build::component(build::PROFILE)?;
            build::host(&demo::PACKAGES)?;
            hosts::hosts().map(|()| ExitCode::SUCCESS)
        }
        ["tools"] => test::page(&["--test", "milvus"], "tools::page").map(|()| ExitCode::SUCCESS),
        ["settings"] => {
            test::page(&["--bin", "milvus-host"], "settings::page").map(|()| ExitCode::SUCCESS)
        }
        ["threats"] => threats::write().map(|()| ExitCode::SUCCESS),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("`{}` is no command\n\n{HELP}", other.join(" ")),
    }
}
