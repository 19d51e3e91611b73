//! Files that the program is told to read: what they are, whose they are, and who can get at them.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Folder, Ran, is_root, ran, run_in};
use crate::servers::local::command;
use crate::servers::{Elsewhere, Recorder};

const LIST: [&str; 3] = ["call", "milvus_collection", r#"{"operation":"list"}"#];
/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// A call with one more flag and a file, to a server that counts who comes.
fn call(folder: &Folder, flag: &str, file: &str) -> (Ran, usize) {
    let (server, started) = (Elsewhere::start(), Instant::now());
    let uri = format!("http://{}", server.authority());
    let ran = run_in(
        folder,
        &[&LIST[..], &[flag, file]].concat(),
        &[("MILVUS_URI", &uri), ("MILVUS_TIMEOUT_MS", "5000")],
    );
    assert!(started.elapsed() < Duration::from_secs(10), "{flag} {file}");
    (ran, server.connections())
}

/// Wrong usage with these words, and nobody was connected to.
#[track_caller]
fn refused(folder: &Folder, flag: &str, file: &str, words: &[&str]) {
    let (ran, connections) = call(folder, flag, file);
    assert_eq!(
        (ran.code, ran.output.as_str(), connections),
        (2, "", 0),
        "{flag} {file}: {}",
        ran.errors
    );
    for word in words {
        assert!(ran.errors.contains(word), "{word:?} in {}", ran.errors);
    }
}

fn token(folder: &Folder, name: &str, mode: u32) {
    let path = folder.write(name, "root:from-file\n");
    set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo is there").success());
}

#[test]
fn t63_what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = Folder::new();
    fifo(&folder.path().join("fifo"));
    for flag in ["--token-file", "--ca-cert", "--config", "--component"] {
        refused(
            &folder,
            flag,
            "fifo",
            &["expected a regular file, came a FIFO"],
        );
        refused(
            &folder,
            flag,
            ".",
            &["expected a regular file, came a directory"],
        );
        refused(
            &folder,
            flag,
            "/dev/zero",
            &["expected a regular file, came a device"],
        );
    }
}

#[test]
fn t63_a_file_beyond_its_limit_is_refused() {
    let folder = Folder::new();
    folder.write("token", &"x".repeat((64 << 10) + 1));
    let path = folder.path().join("token");
    set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
    folder.write("text", &"#".repeat((1 << 20) + 1));
    refused(
        &folder,
        "--token-file",
        "token",
        &["expected at most 65536 bytes"],
    );
    for flag in ["--ca-cert", "--config"] {
        refused(&folder, flag, "text", &["expected at most 1048576 bytes"]);
    }
    folder.write("milvus-host.toml", &"#".repeat((1 << 20) + 1));
    let ran = run_in(&folder, &["tools"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert!(
        ran.errors.contains("expected at most 1048576 bytes"),
        "{ran:?}"
    );
}

#[test]
fn t63_a_token_that_others_can_read_or_change_is_refused_with_the_remedy() {
    let folder = Folder::new();
    for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o666] {
        token(&folder, "token", mode);
        let said = format!("others can get at it (mode {mode:03o})");
        refused(
            &folder,
            "--token-file",
            "token",
            &[&said, "hint: chmod 600 token"],
        );
    }
    for mode in [0o600, 0o400, 0o700] {
        token(&folder, "token", mode);
        let recorder = Recorder::start();
        let ran = run_in(
            &folder,
            &[&LIST[..], &["--token-file", "token"]].concat(),
            &[("MILVUS_URI", &recorder.uri())],
        );
        assert_eq!(ran.code, 0, "{mode:o}: {ran:?}");
        assert_eq!(
            recorder.requests()[0].header("authorization"),
            Some("Bearer root:from-file")
        );
    }
}

#[test]
fn t63_settings_certificates_and_components_that_everybody_can_change_are_refused() {
    let folder = Folder::new();
    let path = folder.write("open", "");
    set_permissions(path, Permissions::from_mode(0o646)).expect("it is ours");
    for flag in ["--config", "--ca-cert", "--component"] {
        refused(
            &folder,
            flag,
            "open",
            &["everybody can change it (mode 646)", "hint: chmod o-w open"],
        );
    }
}

#[test]
fn t63_a_token_of_another_user_is_refused() {
    if !is_root() {
        // Only root can give a file away.
        return;
    }
    let folder = Folder::new();
    token(&folder, "token", 0o600);
    chown(folder.path().join("token"), Some(NOBODY), None).expect("root may");
    refused(
        &folder,
        "--token-file",
        "token",
        &[
            "it belongs to user 65534, who can read and change it",
            "hint: make it yours: chown",
        ],
    );
}

#[test]
fn t63_a_token_of_root_for_the_group_of_a_service_is_read_by_it() {
    if !is_root() {
        return;
    }
    let (folder, recorder) = (Folder::new(), Recorder::start());
    let call = |mode: u32| {
        token(&folder, "token", mode);
        chown(folder.path().join("token"), Some(0), Some(NOBODY)).expect("root may");
        let mut command = command();
        command
            .args(LIST)
            .args(["--token-file", "token", "--uri", &recorder.uri()])
            .current_dir(folder.path())
            .uid(NOBODY)
            .gid(NOBODY);
        ran(command, "")
    };
    assert_eq!(call(0o440).code, 0);
    assert_eq!(
        recorder.requests()[0].header("authorization"),
        Some("Bearer root:from-file")
    );
    for mode in [0o444, 0o460] {
        let ran = call(mode);
        assert_eq!(ran.code, 2, "{mode:o}: {ran:?}");
    }
    assert_eq!(recorder.requests().len(), 1);
}

#[test]
fn t63_a_token_file_may_be_a_link_and_what_counts_is_the_file_behind_it() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    symlink("behind", folder.path().join("link")).expect("the folder is ours");
    token(&folder, "behind", 0o644);
    refused(
        &folder,
        "--token-file",
        "link",
        &["others can get at it (mode 644)"],
    );
    token(&folder, "behind", 0o600);
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--token-file", "link"]].concat(),
        &[("MILVUS_URI", &recorder.uri())],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        recorder.requests()[0].header("authorization"),
        Some("Bearer root:from-file")
    );
}

