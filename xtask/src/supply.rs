//! Where the dependencies come from, under which licences, and what is known against them: cargo-deny with `deny.toml`.

use crate::run::{cargo, root, succeed, target};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Another version may judge otherwise.
const VERSION: &str = "0.20.2";

/// How long the database of advisories may take to arrive.
const FETCHING: Duration = Duration::from_secs(60);

/// Checks what is locked, and then what is known against it, where that can be had.
///
/// # Errors
/// A dependency is not as `deny.toml` wants it, or cargo-deny cannot be installed.
pub(crate) fn supply() -> Result<()> {
    let check = |what: &[&str]| {
        let mut deny = Command::new(installed()?);
        // It has cargo fetch packages that no build here has needed yet.
        deny.args(["--workspace", "--locked", "check"]).args(what);
        succeed(deny.current_dir(root()), "cargo-deny")
    };
    check(&["licenses", "bans", "sources"])?;
    println!("   wasmtime: {}", newer_engine()?);
    if fetched()? {
        return check(&["advisories"]);
    }
    println!(
        "   advisories: NOT checked, their database (RustSec's, by git) cannot be reached from here"
    );
    Ok(())
}

/// Whether the registry has a newer release of the engine's line, by cargo's own words.
fn newer_engine() -> Result<String> {
    let mut update = cargo();
    update.args(["update", "--dry-run", "--package", "wasmtime"]);
    let asked = update.output().context("cargo cannot be started")?;
    let said = String::from_utf8_lossy(&asked.stderr);
    let newer = said
        .lines()
        .find(|line| line.contains("Updating wasmtime v"));
    Ok(match newer {
        Some(line) => format!("{}: take it, with a word in docs/threats.toml", line.trim()),
        None if asked.status.success() => "no newer release of this line".to_owned(),
        None => "NOT asked, the registry cannot be reached from here".to_owned(),
    })
}

/// Fetches the database of advisories; whether that went well.
fn fetched() -> Result<bool> {
    let mut fetch = Command::new(installed()?);
    // A question for a password is no answer.
    fetch.args(["fetch", "db"]).current_dir(root());
    fetch.env("GIT_TERMINAL_PROMPT", "0");
    fetch.stdout(Stdio::null()).stderr(Stdio::null());
    let mut fetch = fetch.spawn().context("cargo-deny cannot be started")?;
    let until = Instant::now() + FETCHING;
    let status = loop {
        match fetch.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() > until => {
                fetch.kill()?;
                fetch.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    Ok(status.is_some_and(|status| status.success()))
}

/// cargo-deny, installed under the target folder where it is not there yet.
fn installed() -> Result<PathBuf> {
    let folder = target().join("tools").join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if !program.exists() {
        println!("   installing cargo-deny {VERSION} (minutes, once)");
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "--no-default-features"]);
        install.arg(format!("cargo-deny@{VERSION}"));
        install.arg("--root").arg(&folder);
        install.arg("--target-dir").arg(folder.join("made"));
        succeed(&mut install, "installing cargo-deny")?;
        std::fs::remove_dir_all(folder.join("made"))?;
    }
    Ok(program)
}
