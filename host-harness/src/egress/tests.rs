//! The whole way of a request, from the hook to a listener of our own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

use super::*;
use crate::credential::Credential;

const TOKEN: &str = "root:s3cret-token";
const LIST: &str = "/v2/vectordb/collections/list";

/// Answers each request on each connection with the same bytes; keeps what it was sent.
struct Listener {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    async fn start(answer: impl Into<Vec<u8>>, close: bool) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test's own listener")]
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (seen, connections) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(AtomicUsize::new(0)),
        );
        let (log, count, answer) = (Arc::clone(&seen), Arc::clone(&connections), answer.into());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(Self::serve(stream, Arc::clone(&log), answer.clone(), close));
            }
        });
        Self {
            origin,
            seen,
            connections,
        }
    }

    async fn serve(
        mut stream: TcpStream,
        seen: Arc<Mutex<Vec<String>>>,
        answer: Vec<u8>,
        close: bool,
    ) {
        let mut bytes = Vec::new();
        loop {
            let end = loop {
                if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
                    let length = text
                        .split("content-length: ")
                        .nth(1)
                        .and_then(|rest| rest.lines().next());
                    let end =
                        head + 4 + length.map_or(0, |length| length.parse::<usize>().unwrap());
                    if bytes.len() >= end {
                        break end;
                    }
                }
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let request: Vec<u8> = bytes.drain(..end).collect();
            seen.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&request).into_owned());
            if stream.write_all(&answer).await.is_err() || close {
                return;
            }
        }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A call of its own, and the audit lines that it writes.
struct Stage {
    egress: Egress,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn new(origin: Option<&str>, limits: Limits) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let call = Call {
            id: 7,
            tool: "milvus_test".to_owned(),
            scope: Scope::of(Effects::of(&Effect::ALL)).into(),
            endpoint: origin.map(|origin| {
                Endpoint::builder(origin, Policy::full())
                    .credential(Credential::new(TOKEN.to_owned()))
                    .build()
                    .unwrap()
            }),
            budget: Budget::new(limits.budget_bytes),
            audit: Audit::to(move |line: &str| kept.lock().unwrap().push(line.to_owned())),
            deadline: Instant::now() + limits.request_time(),
            limits,
            traffic: Traffic::default(),
            meanings: Meanings::default(),
        };
        Self {
            egress: Egress(Arc::new(call)),
            lines,
        }
    }

    fn at(listener: &Listener) -> Self {
        Self::new(Some(&listener.origin), Limits::default())
    }

    async fn send(
        &mut self,
        request: Request<WasiBody>,
    ) -> Result<(u16, HeaderMap, String), Error> {
        let sent = self
            .egress
            .send_request(request, None, Box::new(async { Ok(()) }));
        let (response, _) = Box::into_pin(sent).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok((
            head.status.as_u16(),
            head.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        ))
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    fn rules(&self) -> Vec<String> {
        self.egress
            .0
            .traffic
            .noted()
            .refusals
            .iter()
            .map(|refusal| refusal.rule.to_string())
            .collect()
    }
}

