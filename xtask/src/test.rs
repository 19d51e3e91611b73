//! All checks and tests. What a check prints is shown when it fails; the last line counts.

use crate::build;
use crate::run::{cargo, root, target};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// What was counted so far.
#[derive(Debug, Default)]
struct Tally {
    /// How many random cases a test tries.
    cases: &'static str,
    passed: u64,
    failed: u64,
    /// Names of the tests that ran and passed.
    names: BTreeSet<String>,
}

/// The host's side, built and tested together: features unify over what is, so that wasmtime is built once.
const HOSTS_SIDE: [&str; 5] = [
    "milvus-code-cache",
    "milvus-host-harness",
    "milvus-host",
    "milvus-tests",
    "xtask",
];

/// Runs everything, with so many random cases of each kind.
///
/// # Errors
/// A program cannot be started.
pub(crate) fn test(cases: &'static str) -> Result<ExitCode> {
    let start = Instant::now();
    let mut tally = Tally {
        cases,
        ..Tally::default()
    };
    step("the component and the hostile guest");
    build::component(build::PROFILE)?;
    build::guest()?;

    let wasm = [
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "milvus-plugin",
        "--package",
        "hostile-guest",
    ];
    tally.check("formatting", cargo().args(["fmt", "--all", "--check"]))?;
    tally.check(
        "clippy, the host's side",
        cargo().args([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    tally.check(
        "clippy, the component's side",
        cargo()
            .args(["clippy", "--locked"])
            .args(wasm)
            .args(["--lib", "--", "-D", "warnings"]),
    )?;
    tally.check(
        "documentation",
        cargo()
            .args(["doc", "--locked", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    tally.done(
        "the component, built a second time elsewhere",
        crate::reproducible::reproducible,
    );
    tally.done("the dependencies", crate::supply::supply);

    step("the command line, and the tests of the host's side");
    build::tests(&HOSTS_SIDE)?;
    step("the local Milvus");
    let environment = local_milvus()?;
    tally.done("the component in other hosts", crate::hosts::hosts);
    tally.pytest(&environment)?;

    // The component by itself: features unify over what is tested together, and it has to do without the others'.
    tally.cargo_test(
        "the component, the table of routes and the policy",
        &[
            "milvus-plugin",
            "milvus-lenient",
            "milvus-routes",
            "milvus-policy",
        ],
    )?;
    tally.cargo_test("the host's side, and end to end", &HOSTS_SIDE)?;
    tally.proved("PRIVACY.md")?;
    tally.proved("docs/limits.md")?;
    tally.threats();

    println!(
        "\nall checks and tests: {:.0} s",
        start.elapsed().as_secs_f64()
    );
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Writes a page of the documentation by the test in `target` that compares it.
///
/// # Errors
/// The build fails.
pub(crate) fn page(target: &[&str], test: &str) -> Result<()> {
    let mut command = cargo();
    command
        .args(["test", "--locked", "--release"])
        .env("MILVUS_WRITE_PAGES", "1");
    for package in HOSTS_SIDE {
        command.args(["--package", package]);
    }
    command.args(target).arg(test);
    crate::run::succeed(&mut command, "writing the page")
}

fn step(what: &str) {
    println!("== {what}");
}

/// Installs both local servers by the one way there is, then what its tests need; the Python of the latter.
fn local_milvus() -> Result<std::path::PathBuf> {
    let home = target().join("local-milvus");
    for server in crate::cycles::SERVERS {
        let mut install = Command::new(target().join("release/milvus-host"));
        install
            .args(["local", "--server", server, "--install"])
            .env("MILVUS_LOCAL_HOME", &home);
        crate::run::succeed(&mut install, "installing the local Milvus")?;
    }
    // The gateway's own requirements and those of its tests, in an environment apart: what users get stays as it is.
    let files = ["requirements.txt", "requirements-test.txt"]
        .map(|name| root().join("local-milvus").join(name));
    crate::python::environment(&home.join("test-venv"), &files)
}

impl Tally {
    fn count(&mut self, good: bool) {
        if good {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// A check that passes or fails as a whole.
    fn check(&mut self, what: &str, command: &mut Command) -> Result<()> {
        step(what);
        let output = run(command, |_| ())?;
        if !output.good {
            println!("{}FAILED: {what}", output.text);
        }
        self.count(output.good);
        Ok(())
    }

    /// A check of this program's own.
    fn done(&mut self, what: &str, check: impl FnOnce() -> Result<()>) {
        step(what);
        let done = check();
        if let Err(error) = &done {
            println!("FAILED: {what}: {error:#}");
        }
        self.count(done.is_ok());
    }

    /// The tests of some packages, their documentation's included.
    fn cargo_test(&mut self, what: &str, packages: &[&str]) -> Result<()> {
        step(&format!("tests of {what}"));
        let mut command = cargo();
        command.args(["test", "--locked", "--release", "--no-fail-fast"]);
        command.env("MILVUS_CASES", self.cases);
        for package in packages {
            command.args(["--package", package]);
        }
        let (mut passed, mut failed) = (0, 0);
        let mut names = BTreeSet::new();
        let output = run(&mut command, |line| {
            if let Some(counts) = line.strip_prefix("test result: ") {
                passed += number_before(counts, " passed");
                failed += number_before(counts, " failed");
            } else if let Some(name) = line
                .strip_prefix("test ")
                .and_then(|line| line.strip_suffix(" ... ok"))
            {
                names.insert(name.to_owned());
            } else if line.ends_with(" ... FAILED") {
                println!("   {line}");
            }
        })?;
        println!("   {passed} passed, {failed} failed");
        if !output.good {
            println!("{}", output.text);
        }
        self.passed += passed;
        // A build that fails has no counts of its own.
        self.failed += if failed == 0 && !output.good {
            1
        } else {
            failed
        };
        self.names.extend(names);
        Ok(())
    }

    /// The gateway's own tests.
    fn pytest(&mut self, python: &Path) -> Result<()> {
        step("tests of the local Milvus' gateway");
        let mut command = Command::new(python);
        // `-rp`: the names of those that passed.
        command.args([
            "-m",
            "pytest",
            "-q",
            "-rp",
            "-p",
            "no:cacheprovider",
            "tests",
        ]);
        command
            .current_dir(root().join("local-milvus"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let (mut passed, mut failed) = (0, 0);
        let mut names = BTreeSet::new();
        let output = run(&mut command, |line| {
            if let Some(name) = line.strip_prefix("PASSED ") {
                let name = name.split_once('[').map_or(name, |(name, _)| name);
                names.insert(name.to_owned());
            } else if line.contains(" passed") || line.contains(" failed") {
                passed = number_before(line, " passed");
                failed = number_before(line, " failed") + number_before(line, " error");
            }
        })?;
        println!("   {passed} passed, {failed} failed");
        if !output.good {
            println!("{}", output.text);
        }
        self.passed += passed;
        self.failed += if failed == 0 && !output.good {
            1
        } else {
            failed
        };
        self.names.extend(names);
        Ok(())
    }

    /// Every proof that a document names is a test that ran and passed.
    fn proved(&mut self, document: &'static str) -> Result<()> {
        step(&format!("the proofs that {document} names"));
        let text = std::fs::read_to_string(root().join(document)).context(document)?;
        self.ran(&proofs(&text));
        Ok(())
    }

    /// The table of threats is up to date, and every test that it names ran and passed.
    fn threats(&mut self) {
        step("the tests that docs/threats.md names");
        match crate::threats::check() {
            Ok(tests) => self.ran(&tests),
            Err(error) => {
                println!("   {error:#}");
                self.count(false);
            }
        }
    }

    /// Whether all these tests ran and passed.
    fn ran(&mut self, tests: &BTreeSet<String>) {
        let missing: Vec<&String> = tests.difference(&self.names).collect();
        for name in &missing {
            println!("   {name}: no such test ran and passed");
        }
        println!("   {} named, {} missing", tests.len(), missing.len());
        self.count(missing.is_empty() && !tests.is_empty());
    }
}

/// The names of tests in a document: what stands in backticks and has `::` in it, in the last column of its tables.
fn proofs(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| name.contains("::"))
        .map(ToOwned::to_owned)
        .collect()
}

struct Output {
    good: bool,
    text: String,
}

/// Runs a command; its standard output line by line to `see` and whole to the caller, its standard error to the
/// person who waits.
fn run(command: &mut Command, mut see: impl FnMut(&str)) -> Result<Output> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    let mut text = String::new();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            see(&line);
            text.push_str(&line);
            text.push('\n');
        }
    }
    Ok(Output {
        good: child.wait()?.success(),
        text,
    })
}

/// The number that stands before `word` in a line such as `ok. 5 passed; 0 failed`.
fn number_before(line: &str, word: &str) -> u64 {
    line.split(word)
        .next()
        .filter(|before| before.len() < line.len())
        .and_then(|before| before.rsplit(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_both_test_runners_are_read() {
        assert_eq!(
            number_before("ok. 5 passed; 2 failed; 0 ignored", " failed"),
            2
        );
        assert_eq!(
            number_before("3 failed, 517 passed in 32.10s", " passed"),
            517
        );
        assert_eq!(number_before("517 passed in 32.10s", " failed"), 0);
    }

    #[test]
    fn proofs_are_read_from_the_last_column() {
        let text =
            "| a `x::y` | b | `hostile::one`, `hostile::two` |\n| a | b | none |\n`no::table`";
        assert_eq!(
            proofs(text).into_iter().collect::<Vec<_>>(),
            ["hostile::one", "hostile::two"]
        );
    }
}
