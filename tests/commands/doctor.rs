use serde_json::Value;

use super::{milvus, run, shows};
use crate::servers::local::{LocalMilvus, Standalone, TOKEN};
use crate::servers::{Recorder, ok};

#[test]
fn a_milvus_that_answers_is_good() {
    let ran = milvus(&["doctor"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    // Other tests make collections at the same time.
    let counted = ran
        .output
        .trim_end()
        .trim_end_matches(|c: char| c.is_ascii_digit());
    shows(
        &format!("{counted}SOME"),
        "
ok  component   6 imports, sha256:DIGEST
ok  milvus      http://127.0.0.1:PORT answers and speaks REST v2
ok  database    `default`, collections in it: SOME
",
    );
}

#[test]
fn a_milvus_that_speaks_v1_only_is_good_and_its_dialect_is_told() {
    let ran = run(
        &["doctor"],
        &[
            ("MILVUS_URI", LocalMilvus::of(Standalone).uri()),
            ("MILVUS_TOKEN", TOKEN),
        ],
    );
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    assert!(
        ran.output.contains(" answers and speaks REST v1 "),
        "{}",
        ran.output
    );
    assert!(!ran.output.contains("NO "), "{}", ran.output);
}

#[test]
fn a_call_finds_the_dialect_of_a_milvus_that_speaks_v1_only() {
    let list = r#"{"operation":"list"}"#;
    let ran = run(
        &["call", "milvus_collection", list, "--json"],
        &[
            ("MILVUS_URI", LocalMilvus::of(Standalone).uri()),
            ("MILVUS_TOKEN", TOKEN),
        ],
    );
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert!(answer["collections"].is_array(), "{answer}");
}

#[test]
fn a_server_that_nobody_runs_is_said_so() {
    // A port that was free just now.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let uri = format!("http://{free}");
    let ran = run(&["doctor", "--uri", &uri], &[]);
    assert_eq!(ran.code, 4);
    shows(
        &ran.output.replace(&uri, "ORIGIN"),
        "
ok  component   6 imports, sha256:DIGEST
NO  connection  cannot reach ORIGIN: the connection was refused
                -> is Milvus running? `milvus-host local` starts one; --uri or MILVUS_URI names another
",
    );
    shows(
        &ran.errors,
        "error: something is not as it should be, see above",
    );
}

#[test]
fn t34_a_wrong_token_is_said_so_and_not_shown() {
    for variables in [&[][..], &[("MILVUS_TOKEN", "root:s3cret")][..]] {
        let ran = run(&["doctor", "--uri", LocalMilvus::shared().uri()], variables);
        assert_eq!(ran.code, 1);
        shows(
            &ran.output,
            "
ok  component   6 imports, sha256:DIGEST
NO  token       http://127.0.0.1:PORT answers, but wants a token, or another one
                -> set MILVUS_TOKEN=user:password (or an API key), or name a file with --token-file
",
        );
        assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
    }
}

#[test]
fn what_is_no_milvus_is_said_so() {
    let other = Recorder::answering(|_| ok("text/html", b"<html>It works!</html>"));
    let ran = run(&["doctor", "--uri", &other.uri()], &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.output.contains("\nNO  milvus      "), "{}", ran.output);
    assert!(
        ran.output
            .contains("-> does another program answer at this port?"),
        "{}",
        ran.output
    );
    assert!(!ran.output.contains("It works"), "{}", ran.output);
}

#[test]
fn a_database_that_is_not_there_is_said_so() {
    let ran = milvus(&["doctor", "--database", "nowhere"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.output.contains("database") && ran.output.contains("NO  "),
        "{}",
        ran.output
    );
}

#[test]
fn t32_the_port_of_metrics_is_named() {
    let ran = run(
        &[
            "doctor",
            "--uri",
            "http://127.0.0.1:9091",
            "--timeout-ms",
            "2000",
        ],
        &[],
    );
    assert_ne!(ran.code, 0);
    assert!(
        ran.output
            .contains("NO  port        9091 is Milvus' port of metrics and management"),
        "{}",
        ran.output
    );
}

#[test]
fn for_programs_the_checks_are_json() {
    let ran = milvus(&["doctor", "--json"]);
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    let checks = answer["checks"].as_array().expect("a list");
    assert!(
        checks.len() == 3 && checks.iter().all(|check| check["good"] == true),
        "{answer}"
    );
}