fn post(origin: &str, path: &str, body: &'static str) -> Request<WasiBody> {
    Request::post(format!("{origin}{path}"))
        .header(CONTENT_LENGTH, body.len())
        .body(
            Full::new(Bytes::from_static(body.as_bytes()))
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .unwrap()
}

/// A request whose body a component is still writing.
fn writing(origin: &str, length: u64) -> (HostOutgoingBody, Request<WasiBody>) {
    let (writer, body) = HostOutgoingBody::new(StreamContext::Request, Some(length), 1, CHUNK);
    let request = Request::post(format!("{origin}{LIST}"))
        .header(CONTENT_LENGTH, length)
        .body(body)
        .unwrap();
    (writer, request)
}

#[tokio::test]
async fn t04_the_host_writes_every_header_and_no_header_of_the_component_passes() {
    let listener = Listener::start(ok("{\"code\":0}"), false).await;
    let mut request = post(&listener.origin, LIST, "{}");
    for (name, value) in [
        ("db-name", "hr"),
        ("request-timeout", "1"),
        ("authorization", "Bearer of-the-component"),
        ("host", "evil.example"),
        ("cookie", "a=b"),
        ("expect", "100-continue"),
        ("sourceid", "x"),
        ("x-forwarded-for", "10.0.0.1"),
        ("content-encoding", "gzip"),
        ("content-type", "application/grpc"),
        ("accept-encoding", "gzip"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (status, _, body) = Stage::at(&listener).send(request).await.unwrap();
    assert_eq!((status, body.as_str()), (200, "{\"code\":0}"));
    let seen = listener.seen();
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    let expected = [
        format!("POST {LIST} HTTP/1.1"),
        "accept-encoding: identity".to_owned(),
        "accept-type-allow-int64: true".to_owned(),
        "accept: application/json".to_owned(),
        format!("authorization: Bearer {TOKEN}"),
        "content-length: 2".to_owned(),
        "content-type: application/json".to_owned(),
        format!("host: {}", listener.origin.trim_start_matches("http://")),
        concat!("user-agent: milvus-host/", env!("CARGO_PKG_VERSION")).to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "{}");
}

#[tokio::test]
async fn t08_a_get_of_the_older_dialect_carries_its_checked_query() {
    let listener = Listener::start(ok("{}"), false).await;
    let uri = format!(
        "{}/v1/vector/collections/describe?collectionName=docs&dbName=b",
        listener.origin
    );
    let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Stage::at(&listener)
        .send(Request::get(uri).body(empty).unwrap())
        .await
        .unwrap();
    let first = listener.seen()[0].lines().next().unwrap().to_owned();
    assert_eq!(
        first,
        "GET /v1/vector/collections/describe?collectionName=docs&dbName=b HTTP/1.1"
    );
}

#[tokio::test]
async fn t14_what_the_policy_refuses_opens_no_connection_and_is_written_down() {
    let (allowed, elsewhere) = (
        Listener::start(ok("{}"), false).await,
        Listener::start(ok("{}"), false).await,
    );
    let mut stage = Stage::at(&allowed);
    let mut refused = Vec::new();
    for (origin, path) in [
        (&elsewhere.origin, LIST),
        (&allowed.origin, "/v2/vectordb/collections/%64rop"),
        (&allowed.origin, "/v2/vectordb/collections/list?dbName=hr"),
        (&allowed.origin.replace("http:", "https:"), LIST),
        (&allowed.origin.replace("http:", "ftp:"), LIST),
        (&allowed.origin.replace("//", "//u@"), LIST),
    ] {
        refused.push(stage.send(post(origin, path, "{}")).await.unwrap_err());
    }
    assert!(
        refused
            .iter()
            .all(|error| matches!(error, Error::HttpRequestDenied)),
        "{refused:?}"
    );
    assert_eq!((allowed.connections(), elsewhere.connections()), (0, 0));
    let rules = [
        "authority",
        "path",
        "query",
        "scheme",
        "scheme",
        "authority",
    ];
    assert_eq!(stage.rules(), rules);
    let lines = stage.lines();
    assert_eq!(
        lines
            .iter()
            .map(|line| line["rule"].as_str().unwrap())
            .collect::<Vec<_>>(),
        rules
    );
    for line in &lines {
        assert_eq!(
            (&line["call"], &line["tool"], &line["verdict"]),
            (&7.into(), &"milvus_test".into(), &"refused".into())
        );
        assert_eq!(line["origin"], allowed.origin.as_str());
    }
    assert_eq!(lines[2]["operation"], "collections.list");
}

#[tokio::test]
async fn t14_without_an_endpoint_nothing_leaves() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::new(None, Limits::default());
    assert!(matches!(
        stage.send(post(&listener.origin, LIST, "{}")).await,
        Err(Error::HttpRequestDenied)
    ));
    assert_eq!(
        (listener.connections(), stage.rules()),
        (0, vec!["no-endpoint".to_owned()])
    );
}

#[tokio::test]
async fn t65_a_request_that_left_is_one_line_without_payload_or_credential() {
    let listener = Listener::start(ok("{\"secret row\":1}"), false).await;
    let mut stage = Stage::at(&listener);
    stage
        .send(post(
            &listener.origin,
            "/v2/vectordb/entities/search",
            "{\"filter\":\"secret\"}",
        ))
        .await
        .unwrap();
    let lines = stage.lines();
    assert_eq!(lines.len(), 1);
    for (key, value) in [
        ("verdict", "sent"),
        ("operation", "entities.search"),
        ("effect", "read"),
        ("method", "POST"),
        ("path", "/v2/vectordb/entities/search"),
        ("outcome", "answered"),
    ] {
        assert_eq!(lines[0][key], value, "{key}");
    }
    assert_eq!(
        (&lines[0]["request_bytes"], &lines[0]["response_bytes"]),
        (&19.into(), &16.into())
    );
    assert_eq!(lines[0]["status"], 200);
    let text = lines[0].to_string();
    assert!(!text.contains("secret") && !text.contains(TOKEN), "{text}");
}

#[tokio::test]
async fn t65_t83_what_changes_something_names_database_and_collections_and_a_read_does_not() {
    let listener = Listener::start(ok("{\"code\":0}"), false).await;
    let mut stage = Stage::at(&listener);
    for (path, body) in [
        (
            "/v2/vectordb/collections/rename",
            r#"{"collectionName":"docs","newCollectionName":"hr","newDbName":"b"}"#,
        ),
        (
            "/v2/vectordb/collections/drop",
            r#"{"dbName":"a","collectionName":"docs"}"#,
        ),
        (
            "/v2/vectordb/entities/query",
            r#"{"dbName":"a","collectionName":"docs","filter":""}"#,
        ),
        (
            "/v2/vectordb/entities/delete",
            r#"{"collectionName":"docs","filter":"secret"}"#,
        ),
    ] {
        stage
            .send(post(&listener.origin, path, body))
            .await
            .unwrap();
    }
    let lines = stage.lines();
    let named: Vec<_> = lines
        .iter()
        .map(|line| [&line["databases"], &line["collections"]])
        .collect();
    let (none, names) = (serde_json::Value::Null, |names: &[&str]| {
        serde_json::json!(names)
    });
    assert_eq!(
        named,
        [
            [&names(&["b"]), &names(&["docs", "hr"])],
            [&names(&["a"]), &names(&["docs"])],
            [&none, &none],
            [&none, &names(&["docs"])],
        ]
    );
    assert!(!lines.iter().any(|line| line.to_string().contains("secret")));
}

#[tokio::test]
async fn t39_an_http1_connection_carries_one_request() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::at(&listener);
    for _ in 0..5 {
        stage
            .send(post(&listener.origin, LIST, "{}"))
            .await
            .unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!((listener.seen().len(), listener.connections()), (5, 5));
}

#[tokio::test]
async fn t39_a_second_answer_that_nobody_asked_for_reaches_no_later_request() {
    let answers = format!("{}{}", ok("{\"own\":1}"), ok("{\"stray\":1}"));
    let listener = Listener::start(answers, false).await;
    let mut stage = Stage::at(&listener);
    for _ in 0..50 {
        let (_, _, body) = stage
            .send(post(&listener.origin, LIST, "{}"))
            .await
            .unwrap();
        assert_eq!(body, "{\"own\":1}");
    }
}

#[tokio::test]
async fn t09_a_redirect_is_a_status_and_is_followed_nowhere() {
    let elsewhere = Listener::start(ok("{}"), false).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {}/\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
            elsewhere.origin
        );
        let listener = Listener::start(answer, false).await;
        let (got, headers, _) = Stage::at(&listener)
            .send(post(&listener.origin, LIST, "{}"))
            .await
            .unwrap();
        assert_eq!(
            (got, listener.seen().len(), elsewhere.connections()),
            (status, 1, 0)
        );
        assert_eq!(
            headers.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
            ["content-length"]
        );
    }
}

