//! Builds the component: cargo for `wasm32-unknown-unknown`, then wit-component around the module.
//!
//! That target gives a module without WASI imports of its own, so that the component imports what waki and wasi ask
//! for and nothing else: six interfaces. The wasip2 target would add environment, standard streams and random numbers.

use crate::run::{cargo, root, succeed, target};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The profile of the component.
pub(crate) const PROFILE: &str = "component";

/// The same with names kept.
pub(crate) const PROFILE_WITH_NAMES: &str = "component-names";

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the built components are.
pub(crate) fn folder() -> PathBuf {
    target().join("component")
}

/// Builds the component, and puts it where the host library reads it.
///
/// # Errors
/// A build fails, or a file cannot be written.
pub(crate) fn component(profile: &str) -> Result<()> {
    compile(profile, "milvus-plugin")?;
    let component = wrap(profile, "milvus_plugin")?;
    let assets = root().join("host-harness/assets");
    std::fs::create_dir_all(&assets)?;
    copy_if_changed(&component, &assets.join("milvus_plugin.wasm"))
}

/// Builds the hostile guest that the tests and the demo load.
///
/// # Errors
/// A build fails, or a file cannot be written.
pub(crate) fn guest() -> Result<()> {
    compile(PROFILE, "hostile-guest")?;
    wrap(PROFILE, "hostile_guest")?;
    Ok(())
}

/// Compiles a package for the component's target.
fn compile(profile: &str, package: &str) -> Result<()> {
    let mut command = cargo();
    command.args([
        "build",
        "--locked",
        "--lib",
        "--target",
        TARGET,
        "--profile",
        profile,
        "--package",
        package,
    ]);
    // Paths of the machine would stand in panic messages, and two machines would build two digests.
    command.env("RUSTFLAGS", remapped());
    succeed(&mut command, &format!("building {package}"))
}

fn remapped() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=/project", root().display())];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.join(" ")
}

/// Turns a core module into a component.
fn wrap(profile: &str, name: &str) -> Result<PathBuf> {
    let module = target()
        .join(TARGET)
        .join(profile)
        .join(format!("{name}.wasm"));
    let bytes = std::fs::read(&module).with_context(|| format!("reading {}", module.display()))?;
    let component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .with_context(|| format!("turning {name} into a component"))?;
    std::fs::create_dir_all(folder())?;
    let path = folder().join(format!("{name}.wasm"));
    std::fs::write(&path, component).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// An unchanged file keeps its time, so that cargo does not build the host again.
fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from)?;
    if std::fs::read(to).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    std::fs::write(to, bytes).with_context(|| format!("writing {}", to.display()))
}

/// Builds programs of the host's side, in the profile that demo, tests and command line share.
///
/// # Errors
/// The build fails.
pub(crate) fn host(packages: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--locked", "--release"]);
    for package in packages {
        command.args(["--package", package]);
    }
    succeed(&mut command, "building the host")
}
