//! Nothing but Milvus' own operations is asked for, each in its one spelling.

use serde_json::json;

use super::{ROUTE, Stage, each_refused_by, nothing, policy, refused_by};
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
    each_refused_by("path", "another_path", "path", &spellings).await;
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
    each_refused_by("path", "another_path", "path", &spellings).await;
}

#[tokio::test]
async fn t32_a_path_outside_the_table_is_refused() {
    each_refused_by(
        "path",
        "another_path",
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
    refused_by("path", "speak_grpc", json!({})).await;
}

#[tokio::test]
async fn t01_without_a_path_none_is_guessed() {
    refused_by("malformed", "no_path", json!({})).await;
}

#[tokio::test]
async fn t08_a_query_on_a_post_is_refused() {
    each_refused_by(
        "query",
        "another_path",
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
        .attack(&milvus.uri(), "another_path", json!({ "path": path }))
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
    each_refused_by("method", "another_method", "method", &spellings).await;
}
