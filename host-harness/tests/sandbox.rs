//! A component that misbehaves in every way, through the public door.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test, with its own listener and its own WIT files"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use host_harness::{Audit, BuildError, CallError, Endpoint, Host, LimitKind, Limits, Policy, Rule};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Makes a component of the world `tools-plugin` out of a core module's text.
fn component(core: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"))
        .unwrap();
    let world = resolve
        .select_world(&[package], Some("tools-plugin"))
        .unwrap();
    let mut module = wat::parse_str(core).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

const CORE: &str = include_str!("guest.wat");
static GUEST: LazyLock<Vec<u8>> = LazyLock::new(|| component(CORE));

struct Stage {
    host: Host,
    endpoint: Endpoint,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn new(limits: Limits) -> Self {
        Self::at("http://127.0.0.1:1", limits)
    }

    fn at(origin: &str, limits: Limits) -> Self {
        Self::of(&GUEST, origin, limits)
    }

    fn of(component: &[u8], origin: &str, limits: Limits) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let audit = Audit::to(move |line: &str| kept.lock().unwrap().push(line.to_owned()));
        let host = Host::builder()
            .component(component.to_vec())
            .limits(limits)
            .audit(audit)
            .build()
            .unwrap();
        Self {
            host,
            endpoint: Endpoint::builder(origin, Policy::full()).build().unwrap(),
            lines,
        }
    }

    async fn call(&self, name: &str) -> Result<String, CallError> {
        let answer = self.host.call_tool(&self.endpoint, name, "{}").await;
        answer.map(|answer| answer.raw().to_owned())
    }

    /// The audit lines of the calls; the tools are asked for before the first one.
    fn lines(&self) -> Vec<serde_json::Value> {
        let mut lines = self.all_lines();
        lines.retain(|line| line["tool"] != "list_tools");
        lines
    }

    fn all_lines(&self) -> Vec<serde_json::Value> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn quick() -> Limits {
    Limits {
        call_time: Duration::from_millis(300),
        memory_bytes: 32 << 20,
        ..Limits::default()
    }
}

/// A Milvus that answers every request with an empty list, or never.
fn listener(answers: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut bytes = vec![0; 4096];
            let length = stream.read(&mut bytes).unwrap_or(0);
            log.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&bytes[..length]).into_owned());
            if answers {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"code\":200,\"a\": [] }",
                );
            }
            open.push(stream);
        }
    });
    (origin, seen)
}

#[tokio::test]
async fn an_answer_comes_back() {
    let stage = Stage::new(Limits::default());
    assert_eq!(stage.call("answer").await.unwrap(), "{}");
    let text = format!("{{\"a\":\"{}\"}}", "\u{1f600}".repeat(1000));
    let answered = stage.host.call_tool(&stage.endpoint, "answer", &text).await;
    let answered = answered.unwrap();
    assert_eq!((answered.raw(), answered.refused), (text.as_str(), 0));
    assert_eq!(stage.lines()[0]["result"], "ok");
}

#[tokio::test]
async fn t64_only_what_is_needed_is_imported_and_the_digest_is_the_files() {
    let stage = Stage::new(Limits::default());
    let info = stage.host.component();
    assert_eq!(*info, host_harness::inspect(&GUEST).unwrap());
    assert!(
        info.imports
            .iter()
            .all(|name| name.starts_with("wasi:") && name.contains("@0.2.")),
        "{info:?}"
    );
    assert!(
        info.exports
            .contains(&"milvus:vector-store/tools@0.1.0".to_owned())
    );
    assert_eq!((info.size, info.digest.len()), (GUEST.len(), 64));
}

#[tokio::test]
async fn t50_ten_thousand_later_instances_find_nothing_in_memory_tables_and_globals() {
    // One call at a time, so that each is given what the last one had.
    let stage = Stage::new(Limits {
        concurrent_calls: 1,
        ..Limits::default()
    });
    let started = Instant::now();
    for _ in 0..10_000 {
        stage.call("canary").await.unwrap();
        stage.lines.lock().unwrap().clear();
    }
    println!("10,000 instances in {:?}", started.elapsed());
}

