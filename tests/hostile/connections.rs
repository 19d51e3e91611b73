//! What a connection has carried never reaches another call: not another tenant's, and not the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use host_harness::{Credential, Endpoint, EndpointBuilder, Policy};
use serde_json::json;

use super::{HASTE, Seen, Stage, attacks};
use crate::servers::tls::{self, Authority, Came, Deed, TlsServer, http1};
use crate::servers::{Faulty, Recorder, ok};

const QUERY: &str = "/v2/vectordb/entities/query";

/// A query that names what is asked, without its end.
fn named(name: &str) -> String {
    format!("{{\"collectionName\":\"docs\",\"filter\":\"{name}\"")
}

/// A body that names what is asked, padded to `length` bytes.
fn question(name: &str, length: usize) -> String {
    let begin = named(name);
    format!(
        "{begin}{}}}",
        " ".repeat(length.saturating_sub(begin.len() + 1))
    )
}

/// One request of the guest, to an endpoint of either scheme.
async fn ask(stage: &Stage, endpoint: &Endpoint, body: &str) -> Seen {
    let scheme = endpoint.origin().scheme().name();
    let (path, length) = (QUERY, body.len());
    let step = json!({ "do": "request", "scheme": scheme, "path": path, "body": body, "declared": length });
    let steps = json!({ "collection_name": "docs", "steps": [step] });
    stage.attack_at(endpoint, attacks::SCRIPT, steps).await
}

/// The body that came back, if one did.
fn answer(seen: &Seen) -> Option<&str> {
    let answer = seen.answer.as_ref().ok()?;
    answer["said"][0]["body"].as_str()
}

fn reusing(uri: &str) -> Endpoint {
    Endpoint::builder(uri, Policy::full())
        .reuse_http1()
        .build()
        .expect("an origin")
}

fn trusting(authority: &Authority, server: &TlsServer) -> EndpointBuilder {
    trusting_with(authority, server, Policy::full())
}

fn trusting_with(authority: &Authority, server: &TlsServer, policy: Policy) -> EndpointBuilder {
    Endpoint::builder(&server.uri("localhost"), policy).ca_certificate(authority.pem.clone())
}

/// The tokens that came on each connection.
fn tokens(came: &[Came]) -> BTreeMap<usize, Vec<&str>> {
    let mut tokens = BTreeMap::<_, Vec<_>>::new();
    for came in came {
        let token = came.request.header("authorization").expect("a token");
        let known = tokens.entry(came.connection).or_default();
        if !known.contains(&token) {
            known.push(token);
        }
    }
    tokens
}

#[tokio::test]
async fn t37_two_tokens_on_one_origin_are_never_on_one_connection() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    for (config, protocol, reuse) in [
        (tls::config(&certificate, None), "h2", false),
        (http1(tls::config(&certificate, None)), "http/1.1", false),
        (http1(tls::config(&certificate, None)), "http/1.1", true),
    ] {
        let server = TlsServer::start(config);
        let endpoint = |token: &str| {
            let builder =
                trusting(&authority, &server).credential(Credential::new(token.to_owned()));
            let builder = if reuse {
                builder.reuse_http1()
            } else {
                builder
            };
            builder.build().expect("an endpoint")
        };
        let tenants = [endpoint("first:tenant"), endpoint("second:tenant")];
        for _ in 0..10 {
            let [first, second] = &tenants;
            let body = question("mine", 0);
            // Two hosts: one host's calls of one tool wait for each other here.
            tokio::join!(
                ask(Stage::wide(), first, &body),
                ask(Stage::narrow(), second, &body)
            );
        }
        let came = server.came();
        assert_eq!(came.len(), 20);
        assert!(
            came.iter().all(|came| came.protocol == protocol),
            "{came:?}"
        );
        let tokens = tokens(&came);
        assert!(
            tokens.values().all(|tokens| tokens.len() == 1),
            "{tokens:?}"
        );
        // Where connections are kept there is one for each tenant: they are kept apart, not only short-lived.
        let kept = protocol == "h2" || reuse;
        assert_eq!(tokens.len(), if kept { 2 } else { 20 }, "{tokens:?}");
    }
}

#[tokio::test]
async fn t37_two_client_certificates_and_two_policies_are_never_on_one_connection() {
    let (authority, stage) = (Authority::new(), Stage::wide());
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let shown = [authority.issue_to_client(), authority.issue_to_client()];
    let endpoints = [
        trusting(&authority, &server),
        trusting_with(&authority, &server, Policy::read_only()),
        trusting(&authority, &server)
            .client_certificate(shown[0].pem.clone(), shown[0].key.clone()),
        trusting(&authority, &server)
            .client_certificate(shown[1].pem.clone(), shown[1].key.clone()),
    ];
    let endpoints = endpoints.map(|builder| builder.build().expect("an endpoint"));
    for endpoint in &endpoints {
        for _ in 0..3 {
            ask(stage, endpoint, &question("mine", 0)).await;
        }
    }
    assert_eq!((server.came().len(), server.connections()), (12, 4));
}

