//! Only a server that proves who it is is spoken to, and only by TLS 1.2 or 1.3.

use std::collections::BTreeSet;
use std::time::Duration;

use host_harness::{
    CallError, ConnectError, Credential, Endpoint, EndpointBuilder, EndpointError, Policy,
};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::json;

use super::{Seen, Stage, attacks};
use crate::servers::Faulty;
use crate::servers::local::{LocalMilvus, TOKEN, host};
use crate::servers::tls::{self, Authority, Certificate, OldTls, TlsServer, http1, self_signed};

const LIST: &str = r#"{"operation":"list"}"#;

/// An ordinary request of the guest.
async fn ask(endpoint: &Endpoint) -> Seen {
    let step = json!({ "do": "request", "scheme": "https", "body": "{}", "declared": 2 });
    let steps = json!({ "steps": [step] });
    Stage::wide()
        .attack_at(endpoint, attacks::SCRIPT, steps)
        .await
}

/// What a caller of the library is told when the real component cannot reach a server.
async fn told(endpoint: &Endpoint) -> ConnectError {
    match host().call_tool(endpoint, "milvus_collection", LIST).await {
        Err(CallError::Unreachable { reason, .. }) => reason,
        other => panic!("expected no connection, came {other:?}"),
    }
}

/// Both are told the same, and it has this name.
async fn fails(builder: EndpointBuilder, name: &str) -> ConnectError {
    let endpoint = builder.build().expect("an endpoint");
    let seen = ask(&endpoint).await;
    assert_eq!(seen.error(), name, "{seen:?}");
    let reason = told(&endpoint).await;
    assert_eq!(reason.name(), name);
    reason
}

/// The server refuses the client. In TLS 1.3 it does so when the client has begun to speak, and the end of the connection
/// may come before the reason.
async fn refused(
    builder: EndpointBuilder,
    name: &str,
    version: &'static rustls::SupportedProtocolVersion,
) {
    if version == &rustls::version::TLS12 {
        fails(builder, name).await;
        return;
    }
    let seen = ask(&builder.build().expect("an endpoint")).await;
    assert!(
        [name, "connection-terminated"].contains(&seen.error()),
        "{seen:?}"
    );
    assert_eq!(seen.requests[0]["outcome"], "unknown");
}

fn at(server: &TlsServer, host: &str) -> EndpointBuilder {
    Endpoint::builder(&server.uri(host), Policy::full())
}

fn with(builder: EndpointBuilder, client: &Certificate) -> EndpointBuilder {
    builder.client_certificate(client.pem.clone(), client.key.clone())
}

#[tokio::test]
async fn t12_a_server_that_the_given_authority_vouches_for_is_spoken_to_by_http2_or_http1() {
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost", "127.0.0.1"]);
    let both = tls::config(&certificate, None);
    let only = http1(tls::config(&certificate, None));
    let mut without = tls::config(&certificate, None);
    without.alpn_protocols.clear();
    for (config, protocol) in [(both, "h2"), (only, "http/1.1"), (without, "")] {
        let server = TlsServer::start(config);
        for host in ["localhost", "127.0.0.1"] {
            let endpoint = at(&server, host).ca_certificate(authority.pem.clone());
            let seen = ask(&endpoint.build().expect("an endpoint")).await;
            assert_eq!(seen.requests[0]["status"], 200, "{seen:?}");
        }
        let came = server.came();
        assert_eq!(came.len(), 2);
        assert!(
            came.iter().all(|came| came.protocol == protocol),
            "{came:?}"
        );
    }
}

#[tokio::test]
async fn t12_both_versions_of_tls_are_spoken() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let certificate = authority.issue(&["localhost"]);
        let server = TlsServer::start(tls::of_version(&certificate, None, version));
        let endpoint = at(&server, "localhost").ca_certificate(authority.pem.clone());
        let seen = ask(&endpoint.build().expect("an endpoint")).await;
        assert_eq!(seen.requests[0]["status"], 200, "{seen:?}");
    }
}