#[tokio::test]
async fn t50_a_canary_that_is_still_there_would_be_found() {
    // The same twice in one instance.
    let twice = CORE.replace(
        "(then (call $canary))",
        "(then (call $canary) (call $canary))",
    );
    assert_ne!(twice, CORE);
    let stage = Stage::of(&component(&twice), "http://127.0.0.1:1", Limits::default());
    let found = stage.call("canary").await;
    assert!(matches!(found, Err(CallError::Trap(_))), "{found:?}");
}

/// A component that lists one tool or two, as its clock has it: that begins with each instance, so it throws a coin.
fn fickle() -> Vec<u8> {
    let import = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))"#;
    let turn = "(i64.and (i64.shr_u (call $now) (i64.const 5)) (i64.const 1))";
    let core = CORE
        .replace("(memory (export", &format!("{import} (memory (export"))
        .replace(
            "(i32.store (i32.const 3004) (i32.const 2))",
            &format!("(i32.store (i32.const 3004) (i32.add (i32.const 1) (i32.wrap_i64 {turn})))"),
        );
    assert!(core.contains(import) && core.contains(turn));
    component(&core)
}

#[tokio::test]
async fn t55_a_list_of_tools_that_changes_is_an_error_and_widens_nothing() {
    let (origin, seen) = listener(true);
    let stage = Stage::of(&fickle(), &origin, Limits::default());
    let first = stage.host.list_tools().await.unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match stage.host.list_tools().await {
            Ok(same) => assert_eq!(same, first),
            Err(error) => break assert!(matches!(error, CallError::Tools(_)), "{error:?}"),
        }
        assert!(Instant::now() < until, "it never changes");
    }
    assert!(seen.lock().unwrap().is_empty(), "nothing was sent");
    // A tool that the first list does not have lets nothing out, whatever a later one says.
    for name in ["query", "instantly"] {
        let known = first.iter().any(|tool| tool.name == name);
        let before = seen.lock().unwrap().len();
        let _ = stage.call(name).await;
        if !known {
            assert_eq!(seen.lock().unwrap().len(), before, "{name}");
        }
    }
}

#[tokio::test]
async fn t55_tools_of_one_name_and_hints_that_say_less_than_the_classes_are_refused() {
    // The second tool under the first one's name; and the class of both, whose hint says that they read.
    let (second, name) = ("\"\\82\\05\\00\\00\\09", "\"\\78\\05\\00\\00\\05");
    for (from, to, why) in [
        (second, name, "two of them have one name"),
        ("\"read\\00", "\"drop\\00", "a hint says less"),
    ] {
        let (origin, seen) = listener(true);
        let changed = CORE.replacen(from, to, 1);
        assert_ne!(changed, CORE, "{from}");
        let stage = Stage::of(&component(&changed), &origin, Limits::default());
        for ended in [
            stage.host.list_tools().await.map(|_| ()),
            stage.call("query").await.map(|_| ()),
        ] {
            let told = matches!(&ended, Err(CallError::Tools(told)) if told.starts_with(why));
            assert!(told, "{why}: {ended:?}");
        }
        assert!(seen.lock().unwrap().is_empty(), "nothing was sent");
    }
}

#[tokio::test]
async fn t26_t55_a_class_that_nobody_knows_lets_nothing_out() {
    let (origin, seen) = listener(true);
    let changed = CORE.replacen("\"read\\00", "\"rows\\00", 1);
    let stage = Stage::of(&component(&changed), &origin, Limits::default());
    let _ = stage.call("query").await;
    assert!(seen.lock().unwrap().is_empty(), "nothing was sent");
    assert!(
        stage
            .lines()
            .iter()
            .any(|line| line["rule"] == "tool-effect"),
        "{:?}",
        stage.lines()
    );
}

#[tokio::test]
async fn t65_a_tool_of_any_name_writes_one_short_line_that_parses_alone() {
    let stage = Stage::new(Limits::default());
    let huge = "a".repeat(1 << 20);
    let names = [
        "a\nb",
        "a\r\n{\"call\":9,\"result\":\"ok\"}",
        "a\u{2028}\u{2029}\u{85}",
        "a\u{1b}]52;c;\u{7}\u{9b}31m",
        "a\u{202e}\u{200b}",
        "a\",\"sent\":99,\"x\":\"",
        "a\\",
        "a\0",
        &huge,
    ];
    for name in names {
        stage.call(name).await.unwrap();
    }
    let lines = stage.lines.lock().unwrap().clone();
    let of_calls: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            assert!(line.len() < 1000, "{} bytes", line.len());
            assert!(
                line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line}"
            );
            serde_json::from_str(line).expect(line)
        })
        .filter(|line: &serde_json::Value| line["tool"] != "list_tools")
        .collect();
    assert_eq!(of_calls.len(), names.len());
    for (line, name) in of_calls.iter().zip(names) {
        let shown = line["tool"].as_str().unwrap();
        assert!(name.starts_with(shown.trim_end_matches('~')), "{line}");
        assert_eq!((&line["sent"], &line["result"]), (&0.into(), &"ok".into()));
    }
}