#[tokio::test]
async fn t40_informational_answers_are_passed_over() {
    let listener = Listener::start(
        format!("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n{}", ok("{}")),
        false,
    )
    .await;
    let (status, _, body) = Stage::at(&listener)
        .send(post(&listener.origin, LIST, "{}"))
        .await
        .unwrap();
    assert_eq!((status, body.as_str()), (200, "{}"));
}

#[tokio::test]
async fn t33_the_credential_is_taken_out_of_what_the_component_gets() {
    let encoded = "cm9vdDpzM2NyZXQtdG9rZW4"; // TOKEN in base64
    let listener = Listener::start(ok(&format!("[\"{TOKEN}\",\"{encoded}=\"]")), false).await;
    let mut stage = Stage::at(&listener);
    let (_, headers, body) = stage
        .send(post(&listener.origin, LIST, "{}"))
        .await
        .unwrap();
    assert!(
        !body.contains("s3cret") && !body.contains(&encoded[..20]),
        "{body}"
    );
    assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
    assert_eq!(stage.lines()[0]["redacted"], 2);
}

#[tokio::test]
async fn t42_a_bad_answer_is_a_typed_error_and_the_next_request_works() {
    let limits = Limits {
        response_bytes: 1000,
        call_time: Duration::from_millis(400),
        ..Limits::default()
    };
    let large = "x".repeat(1001);
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{large}\r\n0\r\n\r\n");
    let heads = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(200_000));
    for (name, answer, close, outcome) in [
        (
            "too large by its length",
            ok(&large),
            false,
            "answer-too-large",
        ),
        ("too large in chunks", chunked, false, "answer-too-large"),
        (
            "compressed",
            ok("{}").replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n"),
            false,
            "answer-encoded",
        ),
        (
            "short",
            ok("{\"a\":1}").replace("th: 7", "th: 9"),
            true,
            "answer-incomplete",
        ),
        (
            "cut in a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc".to_owned(),
            true,
            "answer-incomplete",
        ),
        ("closed", String::new(), true, "connection-terminated"),
        (
            "no HTTP",
            "SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned(),
            true,
            "answer-malformed",
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_owned(),
            true,
            "answer-malformed",
        ),
        ("endless head", heads, true, "answer-head-too-large"),
        ("silent", String::new(), false, "timeout"),
        (
            "slow",
            ok("{\"a\":1}").replace("th: 7", "th: 9"),
            false,
            "timeout",
        ),
    ] {
        let listener = Listener::start(answer, close).await;
        let mut stage = Stage::new(Some(&listener.origin), limits.clone());
        let started = Instant::now();
        let error = stage
            .send(post(&listener.origin, LIST, "{}"))
            .await
            .unwrap_err();
        assert!(started.elapsed() < Duration::from_millis(1000), "{name}");
        let line = &stage.lines()[0];
        assert_eq!(
            (&line["error"], &line["outcome"]),
            (&outcome.into(), &"unknown".into()),
            "{name}: {error:?}"
        );
        assert!(!format!("{error:?}{error}").contains(TOKEN));
    }
}