#[test]
fn t63_a_settings_file_that_was_only_found_is_not_followed_through_a_link() {
    let folder = Folder::new();
    folder.write("elsewhere.toml", "database = \"words\"\n");
    symlink("elsewhere.toml", folder.path().join("milvus-host.toml")).expect("it is ours");
    let ran = run_in(&folder, &["tools"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert!(ran.errors.contains("it is a link"), "{ran:?}");
    let named = run_in(&folder, &["tools", "--config", "milvus-host.toml"], &[]);
    assert_eq!(named.code, 0, "{named:?}");
    // A FIFO there would stop every command.
    let folder = Folder::new();
    fifo(&folder.path().join("milvus-host.toml"));
    let ran = run_in(&folder, &["tools"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert!(ran.errors.contains("came a FIFO"), "{ran:?}");
}

#[test]
fn t63_a_token_in_place_of_the_name_of_its_file_is_not_repeated() {
    let folder = Folder::new();
    for text in ["root:S3cret", &"S3cret".repeat(1000), "root:S3cret/x"] {
        let (ran, _) = call(&folder, "--token-file", text);
        assert_eq!(ran.code, 2);
        assert!(!format!("{ran:?}").contains("S3cret"), "{ran:?}");
    }
}

#[test]
fn t63_a_component_is_as_large_as_its_limit_says() {
    const LARGE: usize = 65 << 20;
    let folder = Folder::new();
    let mut bytes = host_harness::embedded_component().to_vec();
    // A custom section without a name, which says nothing, at the end: its number, its size in LEB128, its bytes.
    bytes.push(0);
    for shift in [0, 7, 14] {
        bytes.push(0x80 | (LARGE >> shift & 0x7f) as u8);
    }
    bytes.push((LARGE >> 21) as u8);
    bytes.resize(bytes.len() + LARGE, 0);
    std::fs::write(folder.path().join("large.wasm"), bytes).expect("it is ours");
    let inspect = |more: &[&str]| {
        let component = ["inspect", "--component", "large.wasm"];
        run_in(&folder, &[&component[..], more].concat(), &[])
    };
    for (more, most, remedy) in [
        (&[][..], 16 << 20, "32MiB"),
        (&["--limit", "component-bytes=20MiB"], 20 << 20, "40MiB"),
        (&["--limit", "component-bytes=65MiB"], 65 << 20, "130MiB"),
    ] {
        let ran = inspect(more);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
        let said =
            format!("expected at most {most} bytes\n\nhint: --limit component-bytes={remedy}");
        assert!(ran.errors.contains(&said), "{ran:?}");
    }
    let ran = inspect(&["--limit", "component-bytes=128MiB"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
