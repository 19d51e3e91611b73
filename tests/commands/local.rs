//! `milvus-host local`: it starts, and nothing of it is left behind, whatever ends it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Folder, ended, ran, run, run_in, shows, wait_until};
use crate::servers::local::{LocalMilvus, TOKEN, command, post, send};

fn start() -> LocalMilvus {
    let mut command = command();
    command.arg("local");
    LocalMilvus::start(command)
}

fn start_standalone() -> LocalMilvus {
    let mut command = command();
    command.args(["local", "--server", "standalone"]);
    LocalMilvus::start(command)
}

/// The engine of a full Milvus: the one child of its supervisor.
fn engine(local: &LocalMilvus) -> u64 {
    let server = local.server();
    let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
    let children = children.expect("the supervisor runs");
    children.trim().parse().expect("one child")
}

/// One plain request to the REST API v1, the code of its answer.
fn v1(local: &LocalMilvus, path: &str, body: &Value, token: Option<&str>) -> Value {
    send(local.address(), &format!("/v1/vector/{path}"), body, token)["code"].clone()
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
    assert!(wait_until(|| !runs(local.server())), "the gateway runs on");
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
    assert_eq!(members, ["data_dir", "pid", "server", "uri", "version"]);
    assert_eq!(local.ready["server"], "Milvus Lite");
    assert!(local.data_dir().is_dir() && runs(local.server()));
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
    signal("KILL", u32::try_from(local.server()).expect("a process"));
    assert_eq!(ended(&mut local.process).code(), Some(1));
    assert!(
        wait_until(|| !local.data_dir().exists()),
        "{} is left",
        local.data_dir().display()
    );
}

