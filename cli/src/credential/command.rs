//! A command that prints the token, for example
//! `env VAULT_ADDR=https://vault.example vault kv get -field=token secret/milvus`.
//!
//! No shell reads it. It gets the variables that a program needs to run and nothing else of this program's environment;
//! `env NAME=VALUE COMMAND` gives it more. Its standard input is empty. What it prints is shown nowhere; what it says on
//! standard error is told, cut, only where it fails.

use crate::failure::Failure;
use crate::output::clean;
use crate::process;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use zeroize::{Zeroize as _, Zeroizing};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The most that it may print, in bytes.
const MAX_OUTPUT: usize = 64 << 10;
/// How much of its standard error a failure tells, in characters.
const MAX_WORDS: usize = 300;

/// Program and arguments. `Debug` shows the program.
#[derive(Clone)]
pub(crate) struct TokenCommand {
    program: String,
    arguments: Vec<String>,
}

impl std::fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenCommand({} ..)", self.program)
    }
}

impl TokenCommand {
    pub(super) fn new(words: Vec<String>) -> Result<Self, Failure> {
        let mut words = words.into_iter();
        match words.next().filter(|program| !program.is_empty()) {
            Some(program) => Ok(Self {
                program,
                arguments: words.collect(),
            }),
            None => Err(Failure::usage("the token command names no program")),
        }
    }

    /// Runs it; what it printed.
    pub(super) fn run(&self) -> Result<Zeroizing<String>, Failure> {
        let until = Instant::now() + LIMIT;
        let mut command = Command::new(&self.program);
        process::clear_environment(&mut command);
        // A group of its own, so that what it started ends with it when its time is over.
        command
            .args(&self.arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        let output = reading(child.stdout.take(), MAX_OUTPUT);
        let words = reading(child.stderr.take(), 4 * MAX_WORDS);
        let output = output.recv_timeout(LIMIT).ok();
        if output
            .as_ref()
            .is_some_and(|output| output.len() > MAX_OUTPUT)
        {
            end(&mut child);
            return Err(self.failed(&format!("printed more than {MAX_OUTPUT} bytes")));
        }
        let ended = output.and_then(|output| Some((output, ended(&mut child, until)?)));
        let Some((mut output, status)) = ended else {
            end(&mut child);
            return Err(self.failed(&format!("took longer than {} s", LIMIT.as_secs())));
        };
        if !status.success() {
            let words = words.recv_timeout(Duration::from_millis(100));
            let words = words.unwrap_or_default();
            let words: String = String::from_utf8_lossy(&words)
                .trim()
                .chars()
                .take(MAX_WORDS)
                .collect();
            let words = if words.is_empty() {
                "it says nothing"
            } else {
                &words
            };
            return Err(self.failed(&format!("failed ({status}): {}", clean(words))));
        }
        match String::from_utf8(std::mem::take(&mut *output)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(self.failed("printed what is no text in UTF-8"))
            }
        }
    }

    /// Its arguments are not repeated: they may be secrets.
    fn failed(&self, problem: &str) -> Failure {
        Failure::usage(format!("the token command `{}` {problem}", self.program))
    }
}

/// Reads up to a limit, and one byte beyond it; the rest is read away, so that nobody waits for a reader.
fn reading(
    stream: Option<impl Read + Send + 'static>,
    most: usize,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // With room for all of it: a vector that grows leaves what it held behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(most + 64));
        if let Some(mut stream) = stream {
            let _ = stream
                .by_ref()
                .take(most as u64 + 1)
                .read_to_end(&mut bytes);
            let _ = sender.send(bytes);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    receiver
}

/// Waits for its end.
fn ended(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return None,
        }
    }
    None
}

/// Ends it with all that it started. It was not waited for yet, so its number is nobody else's.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