#[tokio::test]
async fn t12_what_is_wrong_with_a_certificate_is_told_and_nothing_is_sent() {
    let (authority, other) = (Authority::named("a namesake"), Authority::new());
    let mut names = BTreeSet::new();
    for (certificate, host, name) in [
        (
            authority.issue_with(&["localhost"], |params| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }),
            "localhost",
            "tls-certificate-expired",
        ),
        (
            authority.issue_with(&["localhost"], |params| {
                params.not_before = date_time_ymd(3000, 1, 1);
                params.not_after = date_time_ymd(3001, 1, 1);
            }),
            "localhost",
            "tls-certificate-not-yet-valid",
        ),
        (
            self_signed(&["localhost"], false),
            "localhost",
            "tls-certificate-issuer",
        ),
        (
            other.issue(&["localhost"]),
            "localhost",
            "tls-certificate-issuer",
        ),
        (
            Authority::named("a namesake").issue(&["localhost"]),
            "localhost",
            "tls-certificate-issuer",
        ),
        (
            self_signed(&["localhost"], true),
            "localhost",
            "tls-certificate-of-authority",
        ),
        (
            authority.issue(&["milvus.example"]),
            "localhost",
            "tls-certificate-name",
        ),
        (
            authority.issue(&["*.localhost"]),
            "localhost",
            "tls-certificate-name",
        ),
        (
            authority.issue(&["127.0.0.1"]),
            "localhost",
            "tls-certificate-name",
        ),
        (
            authority.issue(&["localhost"]),
            "127.0.0.1",
            "tls-certificate-address",
        ),
        (
            authority.issue(&["127.0.0.2"]),
            "127.0.0.1",
            "tls-certificate-address",
        ),
        (
            authority.issue_with(&["localhost"], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "localhost",
            "tls-certificate",
        ),
    ] {
        let server = TlsServer::start(tls::config(&certificate, None));
        let endpoint = at(&server, host)
            .ca_certificate(authority.pem.clone())
            .credential(Credential::new("root:the-hosts-token".to_owned()));
        names.insert(fails(endpoint, name).await.name());
        assert_eq!(server.came().len(), 0, "{name}");
        let handshakes = server.handshakes();
        assert!(
            handshakes.iter().all(Result::is_err),
            "{name}: {handshakes:?}"
        );
    }
    assert_eq!(names.len(), 7, "each has a name of its own: {names:?}");
}

#[tokio::test]
async fn t12_without_an_authority_of_its_own_an_endpoint_trusts_the_systems_only() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    fails(at(&server, "localhost"), "tls-certificate-issuer").await;
    assert_eq!(server.came().len(), 0);
}

#[tokio::test]
async fn t12_an_authority_that_is_trusted_by_another_endpoint_is_not_trusted_by_this_one() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let trusting = at(&server, "localhost").ca_certificate(authority.pem.clone());
    ask(&trusting.build().expect("an endpoint")).await;
    let wary = at(&server, "localhost").ca_certificate(other.pem.clone());
    fails(wary, "tls-certificate-issuer").await;
    assert_eq!(server.came().len(), 1);
}

#[tokio::test]
async fn t12_a_server_with_an_older_tls_is_refused() {
    let old = OldTls::start();
    fails(Endpoint::builder(&old.uri(), Policy::full()), "tls-version").await;
    // TLS 1.1 in the answer to the first message: nothing but the handshake was said.
    assert!(
        old.heard().iter().all(|first| *first == 0x16),
        "{:?}",
        old.heard()
    );
}

#[tokio::test]
async fn t12_a_server_without_tls_is_told_as_one() {
    let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let server = Faulty::greeting(answer);
    let uri = server.uri().replace("http://", "https://");
    fails(Endpoint::builder(&uri, Policy::full()), "tls-not-spoken").await;
}

