//! Where the token comes from, and where it never is.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Folder, Ran, ran, run_in, shows, wait_until};
use crate::secret::{forms, is_nowhere_in};
use crate::servers::local::command;
use crate::servers::{Faulty, Recorder, ok};

const LIST: [&str; 3] = ["call", "milvus_collection", r#"{"operation":"list"}"#];
/// JSON, addresses and base64 write some of it in more than one way.
const TOKEN: &str = "root:C4nary/s3cret?~>&of~~~the+host";

/// An executable shell script.
fn script(folder: &Folder, name: &str, text: &str) -> String {
    let path = folder.write(name, &format!("#!/bin/sh\n{text}\n"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&path, mode).expect("it is ours");
    path.display().to_string()
}

/// Lists collections at `milvus`, with the token of `command`.
fn listed_with(folder: &Folder, milvus: &Recorder, command: &str) -> Ran {
    run_in(
        folder,
        &LIST,
        &[
            ("MILVUS_URI", &milvus.uri()),
            ("MILVUS_TOKEN_COMMAND", command),
        ],
    )
}

fn sent(milvus: &Recorder) -> Vec<String> {
    let requests = milvus.requests();
    let values = requests
        .iter()
        .map(|request| request.header("authorization"));
    values
        .map(|value| value.unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_token_is_what_a_command_prints_without_its_line_break() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    let program = script(&folder, "token", "echo \"root:from-$1-$2\"");
    let ran = listed_with(&folder, &milvus, &format!(" {program}  a\tcommand "));
    assert_eq!(ran.code, 0, "{ran:?}");
    let uri = milvus.uri();
    let flag = [&LIST[..], &["--token-command", "echo a-key", "--uri", &uri]].concat();
    // What is named beats what stands in the environment.
    let ran = run_in(
        &folder,
        &flag,
        &[("MILVUS_TOKEN", "root:of-the-environment")],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        sent(&milvus),
        ["Bearer root:from-a-command", "Bearer a-key"]
    );
}

#[test]
fn a_settings_file_names_a_command_as_a_list_of_words() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    std::fs::create_dir(folder.path().join("inner")).expect("a folder");
    script(&folder, "inner/token", "echo \"root:$1\"");
    let text = format!(
        "uri = '{}'\ntoken_command = ['./token', 'one  argument']\n",
        milvus.uri()
    );
    folder.write(
        "inner/mine.toml",
        &text.replace("one  argument", "one;argument"),
    );
    let all = [&LIST[..], &["--config", "inner/mine.toml"]].concat();
    let ran = run_in(&folder, &all, &[]);
    assert_eq!(
        (ran.code, sent(&milvus)),
        (0, vec!["Bearer root:one;argument".to_owned()]),
        "{ran:?}"
    );
    // Blanks within a word stay: no shell, and no second splitting. A header cannot hold this token, so it is refused.
    folder.write("inner/mine.toml", &text);
    let ran = run_in(&folder, &all, &[]);
    assert_eq!((ran.code, milvus.requests().len()), (2, 1), "{ran:?}");
    assert!(!ran.errors.contains("argument"), "{ran:?}");
}

#[test]
fn t35_a_token_command_is_run_without_a_shell() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    let ran = listed_with(
        &folder,
        &milvus,
        "echo root:$HOME;touch${IFS}made`touch${IFS}made`",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        sent(&milvus),
        ["Bearer root:$HOME;touch${IFS}made`touch${IFS}made`"]
    );
    assert!(!folder.path().join("made").exists());
}

#[test]
fn t35_a_token_command_sees_no_token_no_setting_and_no_input() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    let program = script(
        &folder,
        "token",
        "env > seen; printf '%s\\n' \"$0\" \"$@\" >> seen; cat >> seen; echo root:of-the-command",
    );
    let mut command = command();
    command
        .args(LIST)
        .args(["--uri", &milvus.uri(), "--database", "words"])
        .env("MILVUS_TOKEN", TOKEN)
        .env("MILVUS_TOKEN_COMMAND", &program)
        .env("MILVUS_TIMEOUT_MS", "20000")
        .env("SOME_SECRET", "of another program")
        .current_dir(folder.path());
    let ran = ran(command, "what is on standard input");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(sent(&milvus), ["Bearer root:of-the-command"]);
    let seen = std::fs::read_to_string(folder.path().join("seen")).expect("it was run");
    is_nowhere_in(TOKEN, &seen, "what the command sees");
    assert!(seen.contains("PATH="), "{seen}");
    for absent in ["MILVUS", "SOME_SECRET", "standard input", "words"] {
        assert!(!seen.contains(absent), "{absent}: {seen}");
    }
}

