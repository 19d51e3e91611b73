//! Every header on the wire is the host's.

use host_harness::{Credential, Endpoint, Policy};
use serde_json::json;

use super::{ROUTE, Stage, attacks, endpoint_with};
use crate::servers::tls::{self, Authority, TlsServer};
use crate::servers::{Recorded, Recorder};

/// What stands on the wire, in any order.
fn assert_the_hosts(request: &Recorded, milvus: &Recorder, length: usize, token: Option<&str>) {
    assert_eq!(request.line, format!("POST {ROUTE} HTTP/1.1"));
    let mut expected = vec![
        ("accept", "application/json".to_owned()),
        ("accept-encoding", "identity".to_owned()),
        ("accept-type-allow-int64", "true".to_owned()),
        ("content-length", length.to_string()),
        ("content-type", "application/json".to_owned()),
        ("host", format!("127.0.0.1:{}", milvus.port())),
        (
            "user-agent",
            format!("milvus-host/{}", env!("CARGO_PKG_VERSION")),
        ),
    ];
    expected.extend(token.map(|token| ("authorization", format!("Bearer {token}"))));
    expected.sort();
    let mut came: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    came.sort();
    let came: Vec<_> = came
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    assert_eq!(came, expected);
}

/// What a component would like to say.
const WISHES: &[(&str, &str)] = &[
    ("DB-Name", "hr"),
    ("Authorization", "Bearer root:Milvus"),
    ("Request-Timeout", "1"),
    ("Cookie", "session=1"),
    ("Host", "evil.example"),
    ("Expect", "100-continue"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Original-URL", "/v2/vectordb/collections/drop"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Content-Encoding", "gzip"),
    ("Transfer-Encoding", "chunked"),
    ("Accept-Encoding", "gzip"),
    ("Accept", "*/*"),
    ("Accept-Type-Allow-Int64", "false"),
    ("Content-Type", "application/grpc"),
    ("User-Agent", "evil"),
    ("Connection", "close, authorization"),
    ("Upgrade", "h2c"),
    ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"),
    ("Proxy-Authorization", "Basic cm9vdDpNaWx2dXM="),
    ("TE", "trailers"),
    ("Trailer", "DB-Name"),
    ("Range", "bytes=0-1"),
    ("sourceID", "1"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
];

#[tokio::test]
async fn t04_no_header_of_the_component_is_on_the_wire() {
    for wish in WISHES {
        let milvus = Recorder::start();
        let seen = Stage::wide()
            .attack(
                &milvus.uri(),
                attacks::HEADERS_OF_ITS_OWN,
                json!({ "headers": [wish] }),
            )
            .await;
        assert_eq!(seen.sent(), 1, "{wish:?}: {seen:?}");
        let requests = milvus.requests();
        assert_eq!(requests.len(), 1, "{wish:?}: {seen:?}");
        assert_the_hosts(&requests[0], &milvus, 20, None);
    }
}

#[tokio::test]
async fn t04_all_headers_together_change_nothing() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(
            &milvus.uri(),
            attacks::HEADERS_OF_ITS_OWN,
            json!({ "headers": WISHES }),
        )
        .await;
    assert_eq!((seen.sent(), milvus.requests().len()), (1, 1), "{seen:?}");
    assert_the_hosts(&milvus.requests()[0], &milvus, 20, None);
    assert_eq!(milvus.requests()[0].body, b"{\"dbName\":\"default\"}");
}

#[tokio::test]
async fn t04_a_line_break_in_a_header_makes_no_header() {
    let milvus = Recorder::start();
    let headers = json!([
        ["x-one", "1\r\nDB-Name: hr"],
        ["x-two: 1\r\nDB-Name", "hr"],
        ["x-three", "a\nb"],
        ["", "x"]
    ]);
    let seen = Stage::wide()
        .attack(
            &milvus.uri(),
            attacks::HEADERS_OF_ITS_OWN,
            json!({ "headers": headers }),
        )
        .await;
    assert_eq!((seen.sent(), milvus.requests().len()), (1, 1), "{seen:?}");
    assert_the_hosts(&milvus.requests()[0], &milvus, 20, None);
}

