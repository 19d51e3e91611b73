//! Compiled code, kept between programs: compiling takes a second, reading back some milliseconds.
//!
//! A crate of its own, since it holds what the rest of the host does without: the one place that the compiler does not
//! check (`unsafe`), and files.
//!
//! What is read back runs as native code outside the sandbox, and the engine cannot tell forged code from its own. It
//! is trusted for one reason: only this user could have written it. So what is asked of the folder and of the file is
//! asked of their open handles, never of a path that may mean something else a moment later:
//!
//! - The folder, opened without following a link in its last name, belongs to this user and is open to nobody else.
//!   Each folder above it belongs to this user or to root, and others may write there only under the sticky bit:
//!   nobody else can put another of this user's folders in its place.
//! - The file, opened without following a link, is a regular one with one name, belongs to this user, has mode 600,
//!   and is read once into memory; it is never mapped.
//! - A new file is written under a random name, synced and renamed: one under its own name is whole.
//!
//! The name holds the engine with its version, settings and processor, and the component's digest. The file begins
//! with the same key and a digest of the code: against a torn write, a failing disk and a file that was renamed, not
//! against an attacker, who could make both.
//!
//! Whatever is wrong, the component is compiled anew. Other processes of this user are not defended against.

use std::hash::{Hash as _, Hasher};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// What became of compiled code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompiledCode {
    /// Compiled, and not kept: no folder was named.
    Fresh,
    /// Compiled, and kept for the next time.
    Kept {
        /// Why a file that was there already was not used, but replaced.
        instead_of: Option<String>,
    },
    /// Read from the folder: nothing was compiled.
    Read,
    /// Compiled. It cannot be kept, for this reason.
    NotKept(String),
}

/// Compiles a component, or reads back what was compiled of the same bytes before. The folder is made if it is not
/// there; whatever is wrong with it, or with what is in it, the component is compiled.
///
/// # Errors
/// The component cannot be compiled.
pub fn component(
    engine: &Engine,
    bytes: &[u8],
    folder: Option<&Path>,
) -> Result<(Component, CompiledCode)> {
    match folder {
        None => Ok((Component::new(engine, bytes)?, CompiledCode::Fresh)),
        #[cfg(unix)]
        Some(folder) => kept(engine, bytes, folder),
        #[cfg(not(unix))]
        Some(_) => {
            let reason = "whom a file belongs to is checked on Unix only".to_owned();
            let component = Component::new(engine, bytes)?;
            Ok((component, CompiledCode::NotKept(reason)))
        }
    }
}

#[cfg(unix)]
fn kept(engine: &Engine, bytes: &[u8], folder: &Path) -> Result<(Component, CompiledCode)> {
    let key = key(engine, bytes);
    let opened = folder::Folder::open(folder);
    let mut instead_of = None;
    if let Ok(folder) = &opened {
        match folder.read(&key) {
            Ok(Some(code)) => match trusted(engine, &code) {
                Ok(component) => return Ok((component, CompiledCode::Read)),
                Err(_) => instead_of = Some("the engine does not take it".to_owned()),
            },
            Ok(None) => {}
            Err(error) => instead_of = Some(error.to_string()),
        }
    }
    let component = Component::new(engine, bytes)?;
    let code = component.serialize()?;
    let became = match opened.and_then(|folder| folder.keep(&key, &code)) {
        Ok(()) => CompiledCode::Kept { instead_of },
        Err(error) => CompiledCode::NotKept(error.to_string()),
    };
    Ok((component, became))
}

/// What the code is for: this engine, its version, settings and processor, and these bytes.
#[cfg(unix)]
fn key(engine: &Engine, bytes: &[u8]) -> [u8; 32] {
    struct Digest(Sha256);
    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut digest = Digest(Sha256::new_with_prefix("milvus-host compiled code 1"));
    engine.precompile_compatibility_hash().hash(&mut digest);
    digest.0.update(Sha256::digest(bytes));
    digest.0.finalize().into()
}

