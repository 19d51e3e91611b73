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
fn the_classes_of_a_request_are_those_that_its_body_raises_it_to() {
    let folder = Folder::new();
    for (operation, body, flags, classes) in [
        (
            "entities/search",
            r#"{"collectionName":"docs","data":[[1]],"limit":1,"functionScore":{"functions":[{"name":"f","type":"Rerank","inputFieldNames":["t"],"outputFieldNames":["v"],"params":{"reranker":"model","endpoint":"http://tei/embed"}}],"params":{}}}"#,
            &["--outside", "http://tei/"][..],
            "read, outbound",
        ),
        (
            "entities/search",
            r#"{"collectionName":"docs","data":[[1]],"limit":1}"#,
            &[],
            "read",
        ),
        (
            "jobs/import/create",
            r#"{"collectionName":"docs","files":[["in/a.parquet"]]}"#,
            &["--outside", "in/"],
            "write, outbound",
        ),
        (
            "collections/create",
            r#"{"collectionName":"docs","dimension":4,"params":{"ttlSeconds":1}}"#,
            &[],
            "write, erase",
        ),
        (
            "collections/create",
            r#"{"collectionName":"docs","dimension":4}"#,
            &[],
            "write",
        ),
    ] {
        folder.write(
            "request.http",
            &format!("POST /v2/vectordb/{operation}\n\n{body}\n"),
        );
        let explain = ["policy", "explain", "request.http"];
        let ran = run_in(&folder, &[&explain[..], flags].concat(), &[]);
        let said = format!(" ({classes})\n");
        assert!(ran.code == 0 && ran.output.ends_with(&said), "{ran:?}");
        let ran = run_in(&folder, &[&explain[..], flags, &["--json"]].concat(), &[]);
        let told: serde_json::Value = serde_json::from_str(&ran.output).expect("JSON");
        let expected: Vec<&str> = classes.split(", ").collect();
        assert_eq!(told["classes"], serde_json::json!(expected), "{operation}");
    }
}

#[test]
fn t36_a_place_that_climbs_out_of_a_settings_files_is_not_let_out() {
    let folder = Folder::new();
    folder.write(
        "mine.toml",
        "[policy]\noutside = [\"https://a.example/v1/\"]\n",
    );
    for (place, code) in [
        ("https://a.example/v1/embed", 0),
        ("https://a.example/v1/../v2", 2),
        ("https://a.example/v1/..", 2),
        ("https://a.example/v1/..\\..\\v2", 2),
    ] {
        let ran = run_in(
            &folder,
            &["policy", "--config", "mine.toml", "--outside", place],
            &[],
        );
        assert_eq!(ran.code, code, "{place}: {ran:?}");
    }
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
         hint: allow the class that it names beside the mode, or choose a mode that has it; `outbound` wants the place outside",
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
fn t36_flags_and_variables_narrow_the_policy_of_a_file_and_never_widen_it() {
    let (folder, milvus) = (Folder::new(), crate::servers::Recorder::start());
    folder.write(
        "mine.toml",
        "[policy]\nmode = \"append\"\nallow = [\"drop\"]\ncollections = [\"docs_*\"]\n",
    );
    let uri = milvus.uri();
    for (flags, variable) in [
        (&["--mode", "full"][..], ("X", "")),
        (&["--allow", "drop,erase"], ("X", "")),
        (&["--allow", "drop", "--allow", "erase"], ("X", "")),
        (&["--collections", "docs_1,hr"], ("X", "")),
        (&["--collections", "docs*"], ("X", "")),
        (&["--outside", "https://evil.example/"], ("X", "")),
        (&[], ("MILVUS_MODE", "full")),
        (&[], ("MILVUS_MODE", "no-drop")),
        (&[], ("MILVUS_COLLECTIONS", "hr")),
    ] {
        let call = [
            "call",
            "milvus_drop_collection",
            r#"{"collection_name":"hr"}"#,
            "--config",
            "mine.toml",
        ];
        let ran = run_in(
            &folder,
            &[&call[..], flags].concat(),
            &[("MILVUS_URI", &uri), variable],
        );
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{flags:?}: {ran:?}"
        );
        let said = "which [policy] of the settings file does not let out";
        assert!(ran.errors.contains(said), "{flags:?}: {ran:?}");
    }
    assert_eq!(milvus.connections(), 0);
    let shown = |flags: &[&str], variables: &[(&str, &str)]| {
        let named = ["policy", "--config", "mine.toml"];
        run_in(&folder, &[&named[..], flags].concat(), variables).output
    };
    for (output, classes, collections) in [
        (shown(&[], &[]), "read, write, drop", "docs_*"),
        (shown(&["--mode", "read-only"], &[]), "read", "docs_*"),
        (
            shown(&["--allow", "drop"], &[]),
            "read, write, drop",
            "docs_*",
        ),
        (
            shown(&["--mode", "read-only", "--allow", "write,drop"], &[]),
            "read, write, drop",
            "docs_*",
        ),
        (
            shown(&["--collections", "docs_1, docs_a*"], &[]),
            "read, write, drop",
            "docs_1, docs_a*",
        ),
        (
            shown(
                &[],
                &[("MILVUS_MODE", "append"), ("MILVUS_COLLECTIONS", "docs_1")],
            ),
            "read, write",
            "docs_1",
        ),
    ] {
        let lines = format!("classes: {classes}\ncollections: {collections}\n");
        assert!(output.contains(&lines), "{output}");
    }
}