#[tokio::test]
async fn a_refused_connection_is_known_not_to_have_sent_anything() {
    let closed = {
        #[expect(clippy::disallowed_methods, reason = "a test's own listener")]
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let mut stage = Stage::new(Some(&closed), Limits::default());
    let error = stage.send(post(&closed, LIST, "{}")).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionRefused), "{error:?}");
    assert_eq!(stage.lines()[0]["outcome"], "not-sent");
}

#[tokio::test]
async fn t40_what_the_component_asks_as_timeouts_only_shortens() {
    let listener = Listener::start("", false).await;
    let mut stage = Stage::new(
        Some(&listener.origin),
        Limits {
            call_time: Duration::from_millis(500),
            ..Limits::default()
        },
    );
    for (wait, longest) in [
        (Duration::from_millis(50), 300),
        (Duration::MAX, 1000),
        (Duration::from_nanos(u64::MAX), 1000),
    ] {
        let options = RequestOptions {
            first_byte_timeout: Some(wait),
            between_bytes_timeout: Some(wait),
            ..Default::default()
        };
        let started = Instant::now();
        let sent = stage.egress.send_request(
            post(&listener.origin, LIST, "{}"),
            Some(options),
            Box::new(async { Ok(()) }),
        );
        assert!(matches!(
            Box::into_pin(sent).await,
            Err(Error::HttpResponseTimeout)
        ));
        assert!(
            started.elapsed() < Duration::from_millis(longest),
            "{wait:?}"
        );
    }
}

#[tokio::test]
async fn t41_a_full_budget_is_said_to_be_overload_and_comes_back() {
    let listener = Listener::start(ok("{}"), false).await;
    let limits = Limits {
        budget_bytes: 4096,
        ..Limits::default()
    };
    let mut stage = Stage::new(Some(&listener.origin), limits);
    let taken = stage.egress.0.budget.take(4096).unwrap();
    let error = stage
        .send(post(&listener.origin, LIST, "{}"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ConnectionLimitReached));
    assert_eq!(
        (listener.connections(), &stage.lines()[0]["rule"]),
        (0, &"budget-bytes".into())
    );
    drop(taken);
    stage
        .send(post(&listener.origin, LIST, "{}"))
        .await
        .unwrap();
    assert!(
        stage.egress.0.budget.take(4096).is_some(),
        "nothing stays taken"
    );
}

#[tokio::test]
async fn t41_an_answer_that_the_budget_cannot_hold_is_overload() {
    for answer in [
        ok(&"x".repeat(8000)),
        format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(8000)),
    ] {
        let listener = Listener::start(answer, true).await;
        let mut stage = Stage::new(
            Some(&listener.origin),
            Limits {
                budget_bytes: 4096,
                ..Limits::default()
            },
        );
        let error = stage
            .send(post(&listener.origin, LIST, "{}"))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ConnectionLimitReached), "{error:?}");
        assert_eq!(stage.lines()[0]["outcome"], "unknown");
        assert!(stage.egress.0.budget.take(4096).is_some());
    }
}

