use serde_json::Value;

use super::{Folder, run, run_in, shows};

#[test]
fn a_component_is_shown_without_running_it() {
    let ran = run(
        &["inspect", "--uri", "http://127.0.0.1:19530"],
        &[("MILVUS_TOKEN", "root:s3cret")],
    );
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let size = ran
        .output
        .split_whitespace()
        .nth(1)
        .expect("a size")
        .to_owned();
    let routes = ran
        .output
        .split("REST requests (")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .expect("a number");
    let shown = ran
        .output
        .replace(&size, "SIZE")
        .replace(&format!("({routes} routes"), "(MANY routes");
    shows(
        &shown,
        "
component   SIZE bytes, sha256:DIGEST
imports     wasi:clocks/monotonic-clock@0.2.12
            wasi:http/outgoing-handler@0.2.12
            wasi:http/types@0.2.12
            wasi:io/error@0.2.12
            wasi:io/poll@0.2.12
            wasi:io/streams@0.2.12
exports     milvus:vector-store/entities@0.1.0
            milvus:vector-store/search@0.1.0
            milvus:vector-store/server@0.1.0
            milvus:vector-store/tools@0.1.0
            milvus:vector-store/types@0.1.0

policy      It may send Milvus' own REST requests (MANY routes, compared byte by byte) to
            http://127.0.0.1:19530
            and nothing else, nowhere else. The host writes every header, sends the body that it
            checked with its own length, follows no redirection, and adds the token, which the
            component never sees. It has no file, no environment, no socket, no clock of the day,
            no random numbers. What a call lets out is for the tool and the collection that it names;
            beyond that the operator allows:
            classes: read, write, erase, drop, admin
            collections: all
            databases: all
            outside Milvus: none

limits      256 MiB of memory, 60 s and 64 requests a call, 32 MiB a request, 64 MiB an answer,
            32 calls at a time
",
    );
}

#[test]
fn for_programs_it_is_json() {
    let ran = run(&["inspect", "--json", "--timeout-ms", "1500"], &[]);
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!(
        (
            answer["imports"].as_array().map(Vec::len),
            &answer["limits"]["call_time_ms"]
        ),
        (Some(6), &1500.into())
    );
    assert_eq!(
        answer["size_bytes"],
        host_harness::embedded_component().len()
    );
    assert!(
        answer["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:"))
    );
}

#[test]
fn what_is_no_component_is_wrong_usage() {
    let folder = Folder::new();
    folder.write("text.wasm", "no component");
    folder.write("module.wasm", "\0asm\x01\0\0\0");
    for file in ["text.wasm", "module.wasm", "none.wasm"] {
        let ran = run_in(&folder, &["inspect", "--component", file], &[]);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{file}: {}",
            ran.errors
        );
        assert!(ran.errors.starts_with("error: "), "{}", ran.errors);
    }
}
