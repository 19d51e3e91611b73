//! Where audit lines go, and what becomes of a call whose lines nobody takes.

use std::fs::{Permissions, set_permissions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Folder, Ran, is_root, ran, run_in};
use crate::servers::local::milvus_host;
use crate::servers::{Elsewhere, Recorder};

const LIST: [&str; 3] = ["call", "milvus_collection", r#"{"operation":"list"}"#];
/// Lines of a call: what the component says of its tools is asked for first, then the request, then the call.
const LINES: usize = 3;

fn call(folder: &Folder, recorder: &Recorder, more: &[&str]) -> Ran {
    let uri = recorder.uri();
    run_in(folder, &[&LIST[..], more].concat(), &[("MILVUS_URI", &uri)])
}

/// The lines of a file, each of which is JSON.
fn lines(folder: &Folder, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path().join(name)).expect("it is there");
    assert!(text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

#[test]
fn t67_an_audit_in_a_file_is_for_its_owner_and_calls_add_to_it() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    for calls in 1..=2 {
        assert_eq!(call(&folder, &recorder, &["--audit", "audit"]).code, 0);
        assert_eq!(lines(&folder, "audit").len(), calls * LINES);
    }
    let mode = std::fs::metadata(folder.path().join("audit"))
        .expect("it is there")
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("it is ours")
            .count(),
        1
    );
}

#[test]
fn t67_commands_leave_the_audit_that_was_asked_for_and_nothing_else() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    folder.write_secret("token", "root:Retenti0n");
    let home = folder.path().display().to_string();
    let uri = recorder.uri();
    for command in [
        &LIST[..],
        &["call", "milvus_count", r#"{"collection_name":"docs"}"#],
        &[
            "call",
            "milvus_insert",
            r#"{"collection_name":"docs","data":[{"id":1}]}"#,
        ],
        &["doctor"],
        &["tools"],
        &["inspect"],
        &["policy"],
    ] {
        let more = ["--audit", "audit", "--token-file", "token", "--no-cache"];
        run_in(
            &folder,
            &[command, &more].concat(),
            &[("MILVUS_URI", &uri), ("HOME", &home), ("TMPDIR", &home)],
        );
    }
    let mut left = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is ours") {
            let path = entry.expect("it is there").path();
            let meta = std::fs::symlink_metadata(&path).expect("it is there");
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            assert_eq!(meta.mode() & 0o777, 0o600, "{}", path.display());
            left.push(path);
        }
    }
    left.sort();
    let expected = ["audit", "token"].map(|name| folder.path().join(name));
    assert_eq!(left, expected, "the token was there before");
    let audit = std::fs::read_to_string(folder.path().join("audit")).expect("it is there");
    assert!(audit.lines().count() > 3 * LINES && !audit.contains("Retenti0n"));
}

#[test]
fn t66_calls_at_a_time_lose_no_line_when_the_file_is_rotated() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    const CALLS: usize = 24;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..CALLS / 4 {
                    let audit = ["--audit", "audit", "--audit-max-bytes", "4096"];
                    let ran = call(&folder, &recorder, &audit);
                    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
                }
            });
        }
    });
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .expect("it is ours")
        .map(|entry| {
            entry
                .expect("it is there")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    assert!(names.len() > 1, "{names:?}");
    let lines: Vec<Value> = names.iter().flat_map(|name| lines(&folder, name)).collect();
    assert_eq!(lines.len(), CALLS * LINES);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["verdict"] == "sent")
            .count(),
        CALLS
    );
}