/// The one place where this library believes bytes without checking each of them.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "there is no safe way to load compiled code; the module says why these bytes can be trusted"
)]
fn trusted(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: the bytes are what `Component::serialize` answered. They come out of a file that this user alone could
    // write, in a folder that this user alone could write in, both checked on their open handles, and this crate
    // writes nothing else there under such a name. The digest of the bytes stands in the same file, so they are whole.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(unix)]
mod folder {
    use std::ffi::CString;
    use std::fs::{DirBuilder, File};
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    use std::io::{Error, Read as _, Result, Write as _};
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::DirBuilderExt as _;
    use std::path::Path;

    use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
    use rustix::io::Errno;
    use sha2::{Digest as _, Sha256};

    /// The largest file, in bytes. The code of a component of 1 MB has 3 MB.
    const FILE_BYTES: u64 = 256 << 20;
    /// So many files are kept, the newest; the others go.
    const FILES: usize = 16;
    const SUFFIX: &str = ".cwasm";
    /// The key, and the digest of what follows.
    const HEADER: usize = 64;

    /// A folder that this user alone can write in.
    #[derive(Debug)]
    pub(super) struct Folder(OwnedFd);

    impl Folder {
        /// Opens a folder, made if it is not there, and checks it.
        pub(super) fn open(path: &Path) -> Result<Self> {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let folder = rustix::fs::open(path, flags, Mode::empty())?;
            let mut below = rustix::fs::fstat(&folder)?;
            mine(&below, "the folder", Mode::RWXU)?;
            // Upwards from the handle: the folders that hold it, whatever links the path went through.
            let mut above = "..".to_owned();
            loop {
                let stat = rustix::fs::statat(&folder, &above, AtFlags::empty())?;
                if (stat.st_dev, stat.st_ino) == (below.st_dev, below.st_ino) {
                    return Ok(Self(folder));
                }
                protected(&stat, &above)?;
                below = stat;
                above.push_str("/..");
            }
        }

        /// The code that is kept under a key, if there is a file.
        pub(super) fn read(&self, key: &[u8; 32]) -> Result<Option<Vec<u8>>> {
            // Opening a FIFO waits for nobody: it is found to be one on the handle.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let handle = match rustix::fs::openat(&self.0, name(key), flags, Mode::empty()) {
                Ok(handle) => handle,
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::LOOP) => return Err(Error::other("the file is a link")),
                Err(error) => return Err(error.into()),
            };
            let stat = rustix::fs::fstat(&handle)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(Error::other("the file is no regular file"));
            }
            mine(&stat, "the file", Mode::RUSR | Mode::WUSR)?;
            if stat.st_nlink != 1 {
                return Err(Error::other("the file has another name, too"));
            }
            let mut content = Vec::new();
            File::from(handle)
                .take(FILE_BYTES + 1)
                .read_to_end(&mut content)?;
            let whole = content
                .split_at_checked(HEADER)
                .filter(|(header, code)| *header == self::header(key, code));
            if whole.is_none() || content.len() as u64 > FILE_BYTES {
                return Err(Error::other("the file is not whole, or not for this"));
            }
            content.drain(..HEADER);
            Ok(Some(content))
        }

        /// Keeps code under a key, in place of what is there.
        pub(super) fn keep(&self, key: &[u8; 32], code: &[u8]) -> Result<()> {
            let random = RandomState::new().build_hasher().finish();
            let temporary = format!("{random:016x}{SUFFIX}");
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = rustix::fs::openat(&self.0, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
            let mut file = File::from(handle);
            let named = name(key);
            let kept = file
                .write_all(&header(key, code))
                .and_then(|()| file.write_all(code))
                .and_then(|()| file.sync_all())
                .and_then(|()| Ok(rustix::fs::renameat(&self.0, &temporary, &self.0, &named)?));
            if kept.is_err() {
                let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
            }
            kept.and_then(|()| self.forget_old(&named))
        }

        /// Removes old files, those included that a program which was ended left half-written: `named` and the newest
        /// others stay.
        fn forget_old(&self, named: &str) -> Result<()> {
            let mut files: Vec<(i64, CString)> = Vec::new();
            for entry in Dir::read_from(&self.0)? {
                let name = entry?.file_name().to_owned();
                let bytes = name.to_bytes();
                if bytes.ends_with(SUFFIX.as_bytes()) && bytes != named.as_bytes() {
                    // Another program may have removed it meanwhile.
                    let stat = rustix::fs::statat(&self.0, &name, AtFlags::SYMLINK_NOFOLLOW);
                    files.extend(stat.map(|stat| (stat.st_mtime, name)));
                }
            }
            files.sort();
            for (_, name) in files.iter().rev().skip(FILES - 1) {
                let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
            }
            Ok(())
        }
    }

    fn name(key: &[u8; 32]) -> String {
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        digits + SUFFIX
    }

    fn header(key: &[u8; 32], code: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..32].copy_from_slice(key);
        header[32..].copy_from_slice(&Sha256::digest(code));
        header
    }

    /// It belongs to this user, and its mode lets nobody do more than `allowed`.
    fn mine(stat: &Stat, what: &str, allowed: Mode) -> Result<()> {
        let (owner, user) = (stat.st_uid, rustix::process::geteuid().as_raw());
        let mode = Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        let wrong = if owner != user {
            format!("{what} belongs to user {owner}, not to {user}")
        } else if !allowed.contains(mode) {
            let (mode, allowed) = (mode.bits(), allowed.bits());
            format!("{what} has mode {mode:o}, expected {allowed:o}")
        } else {
            return Ok(());
        };
        Err(Error::other(wrong))
    }

    /// Nobody but this user and root can put something else into the place of what is in it.
    fn protected(stat: &Stat, above: &str) -> Result<()> {
        let (owner, user) = (stat.st_uid, rustix::process::geteuid().as_raw());
        let mode = Mode::from_raw_mode(stat.st_mode);
        let others_write = mode.intersects(Mode::WGRP | Mode::WOTH) && !mode.contains(Mode::SVTX);
        if [0, user].contains(&owner) && !others_write {
            return Ok(());
        }
        let mode = mode.bits();
        Err(Error::other(format!(
            "others can replace what is in the folder `{above}` above it: it belongs to user {owner} and has mode {mode:o}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Config;

    use super::*;

    #[test]
    fn t62_code_of_another_engine_has_another_key_and_is_not_taken_under_this_one() {
        let engine = |interrupted| {
            let mut config = Config::new();
            config.gc_support(false).epoch_interruption(interrupted);
            Engine::new(&config).unwrap()
        };
        // The code of the other one cannot be interrupted when the time of a call is over.
        let [ours, same, other] = [true, true, false].map(engine);
        let bytes = wat::parse_str("(component (core module (func (loop br 0))))").unwrap();
        assert_eq!(key(&ours, &bytes), key(&same, &bytes));
        assert_ne!(key(&ours, &bytes), key(&other, &bytes));
        assert_ne!(key(&ours, &bytes), key(&ours, b"other bytes"));

        let path = std::env::temp_dir().join(format!("milvus-code-{}", std::process::id()));
        let kept = |engine, instead_of: Option<&str>| {
            let (_, became) = component(engine, &bytes, Some(&path)).unwrap();
            let instead_of = instead_of.map(str::to_owned);
            assert_eq!(became, CompiledCode::Kept { instead_of });
        };
        kept(&other, None);
        kept(&ours, None);
        let code = Component::new(&other, &bytes).unwrap().serialize().unwrap();
        let folder = folder::Folder::open(&path).unwrap();
        folder.keep(&key(&ours, &bytes), &code).unwrap();
        kept(&ours, Some("the engine does not take it"));
        let (_, became) = component(&ours, &bytes, Some(&path)).unwrap();
        assert_eq!(became, CompiledCode::Read);
        std::fs::remove_dir_all(path).unwrap();
    }
}
