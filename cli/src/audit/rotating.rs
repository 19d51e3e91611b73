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
}

impl Rotating {
    /// Opens the file or makes it. It is a regular file of one name, this user's, and nobody else can get at it.
    pub(super) fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            file: open(path)?,
            path: path.to_owned(),
            max_bytes,
        })
    }

    /// Locks the file that has the name now, rotated if this many bytes are too many for it; says how long it is.
    fn lock(&mut self, bytes: u64) -> io::Result<u64> {
        loop {
            self.file.lock()?;
            let mine = self.file.metadata()?;
            let named = match std::fs::symlink_metadata(&self.path) {
                Ok(meta) => (meta.dev(), meta.ino()) == (mine.dev(), mine.ino()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if named && (mine.len() == 0 || mine.len() + bytes <= self.max_bytes) {
                return Ok(mine.len());
            }
            if named {
                self.rotate()?;
            }
            // Closing the other one unlocks it.
            self.file = open(&self.path)?;
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
    /// Writes a line, or nothing: of one that a full disk cut, the part is taken back.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let before = self.lock(line.len() as u64)?;
        let written = self.file.write_all(line);
        if written.is_err() {
            self.file.set_len(before)?;
        }
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
    // What is logged is for its owner alone, and a file that was there before could be another's, or could have been put
    // there under the name of one that this user has elsewhere.
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me {
        let problem = format!("it belongs to user {}, and this is user {me}", meta.uid());
        return Err(io::Error::other(problem));
    }
    if meta.nlink() > 1 {
        return Err(io::Error::other(
            "it has other names, too (hard links): name a file that is not there yet",
        ));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "others can get at it (mode {:03o}): chmod 600 {}",
            meta.mode() & 0o777,
            path.display()
        )));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes with its owner.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("milvus-host-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).expect("the temporary folder can be written");
            Self(path)
        }

        /// The files' lines, the oldest file's first.
        fn lines(&self) -> Vec<String> {
            let name = |number: u32| match number {
                0 => "audit".to_owned(),
                number => format!("audit.{number}"),
            };
            (0..=KEPT + 1)
                .rev()
                .filter_map(|number| std::fs::read_to_string(self.0.join(name(number))).ok())
                .flat_map(|text| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn t66_every_line_is_in_the_files_once_whoever_wrote_it() {
        const WRITERS: usize = 4;
        const LINES: usize = 200;
        let folder = Folder::new("once");
        let path = folder.0.join("audit");
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let mut file = Rotating::open(&path, 4096).expect("the folder is ours");
                scope.spawn(move || {
                    for number in 0..LINES {
                        let line = format!("line {writer} {number:04} {:>8}\n", "");
                        file.write_all(line.as_bytes()).expect("there is room");
                    }
                });
            }
        });
        assert!(folder.0.join("audit.4").exists(), "it was rotated");
        let lines = folder.lines();
        assert_eq!(lines.len(), WRITERS * LINES);
        for writer in 0..WRITERS {
            let prefix = format!("line {writer} ");
            let numbers: Vec<usize> = lines
                .iter()
                .filter_map(|line| line.strip_prefix(&prefix)?.trim().parse().ok())
                .collect();
            assert_eq!(numbers, (0..LINES).collect::<Vec<_>>());
        }
    }

    #[test]
    fn t66_six_files_are_kept_each_within_its_size() {
        let folder = Folder::new("kept");
        let mut file = Rotating::open(&folder.0.join("audit"), 4096).expect("the folder is ours");
        for number in 0..1000 {
            let line = format!("{number:0>99}\n");
            file.write_all(line.as_bytes()).expect("there is room");
        }
        let sizes: Vec<u64> = std::fs::read_dir(&folder.0)
            .expect("it is ours")
            .map(|entry| {
                entry
                    .expect("it is there")
                    .metadata()
                    .expect("it is ours")
                    .len()
            })
            .collect();
        assert_eq!(sizes.len(), 1 + KEPT as usize);
        assert!(
            sizes.iter().all(|size| (1..=4096).contains(size)),
            "{sizes:?}"
        );
        let lines = folder.lines();
        let last: Vec<usize> = lines.iter().filter_map(|line| line.parse().ok()).collect();
        assert_eq!(last, (1000 - last.len()..1000).collect::<Vec<_>>());
    }
}
