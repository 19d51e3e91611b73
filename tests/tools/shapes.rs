//! Answers of other Milvus versions than the one that runs here, recorded or read from their sources: each shape is
//! read to the same answer of a tool.

use host_harness::{CallError, Endpoint, ErrorKind, ErrorSource, Outcome, Policy, Retry};
use serde_json::{Value, json};

use crate::servers::local::{Stage, of};
use crate::servers::{Recorder, ok};

/// A server that answers each path, below `/v2/vectordb/`, with a body.
fn server(answers: &[(&'static str, Value)]) -> (Recorder, Stage) {
    let answers = answers.to_vec();
    let recorder = Recorder::answering(move |request| {
        let path = request.path().trim_start_matches("/v2/vectordb/");
        let body = answers
            .iter()
            .find(|(known, _)| *known == path)
            .map(|(_, body)| body.to_string());
        ok(
            "application/json; charset=utf-8",
            body.unwrap_or_else(|| panic!("nobody asks for {path}"))
                .as_bytes(),
        )
    });
    let stage = before(&recorder);
    (recorder, stage)
}

fn before(recorder: &Recorder) -> Stage {
    Stage::before(
        Endpoint::builder(&recorder.uri(), Policy::full())
            .build()
            .expect("an origin"),
    )
}

/// A server that answers everything with this status and body.
fn status(status: &str, content_type: &str, body: &str) -> Recorder {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Recorder::answering(move |_| head.clone().into_bytes())
}

/// The same answer of a tool, whatever shape the server gives it.
async fn all_read_as(
    tool: &str,
    arguments: Value,
    expected: Value,
    shapes: &[Vec<(&'static str, Value)>],
) {
    for shape in shapes {
        let (_server, stage) = server(shape);
        let answer = stage.call(tool, of("docs", arguments.clone())).await;
        assert_eq!(answer, expected, "{shape:?}");
    }
}

fn description() -> Value {
    json!({"code": 0, "message": "", "data": {"collectionName": "docs", "fields": [
        {"name": "pk", "type": "Int64", "primaryKey": true, "autoId": false},
        {"name": "word", "type": "VarChar", "params": [{"key": "max_length", "value": "9"}]},
        {"name": "v", "type": "FloatVector", "params": [{"key": "dim", "value": "2"}]},
    ], "enableDynamicField": true, "load": "LoadStateLoaded"}})
}

#[tokio::test]
async fn code_200_is_success_as_code_0_is() {
    let shapes = [0, 200].map(|code| {
        vec![(
            "collections/has",
            json!({"code": code, "data": {"has": true}}),
        )]
    });
    all_read_as(
        "milvus_collection",
        json!({"operation": "has"}),
        json!({"exists": true}),
        &shapes,
    )
    .await;
    let shapes = [0, 200].map(|code| vec![("collections/drop", json!({"code": code, "data": {}}))]);
    let dropped = json!({"collection_name": "docs", "status": "dropped"});
    all_read_as("milvus_drop_collection", json!({}), dropped, &shapes).await;
}

#[tokio::test]
async fn a_hits_key_is_read_under_id_and_under_its_own_name_as_number_and_as_text() {
    let hit = |name: &str, key: Value| {
        let mut hit = json!({"distance": 0.5, "word": "ant"});
        hit[name] = key;
        hit
    };
    let shapes: Vec<Vec<(&str, Value)>> = [
        hit("id", json!(9_007_199_254_740_993_i64)),
        hit("pk", json!(9_007_199_254_740_993_i64)),
        hit("id", json!("9007199254740993")),
        hit("pk", json!("9007199254740993")),
    ]
    .into_iter()
    .flat_map(|hit| {
        [
            json!({"code": 0, "cost": 6, "data": [hit], "topks": [1]}),
            json!({"code": 0, "cost": 6, "data": [hit]}),
            json!({"code": 200, "data": [hit]}),
        ]
    })
    .map(|answer| vec![("entities/search", answer)])
    .collect();
    let expected =
        json!({"hits": [{"id": "9007199254740993", "distance": 0.5, "entity": {"word": "ant"}}]});
    all_read_as(
        "milvus_search",
        json!({"query_vector": [0, 0], "output_fields": ["word"]}),
        expected,
        &shapes,
    )
    .await;
}

#[tokio::test]
async fn a_hit_with_every_field_has_the_same_key_under_either_name() {
    let shapes = [
        json!({"distance": 1, "id": 7, "pk": 7, "word": "ant"}),
        json!({"distance": 1, "pk": 7, "word": "ant"}),
    ]
    .map(|hit| {
        vec![
            ("entities/search", json!({"code": 0, "data": [hit]})),
            ("collections/describe", description()),
        ]
    });
    for shape in &shapes {
        let (_server, stage) = server(shape);
        let answer = stage
            .call(
                "milvus_search",
                of(
                    "docs",
                    json!({"query_vector": [0, 0], "output_fields": ["*"]}),
                ),
            )
            .await;
        assert_eq!(
            (
                &answer["hits"][0]["id"],
                &answer["hits"][0]["entity"]["word"]
            ),
            (&json!(7), &json!("ant")),
            "{shape:?}"
        );
    }
}

#[tokio::test]
async fn no_hit_is_an_empty_list_with_and_without_topks() {
    let shapes = [
        json!({"code": 0, "data": []}),
        json!({"code": 200, "data": []}),
        json!({"code": 0, "data": [], "topks": [0]}),
    ]
    .map(|answer| vec![("entities/search", answer)]);
    all_read_as(
        "milvus_search",
        json!({"query_vector": [0, 0]}),
        json!({"hits": []}),
        &shapes,
    )
    .await;
}

#[tokio::test]
async fn arrays_are_plain_lists_whatever_form_the_server_gives_them() {
    let shapes: Vec<Vec<(&str, Value)>> = [
        (
            json!({"Data": {"LongData": {"data": [1, 2]}}}),
            json!({"Data": {"LongData": {}}}),
            json!({"Data": {"StringData": {"data": ["a"]}}}),
        ),
        (json!([1, 2]), json!([]), json!(["a"])),
    ]
    .into_iter()
    .map(|(numbers, none, texts)| {
        let row = json!({"pk": 1, "numbers": numbers, "none": none, "texts": texts});
        vec![(
            "entities/query",
            json!({"code": 0, "cost": 0, "data": [row]}),
        )]
    })
    .collect();
    let expected = json!({"rows": [{"pk": 1, "numbers": [1, 2], "none": [], "texts": ["a"]}]});
    all_read_as(
        "milvus_query",
        json!({"filter": "pk == 1"}),
        expected,
        &shapes,
    )
    .await;
}

#[tokio::test]
async fn a_json_field_is_passed_on_as_the_server_writes_it() {
    for value in [json!("{\"a\": 1}"), json!({"a": 1})] {
        let (_server, stage) = server(&[(
            "entities/query",
            json!({"code": 0, "data": [{"pk": 1, "json": value}]}),
        )]);
        let answer = stage
            .call("milvus_query", of("docs", json!({"filter": "pk == 1"})))
            .await;
        assert_eq!(answer, json!({"rows": [{"pk": 1, "json": value}]}));
    }
}

#[tokio::test]
async fn large_integers_are_text_whether_the_server_says_numbers_or_text() {
    let shapes = [
        json!(-9_007_199_254_740_993_i64),
        json!("-9007199254740993"),
    ]
    .map(|number| {
        vec![(
            "entities/get",
            json!({"code": 0, "data": [{"pk": number, "small": 3}]}),
        )]
    });
    let expected = json!({"rows": [{"pk": "-9007199254740993", "small": 3}]});
    all_read_as(
        "milvus_get",
        json!({"ids": [-9_007_199_254_740_993_i64]}),
        expected,
        &shapes,
    )
    .await;
}

#[tokio::test]
async fn an_inserts_keys_come_as_numbers_or_as_text() {
    let shapes = [
        json!([9_007_199_254_740_993_i64]),
        json!(["9007199254740993"]),
    ]
    .map(|ids| {
        vec![(
            "entities/insert",
            json!({"code": 0, "cost": 0, "data": {"insertCount": 1, "insertIds": ids}}),
        )]
    });
    let expected = json!({"insert_count": 1, "ids": ["9007199254740993"], "requests": 1});
    all_read_as(
        "milvus_insert",
        json!({"data": [{"v": [0, 0]}]}),
        expected,
        &shapes,
    )
    .await;
}

#[tokio::test]
async fn counts_come_under_the_name_that_was_asked_for() {
    let shapes = [json!(12), json!("12")].map(|count| {
        vec![(
            "entities/query",
            json!({"code": 0, "data": [{"count(*)": count}]}),
        )]
    });
    all_read_as("milvus_count", json!({}), json!({"count": 12}), &shapes).await;
}

#[tokio::test]
async fn a_delete_says_its_rows_or_nothing() {
    let (_old, stage) = server(&[("entities/delete", json!({"code": 0, "data": {}}))]);
    assert_eq!(
        stage
            .call("milvus_delete", of("docs", json!({"filter": "pk > 1"})))
            .await,
        json!({})
    );
    let (_new, stage) = server(&[(
        "entities/delete",
        json!({"code": 0, "data": {"deleteCount": 3}}),
    )]);
    assert_eq!(
        stage
            .call("milvus_delete", of("docs", json!({"filter": "pk > 1"})))
            .await,
        json!({"delete_count": 3})
    );
}

#[tokio::test]
async fn the_load_state_stands_alone_or_with_its_progress() {
    for (data, expected) in [
        (
            json!({"loadState": "LoadStateNotLoad"}),
            json!({"load_state": "LoadStateNotLoad"}),
        ),
        (
            json!({"loadState": "LoadStateLoading", "loadProgress": 42}),
            json!({"load_state": "LoadStateLoading", "load_progress": 42}),
        ),
        (
            json!({"loadState": "LoadStateLoading", "loadProgress": -1}),
            json!({"load_state": "LoadStateLoading", "load_progress": -1}),
        ),
    ] {
        let shape = vec![(
            "collections/get_load_state",
            json!({"code": 0, "message": "", "data": data}),
        )];
        all_read_as(
            "milvus_collection",
            json!({"operation": "load_state"}),
            expected,
            &[shape],
        )
        .await;
    }
}

#[tokio::test]
async fn members_of_later_versions_are_passed_over() {
    let shape = vec![(
        "entities/search",
        json!({"code": 0, "cost": 6, "scannedTotalBytes": 9, "recalls": [1.0], "topks": [1], "data": [{"pk": 1, "distance": 0.5}], "later": {}}),
    )];
    let expected = json!({"hits": [{"id": 1, "distance": 0.5, "entity": {}}]});
    all_read_as(
        "milvus_search",
        json!({"query_vector": [0, 0]}),
        expected,
        &[shape],
    )
    .await;
}

async fn failed(server: &Recorder, tool: &str, arguments: Value) -> host_harness::ToolError {
    match before(server)
        .try_call(tool, &of("docs", arguments).to_string())
        .await
    {
        Err(CallError::Tool(error)) => error,
        other => panic!("expected a tool's error, came {other:?}"),
    }
}

#[tokio::test]
async fn the_code_decides_with_any_http_status_beside_it() {
    for line in [
        "200 OK",
        "400 Bad Request",
        "404 Not Found",
        "500 Internal Server Error",
    ] {
        let server = status(
            line,
            "application/json",
            r#"{"code":100,"message":"can't find collection[database=default][collection=docs]"}"#,
        );
        let error = failed(&server, "milvus_count", json!({})).await;
        assert_eq!(
            (error.kind, error.milvus_code, error.source),
            (ErrorKind::NotFound, Some(100), ErrorSource::Server),
            "{line}"
        );
    }
}

#[tokio::test]
async fn code_200_without_data_is_a_partition_that_is_not_there() {
    let server = status(
        "200 OK",
        "application/json",
        r#"{"code":200,"message":"partition not found[partition=p]"}"#,
    );
    for (tool, arguments) in [
        (
            "milvus_insert",
            json!({"data": [{"pk": 1}], "partition_name": "p"}),
        ),
        (
            "milvus_delete",
            json!({"filter": "pk > 1", "partition_name": "p"}),
        ),
        ("milvus_drop_collection", json!({})),
    ] {
        let error = failed(&server, tool, arguments).await;
        assert_eq!(
            (error.kind, error.milvus_code, error.outcome),
            (ErrorKind::NotFound, Some(200), Outcome::NotApplied),
            "{tool}"
        );
    }
}

#[tokio::test]
async fn a_path_that_the_server_lacks_is_unsupported_and_the_version_is_named() {
    for (tool, arguments) in [
        ("milvus_count", json!({})),
        (
            "milvus_hybrid_search",
            json!({"searches": [{"anns_field": "v", "query_vector": [0, 0]}]}),
        ),
    ] {
        let server = status("404 Not Found", "text/plain", "404 page not found");
        let error = failed(&server, tool, arguments).await;
        assert_eq!(
            (error.kind, error.http_status),
            (ErrorKind::Unsupported, Some(404)),
            "{error:?}"
        );
        assert!(error.message.contains("since 2."), "{error:?}");
        assert_eq!(server.requests().len(), 1, "it is not asked again");
    }
}

#[tokio::test]
async fn a_time_out_is_told_as_one_in_json_and_in_text() {
    for (content_type, body) in [
        (
            "application/json",
            r#"{"code":10001,"message":"request timeout"}"#,
        ),
        ("text/plain", "timeout"),
    ] {
        let server = status("408 Request Timeout", content_type, body);
        let error = failed(&server, "milvus_count", json!({})).await;
        assert_eq!(
            (error.kind, error.outcome),
            (ErrorKind::Timeout, Outcome::NotApplied),
            "{error:?}"
        );
        let error = failed(&server, "milvus_insert", json!({"data": [{"pk": 1}]})).await;
        assert_eq!(
            (error.kind, error.outcome, error.retry),
            (ErrorKind::Timeout, Outcome::Unknown, Retry::AfterCheck),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_privilege_is_permission_denied() {
    let body = r#"{"code":65535,"message":"rpc error: code = PermissionDenied desc = PrivilegeQuery: permission deny to ann"}"#;
    let error = failed(
        &status("403 Forbidden", "application/json", body),
        "milvus_count",
        json!({}),
    )
    .await;
    assert_eq!(
        (error.kind, error.milvus_code, error.outcome),
        (
            ErrorKind::PermissionDenied,
            Some(65_535),
            Outcome::NotApplied
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_no_milvus_is_a_protocol_error() {
    for (line, content_type, body) in [
        ("200 OK", "text/html", "<html>It works!</html>"),
        ("200 OK", "application/json", "[]"),
        ("200 OK", "application/json", r#"{"status":"ok"}"#),
        ("200 OK", "application/json", r#"{"code":0,"data":"rows"}"#),
        ("301 Moved Permanently", "text/html", ""),
    ] {
        let error = failed(&status(line, content_type, body), "milvus_query", json!({})).await;
        assert_eq!(error.kind, ErrorKind::Protocol, "{line} {body}: {error:?}");
        assert!(!error.message.contains("It works"), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_busy_is_told_by_its_status() {
    for (line, kind) in [
        ("429 Too Many Requests", ErrorKind::RateLimited),
        ("503 Service Unavailable", ErrorKind::Unavailable),
        ("413 Content Too Large", ErrorKind::LimitExceeded),
    ] {
        let error = failed(
            &status(line, "text/html", "<html>"),
            "milvus_insert",
            json!({"data": [{"pk": 1}]}),
        )
        .await;
        assert_eq!(error.kind, kind, "{line}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_ready_yet_is_asked_again_for_a_read_and_not_for_a_write() {
    let server = status(
        "200 OK",
        "application/json",
        r#"{"code":1,"message":"service not ready"}"#,
    );
    let error = failed(&server, "milvus_count", json!({})).await;
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::Unavailable, Retry::Safe)
    );
    let reads = server.requests().len();
    assert!(reads > 1, "{reads} requests");
    let error = failed(&server, "milvus_insert", json!({"data": [{"pk": 1}]})).await;
    assert_eq!(error.outcome, Outcome::Unknown);
    assert_eq!(server.requests().len() - reads, 1);
}
