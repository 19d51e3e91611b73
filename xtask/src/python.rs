//! Environments of Python, pinned by version and hash.

use crate::run::succeed;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of an environment at `venv` that has what these files want and nothing else. It is made anew when they change.
///
/// # Errors
/// A file cannot be read, or something not be installed.
pub(crate) fn environment(venv: &Path, requirements: &[PathBuf]) -> Result<PathBuf> {
    let mut wanted = String::new();
    for file in requirements {
        wanted
            .push_str(&std::fs::read_to_string(file).with_context(|| file.display().to_string())?);
    }
    let complete = venv.join("complete");
    let python = venv.join("bin/python");
    if std::fs::read_to_string(&complete).is_ok_and(|known| known == wanted) {
        return Ok(python);
    }
    let base = std::env::var_os("MILVUS_PYTHON").unwrap_or_else(|| "python3".into());
    succeed(
        Command::new(base)
            .args(["-Im", "venv", "--clear"])
            .arg(venv),
        "making a virtual environment",
    )?;
    let mut pip = Command::new(&python);
    pip.args([
        "-Im",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]);
    for file in requirements {
        pip.arg("--requirement").arg(file);
    }
    succeed(&mut pip, "installing what Python needs")?;
    std::fs::write(&complete, wanted)?;
    Ok(python)
}
