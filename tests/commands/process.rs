//! What the program leaves to others on its machine.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use super::{Folder, ended, is_root, ran, run_in, wait_until};
use crate::servers::Faulty;
use crate::servers::local::{command, milvus_host};

const TOKEN: &str = "root:Pr0cessC4nary";
/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// A call that waits for a server which says nothing, started with `ulimit -c unlimited` by a shell.
fn waiting(folder: &Folder, server: &Faulty, unprivileged: bool) -> Child {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"])
        .arg(milvus_host())
        .args(["call", "milvus_collection", "--uri", &server.uri()])
        .arg(r#"{"operation":"list"}"#)
        .env_clear()
        .env("MILVUS_TOKEN", TOKEN)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if unprivileged && is_root() {
        shell.uid(NOBODY).gid(NOBODY);
    }
    let child = shell.spawn().expect("a shell is there");
    assert!(wait_until(|| server.connections() > 0), "it calls");
    child
}

#[test]
fn t35_the_command_line_of_a_call_holds_no_token() {
    let (folder, server) = (Folder::new(), Faulty::silent());
    let mut child = waiting(&folder, &server, false);
    let shown = std::fs::read(format!("/proc/{}/cmdline", child.id())).expect("Linux");
    child.kill().expect("it is a child");
    ended(&mut child);
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(
        shown.contains("milvus_collection") && !shown.contains("Pr0cessC4nary"),
        "{shown}"
    );
}

#[test]
fn t35_a_token_on_the_command_line_is_refused_and_not_repeated() {
    let ran = run_in(&Folder::new(), &["tools", "--token", TOKEN], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert!(!ran.errors.contains("Pr0cessC4nary"), "{ran:?}");
}

#[test]
fn t35_a_call_that_aborts_leaves_no_core() {
    let (folder, server) = (Folder::new(), Faulty::silent());
    let mut child = waiting(&folder, &server, false);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("Linux");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .expect("there is this line");
    assert_eq!(
        core.split_whitespace().skip(4).collect::<Vec<_>>(),
        ["0", "0", "bytes"]
    );
    let aborted = Command::new("kill")
        .args(["-ABRT", &child.id().to_string()])
        .status();
    assert!(aborted.expect("kill is there").success());
    let status = ended(&mut child);
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let left = std::fs::read_dir(folder.path())
        .expect("it is ours")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn t35_another_program_of_the_same_user_cannot_read_environment_and_memory() {
    let (folder, server) = (Folder::new(), Faulty::silent());
    let mut child = waiting(&folder, &server, true);
    let read = |name: &str| {
        let mut other = Command::new("dd");
        other
            .args([
                "bs=64",
                "count=1",
                &format!("if=/proc/{}/{name}", child.id()),
            ])
            .current_dir("/");
        if is_root() {
            other.uid(NOBODY).gid(NOBODY);
        }
        ran(other, "")
    };
    let [environment, memory, line] = ["environ", "mem", "cmdline"].map(read);
    child.kill().expect("it is a child");
    ended(&mut child);
    // The command line can be read, so the others are refused by their own rule.
    assert_eq!(line.code, 0, "{line:?}");
    for refused in [environment, memory] {
        assert_eq!(refused.code, 1);
        assert!(refused.errors.contains("Permission denied"), "{refused:?}");
    }
}

/// A Python that writes its environment to a file and does what is asked of it.
const PYTHON: &str = r#"#!/bin/sh
{ echo "ran: $*"; env; } >> "RECORD"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"#;

#[test]
fn t35_a_child_gets_nothing_of_the_environment_but_what_it_needs() {
    let folder = Folder::new();
    let record = folder.path().join("record");
    let script = PYTHON.replace("RECORD", &record.display().to_string());
    let python = folder.write("python", &script);
    std::fs::set_permissions(&python, PermissionsExt::from_mode(0o700)).expect("it is ours");
    let mut command = command();
    command
        .args([
            "local", "--port", "0", "--home", "home", "--python", "./python",
        ])
        .env("MILVUS_TOKEN", TOKEN)
        .env("OTHER_SECRET", "Pr0cessC4nary")
        .current_dir(folder.path());
    let ran = ran(command, "");
    // It is no server, so it cannot have started.
    assert_eq!(ran.code, 1, "{ran:?}");
    let record = std::fs::read_to_string(record).expect("it was run");
    for part in [
        "-Ic import sys",
        "-Im venv",
        "-Im pip install",
        "-Pm milvus_gateway",
    ] {
        assert!(record.contains(&format!("ran: {part}")), "{part}: {record}");
    }
    assert!(
        !record.contains("Pr0cessC4nary") && !record.contains("MILVUS_TOKEN"),
        "{record}"
    );
}
