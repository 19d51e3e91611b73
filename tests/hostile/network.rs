//! Nobody but the configured Milvus is reached.

use serde_json::json;

use super::{Stage, attacks, each_refused_by, nothing, policy, refused_by};
use crate::servers::{Elsewhere, Faulty, Recorder};

#[tokio::test]
async fn t02_another_host_is_not_reached() {
    each_refused_by(
        "authority",
        attacks::ANOTHER_AUTHORITY,
        "authority",
        &policy(&[
            "EVIL",
            "localhost:PORT",
            "localhost:OTHER",
            "127.0.0.2:PORT",
            "0.0.0.0:PORT",
            "evil.example",
            "127.0.0.1.evil.example:PORT",
            "169.254.169.254",
        ]),
    )
    .await;
}

#[tokio::test]
async fn t02_another_port_is_not_reached() {
    each_refused_by(
        "authority",
        attacks::ANOTHER_AUTHORITY,
        "authority",
        &policy(&[
            "127.0.0.1:OTHER",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:9091",
            "127.0.0.1:0",
        ]),
    )
    .await;
}

#[tokio::test]
async fn t02_what_stands_before_an_at_sign_is_not_the_host() {
    each_refused_by(
        "authority",
        attacks::ANOTHER_AUTHORITY,
        "authority",
        &policy(&[
            "MILVUS@EVIL",
            "EVIL@MILVUS",
            "user@MILVUS",
            "user:password@MILVUS",
            "@MILVUS",
            "MILVUS%40EVIL@EVIL",
        ]),
    )
    .await;
}

#[tokio::test]
async fn t02_an_odd_spelling_of_the_authority_is_not_the_authority() {
    let mut spellings = policy(&[
        "127.0.0.1:99999",
        "127.0.0.1:+PORT",
        "127.0.0.1:0PORT",
        "127.0.0.1:",
        "127.0.0.1.:PORT",
        "127.1:PORT",
        "0x7f000001:PORT",
        "0x7f.1:PORT",
        "2130706433:PORT",
        "0177.0.0.1:PORT",
        "127.0.0.01:PORT",
        "[::1]:PORT",
        "[::1]:OTHER",
        "[::ffff:127.0.0.1]:PORT",
        "[::1%25lo]:OTHER",
        "[::1%lo]:OTHER",
    ]);
    spellings.extend(nothing(&[
        "MILVUS:PORT",
        "MILVUS/",
        "MILVUS/@EVIL",
        "EVIL#MILVUS",
        "EVIL?MILVUS",
        "MILVUS\\@EVIL",
        "MILVUS EVIL",
        "MILVUS\r\nHost: EVIL",
        "127.0.0.1\u{ff0e}:PORT",
        "http://EVIL",
        "[::1:OTHER",
        "",
    ]));
    each_refused_by(
        "authority",
        attacks::ANOTHER_AUTHORITY,
        "authority",
        &spellings,
    )
    .await;
}

#[tokio::test]
async fn t02_without_an_authority_nothing_decides_where_to() {
    let elsewhere = Elsewhere::start();
    refused_by(
        "malformed",
        attacks::NO_AUTHORITY,
        json!({ "host": elsewhere.authority() }),
    )
    .await;
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn t11_another_scheme_is_not_spoken() {
    let mut spellings = policy(&["https", "ftp", "file", "unix", "ws", "h2", "gopher", ""]);
    spellings.extend(nothing(&["http:", "ht tp", "http://EVIL/"]));
    each_refused_by("scheme", attacks::ANOTHER_SCHEME, "scheme", &spellings).await;
}

#[tokio::test]
async fn t11_without_a_scheme_none_is_guessed() {
    refused_by("malformed", attacks::NO_SCHEME, json!({})).await;
}

#[tokio::test]
async fn t09_a_redirect_is_not_followed() {
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        let elsewhere = Elsewhere::start();
        let milvus = Faulty::redirecting(
            status,
            &format!(
                "http://{}/v2/vectordb/collections/list",
                elsewhere.authority()
            ),
        );
        let seen = Stage::wide()
            .attack(&milvus.uri(), attacks::ORDINARY_REQUEST, json!({}))
            .await;
        assert_eq!(seen.requests[0]["status"], status, "{seen:?}");
        assert_eq!(
            (elsewhere.connections(), milvus.connections()),
            (0, 1),
            "{status}"
        );
        // Nor can the component learn where it would have gone.
        assert!(!seen.told().contains(&elsewhere.authority()), "{seen:?}");
    }
}

#[tokio::test]
async fn t14_listing_tools_lets_nothing_out() {
    let stage = Stage::new(host_harness::Limits::default());
    let tools = stage.host.list_tools().await;
    let seen = stage.seen(
        "list_tools",
        Ok(json!(tools.expect("a list").len())),
        std::time::Duration::ZERO,
    );
    assert_eq!(
        (seen.rules(), seen.sent()),
        (vec!["no-endpoint"], 0),
        "{seen:?}"
    );
}

#[tokio::test]
async fn t02_each_endpoint_is_the_only_one_of_its_call() {
    let (first, second, stage) = (Recorder::start(), Recorder::start(), Stage::wide());
    let authority = format!("127.0.0.1:{}", second.port());
    let seen = stage
        .attack(
            &first.uri(),
            attacks::ANOTHER_AUTHORITY,
            json!({ "authority": authority }),
        )
        .await;
    assert_eq!(
        seen.rules(),
        ["authority"],
        "another endpoint of the same host is another origin: {seen:?}"
    );
    let seen = stage
        .attack(
            &second.uri(),
            attacks::ANOTHER_AUTHORITY,
            json!({ "authority": authority }),
        )
        .await;
    assert_eq!(
        (seen.sent(), first.connections(), second.requests().len()),
        (1, 0, 1),
        "{seen:?}"
    );
}

/// What the other tests rely on: a connection elsewhere would be counted, at once.
#[tokio::test]
async fn whoever_comes_elsewhere_is_counted() {
    let (elsewhere, stage) = (Elsewhere::start(), Stage::narrow());
    assert_eq!(elsewhere.connections(), 0);
    let uri = format!("http://{}", elsewhere.authority());
    let seen = stage
        .attack(&uri, attacks::ORDINARY_REQUEST, json!({}))
        .await;
    assert_eq!((seen.sent(), elsewhere.connections()), (1, 1), "{seen:?}");
}
