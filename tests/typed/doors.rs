//! Every way into the library, under a policy whose lists are empty: nothing leaves.

use host_harness::entities::{DeleteRequest, QueryRequest, WriteRequest};
use host_harness::partitions::PartitionRequest;
use host_harness::search::{AnnSearch, QueryData, Ranker, SearchOptions};
use host_harness::types::{ColumnData, F32Matrix, RowBatch};
use host_harness::{CallError, Endpoint, Mode, Names, Policy};

use super::{by_filter, by_ids, column, filter};
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
    let rows = WriteRequest {
        collection_name: name(),
        partition_name: None,
        rows: RowBatch {
            rows: 1,
            columns: vec![column("id", ColumnData::Int64(vec![1]))],
            dynamic: Vec::new(),
        },
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
    };
    let options = SearchOptions {
        collection_name: name(),
        partition_names: Vec::new(),
        output_fields: Vec::new(),
        offset: 0,
        grouping: None,
        consistency_level: None,
        function_score: None,
        schema: None,
    };
    for endpoint in [&databases, &collections] {
        let host = host();
        let read = QueryRequest {
            collection_name: name(),
            partition_names: Vec::new(),
            selection: by_ids(&[1]),
            output_fields: Vec::new(),
            consistency_level: None,
            schema: None,
        };
        let all = QueryRequest {
            selection: by_filter("id > 0"),
            ..read.clone()
        };
        let delete = DeleteRequest {
            collection_name: name(),
            partition_name: None,
            selection: by_ids(&[1]),
            schema: None,
        };
        let why = |failure: host_harness::WriteFailure| failure.error;
        refused("insert", host.insert(endpoint, &rows).await.map_err(why));
        for partial in [false, true] {
            let written = host.upsert(endpoint, &rows, partial).await;
            refused("upsert", written.map_err(why));
        }
        refused("delete", host.delete_entities(endpoint, &delete).await);
        refused("schema", host.describe_schema(endpoint, "docs").await);
        refused("query", host.query_entities(endpoint, &read, 0, 1).await);
        refused("count", host.count_entities(endpoint, &read).await);
        refused("page", host.next_page(endpoint, &all, 10, None).await);
        let one = search();
        let one = host.search_entities(endpoint, &options, &one);
        refused("search", one.await);
        let both = [search(), search()];
        let ranker = Ranker::Rrf(60);
        let both = host.hybrid_search_entities(endpoint, &options, &both, &ranker, 1);
        refused("hybrid search", both.await);
        let one = PartitionRequest {
            collection_name: name(),
            partition_name: "p".to_owned(),
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
