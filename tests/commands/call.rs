use serde_json::{Value, json};

use super::{Folder, milvus, ran, run, run_in, shows};
use crate::servers::local::{LocalMilvus, TOKEN, command, unique};
use crate::servers::{Elsewhere, Recorder, ok};

/// A collection with two words at (1, 0) and (2, 0).
fn words() -> String {
    let (name, milvus) = (unique("commands"), LocalMilvus::shared());
    milvus.rest(
        "collections/create",
        &json!({"collectionName": name, "dimension": 2, "metricType": "L2"}),
    );
    let rows = json!([{"id": 1, "vector": [1, 0], "word": "ant"}, {"id": 9_007_199_254_740_993_i64, "vector": [2, 0], "word": "bee"}]);
    milvus.rest(
        "entities/insert",
        &json!({"collectionName": name, "data": rows}),
    );
    name
}

fn near(name: &str) -> String {
    json!({"collection_name": name, "query_vector": [0, 0], "output_fields": ["word"]}).to_string()
}

#[test]
fn hits_are_a_table() {
    let ran = milvus(&["call", "milvus_search", &near(&words())]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    shows(
        &ran.output,
        "
 id                 distance   word
────────────────────────────────────
 1                  1.0000     ant
 9007199254740993   4.0000     bee
",
    );
}

#[test]
fn for_programs_the_answer_is_the_tools_own_json() {
    let ran = milvus(&["call", "milvus_search", &near(&words()), "--json"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let hits = json!([
        {"id": 1, "distance": 1.0, "entity": {"word": "ant"}},
        {"id": "9007199254740993", "distance": 4.0, "entity": {"word": "bee"}},
    ]);
    assert_eq!(
        serde_json::from_str::<Value>(&ran.output).expect("JSON"),
        json!({ "hits": hits })
    );
}

#[test]
fn everything_else_is_shown_as_name_and_value_or_says_that_there_is_nothing() {
    let name = words();
    let of = |more: Value| crate::servers::local::of(&name, more).to_string();
    shows(
        &milvus(&["call", "milvus_count", &of(json!({}))]).output,
        "count: 2",
    );
    shows(
        &milvus(&["call", "milvus_query", &of(json!({"filter": "id == 5"}))]).output,
        "no rows",
    );
    let described = milvus(&[
        "call",
        "milvus_collection",
        &of(json!({"operation": "describe"})),
    ]);
    shows(
        &described.output.replace(&name, "NAME"),
        "
auto_id: false
collection_name: NAME
consistency_level: Bounded
enable_dynamic_field: true
indexes: [{\"field_name\":\"vector\",\"index_name\":\"vector\",\"metric_type\":\"L2\"}]
load_state: LoadStateLoaded
num_partitions: 1
num_shards: 1
properties: {\"timezone\":\"UTC\"}
 name     type          is_primary   params
─────────────────────────────────────────────────
 id       Int64         true
 vector   FloatVector                {\"dim\":\"2\"}
",
    );
}

#[test]
fn arguments_come_from_a_file_or_from_standard_input() {
    let (name, folder) = (words(), Folder::new());
    folder.write("count.json", &json!({"collection_name": name}).to_string());
    let variables = [
        ("MILVUS_URI", LocalMilvus::shared().uri()),
        ("MILVUS_TOKEN", TOKEN),
    ];
    shows(
        &run_in(
            &folder,
            &["call", "milvus_count", "@count.json"],
            &variables,
        )
        .output,
        "count: 2",
    );
    let mut piped = command();
    piped
        .args(["call", "milvus_count", "-"])
        .envs(variables)
        .current_dir(folder.path());
    shows(
        &ran(piped, &json!({"collection_name": name}).to_string()).output,
        "count: 2",
    );
    let missing = run_in(&folder, &["call", "milvus_count", "@none.json"], &variables);
    assert_eq!(missing.code, 2);
}

#[test]
fn a_tool_that_fails_ends_with_1_and_milvus_words() {
    let arguments = r#"{"collection_name":"nothing_here"}"#;
    let ran = milvus(&["call", "milvus_count", arguments]);
    assert_eq!((ran.code, ran.output.as_str()), (1, ""));
    shows(
        &ran.errors,
        "error: Milvus says: can't find collection[database=default][collection=nothing_here] [Milvus code 100]",
    );
    let ran = milvus(&["call", "milvus_count", arguments, "--json"]);
    assert_eq!((ran.code, ran.errors.as_str()), (1, ""));
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    let error = &answer["error"];
    assert_eq!(
        (&error["kind"], &error["milvus_code"], &error["source"]),
        (&json!("not-found"), &json!(100), &json!("server"))
    );
}

#[test]
fn arguments_that_are_no_json_and_those_that_a_tool_does_not_know_are_wrong_usage() {
    let nobody = Elsewhere::start();
    let uri = format!("http://{}", nobody.authority());
    for (tool, arguments, says) in [
        (
            "milvus_count",
            "{\"collection_name\":}",
            "error: the arguments: expected a JSON object: expected value at line 1 column 20\n\n\
             hint: `milvus-host tools NAME` shows the arguments of a tool",
        ),
        (
            "milvus_delete",
            "{collection_name:'docs',filter:'id == 77',filter:'id > 0'}",
            "error: the arguments: expected each name once, got `filter` twice\n\n\
             hint: `milvus-host tools NAME` shows the arguments of a tool",
        ),
        (
            "milvus_insert",
            "{\"collection_name\":\"docs\",\"data\":[{\"id\":3,\"id\":4}]}",
            "error: data[0].id: expected strict JSON, each key once in an object: a key stands twice (at byte 49)\n\n\
             hint: `milvus-host tools NAME` shows the arguments of a tool",
        ),
        (
            "milvus_drop_collection",
            "{\"name\":\"docs\"}",
            "error: name: this argument is not known; known are collection_name\n\n\
             hint: `milvus-host tools NAME` shows the arguments of a tool",
        ),
    ] {
        let ran = run(&["call", tool, arguments, "--uri", &uri], &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{}", ran.errors);
        shows(&ran.errors, says);
    }
    let ran = run(&["call", "milvus_format", "--uri", &uri], &[]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.errors
            .starts_with("error: there is no tool of this name; there are milvus_collection, "),
        "{}",
        ran.errors
    );
    assert_eq!(nobody.connections(), 0);
}

#[test]
fn t14_a_request_that_the_policy_refuses_ends_with_3_and_names_the_rule() {
    // The component as it is, but for one byte: it asks for a path that is none of Milvus'.
    let (right, wrong) = (
        b"/v2/vectordb/entities/query",
        b"/v2/vectordb/entities/querY",
    );
    let mut bytes = host_harness::embedded_component().to_vec();
    let places: Vec<usize> = bytes
        .windows(right.len())
        .enumerate()
        .filter(|(_, found)| found == right)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "the path is in the component");
    for at in places {
        bytes[at..at + right.len()].copy_from_slice(wrong);
    }
    let folder = Folder::new();
    std::fs::write(folder.path().join("changed.wasm"), bytes).expect("the folder can be written");
    let recorder = Recorder::start();
    let uri = recorder.uri();
    let attack = |more: &[&str]| {
        let all = [
            "call",
            "milvus_count",
            r#"{"collection_name":"docs"}"#,
            "--component",
            "changed.wasm",
            "--uri",
            uri.as_str(),
        ];
        run_in(&folder, &[&all[..], more].concat(), &[])
    };
    let plain = attack(&[]);
    assert_eq!(plain.code, 3, "{plain:?}");
    assert!(
        plain.errors.contains("rule `path`") && plain.errors.contains("hint: "),
        "{}",
        plain.errors
    );
    let json = attack(&["--json"]);
    assert_eq!(json.code, 3, "{json:?}");
    let answer: Value = serde_json::from_str(&json.output).expect("JSON");
    assert_eq!(answer["refusals"][0]["rule"], "path", "{answer}");
    assert_eq!(recorder.connections(), 0);
}

#[test]
fn a_milvus_that_cannot_be_reached_ends_with_4() {
    // A port that was free just now.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let uri = format!("http://{free}");
    let ran = run(
        &["call", "milvus_collection", r#"{"operation":"list"}"#],
        &[("MILVUS_URI", &uri)],
    );
    assert_eq!((ran.code, ran.output.as_str()), (4, ""));
    shows(
        &ran.errors.replace(&uri, "ORIGIN"),
        "
error: cannot reach ORIGIN: the connection was refused

hint: is Milvus running? `milvus-host local` starts one; --uri or MILVUS_URI names another
",
    );
}

#[test]
fn t40_a_server_that_says_nothing_ends_with_4_in_the_time_that_was_given() {
    let silent = Elsewhere::start();
    let uri = format!("http://{}", silent.authority());
    let started = std::time::Instant::now();
    let ran = run(
        &[
            "call",
            "milvus_count",
            r#"{"collection_name":"docs"}"#,
            "--uri",
            &uri,
            "--timeout-ms",
            "500",
        ],
        &[],
    );
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(
        started.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn t34_the_token_is_in_no_output_and_no_audit_line() {
    let parrot = Recorder::answering(|request| {
        let header = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        ok(
            "application/json",
            json!({"code": 1100, "message": header})
                .to_string()
                .as_bytes(),
        )
    });
    let (folder, token) = (Folder::new(), "root:s3cret-token");
    let file = folder.write_secret("token", &format!("{token}\n"));
    let file = file.to_str().expect("a path");
    let variables = [("MILVUS_URI", parrot.uri())];
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for (more, variables) in [
        (
            &[][..],
            [variables.clone(), vec![("MILVUS_TOKEN", token)]].concat(),
        ),
        (&["--token-file", file][..], variables.clone()),
    ] {
        for command in [
            &["call", "milvus_count", r#"{"collection_name":"docs"}"#][..],
            &[
                "call",
                "milvus_count",
                r#"{"collection_name":"docs"}"#,
                "--json",
            ],
            &["doctor"],
            &["inspect"],
            &["tools"],
        ] {
            let all = [command, &["--audit", "audit.jsonl"], more].concat();
            let ran = run_in(&folder, &all, &variables);
            assert!(!format!("{ran:?}").contains("s3cret"), "{all:?}: {ran:?}");
        }
    }
    let sent: Vec<_> = parrot
        .requests()
        .iter()
        .filter_map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert!(
        sent.len() >= 6
            && sent
                .iter()
                .all(|header| header == &format!("Bearer {token}")),
        "{sent:?}"
    );
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("an audit");
    assert!(
        audit.lines().count() >= 12 && !audit.contains("s3cret"),
        "{audit}"
    );
}

#[test]
fn an_answer_of_many_rows_is_written_whole_into_a_pipe() {
    let name = words();
    let rows: Vec<Value> = (10..2_000)
        .map(|id| json!({"id": id, "vector": [id, 0], "word": "x".repeat(50)}))
        .collect();
    LocalMilvus::shared().rest(
        "entities/insert",
        &json!({"collectionName": name, "data": rows}),
    );
    let ran = milvus(&[
        "call",
        "milvus_query",
        &json!({"collection_name": name, "limit": 16_000}).to_string(),
        "--json",
    ]);
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(1_992));
}

#[test]
fn a_tool_that_was_misspelt_is_named() {
    for (name, meant) in [
        ("milvus_serach", "milvus_search"),
        ("search", "milvus_search"),
        ("milvus_counts", "milvus_count"),
    ] {
        let nobody = Elsewhere::start();
        let uri = format!("http://{}", nobody.authority());
        let ran = run(&["call", name], &[("MILVUS_URI", &uri)]);
        assert_eq!((ran.code, nobody.connections()), (2, 0), "{ran:?}");
        let hint = format!("hint: did you mean `{meant}`?");
        assert!(ran.errors.contains(&hint), "{ran:?}");
        let ran = run(&["tools", name], &[]);
        assert!(ran.errors.contains(&hint), "{ran:?}");
    }
}

#[test]
fn arguments_beyond_the_memory_of_the_component_are_not_read() {
    let folder = Folder::new();
    let file = std::fs::File::create(folder.path().join("large")).expect("it is ours");
    file.set_len(8 << 30).expect("it is sparse");
    for input in ["@large", "@/dev/zero"] {
        let ran = run_in(&folder, &["call", "milvus_count", input], &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.errors.contains("expected at most 268435456 bytes"),
            "{ran:?}"
        );
    }
}
