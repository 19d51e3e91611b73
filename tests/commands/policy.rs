use super::{Folder, run, run_in, shows};

/// A request as it goes over the wire.
const DROP: &str = "POST /v2/vectordb/collections/drop\n\n{\"collectionName\":\"docs\"}\n";

#[test]
fn the_policy_is_shown_in_words() {
    let ran = run(
        &[
            "policy",
            "--mode",
            "read-only",
            "--collections",
            "docs,docs_*",
        ],
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    shows(
        &ran.output,
        "origin: http://127.0.0.1:19530\nclasses: read\ncollections: docs, docs_*\ndatabases: all\noutside Milvus: none",
    );
}

#[test]
fn a_request_that_the_policy_lets_out_is_named() {
    let folder = Folder::new();
    folder.write("drop.http", DROP);
    let ran = run_in(&folder, &["policy", "explain", "drop.http"], &[]);
    assert_eq!(
        (ran.code, ran.output.as_str()),
        (0, "let out: collections.drop (drop)\n")
    );
}

#[test]
fn a_request_that_the_policy_refuses_names_its_rule() {
    let folder = Folder::new();
    folder.write("drop.http", DROP);
    let explain = ["policy", "explain", "drop.http", "--mode", "no-drop"];
    let ran = run_in(&folder, &explain, &[]);
    assert_eq!((ran.code, ran.output.as_str()), (3, ""));
    shows(
        &ran.errors,
        "error: collections.drop: refused by rule `effect`: it is of class `drop`\n\n\
         hint: allow the class beside the mode (`erase`, for example), or choose `full`",
    );
    let ran = run_in(&folder, &[&explain[..], &["--json"]].concat(), &[]);
    let told: serde_json::Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!((ran.code, &told["rule"]), (3, &"effect".into()));
}

#[test]
fn t14_a_call_that_the_policy_refuses_reaches_nobody() {
    let milvus = crate::servers::Recorder::start();
    let drop = [
        "call",
        "milvus_drop_collection",
        r#"{"collection_name":"docs"}"#,
        "--mode",
        "append",
    ];
    let ran = run(&drop, &[("MILVUS_URI", &milvus.uri())]);
    assert_eq!((ran.code, milvus.connections()), (3, 0), "{ran:?}");
    let other = [
        "call",
        "milvus_count",
        r#"{"collection_name":"hr"}"#,
        "--collections",
        "docs",
    ];
    let ran = run(&other, &[("MILVUS_URI", &milvus.uri())]);
    assert_eq!((ran.code, milvus.connections()), (3, 0), "{ran:?}");
    assert!(ran.errors.contains("rule `collection`"), "{ran:?}");
}

#[test]
fn t36_a_planted_file_cannot_widen_the_policy() {
    let folder = Folder::new();
    folder.write("milvus-host.toml", "[policy]\nmode = \"full\"\n");
    let ran = run_in(&folder, &["policy", "--mode", "read-only"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
}

#[test]
fn a_mode_that_is_none_is_answered_with_those_that_there_are() {
    let ran = run(&["policy", "--mode", "write-only"], &[]);
    assert_eq!(ran.code, 2);
    shows(
        &ran.errors,
        "error: --mode: expected one of read-only, append, no-drop, full",
    );
}

/// A server that has REST v1 only.
fn older() -> crate::servers::Recorder {
    crate::servers::Recorder::answering(|request| {
        if request.path().starts_with("/v2/") {
            return b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n404 page not found"
                .to_vec();
        }
        let answer: &[u8] = if request.path().starts_with("/v1/vector/query") {
            br#"{"code":200,"data":[{"count(*)":3}]}"#
        } else {
            br#"{"code":200,"data":["docs","payroll"]}"#
        };
        crate::servers::ok("application/json", answer)
    })
}

#[test]
fn a_list_of_names_does_not_hide_the_older_dialect() {
    let milvus = older();
    let limits = [
        "--collections",
        "docs",
        "--databases",
        "sales",
        "--database",
        "sales",
    ];
    let count = [
        "call",
        "milvus_count",
        r#"{"collection_name":"docs","filter":"id > 0"}"#,
    ];
    let ran = run(
        &[&count[..], &limits].concat(),
        &[("MILVUS_URI", &milvus.uri())],
    );
    assert_eq!(
        (ran.code, ran.output.as_str()),
        (0, "count: 3\n"),
        "{ran:?}"
    );
    let ran = run(
        &[&["doctor"], &limits[..]].concat(),
        &[("MILVUS_URI", &milvus.uri())],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.output.contains("collections in it: 1"), "{ran:?}");
}

#[test]
fn t14_a_list_that_was_meant_and_is_empty_is_no_list_of_everything() {
    for flags in [["--collections", ""], ["--databases", ""], ["--mode", ""]] {
        let ran = run(&[&["policy"], &flags[..]].concat(), &[]);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{flags:?}: {ran:?}"
        );
    }
    let ran = run(&["policy"], &[("MILVUS_COLLECTIONS", "")]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn classes_of_a_file_do_not_widen_the_mode_of_a_flag() {
    let folder = Folder::new();
    folder.write(
        "mine.toml",
        "[policy]\nmode = \"append\"\nallow = [\"drop\"]\n",
    );
    let ran = run_in(&folder, &["policy", "--config", "mine.toml"], &[]);
    assert!(
        ran.output.contains("classes: read, write, drop\n"),
        "{ran:?}"
    );
    let narrower = ["policy", "--config", "mine.toml", "--mode", "read-only"];
    let ran = run_in(&folder, &narrower, &[]);
    assert!(ran.output.contains("classes: read\n"), "{ran:?}");
}
