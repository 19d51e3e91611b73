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
        (0, "sent: collections.drop (drop)\n")
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
         hint: choose a wider mode, or allow the class",
    );
    let ran = run_in(&folder, &[&explain[..], &["--json"]].concat(), &[]);
    let told: serde_json::Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!((ran.code, &told["rule"]), (3, &"effect".into()));
}

#[test]
fn a_call_that_the_policy_refuses_reaches_nobody() {
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
fn a_planted_file_cannot_widen_the_policy() {
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
