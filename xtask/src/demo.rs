//! The demo: builds everything, then runs `examples/demo`.

use crate::build;
use crate::run::{root, succeed, target};
use anyhow::Result;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// What is built for it. What else needs the command line alone builds these, too, so that wasmtime is built once.
pub(crate) const PACKAGES: [&str; 2] = ["milvus-host", "milvus-demo"];

/// Builds and runs it.
///
/// # Errors
/// A build or the demo fails.
pub(crate) fn demo() -> Result<ExitCode> {
    let start = Instant::now();
    println!(
        "building the component, the host, the command line and the demo (minutes, the first time)"
    );
    build::component(build::PROFILE)?;
    build::guest()?;
    build::host(&PACKAGES)?;
    println!("built in {:.0} s", start.elapsed().as_secs_f64());
    let mut command = Command::new(target().join("release/milvus-demo"));
    command
        .env("MILVUS_DEMO_ROOT", root())
        .env("MILVUS_DEMO_TARGET", target());
    succeed(&mut command, "the demo")?;
    Ok(ExitCode::SUCCESS)
}
