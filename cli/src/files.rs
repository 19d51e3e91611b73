//! Files that this program is told to read: opened once, checked on what was opened, and read up to a limit.
//!
//! A name says nothing: it may lead elsewhere a moment later. So every rule here is about the open file: a regular file
//! (opening a FIFO or a device does not block), no larger than the limit, and with permissions that fit what is in it.
//!
//! | what | rule |
//! |---|---|
//! | a secret | belongs to this user or to root, and nobody else can read or write it; a file of root may be read by its group, which is how root hands a secret to a service |
//! | what decides whom to trust: settings, certificates, a component | cannot be written by everybody |
//! | what was found, not named | is no link |
//! | what is worked on: arguments, a request to explain | a limit, and no more |
//!
//! A file that was named may be a link, as Kubernetes mounts secrets: what counts is the file behind it.

use crate::failure::Failure;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use zeroize::{Zeroize as _, Zeroizing};

/// The largest secret, in bytes.
const MAX_SECRET: u64 = 64 << 10;

/// Reads a token or a key. `what` names it in errors. Where the file cannot be opened, its name is not repeated: it
/// may be the secret itself, in the wrong place.
pub(crate) fn read_secret(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let (file, meta) = open(path, OFlags::empty()).map_err(|error| {
        Failure::usage(match error {
            Errno::ACCESS => format!("{what} cannot be read: {}", words(error)),
            _ => format!("{what} is not there"),
        })
        .with_hint("expected the name of a file; MILVUS_TOKEN holds a token itself")
    })?;
    let wrong = |problem: &str, remedy: &str| refused(path, what, problem, remedy);
    regular(&meta).map_err(|problem| {
        wrong(
            problem,
            "write it to a file of mode 600, or set MILVUS_TOKEN",
        )
    })?;
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me && meta.uid() != 0 {
        let problem = format!(
            "it belongs to user {}, who can read and change it",
            meta.uid()
        );
        return Err(wrong(
            &problem,
            &format!("make it yours: chown {me} {}", path.display()),
        ));
    }
    let private = if meta.uid() == me { 0o077 } else { 0o037 };
    if meta.mode() & private != 0 {
        let problem = format!("others can get at it (mode {:03o})", meta.mode() & 0o777);
        return Err(wrong(&problem, &format!("chmod 600 {}", path.display())));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET as usize + 64));
    read(file, MAX_SECRET, &mut bytes).map_err(|problem| wrong(&problem, ""))?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(wrong("expected text in UTF-8", ""))
        }
    }
}

/// Reads text that decides whom to trust, but is no secret: settings, certificates. At most `cap` bytes.
pub(crate) fn read_public(path: &Path, what: &str, cap: u64) -> Result<String, Failure> {
    text(path, what, read_bytes(path, what, cap, "")?)
}

/// Reads a file that decides what is done and is no text: a component. At most `cap` bytes; `remedy` says what to do
/// about a larger one.
pub(crate) fn read_bytes(
    path: &Path,
    what: &str,
    cap: u64,
    remedy: &str,
) -> Result<Vec<u8>, Failure> {
    let opened = open(path, OFlags::empty());
    public(
        path,
        what,
        cap,
        remedy,
        opened.map_err(|error| refused(path, what, &words(error), ""))?,
    )
}

/// Reads text from a file that was found, not named: one that is a link is refused, one that is not there is none.
pub(crate) fn read_found(path: &Path, what: &str, cap: u64) -> Result<Option<String>, Failure> {
    let opened = match open(path, OFlags::NOFOLLOW) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(None),
        // Linux and macOS say LOOP, FreeBSD says MLINK.
        Err(Errno::LOOP | Errno::MLINK) => {
            let problem = "it is a link, and is not followed where it was only found";
            return Err(refused(
                path,
                what,
                problem,
                "name the file with --config, or remove the link",
            ));
        }
        Err(error) => return Err(refused(path, what, &words(error), "")),
    };
    let bytes = public(path, what, cap, "", opened)?;
    text(path, what, bytes).map(Some)
}

/// Reads what a caller hands over to work on: standard input (`-`), or a file of any kind, and so to its end. At most
/// `cap` bytes.
pub(crate) fn read_input(name: &str, cap: u64) -> Result<String, Failure> {
    let (path, what) = (Path::new(name), "the input");
    let mut bytes = Vec::new();
    let read = if name == "-" {
        read(std::io::stdin().lock(), cap, &mut bytes)
    } else {
        match File::open(path) {
            Ok(file) => read(file, cap, &mut bytes),
            Err(error) => Err(error.to_string()),
        }
    };
    read.map_err(|problem| refused(path, what, &problem, ""))?;
    text(path, what, bytes)
}

fn public(
    path: &Path,
    what: &str,
    cap: u64,
    remedy: &str,
    (file, meta): (File, Metadata),
) -> Result<Vec<u8>, Failure> {
    regular(&meta).map_err(|problem| refused(path, what, problem, ""))?;
    if meta.mode() & 0o002 != 0 {
        let problem = format!("everybody can change it (mode {:03o})", meta.mode() & 0o777);
        return Err(refused(
            path,
            what,
            &problem,
            &format!("chmod o-w {}", path.display()),
        ));
    }
    let mut bytes = Vec::new();
    read(file, cap, &mut bytes).map_err(|problem| refused(path, what, &problem, remedy))?;
    Ok(bytes)
}

fn open(path: &Path, more: OFlags) -> Result<(File, Metadata), Errno> {
    // NONBLOCK: a FIFO without a writer would block here. It changes nothing for regular files, and no others are read.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file
        .metadata()
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok((file, meta))
}

fn regular(meta: &Metadata) -> Result<(), &'static str> {
    let kind = meta.file_type();
    Err(if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "expected a regular file, came a directory"
    } else if kind.is_fifo() {
        "expected a regular file, came a FIFO"
    } else if kind.is_socket() {
        "expected a regular file, came a socket"
    } else {
        "expected a regular file, came a device"
    })
}

/// Reads to the end, whatever the size was said to be.
fn read(source: impl Read, cap: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    source
        .take(cap.saturating_add(1))
        .read_to_end(bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > cap {
        return Err(format!("expected at most {cap} bytes"));
    }
    Ok(())
}

fn text(path: &Path, what: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| refused(path, what, "expected text in UTF-8", ""))
}

fn words(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}

fn refused(path: &Path, what: &str, problem: &str, remedy: &str) -> Failure {
    let failure = Failure::usage(format!("{what} {}: {problem}", path.display()));
    if remedy.is_empty() {
        failure
    } else {
        failure.with_hint(remedy)
    }
}
