//! `docs/threats.md`: every threat with its defence and the tests that show it. The words stand in
//! `docs/threats.toml`; the tests are found by their names, which begin with the identifier of a threat: `t33_…`.

use crate::run::root;
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SOURCE: &str = "docs/threats.toml";
const PAGE: &str = "docs/threats.md";

/// The gateway's tests.
const GATEWAY: &str = "local-milvus/tests";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    opening: String,
    closing: String,
    section: Vec<Section>,
    invariant: Vec<Invariant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    threat: Vec<Threat>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Threat {
    id: String,
    title: String,
    /// What is done, and why it would work.
    how: String,
    /// Who does it.
    by: String,
    defence: String,
    /// The files that hold the defence.
    #[serde(default, rename = "in")]
    files: Vec<String>,
    /// It weighs more than others.
    #[serde(default)]
    heavy: bool,
    /// Tests that show it without its identifier: lists of many cases, tests of the gateway.
    #[serde(default)]
    also: Vec<String>,
    /// The feature that is not there yet, and brings the threat and its defence along.
    comes_with: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invariant {
    says: String,
    tests: Vec<String>,
}

/// A test as its runner names it, and the package that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    package: String,
    name: String,
}

/// Writes the page.
///
/// # Errors
/// The source says something that is not so; see [`page`].
pub(crate) fn write() -> Result<()> {
    let (text, tests) = page()?;
    std::fs::write(root().join(PAGE), text).context(PAGE)?;
    println!("{PAGE}: {} tests", tests.len());
    Ok(())
}

/// The names of all tests that the page names, if the page is what would be written now.
///
/// # Errors
/// It is not; or the source says something that is not so.
pub(crate) fn check() -> Result<BTreeSet<String>> {
    let (text, tests) = page()?;
    let written = std::fs::read_to_string(root().join(PAGE)).context(PAGE)?;
    ensure!(
        written == text,
        "{PAGE} is not up to date: run `cargo xtask threats`"
    );
    Ok(tests)
}

/// The page, and the names of the tests in it.
///
/// # Errors
/// A threat has no test, a test has no threat, or a test or a file is named that does not exist.
fn page() -> Result<(String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(root().join(SOURCE)).context(SOURCE)?;
    let source: Source = toml::from_str(&text).context(SOURCE)?;
    let tests = tests()?;
    let wrong = faults(&source, &tests);
    ensure!(wrong.is_empty(), "{SOURCE}:\n  {}", wrong.join("\n  "));
    Ok(render(&source, &tests))
}

fn threats(source: &Source) -> impl Iterator<Item = &Threat> {
    source.section.iter().flat_map(|section| &section.threat)
}

/// All that the source says and that is not so.
fn faults(source: &Source, tests: &[Test]) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeSet<&str> = tests.iter().map(|test| test.name.as_str()).collect();
    for (number, threat) in threats(source).enumerate() {
        let expected = format!("T{:02}", number + 1);
        if threat.id != expected {
            wrong.push(format!("`{}` stands where {expected} belongs", threat.id));
        }
        if of(threat, tests).is_empty() && threat.comes_with.is_none() {
            wrong.push(format!("{} has no test", threat.id));
        }
        for file in &threat.files {
            if !root().join(file).exists() {
                wrong.push(format!("{}: there is no `{file}`", threat.id));
            }
        }
        for test in threat
            .also
            .iter()
            .filter(|test| !known.contains(test.as_str()))
        {
            wrong.push(format!("{}: there is no test `{test}`", threat.id));
        }
    }
    for (number, invariant) in source.invariant.iter().enumerate() {
        if invariant.tests.is_empty() {
            wrong.push(format!("invariant {} has no test", number + 1));
        }
        for test in invariant
            .tests
            .iter()
            .filter(|test| !known.contains(test.as_str()))
        {
            wrong.push(format!(
                "invariant {}: there is no test `{test}`",
                number + 1
            ));
        }
    }
    let ids: BTreeSet<&str> = threats(source).map(|threat| threat.id.as_str()).collect();
    for test in tests {
        for id in identifiers(&test.name).filter(|id| !ids.contains(id.as_str())) {
            wrong.push(format!("`{}`: there is no threat {id}", test.name));
        }
    }
    wrong
}