#[test]
fn t66_a_full_disk_fails_no_call_and_the_loss_is_told_at_the_end() {
    // For files of this size the disk is full; a smaller limit would be one for the sandbox, too.
    const FULL: u64 = 64 << 20;
    let (folder, recorder) = (Folder::new(), Recorder::start());
    let path = folder.path().join("audit");
    for free in [0, 100, 300] {
        let file = std::fs::File::create(&path).expect("it is ours");
        set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        file.set_len(FULL - free).expect("it is ours, and sparse");
        let mut limited = Command::new("prlimit");
        limited
            .arg(format!("--fsize={FULL}"))
            .args(["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(milvus_host())
            .args(LIST)
            .args(["--audit", "audit", "--audit-max-bytes", "100000000"])
            .args(["--json", "--uri", &recorder.uri()])
            .env_clear()
            .current_dir(folder.path());
        let ran = ran(limited, "");
        assert_eq!(ran.code, 0, "{ran:?}");
        let answer: Value = serde_json::from_str(&ran.output).expect("JSON and no more");
        assert!(answer["collections"].is_array());
        let mut file = std::fs::File::open(&path).expect("it is there");
        file.seek(SeekFrom::Start(FULL - free))
            .expect("it is a file");
        let mut written = String::new();
        file.read_to_string(&mut written).expect("text");
        assert!(written.is_empty() || written.ends_with('\n'), "{written}");
        assert_eq!(
            ran.errors,
            format!(
                "warning: {} lines of the audit audit were lost: File too large (os error 27)\n",
                LINES
                    - written
                        .lines()
                        .filter(|line| !line.contains("\"lost\":"))
                        .count()
            )
        );
    }
}

#[test]
fn t66_what_is_no_file_of_its_own_takes_no_audit() {
    let (folder, server) = (Folder::new(), Elsewhere::start());
    let made = Command::new("mkfifo")
        .arg(folder.path().join("fifo"))
        .status();
    assert!(made.expect("mkfifo is there").success());
    folder.write("behind", "");
    symlink("behind", folder.path().join("link")).expect("it is ours");
    set_permissions(folder.write("open", ""), Permissions::from_mode(0o602)).expect("it is ours");
    let uri = format!("http://{}", server.authority());
    for (place, words) in [
        ("fifo", "expected a regular file"),
        ("/dev/full", "expected a regular file"),
        (".", "directory"),
        ("link", "it is a link"),
        ("open", "others can get at it (mode 602): chmod 600 open"),
        ("missing/audit", "No such file"),
        ("syslog:missing", "No such file"),
        ("syslog:behind", "syslog daemon"),
    ] {
        let ran = run_in(
            &folder,
            &[&LIST[..], &["--audit", place]].concat(),
            &[("MILVUS_URI", &uri)],
        );
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{place}: {ran:?}");
        assert!(ran.errors.contains(words), "{place}: {ran:?}");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(
        std::fs::read(folder.path().join("behind")).expect("it is there"),
        b""
    );
}

#[test]
fn t67_a_file_that_others_can_get_at_takes_no_audit() {
    let (folder, server) = (Folder::new(), Elsewhere::start());
    let uri = format!("http://{}", server.authority());
    let refused = |words: &str| {
        let ran = run_in(
            &folder,
            &[&LIST[..], &["--audit", "audit"]].concat(),
            &[("MILVUS_URI", &uri)],
        );
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{words}: {ran:?}");
        assert!(ran.errors.contains(words), "{words}: {ran:?}");
    };
    let path = folder.write("audit", "");
    for mode in [0o644, 0o664, 0o640, 0o620, 0o610, 0o604, 0o602, 0o666] {
        set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        refused(&format!(
            "others can get at it (mode {mode:03o}): chmod 600 audit"
        ));
    }
    set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
    std::fs::hard_link(&path, folder.path().join("other")).expect("it is ours");
    refused("it has other names, too (hard links)");
    std::fs::remove_file(folder.path().join("other")).expect("it is ours");
    if is_root() {
        // Only root can give a file away.
        chown(&path, Some(65_534), None).expect("root may");
        refused("it belongs to user 65534");
        chown(&path, Some(0), None).expect("root may");
    }
    assert_eq!(std::fs::read(&path).expect("it is there"), b"");
    assert_eq!(server.connections(), 0);
    let recorder = Recorder::start();
    assert_eq!(call(&folder, &recorder, &["--audit", "audit"]).code, 0);
    assert_eq!(lines(&folder, "audit").len(), LINES);
}

#[test]
fn t66_the_systems_log_gets_a_datagram_for_each_line() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    let log = UnixDatagram::bind(folder.path().join("log")).expect("the folder is ours");
    log.set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a socket");
    let ran = call(&folder, &recorder, &["--audit", "syslog:log"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    for _ in 0..LINES {
        let mut bytes = [0; 8192];
        let length = log.recv(&mut bytes).expect("a datagram");
        let text = std::str::from_utf8(&bytes[..length]).expect("text");
        let line = text
            .strip_prefix("<86>milvus-host[")
            .and_then(|text| text.split_once("]: "))
            .expect(text)
            .1;
        let line: Value = serde_json::from_str(line).expect(line);
        assert!(line["at"].is_string(), "{line}");
    }
}

#[test]
fn t66_a_log_that_nobody_reads_holds_no_call_up_and_the_loss_is_told() {
    let (folder, recorder) = (Folder::new(), Recorder::start());
    let path = folder.path().join("log");
    let _log = UnixDatagram::bind(&path).expect("the folder is ours");
    let other = UnixDatagram::unbound().expect("a socket");
    other.set_nonblocking(true).expect("a socket");
    while other.send_to(&[b'x'; 4096], &path).is_ok() {}
    let started = Instant::now();
    let ran = call(&folder, &recorder, &["--audit", "syslog:log"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    let said = format!("warning: {LINES} lines of the audit log were lost: ");
    assert!(ran.errors.starts_with(&said), "{ran:?}");
}

#[test]
fn a_size_without_a_file_or_of_no_sense_is_wrong_usage() {
    for more in [
        &["--audit-max-bytes", "65536"][..],
        &["--audit", "stderr", "--audit-max-bytes", "65536"],
        &["--audit", "audit", "--audit-max-bytes", "4095"],
    ] {
        let folder = Folder::new();
        let ran = run_in(&folder, &[&["tools"], more].concat(), &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{more:?}");
        assert!(!folder.path().join("audit").exists());
    }
}