#[tokio::test]
async fn t66_one_call_makes_so_many_requests_and_floods_no_audit() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::new(
        Some(&listener.origin),
        Limits {
            requests_per_call: 3,
            ..Limits::default()
        },
    );
    for number in 0..50 {
        let sent = stage.send(post(&listener.origin, LIST, "{}")).await;
        assert_eq!(sent.is_ok(), number < 3, "{number}");
    }
    assert_eq!((listener.seen().len(), stage.lines().len()), (3, 4));
    assert_eq!(stage.rules(), ["request-count"]);
    assert_eq!(
        (
            stage.egress.0.traffic.sent(),
            stage.egress.0.traffic.refused()
        ),
        (3, 47)
    );
}

#[tokio::test]
async fn t07_a_body_that_is_not_whole_is_never_sent() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::at(&listener);
    let write = |writer: &mut HostOutgoingBody, text: &'static str| {
        let mut stream = writer.take_output_stream().unwrap();
        let _ = stream.write(Bytes::from_static(text.as_bytes()));
    };
    // Given up after a text that is valid in itself.
    let (mut writer, request) = writing(&listener.origin, 2);
    write(&mut writer, "{}");
    writer.abort();
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    // Fewer bytes than declared, finished.
    let (mut writer, request) = writing(&listener.origin, 20);
    write(&mut writer, "{}");
    assert!(writer.finish(None).is_err());
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    // More bytes than declared.
    let (mut writer, request) = writing(&listener.origin, 2);
    write(&mut writer, "{\"a\":1}");
    let _ = writer.finish(None);
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    // Fewer bytes, and the writer vanishes, as in a trap: the body looks complete.
    let (mut writer, request) = writing(&listener.origin, 20);
    write(&mut writer, "{}");
    drop(writer);
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    // As many as declared, and the writer vanishes with its call.
    let (mut writer, request) = writing(&listener.origin, 2);
    write(&mut writer, "{}");
    stage.egress.0.traffic.end();
    drop(writer);
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    assert_eq!(
        stage.rules(),
        ["body", "length", "length", "length", "unfinished"]
    );
    assert_eq!(listener.connections(), 0);
}

#[tokio::test]
async fn t04_trailers_of_the_component_are_refused() {
    let listener = Listener::start(ok("{}"), false).await;
    let body =
        Full::new(Bytes::from_static(b"{}")).with_trailers(async { Some(Ok(HeaderMap::new())) });
    let request = Request::post(format!("{}{LIST}", listener.origin))
        .header(CONTENT_LENGTH, 2)
        .body(body.map_err(|never| match never {}).boxed_unsync())
        .unwrap();
    let mut stage = Stage::at(&listener);
    assert!(matches!(
        stage.send(request).await,
        Err(Error::HttpRequestDenied)
    ));
    assert_eq!(
        (stage.rules(), listener.connections()),
        (vec!["trailers".to_owned()], 0)
    );
}

#[tokio::test]
async fn t46_a_request_beyond_the_cap_is_read_to_the_cap_so_that_the_component_sees_the_reason() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::new(
        Some(&listener.origin),
        Limits {
            request_bytes: 100_000,
            ..Limits::default()
        },
    );
    for length in [Some(100_001), None] {
        let (mut writer, body) = HostOutgoingBody::new(StreamContext::Request, length, 1, CHUNK);
        let mut request = Request::post(format!("{}{LIST}", listener.origin));
        if let Some(length) = length {
            request = request.header(CONTENT_LENGTH, length);
        }
        let mut stream = writer.take_output_stream().unwrap();
        let written = tokio::spawn(async move {
            let mut written = 0;
            while written < 100_000 {
                let Ok(room) = stream.write_ready().await else {
                    break;
                };
                let size = room.min(100_000 - written);
                if stream.write(vec![b' '; size].into()).is_err() {
                    break;
                }
                written += size;
            }
            drop(writer);
            written
        });
        let error = stage.send(request.body(body).unwrap()).await.unwrap_err();
        assert_eq!(written.await.unwrap(), 100_000);
        let too_large = matches!(error, Error::HttpRequestBodySize(Some(100_000)));
        assert!(
            too_large == length.is_some() && listener.connections() == 0,
            "{error:?}"
        );
    }
    assert_eq!(stage.rules(), ["request-bytes", "length"]);
}

