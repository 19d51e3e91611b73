//! What this process leaves to others: nothing on a disk when it crashes, nothing in the environment of a child.
//!
//! The token may come by the environment, which the kernel shows in `/proc/PID/environ` to who may trace the process;
//! and it is in memory, which a core dump would write to a file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables that a program may need to run at all; none holds a secret of this program.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"];

/// Those that list folders which programs and libraries are taken from.
const LISTS: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

/// Those that name one folder.
const FOLDERS: [&str; 3] = ["HOME", "TMPDIR", "XDG_CACHE_HOME"];

/// Before any secret is read: no core dump, and, on Linux, no tracing by and no `/proc/PID/{environ,mem}` for other
/// programs of the same user.
///
/// The limit alone would not do: with a `core_pattern` that pipes to a program, Linux dumps whatever the limit is
/// (core(5)), unless the process is not dumpable. Root can still do all of that. A system that refuses either loses that
/// defence, and no more.
pub(crate) fn keep_to_itself() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Gives a child an environment that was built: nothing of this program's but what it takes to run, so no token.
pub(crate) fn clear_environment(command: &mut Command) {
    pass_on(command.env_clear(), |name| ENVIRONMENT.contains(&name));
}

/// Hands those variables on whose names are wanted. A folder in them that is not absolute is left out: it would be one
/// of the working directory, from which nothing is to be run.
pub(crate) fn pass_on(command: &mut Command, wanted: impl Fn(&str) -> bool) {
    command.envs(std::env::vars_os().filter_map(|(name, value)| {
        let known = name.to_str().filter(|name| wanted(name))?;
        let value = anchored(known, &value)?;
        Some((name, value))
    }));
}

/// What is left of a variable without folders that are not absolute; nothing if nothing is left, since an empty list
/// names the working directory.
fn anchored(name: &str, value: &OsStr) -> Option<OsString> {
    if LISTS.contains(&name) {
        let folders: Vec<PathBuf> = std::env::split_paths(value)
            .filter(|folder| folder.is_absolute())
            .collect();
        let list = std::env::join_paths(folders).ok()?;
        return (!list.is_empty()).then_some(list);
    }
    let anchored = !FOLDERS.contains(&name) || Path::new(value).is_absolute();
    anchored.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t36_no_folder_of_the_working_directory_is_handed_to_a_child() {
        for (name, value, left) in [
            ("PATH", "/usr/bin:/bin", Some("/usr/bin:/bin")),
            ("PATH", ":.:bin:/usr/bin::../x:", Some("/usr/bin")),
            ("PATH", "", None),
            ("PATH", ".", None),
            ("LD_LIBRARY_PATH", "/opt/lib:", Some("/opt/lib")),
            ("HOME", "/home/me", Some("/home/me")),
            ("HOME", "", None),
            ("HOME", ".", None),
            ("TMPDIR", "tmp", None),
            ("XDG_CACHE_HOME", "cache", None),
            ("LANG", "C.UTF-8", Some("C.UTF-8")),
            ("PIP_CERT", "mine.pem", Some("mine.pem")),
        ] {
            let found = anchored(name, OsStr::new(value));
            assert_eq!(found.as_deref(), left.map(OsStr::new), "{name}={value}");
        }
    }
}
