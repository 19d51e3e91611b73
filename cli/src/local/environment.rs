//! The Python environment of the local Milvus: made once, pinned by version and hash, under one folder.
//!
//! The folder's names carry a digest of what is in them, so that another version of this program makes its own.
//!
//! `python -m` looks into the working directory first, which may be a folder that somebody else made. So no Python is
//! started here without `-I`, or `-P` where it is to read `PYTHONPATH`, and only pip, which is told of files by
//! relative names, is started in the working directory at all.

use super::program::{Installed, Program};
use crate::failure::Failure;
use crate::{cache, process};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Programs that may be Python, in the order in which they are tried.
const PYTHONS: [&str; 3] = ["python3.11", "python3", "python"];

/// What pip needs beside, to fetch through a proxy or with other certificates.
const FETCHING: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
];

/// The folder for the environment and the gateway: `MILVUS_LOCAL_HOME`, else a folder of the user's cache.
pub(crate) fn home(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let home = given.or_else(cache::folder).ok_or_else(|| {
        Failure::usage("there is no folder for the local Milvus").with_hint("name one with --home")
    })?;
    absolute(&home)
}

/// The same file, named so that a program that is started elsewhere finds it.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Makes what is missing, or finds it. Two programs at once wait for each other.
pub(crate) async fn prepare(
    program: Program,
    home: &Path,
    python: Option<&Path>,
    say: impl Fn(&str),
) -> Result<Installed, Failure> {
    program.check_machine()?;
    let wrong = |what: &str, error: std::io::Error| Failure::local(format!("{what}: {error}"));
    std::fs::create_dir_all(home).map_err(|error| wrong(&home.display().to_string(), error))?;
    let lock = home.join("lock");
    let lock = File::create(&lock).map_err(|error| wrong(&lock.display().to_string(), error))?;
    lock.lock()
        .map_err(|error| wrong("waiting for another installation", error))?;

    let files = program.sources();
    let sources = home.join(format!(
        "sources-{}",
        digest(files.iter().flat_map(|(name, text)| [*name, *text]))
    ));
    let folder = sources.join(program.package());
    std::fs::create_dir_all(&folder)
        .map_err(|error| wrong(&folder.display().to_string(), error))?;
    for (name, text) in files {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|known| known == *text) {
            continue;
        }
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent)
            .map_err(|error| wrong(&parent.display().to_string(), error))?;
        std::fs::write(&path, text).map_err(|error| wrong(&path.display().to_string(), error))?;
    }

    let venv = home.join(format!("venv-{}", digest([program.requirements()])));
    let inside = venv.join("bin/python");
    let complete = venv.join("complete");
    if !complete.exists() {
        install(program, home, &venv, &inside, python, &say).await?;
        if let Some(folder) = program.engine() {
            let module = format!("{}.unpack", program.package());
            let mut unpack = child(&inside);
            package(&mut unpack, &sources, &module)?;
            unpack.arg(venv.join(folder)).current_dir(home);
            run(&mut unpack, "unpacking the engine").await?;
        }
        std::fs::write(&complete, "")
            .map_err(|error| wrong(&complete.display().to_string(), error))?;
    }
    Ok(Installed {
        program,
        python: inside,
        sources,
        engine: program.engine().map(|folder| venv.join(folder)),
    })
}

fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut text = format!("{:x}", hasher.finalize());
    text.truncate(16);
    text
}

async fn install(
    program: Program,
    home: &Path,
    venv: &Path,
    inside: &Path,
    python: Option<&Path>,
    say: &impl Fn(&str),
) -> Result<(), Failure> {
    let python = find_python(python, home).await?;
    say(&format!(
        "installing {} into {} (once; {})",
        program.name(),
        venv.display(),
        program.size()
    ));
    let _ = std::fs::remove_dir_all(venv);
    run(
        child(&python)
            .args(["-Im", "venv"])
            .arg(venv)
            .current_dir(home),
        "making a virtual environment (Debian: apt install python3-venv)",
    )
    .await?;
    let requirements = venv.join("requirements.txt");
    std::fs::write(&requirements, program.requirements())
        .map_err(|error| Failure::local(format!("{}: {error}", requirements.display())))?;
    let mut pip = child(inside);
    process::pass_on(pip.as_std_mut(), |name| {
        name.starts_with("PIP_") || FETCHING.contains(&name.to_ascii_uppercase().as_str())
    });
    pip.args([
        "-Im",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]);
    pip.args([
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--requirement",
    ])
    .arg(&requirements);
    run(&mut pip, &format!("installing {}", program.name())).await
}

/// Has a Python run a module of a package that lies in `sources`, and import nothing of where it was started.
pub(crate) fn package(python: &mut Command, sources: &Path, module: &str) -> Result<(), Failure> {
    // Python would split a name with a colon, and look for its end in the working directory.
    let path = std::env::join_paths([sources])
        .map_err(|error| Failure::usage(format!("{}: {error}", sources.display())))?;
    python
        .args(["-Pm", module])
        .env("PYTHONPATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(())
}

/// A program with a built environment: what is set for this one, a token for example, is not its business.
fn child(program: &Path) -> Command {
    let mut command = Command::new(program);
    process::clear_environment(command.as_std_mut());
    command
}

async fn run(command: &mut Command, what: &str) -> Result<(), Failure> {
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Failure::local(format!("{what}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let mut last: Vec<String> = words.lines().rev().take(8).map(str::to_owned).collect();
    last.reverse();
    Err(Failure::local(format!("{what}: {}", output.status)).with_lines(last))
}

/// A Python that the pinned wheels are there for; 3.11 is what is tested, and the first one with `-P`. It is looked for
/// from `home`: version managers ask a file of the working directory which one to start.
async fn find_python(given: Option<&Path>, home: &Path) -> Result<PathBuf, Failure> {
    let candidates: Vec<PathBuf> = match given {
        // A plain name is looked for in PATH.
        Some(path) if path.components().count() > 1 => vec![absolute(path)?],
        Some(path) => vec![path.to_owned()],
        None => PYTHONS.iter().map(PathBuf::from).collect(),
    };
    for candidate in &candidates {
        let check = "import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)))";
        let found = child(candidate)
            .args(["-Ic", check])
            .current_dir(home)
            .kill_on_drop(true)
            .output()
            .await;
        if found.is_ok_and(|output| output.status.success()) {
            return Ok(candidate.clone());
        }
    }
    Err(
        Failure::local("the local Milvus needs Python 3.11 to 3.13, and none was found")
            .with_hint("install python3 with venv, or name one with --python or MILVUS_PYTHON"),
    )
}
