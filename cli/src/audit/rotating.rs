//! A file that is rotated by its size: `FILE` becomes `FILE.1`, that becomes `FILE.2`, and so on to `FILE.5`, the last
//! one kept.
//!
//! Several programs may write to one file: each line is written whole under a lock on the file, by who has made sure
//! that it still has that name.

use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Older files that are kept.
const KEPT: u32 = 5;

/// The file.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    max_bytes: u64,
    file: File,
    /// Whether the last line is there in part: a full disk does that.
    torn: bool,
}

impl Rotating {
    /// Opens the file or makes it, for its owner alone. It is no link and no FIFO, and not everybody can write to it.
    pub(super) fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            file: open(path)?,
            path: path.to_owned(),
            max_bytes,
            torn: false,
        })
    }

    /// Locks the file that has the name now, rotated if this many bytes are too many for it.
    fn lock(&mut self, bytes: u64) -> io::Result<()> {
        loop {
            self.file.lock()?;
            let mine = self.file.metadata()?;
            let named = match std::fs::symlink_metadata(&self.path) {
                Ok(meta) => (meta.dev(), meta.ino()) == (mine.dev(), mine.ino()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if named && (mine.len() == 0 || mine.len() + bytes <= self.max_bytes) {
                return Ok(());
            }
            if named {
                self.rotate()?;
            }
            // Closing the other one unlocks it.
            self.file = open(&self.path)?;
            self.torn = false;
        }
    }

    fn rotate(&self) -> io::Result<()> {
        let older = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..KEPT).rev() {
            match std::fs::rename(older(number), older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, older(1))
    }
}

impl Write for Rotating {
    /// Writes a line, all of it or, with an error, none that a reader would take for one.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock(line.len() as u64)?;
        let break_first = if self.torn { "\n" } else { "" };
        let written = self
            .file
            .write_all(break_first.as_bytes())
            .and_then(|()| self.file.write_all(line));
        self.torn = written.is_err();
        self.file.unlock()?;
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        // A FIFO without a reader, or a socket.
        Err(rustix::io::Errno::NXIO) => return Err(io::Error::other("expected a regular file")),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::MLINK) => {
            return Err(io::Error::other("it is a link, which is not followed"));
        }
        Err(error) => return Err(error.into()),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("expected a regular file"));
    }
    if meta.mode() & 0o002 != 0 {
        return Err(io::Error::other(
            "everybody can write to it; chmod o-w takes that away",
        ));
    }
    Ok(file)
}