#[test]
fn t70_a_taken_port_is_said_in_a_sentence() {
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
fn t35_t70_with_authentication_only_the_token_lets_in_and_no_argument_holds_it() {
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

#[test]
fn a_full_milvus_says_the_same_and_answers_rest_v1() {
    let local = start_standalone();
    let ready = &local.ready;
    assert_eq!(
        (&ready["server"], &ready["version"]),
        (&json!("Milvus"), &json!("2.3.5"))
    );
    let created = v1(
        &local,
        "collections/create",
        &json!({"collectionName": "docs", "dimension": 2}),
        None,
    );
    assert_eq!(created, 200);
}

#[test]
fn t70_the_ports_of_a_full_milvus_are_not_on_the_network() {
    let local = start_standalone();
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
    let engine = namespace(&engine(&local).to_string()).expect("it runs");
    let ours = namespace("self").expect("this program runs");
    // Where no program may make a namespace, people are told.
    assert!(
        engine != ours || local.said().contains("are open to its network"),
        "{}",
        local.said()
    );
}

#[test]
fn where_no_namespace_can_be_made_a_full_milvus_runs_too_and_says_that_its_ports_are_open() {
    let other = start_standalone();
    let read = |name: &str| {
        let path = format!("/proc/{}/{name}", other.server());
        let bytes = std::fs::read(path).expect("the supervisor runs");
        let text = String::from_utf8(bytes).expect("text");
        let items = text.split('\0').map(ToOwned::to_owned);
        items.collect::<Vec<String>>()
    };
    // The same supervisor once more, as it is where the machine allows no namespace.
    let (arguments, environment) = (read("cmdline"), read("environ"));
    let engine = arguments.iter().position(|argument| argument == "--engine");
    let engine = &arguments[engine.expect("it names its engine") + 1];
    let folder = Folder::new();
    let mut process = Command::new(&arguments[0])
        .args(["-m", "milvus_standalone", "--shared-network", "--engine"])
        .args([engine.as_str(), "--stop-on-stdin-close", "--data-dir"])
        .arg(folder.path().join("data"))
        .envs(environment.iter().filter_map(|item| item.split_once('=')))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let line = lines.next().expect("a line").expect("text");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(ready["isolated"], false);
    let address = ready["uri"].as_str().expect("a place");
    let address = address.trim_start_matches("http://");
    let body = json!({"collectionName": "docs", "dimension": 2});
    let created = send(address, "/v1/vector/collections/create", &body, None);
    assert_eq!(created["code"], 200, "{created}");
    let engine = ready["engine_pid"].as_u64().expect("a process");
    drop(process.stdin.take());
    assert!(ended(&mut process).success());
    assert!(!runs(engine));
    for left in [
        format!("/run/milvus/standalone-local-{}.pid", process.id()),
        format!("/tmp/milvus/server_id_{engine}"),
    ] {
        assert!(!std::path::Path::new(&left).exists(), "{left} is left");
    }
}

#[test]
fn nothing_of_a_full_milvus_is_left_whatever_ends_it() {
    for end in ["input", "TERM", "INT", "HUP", "KILL"] {
        let mut local = start_standalone();
        let engine = engine(&local);
        match end {
            "input" => drop(local.process.stdin.take()),
            name => signal(name, local.process.id()),
        }
        assert_eq!(ended(&mut local.process).success(), end != "KILL", "{end}");
        nothing_is_left(&local);
        assert!(wait_until(|| !runs(engine)), "{end}: the engine runs on");
    }
}

#[test]
fn a_killed_supervisor_takes_its_engine_along() {
    let mut local = start_standalone();
    let engine = engine(&local);
    signal("KILL", u32::try_from(local.server()).expect("a process"));
    assert_eq!(ended(&mut local.process).code(), Some(1));
    nothing_is_left(&local);
    assert!(wait_until(|| !runs(engine)), "the engine runs on");
}

#[test]
fn a_killed_engine_is_told_and_nothing_is_left() {
    let mut local = start_standalone();
    signal("KILL", u32::try_from(engine(&local)).expect("a process"));
    assert_eq!(ended(&mut local.process).code(), Some(1));
    nothing_is_left(&local);
}

#[test]
fn a_full_milvus_that_is_killed_before_it_is_ready_leaves_nothing() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let mut command = command();
    command
        .args(["local", "--server", "standalone", "--json", "--data-dir"])
        .arg(&data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut process = command.spawn().expect("it can be started");
    let log = data.join("logs/engine.log");
    assert!(wait_until(|| log.exists()), "no engine was started");
    signal("KILL", process.id());
    ended(&mut process);
    let ours = data.to_string_lossy().into_owned();
    assert!(
        wait_until(|| !arguments_of_all().contains(&ours)),
        "{}",
        arguments_of_all()
    );
}

fn arguments_of_all() -> String {
    let output = Command::new("ps")
        .args(["-A", "-ww", "-o", "args="])
        .output()
        .expect("`ps` is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn two_full_milvus_run_beside_each_other_but_not_on_one_folder() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let on_it = || {
        let mut command = command();
        command
            .args(["local", "--server", "standalone", "--data-dir"])
            .arg(&data);
        command
    };
    let first = LocalMilvus::start(on_it());
    let second = start_standalone();
    let list = |local| {
        v1(
            local,
            "collections/drop",
            &json!({"collectionName": "none"}),
            None,
        )
    };
    assert_eq!((list(&first), list(&second)), (json!(100), json!(100)));
    let third = ran(on_it(), "");
    assert_eq!(third.code, 1);
    assert!(
        third
            .errors
            .contains("is in use by another standalone Milvus."),
        "{}",
        third.errors
    );
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = Folder::new();
    folder.write("precious.txt", "mine");
    let mut command = command();
    command
        .args([
            "local",
            "--server",
            "standalone",
            "--port",
            "0",
            "--data-dir",
        ])
        .arg(folder.path());
    let ran = ran(command, "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.errors
            .contains("holds something else than a standalone Milvus."),
        "{}",
        ran.errors
    );
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("it is there")
            .count(),
        1
    );
}

#[test]
fn rows_of_a_full_milvus_answer_a_query_as_soon_as_it_is_ready_again_and_its_password_lasts() {
    const OWN: &str = "root:an own one";
    let folder = Folder::new();
    let again = || {
        let mut command = command();
        command
            .args(["local", "--server", "standalone", "--auth", "--data-dir"])
            .arg(folder.path().join("data"))
            .env("MILVUS_TOKEN", OWN);
        LocalMilvus::start(command)
    };
    let mut first = again();
    let create = json!({"collectionName": "docs", "dimension": 2});
    let rows = json!({"collectionName": "docs", "data": [{"vector": [1, 0]}]});
    for token in [None, Some(TOKEN)] {
        assert_eq!(v1(&first, "collections/create", &create, token), 1800);
    }
    assert_eq!(v1(&first, "collections/create", &create, Some(OWN)), 200);
    assert_eq!(v1(&first, "insert", &rows, Some(OWN)), 200);
    drop(first.process.stdin.take());
    assert!(ended(&mut first.process).success());
    let second = again();
    let query = json!({"collectionName": "docs", "filter": "id > 0", "outputFields": ["vector"]});
    let answer = send(second.address(), "/v1/vector/query", &query, Some(OWN));
    assert_eq!(answer["data"][0]["vector"], json!([1, 0]), "{answer}");
    assert_eq!(v1(&second, "insert", &rows, Some(TOKEN)), 1800);
}

#[test]
fn t70_a_full_milvus_has_one_user_with_a_password_that_milvus_takes() {
    for token in ["me:password", "root:short"] {
        let ran = run(
            &["local", "--server", "standalone", "--auth"],
            &[("MILVUS_TOKEN", token)],
        );
        assert_eq!((ran.code, ran.output.as_str()), (2, ""));
        shows(
            &ran.errors,
            "
error: a standalone Milvus has one user, `root`, with a password of 6 to 256 bytes

hint: MILVUS_TOKEN=root:Milvus milvus-host local --server standalone --auth
",
        );
    }
}

#[test]
fn settings_that_are_for_calls_are_refused_and_nothing_is_started() {
    let folder = Folder::new();
    for flags in [
        &["--uri", "http://127.0.0.1:1"][..],
        &["--mode", "read-only"],
        &["--collections", "docs"],
        &["--token-file", "token"],
        &["--danger-plaintext-token"],
        &["--audit", "stderr"],
    ] {
        for command in [
            [&["local", "--home", "home"], flags],
            [flags, &["local", "--home", "home"]],
        ] {
            let ran = run_in(&folder, &command.concat(), &[]);
            assert_eq!(
                (ran.code, ran.output.as_str()),
                (2, ""),
                "{flags:?}: {ran:?}"
            );
            let said = format!("`local` starts a Milvus, and takes no {}", flags[0]);
            assert!(ran.errors.contains(&said), "{ran:?}");
        }
    }
    assert!(!folder.path().join("home").exists());
}

#[test]
fn a_server_that_takes_long_to_start_is_said_so() {
    let folder = Folder::new();
    let python = folder.write(
        "python",
        "#!/bin/sh\ncase \"$2\" in\n\
         venv) mkdir -p \"$3/bin\" && cp \"$0\" \"$3/bin/python\" ;;\n\
         milvus_gateway) sleep 6 ;;\nesac\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&python, mode).expect("it is ours");
    let start = [
        "local", "--port", "0", "--home", "home", "--python", "./python",
    ];
    let ran = run_in(&folder, &start, &[]);
    assert_eq!((ran.code, ran.output.as_str()), (1, ""), "{ran:?}");
    assert!(
        ran.errors
            .contains("Milvus Lite is starting, 5 s until now\n"),
        "{ran:?}"
    );
}
