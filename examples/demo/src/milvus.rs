//! The local Milvus of the demo: a child of this process, by `milvus-host local --json`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long the first start may take, which installs Milvus Lite.
const START: Duration = Duration::from_secs(600);

/// A running Milvus. It stops when its standard input closes, so it cannot outlive this process.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// Where it answers.
    pub(crate) uri: String,
    /// Version of Milvus Lite.
    pub(crate) version: String,
    /// What it lets in.
    pub(crate) token: String,
}

#[derive(Deserialize)]
struct Ready {
    uri: String,
    version: String,
}

/// Starts it on a free port with authentication on.
pub(crate) async fn start(target: &Path) -> Result<Server> {
    let token = "root:Milvus".to_owned();
    let program = target.join("release/milvus-host");
    let mut child = Command::new(&program)
        .args(["local", "--json", "--auth"])
        .env("MILVUS_TOKEN", &token)
        .env("MILVUS_LOCAL_HOME", target.join("local-milvus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| program.display().to_string())?;
    let input = child.stdin.take();
    let output = child.stdout.take().context("the output is piped")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(START, lines.next_line())
        .await
        .context("the local Milvus takes too long")??;
    let Some(line) = line else {
        bail!("the local Milvus did not start: {}", child.wait().await?)
    };
    let ready: Ready = serde_json::from_str(&line)?;
    Ok(Server {
        child,
        input,
        uri: ready.uri,
        version: ready.version,
        token,
    })
}

impl Server {
    /// Stops it and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.input.take());
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait())
            .await
            .context("the local Milvus does not stop")??;
        if status.success() {
            Ok(())
        } else {
            bail!("the local Milvus: {status}")
        }
    }
}
