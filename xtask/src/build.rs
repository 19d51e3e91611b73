//! Builds the component: cargo for `wasm32-unknown-unknown`, then wit-component around the module.
//!
//! That target gives a module without WASI imports of its own, so that the component imports what waki and wasi ask
//! for and nothing else: six interfaces. The wasip2 target would add environment, standard streams and random numbers.

use crate::run::{cargo, root, succeed, target};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The profile of the component.
pub(crate) const PROFILE: &str = "component";

/// The same with names kept.
pub(crate) const PROFILE_WITH_NAMES: &str = "component-names";

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the built components are.
pub(crate) fn folder() -> PathBuf {
    target().join("component")
}

/// The project's sources, and the folder that they are built in.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Tree {
    /// The one that this program is of.
    fn here() -> Self {
        Self {
            root: root(),
            target: target(),
        }
    }

    /// The command that compiles a package for the component's target.
    pub(crate) fn cargo(&self, package: &str, profile: &str) -> Command {
        let mut command = cargo();
        command.args(["build", "--locked", "--lib", "--target", TARGET]);
        command.args(["--profile", profile, "--package", package]);
        command.current_dir(&self.root);
        command.env("CARGO_TARGET_DIR", &self.target);
        // Paths of the machine would stand in panic messages, and two machines would build two digests.
        command.env("RUSTFLAGS", remapped(&self.root));
        command
    }

    /// Builds a component; answers its file.
    ///
    /// # Errors
    /// The build fails, or a file cannot be written.
    pub(crate) fn component(&self, profile: &str, package: &str) -> Result<PathBuf> {
        standard_library()?;
        let mut command = self.cargo(package, profile);
        succeed(&mut command, &format!("building {package}"))?;
        let name = package.replace('-', "_");
        let module = self.target.join(TARGET).join(profile);
        let module = module.join(format!("{name}.wasm"));
        let bytes =
            std::fs::read(&module).with_context(|| format!("reading {}", module.display()))?;
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&bytes)
            .and_then(|encoder| encoder.encode())
            .with_context(|| format!("turning {name} into a component"))?;
        let folder = self.target.join("component");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.wasm"));
        std::fs::write(&path, component).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}

/// Builds the component, and puts it where the host library reads it.
///
/// # Errors
/// A build fails, or a file cannot be written.
pub(crate) fn component(profile: &str) -> Result<()> {
    let component = Tree::here().component(profile, "milvus-plugin")?;
    let assets = root().join("host-harness/assets");
    std::fs::create_dir_all(&assets)?;
    copy_if_changed(&component, &assets.join("milvus_plugin.wasm"))
}

/// Builds the hostile guest that the tests and the demo load.
///
/// # Errors
/// A build fails, or a file cannot be written.
pub(crate) fn guest() -> Result<()> {
    Tree::here().component(PROFILE, "hostile-guest").map(|_| ())
}

/// Adds the target's standard library where rustup has not: with `RUSTUP_AUTO_INSTALL=0`, or a toolchain that was there
/// before, the `targets` of `rust-toolchain.toml` are not read.
fn standard_library() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let folder = rustc.current_dir(root()).output();
    let folder = folder.context("rustc cannot be started")?.stdout;
    if Path::new(String::from_utf8_lossy(&folder).trim()).is_dir() {
        return Ok(());
    }
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET]).current_dir(root());
    succeed(&mut add, &format!("rustup target add {TARGET}"))
}

fn remapped(root: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=/project", root.display())];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.join(" ")
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
    release(packages, &[])
}

/// Builds the programs and the tests of some packages, with the features that all of them together have.
///
/// # Errors
/// The build fails.
pub(crate) fn tests(packages: &[&str]) -> Result<()> {
    release(packages, &["--bins", "--tests"])
}

fn release(packages: &[&str], targets: &[&str]) -> Result<()> {
    let mut command = cargo();
    command
        .args(["build", "--locked", "--release"])
        .args(targets);
    for package in packages {
        command.args(["--package", package]);
    }
    succeed(&mut command, "building the host")
}
