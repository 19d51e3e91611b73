use host_harness::{LimitKind, Limits};
use serde_json::{Value, json};

use super::{Folder, Ran, run, run_in, shows};

#[test]
fn a_component_is_shown_without_running_it() {
    let cache = Folder::new();
    let ran = run(
        &[
            "inspect",
            "--uri",
            "http://127.0.0.1:19530",
            "--timeout-ms",
            "5000",
        ],
        &[
            ("MILVUS_TOKEN", "root:s3cret"),
            ("XDG_CACHE_HOME", &cache.path().to_string_lossy()),
        ],
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
        .replace(&format!("({routes} routes"), "(MANY routes")
        .replace(&*cache.path().to_string_lossy(), "CACHE");
    let (shown, limits) = shown.split_once("\nlimits ").expect("the limits");
    shows(
        shown,
        "
component   SIZE bytes, sha256:DIGEST
pinned      no: any component is run that imports no more than this
imports     wasi:clocks/monotonic-clock@0.2.12
            wasi:http/outgoing-handler@0.2.12
            wasi:http/types@0.2.12
            wasi:io/error@0.2.12
            wasi:io/poll@0.2.12
            wasi:io/streams@0.2.12
exports     milvus:vector-store/collections@0.1.0
            milvus:vector-store/entities@0.1.0
            milvus:vector-store/partitions@0.1.0
            milvus:vector-store/rest@0.1.0
            milvus:vector-store/search@0.1.0
            milvus:vector-store/server@0.1.0
            milvus:vector-store/tools@0.1.0
            milvus:vector-store/types@0.1.0
compiled    once; its code is kept in CACHE/milvus-host/compiled, while nobody else can write there

policy      It may send Milvus' own REST requests (MANY routes, compared byte by byte) to
            http://127.0.0.1:19530
            and nothing else, nowhere else. The host writes every header, sends the body that it
            checked with its own length, follows no redirection, and adds the token, which the
            component never sees. It has no file, no environment, no socket, no clock of the day,
            no random numbers. What a call lets out is for the tool and the collection that it names, in
            its database; beyond that the operator allows:
            classes: read, write, erase, drop, admin
            collections: all
            databases: all
            outside Milvus: none
",
    );
    for limit in LimitKind::ALL {
        let mut values = limits.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(limit.name())).then(|| words.next().unwrap_or_default())
        });
        let expected = match limit {
            LimitKind::CallTime => "5s".to_owned(),
            other => other.shown(Limits::default().get(*other)),
        };
        assert_eq!(values.next(), Some(expected.as_str()), "{limit}: {limits}");
    }
    assert!(
        std::fs::read_dir(cache.path())
            .expect("it is there")
            .next()
            .is_none(),
        "it is only looked at"
    );
}

#[test]
fn for_programs_it_is_json() {
    let ran = run(
        &["inspect", "--json", "--timeout-ms", "1500", "--no-cache"],
        &[],
    );
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!(
        (
            answer["imports"].as_array().map(Vec::len),
            &answer["limits"]["call_time_ms"],
            &answer["limits"]["handles"],
        ),
        (Some(6), &1500.into(), &1024.into())
    );
    assert_eq!(
        answer["size_bytes"],
        host_harness::embedded_component().len()
    );
    assert_eq!(
        [&answer["pinned"], &answer["compiled_code"]],
        [&Value::Null; 2]
    );
    assert_eq!(answer["digest"], inside());
}

/// The digest of the component inside the program.
fn inside() -> String {
    let component = host_harness::embedded_component();
    let info = host_harness::inspect(component).expect("it may be loaded");
    format!("sha256:{}", info.digest)
}

const ANOTHER: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