#[tokio::test]
async fn t12_a_server_that_breaks_the_handshake_off_is_an_error() {
    for bytes in ["", "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}"] {
        let server = Faulty::greeting(bytes);
        let uri = server.uri().replace("http://", "https://");
        fails(Endpoint::builder(&uri, Policy::full()), "tls-error").await;
    }
}

#[tokio::test]
async fn t40_a_handshake_that_does_not_end_is_given_up_in_the_time_for_connecting() {
    let server = Faulty::silent();
    let uri = server.uri().replace("http://", "https://");
    let endpoint = Endpoint::builder(&uri, Policy::full()).connect_time(Duration::from_millis(300));
    let endpoint = endpoint.build().expect("an endpoint");
    let seen = ask(&endpoint).await;
    assert_eq!(seen.error(), "connect-timeout", "{seen:?}");
    assert_eq!(seen.requests[0]["outcome"], "not-sent");
    seen.in_time(Duration::from_millis(300));
}

#[tokio::test]
async fn t12_without_tls_a_server_that_speaks_it_is_an_error() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["127.0.0.1"]), None));
    let uri = format!("http://127.0.0.1:{}", server.port());
    let seen = Stage::wide()
        .attack(&uri, attacks::ORDINARY_REQUEST, json!({}))
        .await;
    assert_eq!(seen.error(), "answer-malformed", "{seen:?}");
    assert_eq!(server.came().len(), 0);
}

#[tokio::test]
async fn t12_a_client_certificate_is_shown_where_the_server_asks_for_one() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&["localhost"]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = TlsServer::start(tls::of_version(&certificate, Some(&clients), version));
        let trusting = || at(&server, "localhost").ca_certificate(authority.pem.clone());
        let endpoint = with(trusting(), &clients.issue_to_client());
        let seen = ask(&endpoint.build().expect("an endpoint")).await;
        assert_eq!(seen.requests[0]["status"], 200, "{seen:?}");
        assert_eq!(server.came()[0].client_certificates, 1);

        refused(trusting(), "tls-client-certificate-missing", version).await;
        for wrong in [
            authority.issue_to_client(),
            clients.issue_with(&["a client"], |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }),
        ] {
            refused(
                with(trusting(), &wrong),
                "tls-client-certificate-refused",
                version,
            )
            .await;
        }
        assert_eq!(server.came().len(), 1, "nobody else came in");
    }
}

#[tokio::test]
async fn t12_a_client_certificate_is_not_shown_to_another_endpoints_server() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = TlsServer::start(tls::config(
        &authority.issue(&["localhost"]),
        Some(&clients),
    ));
    let trusting = || at(&server, "localhost").ca_certificate(authority.pem.clone());
    let known = with(trusting(), &clients.issue_to_client())
        .build()
        .expect("an endpoint");
    for _ in 0..2 {
        ask(&known).await;
    }
    let version = &rustls::version::TLS13;
    refused(trusting(), "tls-client-certificate-missing", version).await;
    assert_eq!(server.came().len(), 2);
}

#[test]
fn t12_what_is_no_client_certificate_is_refused_and_nothing_of_its_key_is_shown() {
    let authority = Authority::new();
    let (right, other) = (authority.issue_to_client(), authority.issue_to_client());
    let secret: String = right
        .key
        .lines()
        .nth(1)
        .expect("a line of the key")
        .chars()
        .take(20)
        .collect();
    let broken = right.key.replace("-----END", "-----NO END");
    let encrypted = right.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let garbled = right.key.replacen(&secret, "!!!!!!!!!!!!!!!!!!!!", 1);
    for (chain, key) in [
        (right.pem.as_str(), other.key.as_str()),
        (&right.pem, &right.pem),
        (&right.pem, ""),
        (&right.pem, &broken),
        (&right.pem, &encrypted),
        (&right.pem, &garbled),
        (&right.key, &right.key),
        ("", &right.key),
    ] {
        let builder = Endpoint::builder("https://milvus.example", Policy::full())
            .client_certificate(chain, key);
        assert!(!format!("{builder:?}").contains(&secret));
        let error = builder.build().expect_err("no certificate and its key");
        assert!(
            matches!(error, EndpointError::ClientCertificate(_)),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains(&secret), "{error}");
    }
}

