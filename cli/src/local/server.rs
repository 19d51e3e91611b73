//! The gateway's process: started, awaited, stopped, and never left behind.
//!
//! The gateway reads its standard input and stops at its end. This program holds the other end of that pipe, so
//! whatever ends this program, a kill included, ends the gateway.

use super::environment::Environment;
use crate::failure::Failure;
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long the gateway may take until it answers.
const START: Duration = Duration::from_secs(90);

/// How long the gateway may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(10);

/// Lines of the gateway's log that a failure shows.
const LOG_LINES: usize = 15;

/// What the gateway says when it is ready.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    /// Where it answers.
    pub(crate) uri: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Where its data are.
    pub(crate) data_dir: String,
    /// Version of Milvus Lite.
    pub(crate) milvus_lite: String,
}

/// How to start it.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    /// 0: a free one.
    pub(crate) port: u16,
    /// Absent: a temporary folder that is removed at the end.
    pub(crate) data_dir: Option<&'a Path>,
    /// `user:password`; absent: everybody is let in.
    pub(crate) token: Option<&'a str>,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its end stops the gateway.
    input: Option<ChildStdin>,
    temporary: Option<tempdir::Temporary>,
    /// What it said when it was ready.
    pub(crate) ready: Ready,
}

impl Server {
    /// Starts the gateway and waits until it answers.
    pub(crate) async fn start(
        environment: &Environment,
        options: &Options<'_>,
    ) -> Result<Self, Failure> {
        let temporary = match options.data_dir {
            Some(_) => None,
            None => Some(tempdir::Temporary::new()?),
        };
        let data_dir = temporary
            .as_ref()
            .map(tempdir::Temporary::path)
            .or(options.data_dir)
            .unwrap_or(Path::new("."));
        let mut command = Command::new(&environment.python);
        command
            .args([
                "-m",
                "milvus_gateway",
                "--host",
                "127.0.0.1",
                "--stop-on-stdin-close",
                "--port",
            ])
            .arg(options.port.to_string())
            .arg("--data-dir")
            .arg(data_dir);
        if temporary.is_some() {
            command.arg("--ephemeral");
        }
        // A built environment: nothing of the caller's but what Python needs to run.
        command
            .env_clear()
            .env("PYTHONPATH", &environment.sources)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        for name in ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(token) = options.token {
            command.env("MILVUS_GATEWAY_TOKEN", token);
        }
        // A group of its own: Ctrl-C reaches this program, which stops the gateway in order.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            Failure::local(format!("{}: {error}", environment.python.display()))
        })?;
        let input = child.stdin.take();
        let log = child
            .stderr
            .take()
            .map(|stream| tokio::spawn(last_lines(stream)));
        let line = match child.stdout.take() {
            Some(output) => first_line(output).await,
            None => None,
        };
        if let Some(ready) = line.and_then(|line| serde_json::from_str(&line).ok()) {
            return Ok(Self {
                child,
                input,
                temporary,
                ready,
            });
        }
        drop(input);
        let _ = child.start_kill();
        let _ = child.wait().await;
        let lines = match log {
            Some(log) => log.await.unwrap_or_default(),
            None => Vec::new(),
        };
        let words = if lines.is_empty() {
            "it said nothing".to_owned()
        } else {
            lines.join("\n")
        };
        Err(
            Failure::local(format!("the local Milvus did not start: {words}")).with_hint(
                "another port: --port; another folder: --data-dir; a fresh installation: --home",
            ),
        )
    }

    /// Waits until the gateway ends by itself, which it should not.
    pub(crate) async fn ended(&mut self) -> Failure {
        let how = self
            .child
            .wait()
            .await
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        Failure::local(format!("the local Milvus ended: {how}"))
    }

    /// Stops the gateway and removes what was temporary.
    pub(crate) async fn stop(mut self) {
        drop(self.input.take());
        if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            let _ = self.child.start_kill();
            let _ = self.child.wait().await;
        }
        drop(self.temporary.take());
    }
}

async fn first_line(stream: impl AsyncRead + Unpin) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    match tokio::time::timeout(START, lines.next_line()).await {
        Ok(Ok(line)) => line,
        _ => None,
    }
}

/// Reads a log to its end and keeps its last lines: a pipe that nobody reads would stop its writer.
async fn last_lines(stream: impl AsyncRead + Unpin) -> Vec<String> {
    let mut kept = std::collections::VecDeque::new();
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if kept.len() == LOG_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    kept.into()
}

/// A folder that goes with its owner.
mod tempdir {
    use crate::failure::Failure;
    use std::path::{Path, PathBuf};
    use std::time::{SystemTime, UNIX_EPOCH};

    /// The folder.
    #[derive(Debug)]
    pub(crate) struct Temporary(PathBuf);

    impl Temporary {
        /// A new folder that only its owner can enter.
        pub(crate) fn new() -> Result<Self, Failure> {
            use std::os::unix::fs::DirBuilderExt;
            let nanoseconds = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |time| time.as_nanos());
            let path = std::env::temp_dir()
                .join(format!("milvus-local-{}-{nanoseconds}", std::process::id()));
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(|error| Failure::local(format!("{}: {error}", path.display())))?;
            Ok(Self(path))
        }

        /// Where it is.
        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