#[tokio::test]
async fn t04_the_credential_on_the_wire_is_the_hosts() {
    let milvus = Recorder::start();
    let endpoint = endpoint_with(&milvus.uri(), "root:the-hosts-token");
    let headers = json!([
        ["Authorization", "Bearer stolen"],
        ["authorization", "Basic stolen"]
    ]);
    let seen = Stage::wide()
        .attack_at(
            &endpoint,
            attacks::GUESS_THE_CREDENTIAL,
            json!({ "headers": headers }),
        )
        .await;
    assert_eq!(milvus.requests().len(), 1, "{seen:?}");
    assert_the_hosts(
        &milvus.requests()[0],
        &milvus,
        20,
        Some("root:the-hosts-token"),
    );
}

#[tokio::test]
async fn t04_headers_that_are_changed_later_go_nowhere() {
    let milvus = Recorder::start();
    let seen = Stage::wide()
        .attack(&milvus.uri(), attacks::CHANGE_HEADERS_LATER, json!({}))
        .await;
    assert_eq!((seen.sent(), milvus.connections()), (0, 0), "{seen:?}");
}

#[tokio::test]
async fn t04_no_header_of_the_component_is_on_the_wire_over_http2() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let endpoint = Endpoint::builder(&server.uri("localhost"), Policy::full())
        .ca_certificate(authority.pem)
        .credential(Credential::new("root:the-hosts-token".to_owned()))
        .build()
        .expect("an endpoint");
    // Pseudo headers, and what HTTP/2 forbids, beside what is wished for over HTTP/1.1.
    let pseudo = [
        (":path", "/v2/vectordb/collections/drop"),
        (":authority", "evil.example"),
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        ("te", "trailers"),
        ("keep-alive", "timeout=5"),
    ];
    for headers in [&pseudo[..], WISHES] {
        let step = json!({
            "do": "request", "scheme": "https", "headers": headers, "declared": 20, "body": "{\"dbName\":\"default\"}"
        });
        let seen = Stage::wide()
            .attack_at(&endpoint, attacks::SCRIPT, json!({ "steps": [step] }))
            .await;
        assert_eq!(seen.sent(), 1, "{seen:?}");
        let came = server.came();
        let last = came.last().expect("it came");
        assert_eq!(last.protocol, "h2");
        let mut headers = last.request.headers.clone();
        headers.sort();
        let at = format!("localhost:{}", server.port());
        let agent = format!("milvus-host/{}", env!("CARGO_PKG_VERSION"));
        let expected = [
            (":authority", at.as_str()),
            (":method", "POST"),
            (":path", ROUTE),
            (":scheme", "https"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("accept-type-allow-int64", "true"),
            ("authorization", "Bearer root:the-hosts-token"),
            ("content-length", "20"),
            ("content-type", "application/json"),
            ("user-agent", agent.as_str()),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers, expected);
    }
}

#[tokio::test]
async fn t05_the_grpc_of_the_same_port_is_not_spoken_over_http2() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let endpoint =
        Endpoint::builder(&server.uri("localhost"), Policy::full()).ca_certificate(authority.pem);
    let endpoint = endpoint.build().expect("an endpoint");
    let step = json!({
        "do": "request", "scheme": "https", "path": "/milvus.proto.milvus.MilvusService/DropCollection",
        "headers": [["content-type", "application/grpc"], ["te", "trailers"]], "declared": 5, "body": "\0\0\0\0\0"
    });
    let seen = Stage::wide()
        .attack_at(&endpoint, attacks::SCRIPT, json!({ "steps": [step] }))
        .await;
    assert_eq!(
        (seen.rules(), server.connections()),
        (vec!["path"], 0),
        "{seen:?}"
    );
}