#[test]
fn a_token_command_that_fails_is_wrong_usage_and_nothing_is_sent() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    let program = script(
        &folder,
        "token",
        "echo root:half-a-token; printf 'the vault is\\033[31m sealed' >&2; exit 3",
    );
    let ran = listed_with(&folder, &milvus, &program);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
    let said = ran.errors.replace(&program, "PROGRAM");
    assert!(
        said.starts_with(
            "error: the token command `PROGRAM` failed (exit status: 3): the vault is"
        ),
        "{said}"
    );
    assert!(
        !said.contains("half-a-token") && !said.contains('\x1b'),
        "{said}"
    );
    for (command, problem) in [
        ("no-such-program-anywhere --secret", "cannot be started"),
        ("true", "the credential"),
        ("printf \\377", "no text"),
    ] {
        let ran = listed_with(&folder, &milvus, command);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{command}: {ran:?}"
        );
        assert!(ran.errors.contains(problem), "{command}: {ran:?}");
        assert!(!ran.errors.contains("--secret"), "{ran:?}");
    }
    assert_eq!(milvus.connections(), 0);
}

#[test]
fn a_token_command_without_end_is_stopped_with_all_that_it_started() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    let program = script(
        &folder,
        "token",
        "sleep 300 & echo $! > sleeping; sleep 301",
    );
    let started = Instant::now();
    let ran = listed_with(&folder, &milvus, &program);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.errors.contains("took longer than 10 s"), "{ran:?}");
    assert!(started.elapsed() < Duration::from_secs(20));
    let sleeping = std::fs::read_to_string(folder.path().join("sleeping")).expect("it was run");
    let process = format!("/proc/{}/stat", sleeping.trim());
    let gone = wait_until(|| {
        // A dead process that nobody waited for is a zombie.
        std::fs::read_to_string(&process).map_or(true, |stat| stat.contains(") Z "))
    });
    assert!(gone, "{process}");
    let endless = script(
        &folder,
        "endless",
        "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
    );
    let started = Instant::now();
    let ran = listed_with(&folder, &milvus, &endless);
    assert!(
        ran.errors.contains("printed more than 65536 bytes"),
        "{ran:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "it is not waited for"
    );
    assert_eq!(milvus.connections(), 0);
}

#[test]
fn t36_a_planted_file_cannot_name_a_token_command() {
    let folder = Folder::new();
    folder.write(
        "milvus-host.toml",
        "token_command = [\"touch\", \"made\"]\n",
    );
    for command in [&LIST[..], &["doctor"], &["tools"]] {
        let ran = run_in(&folder, command, &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
        assert!(ran.errors.contains("sets `token_command`"), "{ran:?}");
    }
    assert!(!folder.path().join("made").exists());
}

#[test]
fn two_places_for_the_token_are_one_too_many() {
    let folder = Folder::new();
    folder.write(
        "mine.toml",
        "token_command = ['touch', 'made']\ntoken_file = 'token'\n",
    );
    for (more, variables) in [
        (
            vec!["--token-file", "token"],
            vec![("MILVUS_TOKEN_COMMAND", "touch made")],
        ),
        (vec!["--config", "mine.toml"], vec![]),
    ] {
        let ran = run_in(&folder, &[&LIST[..], &more].concat(), &variables);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.errors.contains("both say where the token comes from"),
            "{ran:?}"
        );
    }
    assert!(!folder.path().join("made").exists());
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--token-command", " "]].concat(),
        &[],
    );
    shows(&ran.errors, "error: the token command names no program");
}

#[test]
fn t36_a_command_of_a_settings_file_is_for_the_files_own_milvus() {
    let (own, other, folder) = (Recorder::start(), Recorder::start(), Folder::new());
    let text = format!("uri = '{}'\ntoken_command = ['touch', 'made']\n", own.uri());
    folder.write("mine.toml", &text);
    let all = [&LIST[..], &["--config", "mine.toml"]].concat();
    let ran = run_in(&folder, &all, &[("MILVUS_URI", &other.uri())]);
    assert_eq!(
        (ran.code, own.connections(), other.connections()),
        (2, 0, 0),
        "{ran:?}"
    );
    assert!(!folder.path().join("made").exists());
}

/// Every file below a folder, but for those that hold the token on purpose.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.file_name().is_some_and(|name| name != "token") {
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.push((path.display().to_string(), bytes));
        }
    }
}