#[test]
fn t12_a_certificate_for_an_origin_without_tls_is_refused() {
    let authority = Authority::new();
    let client = authority.issue_to_client();
    for builder in [
        Endpoint::builder("http://localhost:19530", Policy::full())
            .ca_certificate(authority.pem.clone()),
        with(
            Endpoint::builder("http://localhost:19530", Policy::full()),
            &client,
        ),
    ] {
        let error = builder.build().expect_err("it would do nothing");
        assert!(matches!(error, EndpointError::NoTls(_)), "{error:?}");
    }
}

#[tokio::test]
async fn t12_a_session_is_resumed_by_its_own_endpoint_only_and_never_with_early_data() {
    let authority = Authority::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut config = http1(tls::of_version(
            &authority.issue(&["localhost"]),
            None,
            version,
        ));
        // It would take early data.
        config.max_early_data_size = u32::MAX;
        config.ticketer = rustls::crypto::ring::Ticketer::new().expect("random bytes");
        let server = TlsServer::start(config);
        for _ in 0..2 {
            let endpoint = at(&server, "localhost").ca_certificate(authority.pem.clone());
            let endpoint = endpoint.build().expect("an endpoint");
            for _ in 0..2 {
                ask(&endpoint).await;
            }
        }
        let came = server.came();
        let resumed: Vec<bool> = came.iter().map(|came| came.resumed).collect();
        assert_eq!(resumed, [false, true, false, true]);
        assert!(came.iter().all(|came| !came.early_data));
    }
}

#[tokio::test]
async fn t10_the_addresses_that_are_given_are_connected_to_and_the_name_stays_the_origins() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["milvus.example"]), None));
    let named = || at(&server, "milvus.example").ca_certificate(authority.pem.clone());
    let endpoint = named().addresses(["127.0.0.1".parse().expect("an address")]);
    let seen = ask(&endpoint.build().expect("an endpoint")).await;
    assert_eq!(seen.requests[0]["status"], 200, "{seen:?}");
    let came = server.came();
    let authority = format!("milvus.example:{}", server.port());
    assert_eq!(
        came[0].request.header(":authority"),
        Some(authority.as_str())
    );
    // Without them the name is nowhere.
    fails(named(), "dns-error").await;
    assert_eq!(server.came().len(), 1);
}

#[tokio::test]
async fn t12_a_real_milvus_is_spoken_to_over_tls() {
    let authority = Authority::new();
    let milvus = LocalMilvus::behind_tls(&authority.issue(&["127.0.0.1"]));
    assert!(milvus.uri().starts_with("https://127.0.0.1:"));
    let endpoint = || {
        Endpoint::builder(milvus.uri(), Policy::full())
            .credential(Credential::new(TOKEN.to_owned()))
    };
    let trusting = endpoint().ca_certificate(authority.pem.clone());
    let trusting = trusting.build().expect("an endpoint");
    for (tool, arguments, holds) in [
        ("milvus_create_collection", json!({ "dimension": 2 }), ""),
        (
            "milvus_insert",
            json!({ "data": [{ "id": 1, "vector": [1, 0] }] }),
            "\"insert_count\":1",
        ),
        (
            "milvus_search",
            json!({ "query_vector": [1, 0] }),
            "\"id\":1",
        ),
    ] {
        let arguments = crate::servers::local::of("behind_tls", arguments).to_string();
        let answer = host().call_tool(&trusting, tool, &arguments).await;
        let answer = answer.unwrap_or_else(|error| panic!("{tool}: {error}"));
        assert!(
            answer.raw().replace(' ', "").contains(holds) || holds.is_empty(),
            "{tool}: {answer}"
        );
    }
    assert_eq!(
        told(&endpoint().build().expect("an endpoint")).await,
        ConnectError::CertificateIssuer
    );
}
