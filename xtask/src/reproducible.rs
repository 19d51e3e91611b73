//! Whether the component's bytes depend on its sources alone: it is built a second time from a copy of the tree, in
//! another folder, and has to come out the same. Operators pin its digest.

use crate::build::{self, Tree};
use crate::run::{root, target};
use anyhow::{Context as _, Result, ensure};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

/// Folders that are made, and so are no sources.
const MADE: [&str; 2] = ["target", "__pycache__"];

/// Builds it twice and compares.
///
/// # Errors
/// A build fails, the two differ, or a lock file with another checksum is built from.
pub(crate) fn reproducible() -> Result<()> {
    let start = Instant::now();
    build::component(build::PROFILE)?;
    // A path of another length, with its target folder elsewhere.
    let folder = target().join("reproducible");
    let copy = Tree {
        root: folder.join("a-copy-of-the-sources"),
        target: folder.join("made"),
    };
    remove(&folder)?;
    copy_sources(&root(), &copy.root)?;
    let second = copy.component(build::PROFILE, "milvus-plugin")?;
    let first = build::folder().join("milvus_plugin.wasm");
    let [first, second] = [first, second]
        .map(|path| std::fs::read(&path).with_context(|| format!("reading {}", path.display())));
    let (first, second) = (first?, second?);
    ensure!(
        first == second,
        "the component depends on where it is built: {} and {} bytes, different from byte {} on; {} has the copy",
        first.len(),
        second.len(),
        first
            .iter()
            .zip(&second)
            .take_while(|(a, b)| a == b)
            .count(),
        folder.display(),
    );
    tampered(&copy)?;
    remove(&folder)?;
    println!(
        "two builds in two folders, {} equal bytes: {:.0} s",
        first.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A lock file that asks for other bytes of a package is not built from.
fn tampered(copy: &Tree) -> Result<()> {
    let path = copy.root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&path)?;
    let (before, after) = lock
        .split_once("\nname = \"waki\"\n")
        .and_then(|(before, after)| Some((before, after.split_once("checksum = \"")?)))
        .context("Cargo.lock has a checksum of waki")?;
    let (between, digits) = after;
    let first = if digits.starts_with('0') { '1' } else { '0' };
    let other = format!(
        "{before}\nname = \"waki\"\n{between}checksum = \"{first}{}",
        &digits[1..]
    );
    std::fs::write(&path, other)?;
    let output = copy.cargo("milvus-plugin", build::PROFILE).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success() && said.contains("checksum for `waki"),
        "a Cargo.lock with another checksum was built from: {said}"
    );
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        _ => Ok(()),
    }
}

/// Copies a tree without what is made or hidden, but for cargo's settings.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        let hidden = name.as_encoded_bytes().starts_with(b".") && name != ".cargo";
        if hidden || MADE.iter().any(|made| name == OsStr::new(made)) {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