#[test]
fn a_mode_that_is_none_is_told_by_where_it_was_said() {
    let folder = Folder::new();
    for (text, said) in [
        ("mode = 'all'", "[policy] mode: expected one of read-only"),
        (
            "allow = ['outbound']",
            "[policy] allow: expected one of read",
        ),
        (
            "collections = ['a b']",
            "[policy] collections: expected names",
        ),
        ("databases = ['']", "[policy] databases: expected names"),
    ] {
        folder.write("mine.toml", &format!("[policy]\n{text}\n"));
        let ran = run_in(&folder, &["policy", "--config", "mine.toml"], &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""));
        assert!(ran.errors.contains(said), "{text}: {ran:?}");
    }
}

#[test]
fn a_request_may_be_pasted_with_its_header_lines() {
    let explain = |text: &str, flags: &[&str]| {
        let mut command = super::command();
        command.args(["policy", "explain", "-"]).args(flags);
        super::ran(command, text)
    };
    let curl = "> POST /v2/vectordb/collections/drop HTTP/1.1\r\n> Host: 127.0.0.1:19530\r\n\
                > User-Agent: curl/8.5.0\r\n> Content-Length: 25\r\n>\r\n{\"collectionName\":\"docs\"}\n";
    let plain = curl.replace("> ", "").replace(">\r\n", "\r\n");
    for text in [curl, &plain, DROP, &DROP.replace("\n\n", "\n")] {
        let ran = explain(text, &[]);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (0, "let out: collections.drop (drop)\n"),
            "{text}: {ran:?}"
        );
    }
    let elsewhere = explain(&curl.replace("127.0.0.1:19530", "evil.example"), &[]);
    assert_eq!(elsewhere.code, 3, "{elsewhere:?}");
    assert!(
        elsewhere.errors.contains("rule `authority`"),
        "{elsewhere:?}"
    );
    let mine = explain(
        &curl.replace("127.0.0.1:19530", "milvus.example"),
        &["--uri", "http://milvus.example:80"],
    );
    assert_eq!(mine.code, 0, "{mine:?}");
    for text in [
        "",
        "\n",
        "POST\n\n{}",
        "POST /x HTTP/1.1 more\n",
        "POST /x SPDY\n",
    ] {
        assert_eq!(explain(text, &[]).code, 2, "{text:?}");
    }
}
