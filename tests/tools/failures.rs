//! What goes wrong is told by kind, code and source, and never with a credential.

use host_harness::{
    CallError, Credential, Endpoint, ErrorKind, ErrorSource, Outcome, Policy, Retry,
};
use serde_json::json;

use super::{answers::definitions, says, word};
use crate::servers::local::{Lite, LocalMilvus, Stage, TOKEN, both, stage, unique};

#[tokio::test]
async fn a_collection_that_is_not_there_is_not_found_with_code_100() {
    let (stage, none) = (stage(Lite), unique("none"));
    for (tool, mut arguments) in [
        ("milvus_search", json!({"query_vector": [0, 0]})),
        (
            "milvus_hybrid_search",
            json!({"searches": [{"anns_field": "v", "query_vector": [0, 0]}]}),
        ),
        ("milvus_query", json!({})),
        ("milvus_get", json!({"ids": [1]})),
        ("milvus_get", json!({"ids": ["one"]})),
        ("milvus_count", json!({})),
        ("milvus_insert", json!({"data": [word(1, "ant", "insect")]})),
        ("milvus_upsert", json!({"data": [word(1, "ant", "insect")]})),
        ("milvus_delete", json!({"ids": [1]})),
        ("milvus_delete", json!({"filter": "pk > 1"})),
        ("milvus_load_collection", json!({})),
        ("milvus_release_collection", json!({})),
    ] {
        arguments["collection_name"] = json!(none);
        let error = stage.fails(tool, arguments).await;
        says(&error, ErrorKind::NotFound, 100);
        assert_eq!(
            (error.outcome, error.retry),
            (Outcome::NotApplied, Retry::Never),
            "{tool}"
        );
    }
}

async fn list(endpoint: Endpoint) -> CallError {
    let listed = Stage::before(endpoint)
        .try_call("milvus_collection", r#"{"operation":"list"}"#)
        .await;
    listed.expect_err("a list without the right token")
}

#[tokio::test]
async fn who_has_no_token_or_another_is_told_so() {
    for (server, wrong) in both().flat_map(|server| [(server, false), (server, true)]) {
        let mut endpoint = Endpoint::builder(LocalMilvus::of(server).uri(), Policy::full())
            .server(server.spoken());
        if wrong {
            endpoint = endpoint.credential(Credential::new("root:another".to_owned()));
        }
        let error = list(endpoint.build().unwrap()).await;
        let CallError::Tool(told) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(
            (told.kind, told.source, told.http_status),
            (ErrorKind::Unauthenticated, ErrorSource::Server, Some(401)),
            "{told:?}"
        );
        assert!(
            !format!("{error} {error:?}").contains("another\""),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("root:"), "{error:?}");
    }
}

#[tokio::test]
async fn t33_an_error_holds_no_token_even_where_the_server_repeats_it() {
    use crate::servers::{Recorder, ok};
    let parrot = Recorder::answering(|request| {
        let header = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        ok(
            "application/json",
            json!({"code": 1100, "message": format!("bad request, {header}")})
                .to_string()
                .as_bytes(),
        )
    });
    let error = list(crate::servers::local::endpoint(&parrot.uri())).await;
    assert!(!format!("{error} {error:?}").contains(TOKEN), "{error:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_found_with_code_800() {
    for server in both() {
        let endpoint = Endpoint::builder(LocalMilvus::of(server).uri(), Policy::full())
            .server(server.spoken())
            .credential(Credential::new(TOKEN.to_owned()))
            .database("nowhere")
            .build()
            .unwrap();
        let error = Stage::before(endpoint)
            .fails("milvus_collection", json!({"operation": "list"}))
            .await;
        says(&error, ErrorKind::NotFound, 800);
    }
}

#[tokio::test]
async fn every_call_goes_to_the_database_of_its_endpoint() {
    let (milvus, database) = (LocalMilvus::shared(), unique("db"));
    milvus.rest("databases/create", &json!({"dbName": database}));
    let endpoint = || {
        Endpoint::builder(milvus.uri(), Policy::full())
            .credential(Credential::new(TOKEN.to_owned()))
    };
    let inside = Stage::before(endpoint().database(&database).build().unwrap());
    let name = unique("test");
    inside
        .call(
            "milvus_create_collection",
            json!({"collection_name": name, "dimension": 2}),
        )
        .await;
    let listed = inside
        .call("milvus_collection", json!({"operation": "list"}))
        .await;
    assert_eq!(listed, json!({"collections": [name]}));
    let outside = Stage::before(endpoint().build().unwrap());
    let has = outside
        .call(
            "milvus_collection",
            json!({"operation": "has", "collection_name": name}),
        )
        .await;
    assert_eq!(has, json!({"exists": false}));
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_told_with_those_that_are() {
    for server in both() {
        let stage = stage(server);
        let error = stage.fails("milvus_format", json!({})).await;
        assert_eq!(
            (error.kind, error.source),
            (ErrorKind::NotFound, ErrorSource::Component)
        );
        for name in definitions().keys() {
            assert!(error.message.contains(*name), "{error:?}");
        }
        assert_eq!(stage.requests(), 0);
    }
}

#[tokio::test]
async fn a_server_that_nobody_runs_cannot_be_reached() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let stage = Stage::before(crate::servers::local::endpoint(&format!("http://{free}")));
    let error = stage
        .fails("milvus_count", json!({"collection_name": "docs"}))
        .await;
    assert_eq!(
        (error.kind, error.source, error.outcome),
        (
            ErrorKind::Unavailable,
            ErrorSource::Host,
            Outcome::NotApplied
        )
    );
}