#[tokio::test]
async fn the_hosts_own_first_look_at_the_tools_is_said_to_be_its_own() {
    let stage = Stage::new(Limits::default());
    stage.call("answer").await.unwrap();
    stage.host.list_tools().await.unwrap();
    let by: Vec<_> = stage
        .all_lines()
        .into_iter()
        .filter(|line| line["tool"] == "list_tools" && line["result"].is_string())
        .map(|line| line["by"].clone())
        .collect();
    assert_eq!(by, ["host".into(), serde_json::Value::Null]);
}

#[tokio::test]
async fn t52_a_trap_ends_its_call_and_says_nothing_of_the_components() {
    let stage = Stage::new(quick());
    for (name, text) in [
        ("trap", "wasm trap: wasm `unreachable` instruction executed"),
        ("outside", "wasm trap: out of bounds memory access"),
        ("stack", "wasm trap: call stack exhausted"),
        (
            "x: a handle that is none",
            "it broke the rules of an interface",
        ),
    ] {
        let error = stage.call(name).await.unwrap_err();
        assert!(
            matches!(&error, CallError::Trap(trap) if trap == text),
            "{name}: {error:?}"
        );
        assert_eq!(
            stage.call("answer").await.unwrap(),
            "{}",
            "the next call after {name}"
        );
    }
}