/// The tests of a threat: those with its identifier, and those that the source names.
fn of<'a>(threat: &Threat, tests: &'a [Test]) -> Vec<&'a Test> {
    tests
        .iter()
        .filter(|test| {
            identifiers(&test.name).any(|id| id == threat.id) || threat.also.contains(&test.name)
        })
        .collect()
}

/// `T33` and `T34` of `credential::tests::t33_t34_name`.
fn identifiers(name: &str) -> impl Iterator<Item = String> {
    let last = name.rsplit("::").next().unwrap_or_default();
    let ids: Vec<_> = last
        .split('_')
        .map_while(|word| {
            let digits = word.strip_prefix('t')?;
            let number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            number.then(|| format!("T{digits}"))
        })
        .collect();
    ids.into_iter()
}

fn render(source: &Source, tests: &[Test]) -> (String, BTreeSet<String>) {
    let mut named = BTreeSet::new();
    let mut page = String::from(
        "<!-- Written by `cargo xtask threats` from docs/threats.toml and the names of the tests. -->\n\n",
    );
    page.push_str(source.opening.trim());
    page.push('\n');
    for section in &source.section {
        let _ = writeln!(page, "\n## {}\n", section.title);
        page.push_str("| | threat | by | tests |\n|---|---|---|---|\n");
        for threat in &section.threat {
            let count = match (of(threat, tests).len(), &threat.comes_with) {
                (0, Some(feature)) => format!("comes with {feature}"),
                (count, Some(feature)) => format!("{count}; more comes with {feature}"),
                (count, None) => count.to_string(),
            };
            let star = if threat.heavy { " ★" } else { "" };
            let _ = writeln!(
                page,
                "| {}{star} | {} | {} | {count} |",
                threat.id, threat.title, threat.by
            );
        }
        for threat in &section.threat {
            let tests = of(threat, tests);
            named.extend(tests.iter().map(|test| test.name.clone()));
            let files: Vec<_> = threat
                .files
                .iter()
                .map(|file| format!("`{file}`"))
                .collect();
            let _ = write!(
                page,
                "\n### {} {}\n\n{}\n\n**Defence.** {}",
                threat.id,
                threat.title,
                threat.how.trim(),
                threat.defence.trim()
            );
            if !files.is_empty() {
                let _ = write!(page, " ({})", files.join(", "));
            }
            page.push('\n');
            if let Some(feature) = &threat.comes_with {
                let _ = writeln!(page, "\n**Comes with {feature}**, which is not there yet.");
            }
            list(&mut page, &tests);
        }
    }
    page.push_str(
        "\n## Invariants\n\nWhat holds for all inputs, each shown by tests that try many.\n",
    );
    for (number, invariant) in source.invariant.iter().enumerate() {
        let _ = writeln!(page, "\n{}. {}\n", number + 1, invariant.says.trim());
        for test in &invariant.tests {
            let _ = writeln!(page, "   - `{test}`");
            named.insert(test.clone());
        }
    }
    page.push('\n');
    page.push_str(source.closing.trim());
    page.push('\n');
    (page, named)
}

/// Tests by their package.
fn list(page: &mut String, tests: &[&Test]) {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for test in tests {
        packages.entry(&test.package).or_default().push(&test.name);
    }
    if !packages.is_empty() {
        page.push('\n');
    }
    for (package, names) in packages {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "- {package}: {}", names.join(", "));
    }
}

/// What may be a test, in all packages: every function, as a runner of tests would name it. Whether it is one shows when
/// it has run.
fn tests() -> Result<Vec<Test>> {
    let mut found = BTreeSet::new();
    for folder in folders()? {
        for file in files(&root().join(folder), "rs")? {
            let Some((package, module)) = place(&file)? else {
                continue;
            };
            let text = std::fs::read_to_string(&file)?;
            found.extend(functions(&text).into_iter().map(|name| Test {
                package: package.clone(),
                name: [module.as_str(), &name].concat(),
            }));
        }
    }
    for file in files(&root().join(GATEWAY), "py")? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(&file)?;
        let functions = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("def ")?;
            rest.split_once('(').map(|(function, _)| function)
        });
        found.extend(functions.map(|function| Test {
            package: "local-milvus".to_owned(),
            name: format!("tests/{name}::{function}"),
        }));
    }
    Ok(found.into_iter().collect())
}

