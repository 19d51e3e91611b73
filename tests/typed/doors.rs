//! Every way into the library, under a policy whose lists are empty: nothing leaves.

use host_harness::collections::CollectionRequest;
use host_harness::entities::{
    CountRequest, DeleteRequest, InsertRequest, PageRequest, QueryRequest, UpsertRequest,
};
use host_harness::partitions::PartitionRequest;
use host_harness::search::{
    AnnSearch, HybridSearchRequest, QueryData, Ranker, RrfRanker, SearchOptions, SearchRequest,
};
use host_harness::types::{ColumnData, F32Matrix, RowBatch};
use host_harness::{CallError, Endpoint, Mode, Names, Policy};

use super::{by_ids, column, filter};
use crate::servers::Recorder;
use crate::servers::local::host;

/// An endpoint whose policy lists no database, and one whose policy lists no collection.
fn closed(milvus: &Recorder) -> [Endpoint; 2] {
    let full = || Policy::new(Mode::Full);
    [
        full().databases(Names::default()),
        full().collections(Names::default()),
    ]
    .map(|policy| {
        let builder = Endpoint::builder(&milvus.uri(), policy);
        builder.database("books").build().expect("an endpoint")
    })
}

/// It was refused by the host.
fn refused<T: std::fmt::Debug>(door: &str, answer: Result<T, CallError>) {
    assert!(
        matches!(answer, Err(CallError::Refused { .. })),
        "{door}: {answer:?}"
    );
}

#[tokio::test]
async fn t14_no_function_of_the_library_lets_anything_out_under_an_empty_list() {
    let milvus = Recorder::start();
    let [databases, collections] = closed(&milvus);
    refused("probe", host().probe(&databases).await);
    let name = || "docs".to_owned();
    let rows = || RowBatch {
        rows: 1,
        columns: vec![column("id", ColumnData::Int64(vec![1]))],
        dynamic: Vec::new(),
    };
    let search = || AnnSearch {
        anns_field: Some("v".to_owned()),
        data: QueryData::FloatVector(F32Matrix {
            dim: 2,
            values: vec![1.0, 0.0],
        }),
        limit: 1,
        filter: filter(""),
        metric_type: None,
        radius: None,
        range_filter: None,
        params: None,
        extra: None,
    };
    let options = || SearchOptions {
        collection_name: name(),
        partition_names: Vec::new(),
        output_fields: Vec::new(),
        offset: 0,
        grouping: None,
        consistency_level: None,
        function_score: None,
        schema: None,
        extra: None,
    };
    for endpoint in [&databases, &collections] {
        let host = host();
        let why = |failure: host_harness::WriteFailure| failure.error;
        let insert = InsertRequest {
            collection_name: name(),
            partition_name: None,
            rows: rows(),
            extra: None,
        };
        let inserted = host.insert_entities(endpoint, &insert).await;
        refused("insert", inserted.map_err(why));
        for partial in [false, true] {
            let upsert = UpsertRequest {
                collection_name: name(),
                partition_name: None,
                rows: rows(),
                partial,
                extra: None,
            };
            let written = host.upsert_entities(endpoint, &upsert).await;
            refused("upsert", written.map_err(why));
        }
        let delete = DeleteRequest {
            collection_name: name(),
            partition_name: None,
            selection: by_ids(&[1]),
            schema: None,
            extra: None,
        };
        refused("delete", host.delete_entities(endpoint, &delete).await);
        let itself = CollectionRequest {
            collection_name: name(),
            extra: None,
        };
        refused("schema", host.describe_schema(endpoint, &itself).await);
        let query = QueryRequest {
            collection_name: name(),
            partition_names: Vec::new(),
            selection: by_ids(&[1]),
            output_fields: Vec::new(),
            offset: 0,
            limit: 1,
            consistency_level: None,
            schema: None,
            extra: None,
        };
        refused("query", host.query_entities(endpoint, &query).await);
        let count = CountRequest {
            collection_name: name(),
            partition_names: Vec::new(),
            selection: by_ids(&[1]),
            consistency_level: None,
            schema: None,
            extra: None,
        };
        refused("count", host.count_entities(endpoint, &count).await);
        let page = PageRequest {
            collection_name: name(),
            partition_names: Vec::new(),
            filter: filter("id > 0"),
            output_fields: Vec::new(),
            page_rows: 10,
            after: None,
            consistency_level: None,
            schema: None,
            extra: None,
        };
        refused("page", host.next_entities_page(endpoint, &page).await);
        let one = SearchRequest {
            options: options(),
            search: search(),
        };
        refused("search", host.search_entities(endpoint, &one).await);
        let both = HybridSearchRequest {
            options: options(),
            searches: vec![search(), search()],
            ranker: Ranker::Rrf(RrfRanker {
                k: None,
                weights: Vec::new(),
            }),
            limit: 1,
        };
        let both = host.hybrid_search_entities(endpoint, &both);
        refused("hybrid search", both.await);
        let one = PartitionRequest {
            collection_name: name(),
            partition_name: "p".to_owned(),
            extra: None,
        };
        refused("create", host.create_partition(endpoint, &one).await);
        refused("has", host.has_partition(endpoint, &one).await);
        refused("drop", host.drop_partition(endpoint, &one).await);
    }
    assert_eq!((milvus.requests().len(), milvus.connections()), (0, 0));
}

#[tokio::test]
async fn t14_no_tool_lets_anything_out_under_an_empty_list() {
    let milvus = Recorder::start();
    let [databases, collections] = closed(&milvus);
    for tool in milvus_plugin::tools::TOOLS {
        let said = tool.definition().expect("a definition").example.to_string();
        for endpoint in [&databases, &collections] {
            let called = host().call_tool(endpoint, tool.name, &said);
            refused(&format!("{} {said}", tool.name), called.await);
        }
    }
    let list = r#"{"operation":"list"}"#;
    refused(
        "list",
        host()
            .call_tool(&databases, "milvus_collection", list)
            .await,
    );
    assert_eq!((milvus.requests().len(), milvus.connections()), (0, 0));
}

#[tokio::test]
async fn t14_no_request_of_a_caller_leaves_under_an_empty_list() {
    let milvus = Recorder::start();
    let [databases, collections] = closed(&milvus);
    let mut lists = 0;
    for route in routes::all() {
        let body = crate::hostile::request("docs", "books", route).to_string();
        let asked = host().rest(&databases, route.name, &body).await;
        refused(route.name, asked);
        let asked = host().rest(&collections, route.name, &body).await;
        // A list of names leaves: its answer comes without those that are not listed.
        if route.answer_names.iter().any(|name| name.path == "data[]") && asked.is_ok() {
            lists += 1;
        } else {
            refused(route.name, asked);
        }
    }
    assert_eq!(milvus.requests().len(), lists);
}