#[tokio::test]
async fn t48_a_limit_ends_its_call_by_name() {
    let stage = Stage::new(quick());
    for (name, limit, value) in [
        ("loop", LimitKind::CallTime, 300),
        ("poll", LimitKind::CallTime, 300),
        ("memory", LimitKind::MemoryBytes, 32 << 20),
        ("handles", LimitKind::Handles, 1024),
        ("field", LimitKind::HeaderBytes, 16 << 10),
    ] {
        let started = Instant::now();
        let error = stage.call(name).await.unwrap_err();
        assert!(
            matches!(error, CallError::Limit { limit: l, value: v, error: None } if (l, v) == (limit, value)),
            "{name}: {error:?}"
        );
        assert!(
            started.elapsed() < Duration::from_millis(600),
            "{name} took {:?}",
            started.elapsed()
        );
        assert_eq!(
            stage.call("answer").await.unwrap(),
            "{}",
            "the next call after {name}"
        );
    }
    let results: Vec<_> = stage
        .lines()
        .iter()
        .map(|line| line["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        results,
        [
            "call-time",
            "ok",
            "call-time",
            "ok",
            "memory-bytes",
            "ok",
            "handles",
            "ok",
            "header-bytes",
            "ok"
        ]
    );
}

#[tokio::test]
async fn t46_an_answer_beyond_what_may_cross_is_refused() {
    let limits = Limits {
        hostcall_bytes: 1 << 20,
        ..Limits::default()
    };
    let error = Stage::new(limits).call("big").await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Limit {
                limit: LimitKind::HostcallBytes,
                value: 1_048_576,
                error: None
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_typed_error_is_passed_on() {
    let error = Stage::new(quick()).call("error").await.unwrap_err();
    assert!(
        matches!(&error, CallError::Tool(tool) if tool.kind == host_harness::ErrorKind::InvalidArgument),
        "{error:?}"
    );
    assert!(error.to_string().starts_with("invalid-argument"));
}

#[tokio::test]
async fn a_call_that_fails_after_a_refusal_says_so() {
    let stage = Stage::new(quick());
    let error = stage.call("wrong").await.unwrap_err();
    let CallError::Refused { refusals, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((refusals.len(), refusals[0].rule), (1, Rule::Path));
    assert!(error.to_string().contains("rule `path`"), "{error}");
    let lines = stage.lines();
    assert_eq!(
        (&lines[0]["verdict"], &lines[0]["rule"]),
        (&"refused".into(), &"path".into())
    );
    assert_eq!(
        (&lines[1]["result"], &lines[1]["refused"], &lines[1]["sent"]),
        (&"refused".into(), &1.into(), &0.into())
    );
}

#[tokio::test]
async fn t14_listing_tools_lets_nothing_out() {
    let stage = Stage::new(quick());
    let tools = stage.host.list_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["query", "instantly"]);
    assert_eq!(stage.all_lines()[0]["rule"], "no-endpoint");
}

#[tokio::test]
async fn a_request_reaches_the_endpoint() {
    let (origin, seen) = listener(true);
    let stage = Stage::at(&origin, Limits::default());
    stage.call("query").await.unwrap();
    assert!(seen.lock().unwrap()[0].starts_with("GET /v1/vector/collections HTTP/1.1\r\n"));
    assert_eq!(
        (&stage.lines()[0]["operation"], &stage.lines()[1]["sent"]),
        (&"v1.collections.list".into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t51_nothing_is_in_flight_after_a_call_and_each_request_has_its_line() {
    let (origin, _) = listener(false);
    let stage = Stage::at(&origin, quick());
    for _ in 0..50 {
        stage.call("instantly").await.unwrap();
        let lines = stage.lines();
        let (summary, requests) = lines.split_last().unwrap();
        assert_eq!(summary["result"], "ok", "the summary comes last");
        let count = summary["sent"].as_u64().unwrap() + summary["refused"].as_u64().unwrap();
        assert_eq!(count, requests.len() as u64, "{lines:?}");
        stage.lines.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn t40_a_silent_server_ends_with_the_call() {
    let (origin, _) = listener(false);
    let stage = Stage::at(&origin, quick());
    // The request's own time is a little shorter: the component learns of it and answers.
    stage.call("query").await.unwrap();
    assert_eq!(stage.lines()[0]["error"], "timeout");
}

#[tokio::test]
async fn t51_a_call_that_its_caller_drops_is_written_down() {
    let (origin, seen) = listener(false);
    let stage = Stage::at(&origin, Limits::default());
    tokio::select! {
        _ = stage.call("query") => panic!("nobody answers"),
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
    let mut results: Vec<_> = stage
        .lines()
        .iter()
        .map(|line| (line["result"].clone(), line["outcome"].clone()))
        .collect();
    results.sort_by_key(|(result, _)| result.is_null());
    assert_eq!(
        results,
        [
            ("cancelled".into(), serde_json::Value::Null),
            (serde_json::Value::Null, "unknown".into())
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t48_calls_beyond_the_limit_are_refused_and_a_busy_one_starves_nobody() {
    let stage = Arc::new(Stage::new(Limits {
        concurrent_calls: 2,
        call_time: Duration::from_millis(1500),
        ..quick()
    }));
    let busy = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { stage.call("loop").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stage.call("answer").await.unwrap(), "{}");
    let busier = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { stage.call("loop").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(matches!(
        stage.call("answer").await,
        Err(CallError::Overloaded)
    ));
    for task in [busy, busier] {
        assert!(matches!(
            task.await.unwrap(),
            Err(CallError::Limit {
                limit: LimitKind::CallTime,
                ..
            })
        ));
    }
    assert_eq!(stage.call("answer").await.unwrap(), "{}");
}

#[tokio::test]
async fn t48_t55_whoever_waits_for_a_list_of_tools_without_end_ends_in_his_own_time() {
    let list = "(func (export \"milvus:vector-store/tools@0.1.0#list-tools\") (result i32)";
    let endless = CORE.replace(list, &format!("{list} (loop $more (br $more))"));
    assert_ne!(endless, CORE);
    let stage = Arc::new(Stage::of(
        &component(&endless),
        "http://127.0.0.1:1",
        quick(),
    ));
    let start = Instant::now();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { stage.call("answer").await })
        })
        .collect();
    for call in calls {
        let limit = LimitKind::CallTime;
        let ended = call.await.unwrap();
        assert!(
            matches!(ended, Err(CallError::Limit { limit: l, .. }) if l == limit),
            "{ended:?}"
        );
    }
    // One after the other they would take four times as long.
    assert!(
        start.elapsed() < quick().call_time * 3,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(stage.lines().len(), 4, "each has its line");
}

#[tokio::test]
async fn t48_a_list_of_tools_takes_no_place_from_the_call_that_it_is_for() {
    let stage = Stage::new(Limits {
        concurrent_calls: 1,
        ..quick()
    });
    assert_eq!(stage.call("answer").await.unwrap(), "{}");
}

fn docs() -> host_harness::collections::CollectionRequest {
    host_harness::collections::CollectionRequest {
        collection_name: "docs".to_owned(),
        extra: None,
    }
}

#[tokio::test]
async fn a_component_without_the_typed_interfaces_says_so() {
    let stage = Stage::new(quick());
    let error = stage
        .host
        .describe_schema(&stage.endpoint, &docs())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::NotExported("milvus:vector-store/collections")
        ),
        "{error:?}"
    );
    let rows = host_harness::types::RowBatch {
        rows: 5,
        columns: vec![],
        dynamic: vec![],
    };
    let request = host_harness::entities::InsertRequest {
        collection_name: "docs".to_owned(),
        partition_name: None,
        rows,
        extra: None,
    };
    let failure = stage
        .host
        .insert_entities(&stage.endpoint, &request)
        .await
        .unwrap_err();
    assert_eq!(
        (failure.resume_at, failure.confirmed.rows),
        (0, 0),
        "nothing was sent"
    );
}

#[tokio::test]
async fn t48_time_runs_out_while_an_instance_is_made_too() {
    let endless = "(loop $more (br $more))";
    let in_realloc = CORE.replacen(
        "(local.get $at))",
        &format!("{endless} (local.get $at))"),
        1,
    );
    let in_start = CORE.replacen(
        "(func $wait",
        &format!("(func $begin {endless}) (start $begin) (func $wait"),
        1,
    );
    for core in [in_realloc, in_start] {
        let host = Host::builder()
            .component(component(&core))
            .limits(quick())
            .build()
            .unwrap();
        let endpoint = Endpoint::builder("http://127.0.0.1:1", Policy::full())
            .build()
            .unwrap();
        let error = host.call_tool(&endpoint, "answer", "{}").await.unwrap_err();
        assert!(
            matches!(
                error,
                CallError::Limit {
                    limit: LimitKind::CallTime,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn t47_a_component_that_wants_too_much_memory_is_not_built() {
    let core = CORE.replace(
        "(memory (export \"memory\") 2)",
        "(memory (export \"memory\") 5000)",
    );
    let refused = Host::builder().component(component(&core)).build().err();
    assert!(
        matches!(
            refused,
            Some(BuildError::Limit {
                limit: LimitKind::MemoryBytes,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn limits_that_make_no_sense_are_refused_by_name() {
    for (limits, name) in [
        (
            Limits {
                memory_bytes: 0,
                ..Limits::default()
            },
            "memory_bytes",
        ),
        (
            Limits {
                call_time: Duration::ZERO,
                ..Limits::default()
            },
            "call_time",
        ),
        (
            Limits {
                call_time: Duration::MAX,
                ..Limits::default()
            },
            "call_time",
        ),
        (
            Limits {
                concurrent_calls: 0,
                ..Limits::default()
            },
            "concurrent_calls",
        ),
        (
            Limits {
                response_bytes: u64::MAX,
                ..Limits::default()
            },
            "response_bytes",
        ),
    ] {
        let refused = Host::builder()
            .component(GUEST.as_slice())
            .limits(limits)
            .build()
            .err();
        assert!(
            matches!(refused, Some(BuildError::Limits(error)) if error.limit.field() == name),
            "{name}: {refused:?}"
        );
    }
    assert!(matches!(
        Host::builder().build().err(),
        Some(BuildError::NoBytes)
    ));
}

#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let stage = Stage::new(Limits::default());
    is_send(stage.call("answer"));
    is_send(stage.host.list_tools());
    is_send(stage.host.probe(&stage.endpoint));
    is_send(stage.host.describe_schema(&stage.endpoint, &docs()));
}

#[tokio::test]
async fn t48_one_poll_of_millions_ends_in_time() {
    let stage = Stage::new(Limits {
        call_time: Duration::from_millis(500),
        ..Limits::default()
    });
    let started = Instant::now();
    let error = stage.call("yield").await.unwrap_err();
    let limit = LimitKind::Handles;
    assert!(
        matches!(error, CallError::Limit { limit: l, .. } if l == limit),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_millis(600));
}
