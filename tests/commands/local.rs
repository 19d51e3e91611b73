//! `milvus-host local`: it starts, and nothing of it is left behind, whatever ends it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Folder, ended, ran, run, shows, wait_until};
use crate::servers::local::{LocalMilvus, TOKEN, command, post};

fn start() -> LocalMilvus {
    let mut command = command();
    command.arg("local");
    LocalMilvus::start(command)
}

/// Sends a signal by its name.
fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(sent.expect("`kill` is there").success());
}

/// Whether a process runs. One that ended and that nobody waited for does not.
fn runs(process: u64) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &process.to_string()])
        .output()
        .expect("`ps` is there");
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// The gateway ends, its port is free again, and its temporary folder is gone.
fn nothing_is_left(local: &LocalMilvus) {
    assert!(wait_until(|| !runs(local.gateway())), "the gateway runs on");
    assert!(
        wait_until(|| TcpStream::connect(local.address()).is_err()),
        "something listens at {}",
        local.address()
    );
    assert!(
        wait_until(|| !local.data_dir().exists()),
        "{} is left",
        local.data_dir().display()
    );
}

#[test]
fn when_it_is_ready_it_says_where_in_one_line_of_json() {
    let local = start();
    let mut members: Vec<&String> = local.ready.as_object().expect("an object").keys().collect();
    members.sort();
    assert_eq!(members, ["data_dir", "milvus_lite", "pid", "uri"]);
    assert!(local.data_dir().is_dir() && runs(local.gateway()));
    let listed = post(local.address(), "collections/list", &json!({}), None);
    assert_eq!(listed, json!({"code": 0, "data": []}));
}

#[test]
fn it_stops_when_its_standard_input_closes() {
    let mut local = start();
    drop(local.process.stdin.take());
    assert!(ended(&mut local.process).success());
    nothing_is_left(&local);
}

#[test]
fn it_stops_when_it_is_asked_to_terminate() {
    let mut local = start();
    signal("TERM", local.process.id());
    assert!(ended(&mut local.process).success());
    nothing_is_left(&local);
}

#[test]
fn it_stops_when_it_is_interrupted() {
    let mut local = start();
    signal("INT", local.process.id());
    assert!(ended(&mut local.process).success());
    nothing_is_left(&local);
}

#[test]
fn nothing_is_left_when_it_is_killed() {
    let mut local = start();
    signal("KILL", local.process.id());
    assert!(!ended(&mut local.process).success());
    nothing_is_left(&local);
}

#[test]
fn it_says_so_when_the_gateway_ends_by_itself() {
    let mut local = start();
    signal("KILL", u32::try_from(local.gateway()).expect("a process"));
    assert_eq!(ended(&mut local.process).code(), Some(1));
    assert!(
        wait_until(|| !local.data_dir().exists()),
        "{} is left",
        local.data_dir().display()
    );
}

#[test]
fn a_taken_port_is_said_in_a_sentence() {
    let port = LocalMilvus::shared()
        .address()
        .rsplit(':')
        .next()
        .expect("a port");
    let mut command = command();
    command.args(["local", "--port", port]);
    let ran = ran(command, "");
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    shows(
        &ran.errors.replace(port, "PORT"),
        "
error: the local Milvus did not start: Port PORT on 127.0.0.1 is taken by another program.

hint: another port: --port; another folder: --data-dir; a fresh installation: --home
",
    );
}

#[test]
fn two_at_once_have_ports_and_rows_of_their_own() {
    let second = std::thread::spawn(start);
    let first = start();
    let second = second.join().expect("it starts");
    assert_ne!(first.uri(), second.uri());
    let create = json!({"collectionName": "docs", "dimension": 2});
    assert_eq!(
        post(first.address(), "collections/create", &create, None)["code"],
        0
    );
    assert_eq!(
        post(second.address(), "collections/list", &json!({}), None)["data"],
        json!([])
    );
}

#[test]
fn rows_in_a_folder_of_ones_own_are_there_the_next_time() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let again = || {
        let mut command = command();
        command.args(["local", "--data-dir"]).arg(&data);
        LocalMilvus::start(command)
    };
    let mut first = again();
    assert_eq!(
        post(
            first.address(),
            "collections/create",
            &json!({"collectionName": "docs", "dimension": 2}),
            None
        )["code"],
        0
    );
    let rows = json!({"collectionName": "docs", "data": [{"id": 1, "vector": [1, 0]}]});
    assert_eq!(
        post(first.address(), "entities/insert", &rows, None)["code"],
        0
    );
    drop(first.process.stdin.take());
    assert!(ended(&mut first.process).success());
    let second = again();
    let counted = post(
        second.address(),
        "entities/query",
        &json!({"collectionName": "docs", "filter": "id == 1", "outputFields": ["id"]}),
        None,
    );
    assert_eq!(counted["data"], json!([{"id": 1}]));
}

#[test]
fn people_are_told_where_it_answers_and_how_to_stop_it() {
    let mut command = command();
    command
        .args(["local", "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut process = command.spawn().expect("it can be started");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let [first, second] =
        [lines.next(), lines.next()].map(|line| line.expect("two lines").expect("text"));
    assert!(
        first.starts_with("Milvus Lite ") && first.contains(" answers at http://127.0.0.1:"),
        "{first}"
    );
    assert!(first.contains("rows are gone at the end"), "{first}");
    assert!(second.starts_with("Ctrl-C stops it."), "{second}");
    signal("INT", process.id());
    assert!(ended(&mut process).success());
}

#[test]
fn with_authentication_only_the_token_lets_in_and_no_argument_holds_it() {
    let shared = LocalMilvus::shared();
    let list = |token: Option<&str>| {
        post(shared.address(), "collections/list", &json!({}), token)["code"].clone()
    };
    assert_eq!(
        [list(None), list(Some("root:wrong")), list(Some(TOKEN))],
        [1800, 1800, 0]
    );
    let arguments = Command::new("ps")
        .args(["-A", "-o", "args="])
        .output()
        .expect("`ps` is there");
    let arguments = String::from_utf8_lossy(&arguments.stdout).into_owned();
    let ours: Vec<&str> = arguments
        .lines()
        .filter(|line| line.contains("milvus-host") || line.contains("milvus_gateway"))
        .collect();
    assert!(ours.len() >= 2, "{arguments}");
    assert!(!ours.iter().any(|line| line.contains(TOKEN)), "{ours:?}");
}

#[test]
fn authentication_without_a_token_is_wrong_usage() {
    for variables in [&[][..], &[("MILVUS_TOKEN", "no-colon")]] {
        let ran = run(&["local", "--auth"], variables);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""));
        shows(
            &ran.errors,
            "
error: --auth takes the token from MILVUS_TOKEN, as `user:password`

hint: MILVUS_TOKEN=root:Milvus milvus-host local --auth
",
        );
    }
}

#[test]
fn an_installation_that_is_there_is_used_again_without_a_word() {
    let ran = run(&["local", "--install"], &[]);
    assert_eq!(
        (ran.code, ran.output.as_str(), ran.errors.as_str()),
        (0, "", "")
    );
}