#[test]
fn t64_a_digest_is_verified() {
    let inside = inside();
    for digest in [
        &inside,
        &inside["sha256:".len()..],
        &inside.to_uppercase()[7..],
    ] {
        let ran = run(&["inspect", "--verify", digest], &[]);
        let said = format!("ok  {inside}\n");
        assert_eq!((ran.code, ran.output, ran.errors), (0, said, String::new()));
    }
    let ran = run(&["inspect", "--verify", ANOTHER], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (3, ""));
    assert!(
        ran.errors
            .contains(&format!("expected sha256:{ANOTHER}, came {inside}")),
        "{}",
        ran.errors
    );
    let ran = run(&["inspect", "--verify", ANOTHER, "--json"], &[]);
    let told: Value = serde_json::from_str(&ran.output).expect("JSON");
    let expected =
        json!({"verified": false, "expected": format!("sha256:{ANOTHER}"), "digest": inside});
    assert_eq!((ran.code, told), (3, expected));
    for wrong in [
        "",
        "sha256:",
        "abc",
        &format!("{ANOTHER}0"),
        &format!("md5:{ANOTHER}"),
    ] {
        let ran = run(&["inspect", "--verify", wrong], &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{wrong}");
        assert!(
            ran.errors.contains("--verify: expected a SHA-256"),
            "{}",
            ran.errors
        );
    }
}

/// A digest as a flag, as a variable, and as a setting of a file that was named.
fn pinned(folder: &Folder, digest: &str, arguments: &[&str]) -> [Ran; 3] {
    folder.write("pin.toml", &format!("component_sha256 = \"{digest}\""));
    let flag = [arguments, &["--component-sha256", digest]].concat();
    let file = [arguments, &["--config", "pin.toml"]].concat();
    [
        run_in(folder, &flag, &[]),
        run_in(folder, arguments, &[("MILVUS_COMPONENT_SHA256", digest)]),
        run_in(folder, &file, &[]),
    ]
}

#[test]
fn t64_a_component_that_is_swapped_after_it_was_inspected_is_not_run() {
    let folder = Folder::new();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, host_harness::embedded_component()).expect("the folder can be written");
    let inspected = run_in(
        &folder,
        &["inspect", "--component", "plugin.wasm", "--json"],
        &[],
    );
    let inspected: Value = serde_json::from_str(&inspected.output).expect("JSON");
    let digest = inspected["digest"].as_str().expect("a digest");
    let tools = ["tools", "--component", "plugin.wasm"];
    for ran in pinned(&folder, digest, &tools) {
        assert_eq!(ran.code, 0, "{}", ran.errors);
    }
    // The smallest change that leaves a component which works: an empty section of its own.
    let mut swapped = host_harness::embedded_component().to_vec();
    swapped.extend([0, 2, 1, b'x']);
    std::fs::write(&path, swapped).expect("the folder can be written");
    assert_eq!(
        run_in(&folder, &tools, &[]).code,
        0,
        "nothing else is wrong with it"
    );
    for ran in pinned(&folder, digest, &tools) {
        assert_eq!((ran.code, ran.output.as_str()), (3, ""));
        assert!(
            ran.errors
                .contains(&format!("expected {digest}, came sha256:")),
            "{}",
            ran.errors
        );
    }
    for ran in pinned(&folder, digest, &["inspect", "--component", "plugin.wasm"]) {
        assert!(
            ran.output
                .contains(&format!("pinned      to another: {digest}")),
            "{}",
            ran.output
        );
    }
}

#[test]
fn t64_a_pin_that_is_no_digest_is_wrong_usage() {
    for ran in pinned(&Folder::new(), "latest", &["tools"]) {
        assert_eq!((ran.code, ran.output.as_str()), (2, ""));
        assert!(ran.errors.contains("expected a SHA-256"), "{}", ran.errors);
    }
}

#[test]
fn t36_a_file_of_the_working_directory_pins_nothing() {
    let folder = Folder::new();
    folder.write(
        "milvus-host.toml",
        &format!("component_sha256 = \"{ANOTHER}\""),
    );
    let ran = run_in(&folder, &["inspect"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    assert!(ran.errors.contains("component_sha256"), "{}", ran.errors);
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
