//! Nothing but Milvus' own operations is asked for, each in its one spelling.

use host_harness::{Endpoint, Mode, Names, Policy};
use serde_json::json;

use super::{ROUTE, Stage, attacks, each_refused_by, nothing, policy, refused_by};
use crate::servers::Recorder;

#[tokio::test]
async fn t01_another_spelling_of_a_path_is_no_path() {
    let mut spellings = policy(&[
        "/v2/vectordb/collections/%64rop",
        "/v2/vectordb/collections/dro%70",
        "/v2/vectordb/collections/%6cist",
        "/v2/vectordb%2fcollections%2flist",
        "/v2/vectordb%2Fcollections%2Fdrop",
        "/v2/vectordb/collections%252flist",
        "//v2/vectordb/collections/list",
        "/v2//vectordb/collections/list",
        "/v2/vectordb/collections//list",
        "/v2/vectordb/./collections/list",
        "/v2/vectordb/aliases/../collections/list",
        "/v2/vectordb/aliases/%2e%2e/collections/list",
        "/v2/vectordb/collections/list/",
        "/v2/vectordb/collections/list/.",
        "/v2/vectordb/collections/list;",
        "/v2/vectordb/collections/list;a=b",
        "/v2;a/vectordb/collections/list",
        "/v2\\vectordb\\collections\\list",
        "/V2/vectordb/collections/list",
        "/v2/vectordb/collections/LIST",
        "/v2/vectordb/collections/List",
        "/v2/vectordb/collections/list%00",
        "/v2/vectordb/collections/list%0d%0aX:1",
        "/v2/vectordb/collections/list%20",
        "/v2/vectordb/collections/list%3fa=b",
        "/v2/vectordb/collections/list%23",
        "/v2/vectordb/collections/lis",
        "/v2/vectordb/collections/listx",
        "/v2/vectordb/collections/l\u{131}st",
    ]);
    spellings.extend(nothing(&[
        "/v2/vectordb/collections/list HTTP/1.1\r\nX: 1\r\n\r\n",
        "/v2/vectordb/collections/list x",
        "/v2/vectordb/collections/list\0",
    ]));
    each_refused_by("path", attacks::ANOTHER_PATH, "path", &spellings).await;
}

#[tokio::test]
async fn t03_an_address_is_no_path() {
    let mut spellings = policy(&[
        "//evil/x",
        "//EVIL/v2/vectordb/collections/list",
        "/http://EVIL/v2/vectordb/collections/list",
        "/@EVIL/",
        "/",
    ]);
    spellings.extend(nothing(&[
        "*",
        "http://EVIL/v2/vectordb/collections/list",
        "EVIL",
        "v2/vectordb/collections/list",
    ]));
    each_refused_by("path", attacks::ANOTHER_PATH, "path", &spellings).await;
}

#[tokio::test]
async fn t32_a_path_outside_the_table_is_refused() {
    each_refused_by(
        "path",
        attacks::ANOTHER_PATH,
        "path",
        &policy(&[
            "/v2/vectordb/users/create",
            "/v2/vectordb/users/update_password",
            "/v2/vectordb/roles/grant_privilege",
            "/v2/vectordb/privilege_groups/create",
            "/v2/vectordb/resource_groups/create",
            "/api/v1/credential",
            "/expr",
            "/management/stop",
            "/management/config/alter",
            "/_cluster/configs",
            "/webui/",
            "/metrics",
            "/healthz",
            "/debug/pprof/cmdline",
        ]),
    )
    .await;
}

#[tokio::test]
async fn t05_the_grpc_of_the_same_port_is_not_spoken() {
    refused_by("path", attacks::SPEAK_GRPC, json!({})).await;
}

#[tokio::test]
async fn t01_without_a_path_none_is_guessed() {
    refused_by("malformed", attacks::NO_PATH, json!({})).await;
}

#[tokio::test]
async fn t08_a_query_on_a_post_is_refused() {
    each_refused_by(
        "query",
        attacks::ANOTHER_PATH,
        "path",
        &policy(&[
            "/v2/vectordb/collections/list?dbName=hr",
            "/v2/vectordb/collections/list?",
            "/v2/vectordb/collections/list?x",
            "/v2/vectordb/collections/list??",
        ]),
    )
    .await;
}

#[tokio::test]
async fn t01_a_fragment_never_leaves() {
    let milvus = Recorder::start();
    let path = format!("{ROUTE}#/../drop");
    let seen = Stage::wide()
        .attack(
            &milvus.uri(),
            attacks::ANOTHER_PATH,
            json!({ "path": path }),
        )
        .await;
    for request in milvus.requests() {
        assert_eq!(request.line, format!("POST {ROUTE} HTTP/1.1"), "{seen:?}");
    }
}

#[tokio::test]
async fn t06_another_method_is_refused() {
    let mut spellings = policy(&[
        "GET", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "post", "Post",
        "POSTX", "PRI", "PROPFIND",
    ]);
    spellings.extend(nothing(&["", "POST ", "POST /x", "PO\r\nST", "P\u{d6}ST"]));
    each_refused_by("method", attacks::ANOTHER_METHOD, "method", &spellings).await;
}

#[tokio::test]
async fn t65_t76_a_method_of_the_components_own_is_no_text_of_the_audit() {
    let milvus = Recorder::start();
    for (method, written) in [("DELETE", "DELETE"), ("A-ROW-OF-SOMEBODY", "other")] {
        let arguments = json!({ "method": method });
        let seen = Stage::wide()
            .attack(&milvus.uri(), attacks::ANOTHER_METHOD, arguments)
            .await;
        assert_eq!(seen.rules(), ["method"], "{seen:?}");
        assert_eq!(seen.requests[0]["method"], written, "{seen:?}");
    }
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn t80_the_older_dialect_is_under_the_same_policy() {
    let endpoint = |uri: &str| {
        let listed = Names::parse(["docs"]).expect("names");
        let policy = Policy::new(Mode::ReadOnly).collections(listed);
        let endpoint = Endpoint::builder(uri, policy).build();
        endpoint.expect("an origin")
    };
    let post = |path: &str, body: &str| json!({ "do": "request", "path": path, "body": body, "declared": body.len() });
    let get = |path: &str| json!({ "do": "request", "method": "GET", "path": path });
    let milvus = Recorder::start();
    for (step, rule) in [
        (
            post(
                "/v1/vector/insert",
                r#"{"collectionName":"docs","data":[{"id":1}]}"#,
            ),
            "effect",
        ),
        (
            post(
                "/v1/vector/delete",
                r#"{"collectionName":"docs","filter":"id >= 0"}"#,
            ),
            "effect",
        ),
        (
            post(
                "/v1/vector/collections/drop",
                r#"{"collectionName":"docs"}"#,
            ),
            "effect",
        ),
        (
            post(
                "/v1/vector/query",
                r#"{"collectionName":"hr","filter":"id >= 0"}"#,
            ),
            "collection",
        ),
        (
            get("/v1/vector/collections/describe?collectionName=hr"),
            "collection",
        ),
        (
            get("/v1/vector/collections/describe?collectionName=docs&collectionName=hr"),
            "query",
        ),
        (
            get("/v1/vector/collections/describe?collection%4eame=hr"),
            "query",
        ),
    ] {
        let arguments = json!({ "collections": ["docs", "hr"], "steps": [step] });
        let seen = Stage::wide()
            .attack_at(&endpoint(&milvus.uri()), attacks::SCRIPT, arguments)
            .await;
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec![rule], 0),
            "{step}: {seen:?}"
        );
    }
    assert_eq!(milvus.connections(), 0);
}