#[tokio::test]
async fn no_connection_outlives_its_endpoint() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let endpoint = trusting(&authority, &server).build().expect("an endpoint");
    ask(Stage::wide(), &endpoint, &question("mine", 0)).await;
    assert_eq!(server.open(), 1);
    drop(endpoint);
    let until = std::time::Instant::now() + Duration::from_secs(5);
    while server.open() > 0 {
        assert!(
            std::time::Instant::now() < until,
            "the connection is open still"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks 40 times on connections that are kept; answers how many answers were neither their question's nor an error.
async fn foreign_answers(uri: &str) -> usize {
    let (stage, endpoint) = (Stage::wide(), reusing(uri));
    let mut foreign = 0;
    for number in 0..40 {
        let body = question(&format!("question_{number}"), 0);
        let seen = ask(stage, &endpoint, &body).await;
        if answer(&seen).is_some_and(|answer| answer != body) {
            foreign += 1;
        }
        // What a server adds to an answer has come by then: only HTTP/1.1 itself cannot tell what comes later.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    foreign
}

#[tokio::test]
async fn t39_a_connection_that_is_kept_carries_the_next_request_when_all_went_well() {
    let milvus = Recorder::answering(|request| ok("application/json", &request.body));
    assert_eq!(foreign_answers(&milvus.uri()).await, 0);
    assert_eq!((milvus.requests().len(), milvus.connections()), (40, 1));
}

#[tokio::test]
async fn t39_a_connection_that_is_kept_is_closed_at_a_second_answer() {
    let twice = |request: &crate::servers::Recorded| {
        let own = ok("application/json", &request.body);
        [own, ok("application/json", b"foreign")].concat()
    };
    let milvus = Recorder::answering(twice);
    assert_eq!(foreign_answers(&milvus.uri()).await, 0);
    assert_eq!(milvus.connections(), 40);
}

#[tokio::test]
async fn t39_a_connection_that_is_kept_is_closed_at_a_stray_byte() {
    let milvus = Recorder::answering(|request| {
        [ok("application/json", &request.body), b"\n".to_vec()].concat()
    });
    assert_eq!(foreign_answers(&milvus.uri()).await, 0);
    assert_eq!(milvus.connections(), 40);
}

#[tokio::test]
async fn t39_an_answer_with_length_and_chunks_is_an_error_and_its_connection_is_closed() {
    let milvus = Recorder::answering(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec()
    });
    let (stage, endpoint) = (Stage::wide(), reusing(&milvus.uri()));
    for number in 1..=3 {
        let seen = ask(stage, &endpoint, &question("both", 0)).await;
        assert_eq!(seen.error(), "answer-malformed", "{seen:?}");
        assert_eq!(milvus.connections(), number);
    }
}

#[tokio::test]
async fn t33_an_answer_in_another_transfer_coding_is_an_error() {
    for coding in ["gzip", "gzip, chunked", "identity"] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        let milvus = Faulty::saying(answer, true);
        let endpoint = reusing(&milvus.uri());
        let seen = ask(Stage::wide(), &endpoint, &question("coded", 0)).await;
        assert_eq!(seen.error(), "answer-encoded", "{coding}: {seen:?}");
    }
}

#[tokio::test]
async fn t39_an_answer_shorter_than_its_length_is_an_error_and_not_filled_up_by_the_next() {
    let milvus = Recorder::answering(|request| {
        let length = request.body.len() + 40;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), &request.body].concat()
    });
    let (stage, endpoint) = (Stage::narrow(), reusing(&milvus.uri()));
    for number in 1..=2 {
        let seen = ask(stage, &endpoint, &question("short", 0)).await;
        assert_eq!(seen.error(), "timeout", "{seen:?}");
        assert_eq!(
            milvus.connections(),
            number,
            "each on a connection of its own"
        );
    }
}

#[tokio::test]
async fn t39_a_connection_whose_call_was_given_up_is_not_kept() {
    let milvus = Recorder::answering(|request| {
        if is(request, "late") {
            std::thread::sleep(HASTE + Duration::from_millis(200));
        }
        ok("application/json", &request.body)
    });
    let (stage, endpoint) = (Stage::narrow(), reusing(&milvus.uri()));
    let late = ask(stage, &endpoint, &question("late", 0)).await;
    assert_eq!(late.error(), "timeout", "{late:?}");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let next = ask(stage, &endpoint, &question("next", 0)).await;
    assert_eq!(
        answer(&next),
        Some(question("next", 0).as_str()),
        "{next:?}"
    );
    assert_eq!(milvus.connections(), 2);
}