#[tokio::test]
async fn t51_a_request_that_is_dropped_on_its_way_is_written_down_as_unknown() {
    let listener = Listener::start("", false).await;
    let mut stage = Stage::at(&listener);
    let sent = stage.egress.send_request(
        post(&listener.origin, LIST, "{}"),
        None,
        Box::new(async { Ok(()) }),
    );
    let task = tokio::spawn(async move { Box::into_pin(sent).await.map(|_| ()) });
    while listener.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    task.abort();
    stage.egress.0.traffic.settled().await;
    let lines = stage.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["verdict"], &lines[0]["outcome"]),
        (&"sent".into(), &"unknown".into())
    );
}

#[tokio::test]
async fn t52_a_panic_in_the_way_out_is_an_error_of_that_request() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::at(&listener);
    let request = Request::post(format!("{}{LIST}", listener.origin))
        .header(CONTENT_LENGTH, 2)
        .body(Panicking.boxed_unsync());
    let error = stage.send(request.unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::InternalError(None)));
    stage
        .send(post(&listener.origin, LIST, "{}"))
        .await
        .unwrap();
}

struct Panicking;

impl hyper::body::Body for Panicking {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Error>>> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn t30_the_eleventh_flush_of_a_minute_is_refused_and_other_operations_are_not() {
    let listener = Listener::start(ok("{\"code\":0}"), false).await;
    let mut stage = Stage::at(&listener);
    let flush = "/v2/vectordb/collections/flush";
    let body = "{\"collectionName\":\"docs\"}";
    for _ in 0..10 {
        stage
            .send(post(&listener.origin, flush, body))
            .await
            .unwrap();
    }
    for _ in 0..3 {
        let refused = stage.send(post(&listener.origin, flush, body)).await;
        assert!(
            matches!(refused, Err(Error::HttpRequestDenied)),
            "{refused:?}"
        );
    }
    assert_eq!((listener.seen().len(), listener.connections()), (10, 10));
    let lines = stage.lines();
    assert_eq!(
        (&lines[10]["rule"], &lines[10]["operation"]),
        (&"rate".into(), &"collections.flush".into())
    );
    let wait = stage.egress.0.traffic.noted().wait.unwrap();
    assert!(
        wait <= Duration::from_secs(60) && wait > Duration::from_secs(40),
        "{wait:?}"
    );
    let detail = stage.egress.0.traffic.noted().refusals[0].detail.clone();
    assert!(detail.contains("at most 10 a minute"), "{detail}");
    for path in [
        "/v2/vectordb/collections/load",
        "/v2/vectordb/collections/compact",
        "/v2/vectordb/partitions/load",
        LIST,
    ] {
        let body = match path {
            LIST => "{}",
            "/v2/vectordb/partitions/load" => {
                "{\"collectionName\":\"docs\",\"partitionNames\":[\"p\"]}"
            }
            _ => body,
        };
        let sent = stage.send(post(&listener.origin, path, body)).await;
        assert!(sent.is_ok(), "{path}: {sent:?}");
    }
}

#[tokio::test]
async fn t30_what_does_not_leave_for_another_reason_does_not_count() {
    let listener = Listener::start(ok("{\"code\":0}"), false).await;
    let mut stage = Stage::at(&listener);
    let flush = "/v2/vectordb/collections/flush";
    for _ in 0..20 {
        let refused = stage.send(post(&listener.origin, flush, "[]")).await;
        assert!(refused.is_err(), "it is no object");
    }
    let body = "{\"collectionName\":\"docs\"}";
    for _ in 0..10 {
        stage
            .send(post(&listener.origin, flush, body))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn t65_a_token_in_a_path_is_in_no_line() {
    let listener = Listener::start(ok("{}"), false).await;
    let mut stage = Stage::at(&listener);
    let encoded = "cm9vdDpzM2NyZXQtdG9rZW4"; // TOKEN in base64
    let percent = TOKEN.replace(':', "%3A");
    for text in [TOKEN, encoded, &percent] {
        let path = format!("/{text}/x");
        let refused = stage.send(post(&listener.origin, &path, "{}")).await;
        assert!(refused.is_err());
    }
    let lines = stage.lines.lock().unwrap().join("\n");
    assert_eq!(stage.rules(), ["path", "path", "path"]);
    assert!(lines.contains("/x"), "{lines}");
    for part in ["s3cret", encoded, &percent] {
        assert!(!lines.contains(part), "{lines}");
    }
}