/// A server that repeats the token in every form and in every part of its answer.
fn echo(status: &'static str, body: &'static str) -> Recorder {
    Recorder::answering(move |request| {
        let every: Vec<String> = forms(TOKEN).into_iter().map(|(_, form)| form).collect();
        let every = every.join(" ");
        let body = body.replace("EVERY", &every);
        assert_eq!(
            request.header("authorization"),
            Some(&*format!("Bearer {TOKEN}"))
        );
        format!(
            "HTTP/1.1 {status} {every}\r\nX-Echo: {every}\r\nWWW-Authenticate: Bearer realm={every}\r\n\
             Location: /{TOKEN}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    })
}

#[test]
fn t33_t34_t35_after_every_kind_of_call_the_token_is_in_no_output_and_no_file() {
    let success = Recorder::start();
    let rows = echo("200", r#"{"code":0,"data":["docs","of EVERY"]}"#);
    let refused = echo("401", r#"{"code":1800,"message":"who is EVERY"}"#);
    let missing = echo("404", "404 page EVERY not found");
    let failing = echo("200", r#"{"code":65535,"message":"EVERY"}"#);
    let no_json = echo("200", "EVERY");
    let moved = echo("307", "EVERY");
    let closing = Faulty::saying(
        format!("HTTP/1.1 200 OK\r\nX-Echo: {TOKEN}\r\nContent-Length: 9999\r\n\r\n{TOKEN}"),
        true,
    );
    let (silent, plain) = (
        Faulty::silent(),
        Recorder::answering(|_| ok("text/plain", b"")),
    );
    let (as_json, drop) = (
        [&LIST[..], &["--json"]].concat(),
        [
            "call",
            "milvus_drop_collection",
            r#"{"collection_name":"docs"}"#,
            "--mode",
            "append",
        ],
    );
    let tls = plain.uri().replace("http:", "https:");
    let inspect = ["inspect", "--json"];
    let wrong = [&LIST[..], &["--token", TOKEN]].concat();
    let mut redacted = 0;
    for (what, arguments, uri, code) in [
        ("success", &LIST[..], success.uri(), 0),
        ("rows", &as_json, rows.uri(), 0),
        ("401", &LIST[..], refused.uri(), 1),
        ("401 in JSON", &as_json, refused.uri(), 1),
        ("404", &as_json, missing.uri(), 1),
        ("an error of Milvus", &LIST[..], failing.uri(), 1),
        ("no JSON", &LIST[..], no_json.uri(), 1),
        ("a redirect", &LIST[..], moved.uri(), 1),
        ("a connection that breaks", &LIST[..], closing.uri(), 4),
        ("a call that takes too long", &LIST[..], silent.uri(), 4),
        ("a refusal by policy", &drop, success.uri(), 3),
        ("a server without TLS", &LIST[..], tls, 4),
        (
            "nobody there",
            &LIST[..],
            "http://127.0.0.1:1".to_owned(),
            4,
        ),
        ("doctor", &["doctor", "--json"], refused.uri(), 1),
        ("inspect", &inspect, success.uri(), 0),
        ("policy", &["policy"], success.uri(), 0),
        ("a token on the command line", &wrong, success.uri(), 2),
    ] {
        let folder = Folder::new();
        folder.write_secret("token", &format!("{TOKEN}\n"));
        for place in ["home", "cache", "temporary"] {
            std::fs::create_dir(folder.path().join(place)).expect("a folder");
        }
        let mut command = command();
        command
            .args(arguments)
            .args([
                "--uri",
                &uri,
                "--timeout-ms",
                "3000",
                "--audit",
                "audit.jsonl",
            ])
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("MILVUS_TOKEN_FILE", "token")
            .env("HOME", folder.path().join("home"))
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .env("TMPDIR", folder.path().join("temporary"))
            .current_dir(folder.path());
        let ran = ran(command, "");
        if what != "a token on the command line" && what != "doctor" {
            assert_eq!(ran.code, code, "{what}: {ran:?}");
        }
        is_nowhere_in(TOKEN, &ran.output, &format!("{what}: standard output"));
        is_nowhere_in(TOKEN, &ran.errors, &format!("{what}: standard error"));
        let mut left = Vec::new();
        files(folder.path(), &mut left);
        for (name, bytes) in left {
            let text = String::from_utf8_lossy(&bytes);
            is_nowhere_in(TOKEN, &text, &format!("{what}: {name}"));
            redacted += usize::from(text.contains("\"redacted\":"));
        }
        redacted +=
            usize::from(ran.output.contains("[redacted]") || ran.errors.contains("[redacted]"));
    }
    assert!(
        redacted >= 6,
        "what the servers said was to be seen: {redacted}"
    );
}
