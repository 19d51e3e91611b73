//! The server's process: started, awaited, stopped, and never left behind.
//!
//! It is Python, the server or the supervisor of a full Milvus. It reads its standard input and stops at its end. This
//! program holds the other end of that pipe, so whatever ends this program, a kill included, ends the server.

use super::environment;
use super::program::Installed;
use crate::failure::Failure;
use crate::process;
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

/// How long the server may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(10);

/// Lines of the server's log that a failure shows.
const LOG_LINES: usize = 15;

/// What the server says when it is ready.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    /// Where it answers.
    pub(crate) uri: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Where its data are.
    pub(crate) data_dir: String,
    /// Version of Milvus, or of Milvus Lite.
    #[serde(alias = "milvus", alias = "milvus_lite")]
    pub(crate) version: String,
    /// Whether nothing but that address is open to others; a gateway has no other port.
    #[serde(default = "yes")]
    pub(crate) isolated: bool,
}

fn yes() -> bool {
    true
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

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its end stops the server.
    input: Option<ChildStdin>,
    temporary: Option<tempdir::Temporary>,
    log: Option<JoinHandle<Vec<String>>>,
    /// What it said when it was ready.
    pub(crate) ready: Ready,
}

impl Server {
    /// Starts the server and waits until it answers.
    pub(crate) async fn start(
        installed: &Installed,
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
        let mut command = Command::new(&installed.python);
        process::clear_environment(command.as_std_mut());
        environment::package(
            &mut command,
            &installed.sources,
            installed.program.package(),
        )?;
        command
            .args(["--stop-on-stdin-close", "--port"])
            .arg(options.port.to_string())
            .arg("--data-dir")
            .arg(environment::absolute(data_dir)?)
            .current_dir(&installed.sources);
        if let Some(engine) = &installed.engine {
            command.arg("--engine").arg(engine);
        }
        if temporary.is_some() {
            command.arg("--ephemeral");
        }
        if let Some(token) = options.token {
            command.env(installed.program.token_variable(), token);
        }
        // A group of its own: Ctrl-C reaches this program, which stops the server in order.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| Failure::local(format!("{}: {error}", installed.python.display())))?;
        let input = child.stdin.take();
        let log = child
            .stderr
            .take()
            .map(|stream| tokio::spawn(last_lines(stream)));
        let line = match child.stdout.take() {
            Some(output) => first_line(output, installed.program.patience()).await,
            None => None,
        };
        if let Some(ready) = line.and_then(|line| serde_json::from_str(&line).ok()) {
            return Ok(Self {
                child,
                input,
                temporary,
                log,
                ready,
            });
        }
        drop(input);
        let _ = child.start_kill();
        let _ = child.wait().await;
        let mut words = last_words(log).await;
        if words.is_empty() {
            words.push("it said nothing".to_owned());
        }
        Err(Failure::local("the local Milvus did not start")
            .with_lines(words)
            .with_hint(
                "another port: --port; another folder: --data-dir; a fresh installation: --home",
            ))
    }

    /// Waits until the server ends by itself, which it should not.
    pub(crate) async fn ended(&mut self) -> Failure {
        let how = self
            .child
            .wait()
            .await
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        let words = last_words(self.log.take()).await;
        Failure::local(format!("the local Milvus ended: {how}")).with_lines(words)
    }

    /// Stops the server and removes what was temporary.
    pub(crate) async fn stop(mut self) {
        drop(self.input.take());
        if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            let _ = self.child.start_kill();
            let _ = self.child.wait().await;
        }
        drop(self.temporary.take());
    }
}

async fn first_line(stream: impl AsyncRead + Unpin, patience: Duration) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    match tokio::time::timeout(patience, lines.next_line()).await {
        Ok(Ok(line)) => line,
        _ => None,
    }
}

/// The last lines of a log whose writer ended.
async fn last_words(log: Option<JoinHandle<Vec<String>>>) -> Vec<String> {
    let Some(log) = log else {
        return Vec::new();
    };
    let lines = tokio::time::timeout(STOP, log).await;
    lines.ok().and_then(Result::ok).unwrap_or_default()
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
