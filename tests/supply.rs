//! What the host is made of: the engine's version and features, where code that is not checked may stand, and packages
//! that were replaced on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::local::{command, unique};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the project")
        .to_owned()
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Names and versions in Cargo.lock.
fn locked() -> Vec<(String, String)> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("it is there");
    let quoted = |line: &str, key: &str| {
        let text = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        Some(text.trim_end_matches('"').to_owned())
    };
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = lines.windows(2);
    pairs
        .filter_map(|pair| Some((quoted(pair[0], "name")?, quoted(pair[1], "version")?)))
        .collect()
}

#[test]
fn t44_the_engine_is_of_one_version_and_no_older_than_its_last_security_release() {
    let engine: Vec<_> = locked()
        .into_iter()
        .filter(|(name, _)| name == "wasmtime" || name.starts_with("wasmtime-"))
        .collect();
    assert!(engine.len() > 5, "{engine:?}");
    let versions: BTreeSet<_> = engine.iter().map(|(_, version)| version).collect();
    assert_eq!(versions.len(), 1, "{engine:?}");
    for version in versions {
        let numbers: Vec<u32> = version.split('.').flat_map(str::parse).collect();
        assert!(numbers >= vec![48, 0, 8], "{version}");
    }
}

#[test]
fn t44_the_engine_is_built_with_gc_and_threads_and_with_nothing_that_is_not_needed() {
    // Builds without `gc` or without `threads` had faults of their own (by its title, GHSA-2674-w29h-wqvj is about the
    // latter); their proposals are switched off in the engine's settings. What is not compiled in need not be switched off.
    let arguments = "tree --locked --offline --package milvus-host --edges features,no-dev --invert wasmtime --prefix none --depth 1";
    let output = cargo()
        .args(arguments.split(' '))
        .output()
        .expect("cargo is there");
    let text = String::from_utf8(output.stdout).expect("text");
    let quoted = text
        .lines()
        .filter_map(|line| line.strip_prefix("wasmtime feature "));
    let features: BTreeSet<_> = quoted.filter_map(|line| line.split('"').nth(1)).collect();
    let expected = [
        "async",
        "component-model",
        "cranelift",
        "gc",
        "once_cell",
        "parallel-compilation",
        "pooling-allocator",
        "reexport-wasmparser",
        "runtime",
        "std",
        "threads",
        "wasmtime-jit-icache-coherence",
        "wasmtime-unwinder",
    ];
    assert_eq!(features, BTreeSet::from(expected), "{text}");
}

/// The project's Rust files, by their path from its root.
fn sources() -> BTreeMap<String, String> {
    fn add(folder: &Path, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    add(&path, files);
                }
            } else if path.extension() == Some(OsStr::new("rs")) {
                let name = path
                    .strip_prefix(root())
                    .expect("it is below")
                    .to_string_lossy()
                    .into_owned();
                files.insert(name, fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    let mut files = BTreeMap::new();
    add(&root(), &mut files);
    files
}

#[test]
fn t69_unsafe_code_stands_in_one_module() {
    let mut sources = sources();
    assert!(sources.len() > 200, "the sources are elsewhere");
    // The hostile guest is an attack: it misuses handles, and looks for marks in its memory.
    sources.retain(|path, _| !path.starts_with("tests/hostile/guest/"));
    let with = |texts: &[String]| -> Vec<&str> {
        let holds = |code: &str| texts.iter().any(|text| code.contains(text.as_str()));
        let found = sources.iter().filter(|(_, code)| holds(code));
        found.map(|(path, _)| path.as_str()).collect()
    };
    let word = concat!("un", "safe");
    let blocks = ["{", "fn", "impl", "extern", "trait"].map(|next| format!("{word} {next}"));
    let module = "code-cache/src/lib.rs";
    assert_eq!(with(&blocks), [module]);
    assert_eq!(sources[module].matches(&blocks[0]).count(), 1);
    // Beside it, what wit-bindgen generates into the component, which nobody trusts.
    let lint = format!("{word}_code");
    let excused = [format!("    {lint},"), format!("({lint},")];
    assert_eq!(with(&excused), [module, "src/exports/mod.rs", "src/lib.rs"]);
    assert_eq!(
        with(&[format!("\n#![forbid({lint})]")]),
        [
            "cli/src/main.rs",
            "examples/demo/src/main.rs",
            "host-harness/src/lib.rs",
            "lenient/src/lib.rs",
            "policy/src/lib.rs",
            "routes/src/lib.rs",
            "tests/main.rs",
            "xtask/src/main.rs",
        ]
    );
}

#[test]
fn t69_a_wheel_that_was_replaced_is_not_installed() {
    let home = std::env::temp_dir().join(unique("milvus-wheels"));
    let wheels = home.join("wheels");
    fs::create_dir_all(&wheels).expect("the temporary folder can be written");
    // Every wheel is there under its name and version, with other bytes.
    let wanted = root().join("local-milvus/requirements.txt");
    let wanted = fs::read_to_string(wanted).expect("it is there");
    let first_words = wanted
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut count = 0;
    for (name, version) in first_words.filter_map(|word| word.split_once("==")) {
        let wheel = format!("{}-{version}-py3-none-any.whl", name.replace('-', "_"));
        fs::write(wheels.join(wheel), "not what was locked").expect("a file");
        count += 1;
    }
    assert!(count > 5, "the locked wheels are elsewhere");
    let mut install = command();
    install.args(["local", "--install", "--home"]);
    install.arg(home.join("installation"));
    // Where pip looks in place of its index.
    install
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", &wheels);
    let ran = install.output().expect("it can be started");
    fs::remove_dir_all(&home).expect("it was just made");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success());
    assert!(errors.contains("DO NOT MATCH THE HASHES"), "{errors}");
}