#[tokio::test]
async fn t39_a_connection_with_an_answer_before_its_request_is_not_kept() {
    for endpoint in [
        |uri: &str| Endpoint::builder(uri, Policy::full()),
        |uri: &str| Endpoint::builder(uri, Policy::full()).reuse_http1(),
    ] {
        let milvus = Faulty::answering_by_the_head(b"\"early\"", b"\"late\"");
        let endpoint = endpoint(&milvus.uri()).build().expect("an origin");
        for number in 1..=3 {
            // More than sockets hold, so that the answer comes before the request is out.
            let seen = ask(Stage::wide(), &endpoint, &question("large", 12 << 20)).await;
            assert!(
                matches!(answer(&seen), None | Some("\"early\"")),
                "{:?}",
                seen.requests
            );
            assert_eq!(milvus.connections(), number);
        }
    }
}

/// A server over HTTP/2, and an endpoint for it.
fn h2(server: impl FnOnce(rustls::ServerConfig) -> TlsServer) -> (TlsServer, Endpoint) {
    let authority = Authority::new();
    let server = server(tls::config(&authority.issue(&["localhost"]), None));
    let endpoint = trusting(&authority, &server).build().expect("an endpoint");
    (server, endpoint)
}

fn is(request: &crate::servers::Recorded, name: &str) -> bool {
    request.body.starts_with(named(name).as_bytes())
}

#[tokio::test]
async fn t39_a_stream_that_is_reset_is_an_error_of_its_own_call_only() {
    let (server, endpoint) = h2(|config| {
        TlsServer::doing(config, |request| match is(request, "reset") {
            true => Deed::Reset,
            false => Deed::Answer(request.body.clone()),
        })
    });
    let stage = Stage::wide();
    for _ in 0..3 {
        let reset = ask(stage, &endpoint, &question("reset", 0)).await;
        let errors = ["answer-incomplete", "connection-terminated"];
        assert!(errors.contains(&reset.error()), "{reset:?}");
        let next = ask(stage, &endpoint, &question("next", 0)).await;
        assert_eq!(
            answer(&next),
            Some(question("next", 0).as_str()),
            "{next:?}"
        );
    }
    assert_eq!((server.came().len(), server.connections()), (6, 1));
}

#[tokio::test]
async fn t39_after_goaway_the_next_call_has_a_connection_of_its_own() {
    let (server, endpoint) =
        h2(|config| TlsServer::doing(config, |request| Deed::GoAway(request.body.clone())));
    for number in 0..5 {
        let body = question(&format!("question_{number}"), 0);
        let seen = ask(Stage::wide(), &endpoint, &body).await;
        // The connection may end while a request is on its way to it; it is not sent twice.
        let error = seen.requests[0]["error"].as_str();
        assert!(
            answer(&seen) == Some(body.as_str()) || error.is_some(),
            "{seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.connections() > 1);
    let came = server.came();
    let bodies: std::collections::BTreeSet<_> =
        came.iter().map(|came| &came.request.body).collect();
    assert_eq!(bodies.len(), came.len(), "nothing came twice");
}

#[tokio::test]
async fn t39_an_answer_that_is_late_over_http2_is_not_the_next_calls() {
    let (server, endpoint) = h2(|config| {
        TlsServer::doing(config, |request| match is(request, "late") {
            true => Deed::Late(HASTE + Duration::from_millis(200), b"\"late\"".to_vec()),
            false => Deed::Answer(request.body.clone()),
        })
    });
    let stage = Stage::narrow();
    let late = ask(stage, &endpoint, &question("late", 0)).await;
    assert_eq!(late.error(), "timeout", "{late:?}");
    for _ in 0..20 {
        let next = ask(stage, &endpoint, &question("next", 0)).await;
        assert_eq!(
            answer(&next),
            Some(question("next", 0).as_str()),
            "{next:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn t39_answers_before_their_requests_over_http2_pile_nothing_up() {
    let (server, endpoint) = h2(|config| TlsServer::early(config, b"\"early\""));
    let stage = Stage::wide();
    for number in 0..130 {
        let seen = ask(stage, &endpoint, &question("large", 1 << 20)).await;
        // When too many of its requests are left unread, every connection to this server is closed.
        let closed = seen.requests[0]["error"] == "connection-terminated";
        assert!(
            answer(&seen) == Some("\"early\"") || closed,
            "{number}: {seen:?}"
        );
    }
    let connections = server.connections();
    assert!((2..=4).contains(&connections), "{connections}");
    assert!(server.open() <= 1, "{} are open", server.open());
}
