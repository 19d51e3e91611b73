//! What this process leaves to others: nothing on a disk when it crashes, nothing in the environment of a child.
//!
//! The token may come by the environment, which the kernel shows in `/proc/PID/environ` to who may trace the process;
//! and it is in memory, which a core dump would write to a file.

use std::process::Command;

/// Variables that a program may need to run at all; none holds a secret of this program.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"];

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

/// Hands those variables on whose names are wanted.
pub(crate) fn pass_on(command: &mut Command, wanted: impl Fn(&str) -> bool) {
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&wanted)));
}