/// The folders of the workspace's packages.
fn folders() -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Manifest {
        workspace: Workspace,
    }
    #[derive(Deserialize)]
    struct Workspace {
        members: Vec<String>,
    }
    let text = std::fs::read_to_string(root().join("Cargo.toml")).context("Cargo.toml")?;
    let manifest: Manifest = toml::from_str(&text).context("Cargo.toml")?;
    let mut folders = manifest.workspace.members;
    folders.push("src".to_owned());
    Ok(folders)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|known| known == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The package of a source file, and its module with `::` behind; `None` for the hostile guest, which has no tests.
fn place(file: &Path) -> Result<Option<(String, String)>> {
    let mut package = file.parent();
    while let Some(folder) = package.filter(|folder| !folder.join("Cargo.toml").exists()) {
        package = folder.parent();
    }
    let Some(package) = package else {
        bail!("{}: it is in no package", file.display());
    };
    if package.ends_with("guest") {
        return Ok(None);
    }
    let manifest = std::fs::read_to_string(package.join("Cargo.toml"))?;
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .with_context(|| format!("{}: no name", package.display()))?;
    Ok(Some((name.to_owned(), module(file.strip_prefix(package)?))))
}

/// `egress::tests::` of `src/egress/tests.rs`. A file in `tests/` is a program of its own.
fn module(file: &Path) -> String {
    let mut parts: Vec<_> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    match parts.first().map(String::as_str) {
        Some("src") => {
            parts.remove(0);
        }
        Some("tests") => {
            parts.drain(..2);
        }
        _ => {}
    }
    if let Some("mod" | "main" | "lib") = parts.last().map(String::as_str) {
        parts.pop();
    }
    parts.iter().map(|part| format!("{part}::")).collect()
}

/// The functions of a source file, and the names that are given to macros which make tests, behind the module that
/// they stand in.
fn functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("mod ") {
            inside = name
                .strip_suffix(" {")
                .map_or_else(String::new, |name| format!("{name}::"));
        } else if line == "}" {
            inside.clear();
        }
        let code = line.trim_start();
        let code = code.strip_prefix("pub(super) ").unwrap_or(code);
        let code = code.strip_prefix("async ").unwrap_or(code);
        let name = match code.strip_prefix("fn ") {
            Some(rest) => rest.split_once('(').map(|(name, _)| name),
            // A name given to a macro: `name: …` or `name` alone.
            None => code
                .split([':', ',', ';'])
                .next()
                .filter(|name| identifiers(name).next().is_some() && is_name(name)),
        };
        if let Some(name) = name {
            found.push(format!("{inside}{name}"));
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_stand_before_the_name() {
        let ids = |name| identifiers(name).collect::<Vec<_>>();
        assert_eq!(ids("a::tests::t01_t33_name_of_t05"), ["T01", "T33"]);
        assert!(ids("hostile::the_t01_name").is_empty());
        assert!(ids("t1_name").is_empty() && ids("t100_name").is_empty());
    }

    #[test]
    fn a_file_is_the_module_that_the_runner_of_tests_names() {
        for (file, expected) in [
            ("src/lib.rs", ""),
            ("src/egress.rs", "egress::"),
            ("src/egress/tests.rs", "egress::tests::"),
            ("src/client/mod.rs", "client::"),
            ("tests/sandbox.rs", ""),
            ("tests/sandbox/limits.rs", "limits::"),
            ("hostile/paths.rs", "hostile::paths::"),
            ("main.rs", ""),
        ] {
            assert_eq!(module(Path::new(file)), expected, "{file}");
        }
    }

    #[test]
    fn tests_of_functions_modules_and_macros_are_found() {
        let text = "fn t01_one() {\n}\n\nlimits! {\n    t02_two: \"x\", {};\n    two: 2;\n    t04_five\n    t05 is no name\n}\n\n#[cfg(test)]\nmod tests {\n    async fn t03_three() {\n    }\n}\nfn four() {\n";
        assert_eq!(
            functions(text),
            ["t01_one", "t02_two", "t04_five", "tests::t03_three", "four"]
        );
    }
}
