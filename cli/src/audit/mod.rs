//! Where audit lines go: nowhere, to standard error, to a file that is rotated, or to the system's log.
//!
//! They are written by a thread of their own, behind a queue. What was lost is told on standard error at the end.

mod losses;
mod queue;
mod rotating;
mod syslog;

use crate::failure::Failure;
use crate::settings::File;
use clap::builder::NonEmptyStringValueParser;
use host_harness::Audit;
use losses::Counted;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The size at which a file is rotated, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// The least that may be set: a few dozen lines.
const LEAST_MAX_BYTES: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// Where audit lines go: `stderr`, `syslog`, `syslog:SOCKET` or a file [default: nowhere]
    #[arg(
        long,
        env = "MILVUS_AUDIT",
        global = true,
        value_name = "WHERE",
        value_parser = NonEmptyStringValueParser::new(),
        help_heading = "Settings"
    )]
    audit: Option<String>,
    /// Size at which the audit's file becomes FILE.1, of which five are kept [default: 67108864]
    #[arg(
        long,
        env = "MILVUS_AUDIT_MAX_BYTES",
        global = true,
        value_name = "BYTES",
        help_heading = "Settings"
    )]
    audit_max_bytes: Option<u64>,
}

/// A place for audit lines.
#[derive(Debug)]
pub(crate) enum Destination {
    /// Nowhere.
    Nowhere,
    /// Standard error.
    Stderr,
    /// A file, rotated at this size.
    File(PathBuf, u64),
    /// The socket of a syslog daemon.
    Syslog(PathBuf),
}

impl Flags {
    /// Decides where they go. Nothing is opened.
    pub(crate) fn resolve(&self, file: &File) -> Result<Destination, Failure> {
        let flag = self.audit.as_deref();
        let path = |name: &str| match flag {
            Some(_) => PathBuf::from(name),
            None => file.beside(name),
        };
        let limit = self.audit_max_bytes.or(file.audit_max_bytes);
        let destination = match flag.or(file.audit.as_deref()) {
            None => Destination::Nowhere,
            Some("stderr") => Destination::Stderr,
            Some("syslog") => Destination::Syslog(syslog::SOCKET.into()),
            Some(other) => match other.strip_prefix("syslog:") {
                Some(socket) => Destination::Syslog(path(socket)),
                None => Destination::File(path(other), limit.unwrap_or(MAX_BYTES)),
            },
        };
        match (limit, &destination) {
            (Some(bytes), _) if bytes < LEAST_MAX_BYTES => Err(Failure::usage(format!(
                "--audit-max-bytes: expected at least {LEAST_MAX_BYTES} bytes, came {bytes}"
            ))),
            (None, _) | (Some(_), Destination::File(..)) => Ok(destination),
            (Some(_), _) => Err(Failure::usage(
                "--audit-max-bytes is for an audit in a file, and --audit names none",
            )),
        }
    }
}

impl Destination {
    /// Opens it.
    pub(crate) fn open(&self) -> Result<Audit, Failure> {
        match self {
            Self::Nowhere => Ok(Audit::none()),
            Self::Stderr => writer(std::io::stderr()),
            Self::File(path, max_bytes) => rotating::Rotating::open(path, *max_bytes)
                .map_err(|error| wrong(path, &error))
                .and_then(|file| writer(Counted::new(file, path))),
            Self::Syslog(socket) => syslog::Syslog::open(socket)
                .map_err(|error| {
                    wrong(socket, &error)
                        .with_hint("a syslog daemon or journald listens there; --audit syslog:SOCKET names another")
                })
                .and_then(|log| writer(Counted::new(log, socket))),
        }
    }
}

fn writer(sink: impl Write + Send + 'static) -> Result<Audit, Failure> {
    let queue = queue::Queue::start(sink);
    let queue = queue.map_err(|error| Failure::usage(format!("the audit: {error}")))?;
    Ok(Audit::to(queue))
}

fn wrong(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("the audit {}: {error}", path.display()))
}
