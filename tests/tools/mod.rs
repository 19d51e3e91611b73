//! Each tool end to end: through the sandbox, to a real Milvus, with every argument that it declares.

mod answers;
mod arguments;
mod collection;
mod count;
mod create_collection;
mod delete;
mod drop_collection;
mod failures;
mod get;
mod hybrid_search;
mod insert;
mod int64;
mod load_and_release;
mod page;
mod query;
mod raw;
mod requests;
mod search;
mod shapes;
mod types;
mod unsupported;
mod upsert;

use host_harness::{Endpoint, ErrorKind, ErrorSource, Policy, ToolError};
use serde_json::{Value, json};

use crate::servers::Recorder;
use crate::servers::local::{Lite, LocalMilvus, Server, Stage, Standalone, of, stage, unique};

/// A collection of its own for a test, and the stage before it.
#[derive(Debug)]
struct Collection {
    stage: Stage,
    name: String,
}

impl Collection {
    /// A collection that `arguments` describe, with these rows.
    async fn new(server: Server, arguments: Value, rows: Value) -> Self {
        let collection = Self {
            stage: stage(server),
            name: unique("test"),
        };
        collection.stage.create(&collection.name, arguments).await;
        if rows != json!([]) {
            collection
                .call("milvus_insert", json!({ "data": rows }))
                .await;
        }
        collection
    }

    /// Six words at the points (1, 0) to (6, 0), so that the distance from (0, 0) is the square of the key.
    async fn words(server: Server) -> Self {
        Self::new(server, words_schema(), words()).await
    }

    /// Texts under BM25 beside a vector of two dimensions: the vector's nearest is not the text's.
    /// BM25 came with Milvus 2.5.
    async fn texts() -> Self {
        let text =
            json!({"name": "text", "type": "VarChar", "max_length": 200, "enable_analyzer": true});
        let schema = json!({
            "fields": [
                {"name": "pk", "type": "Int64", "is_primary": true},
                text,
                {"name": "category", "type": "VarChar", "max_length": 20},
                {"name": "dense", "type": "FloatVector", "dim": 2},
                {"name": "sparse", "type": "SparseFloatVector"},
            ],
            "functions": [{"name": "bm25", "type": "BM25", "input_field_names": ["text"], "output_field_names": ["sparse"]}],
            "index_params": [
                {"field_name": "dense", "metric_type": "L2"},
                {"field_name": "sparse", "metric_type": "BM25"},
            ],
        });
        let rows = json!([
            {"pk": 1, "text": "the cat sat on the mat", "category": "pet", "dense": [4, 0]},
            {"pk": 2, "text": "a dog and a cat, and another cat", "category": "pet", "dense": [3, 0]},
            {"pk": 3, "text": "the stock market fell", "category": "news", "dense": [2, 0]},
            {"pk": 4, "text": "rain over the sea", "category": "news", "dense": [1, 0]},
        ]);
        Self::new(Lite, schema, rows).await
    }

    /// Calls a tool on the collection.
    async fn call(&self, tool: &str, more: Value) -> Value {
        self.stage.call(tool, of(&self.name, more)).await
    }

    /// Calls a tool that fails by an error of its own.
    async fn fails(&self, tool: &str, more: Value) -> ToolError {
        self.stage.fails(tool, of(&self.name, more)).await
    }

    /// Says something about the collection to the REST API v2 itself.
    fn rest(&self, path: &str, more: Value) {
        let mut body = json!({"collectionName": self.name});
        body.as_object_mut()
            .expect("it is one")
            .extend(more.as_object().expect("it is one").clone());
        LocalMilvus::shared().rest(path, &body);
    }

    /// Makes a partition with the words `(10, 0)` and `(11, 0)`.
    async fn with_partition(self, partition: &str) -> Self {
        self.rest("partitions/create", json!({"partitionName": partition}));
        let rows: Vec<Value> = [10, 11].map(|key| word(key, "fly", "insect")).into();
        self.call(
            "milvus_insert",
            json!({"data": rows, "partition_name": partition}),
        )
        .await;
        self
    }

    /// The keys of all rows, in order.
    async fn keys(&self) -> Vec<i64> {
        keys(
            &self
                .call("milvus_query", json!({"output_fields": ["pk"]}))
                .await,
        )
    }

    /// One row by its key.
    async fn row(&self, key: i64) -> Value {
        let answer = self.call("milvus_get", json!({"ids": [key]})).await;
        answer["rows"][0].clone()
    }

    /// A search from (0, 0), with more arguments.
    async fn near(&self, more: Value) -> Value {
        let mut arguments = json!({"query_vector": [0, 0]});
        arguments
            .as_object_mut()
            .expect("it is one")
            .extend(more.as_object().expect("it is one").clone());
        self.call("milvus_search", arguments).await
    }
}

fn words_schema() -> Value {
    json!({
        "enable_dynamic_field": true,
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "word", "type": "VarChar", "max_length": 64},
            {"name": "category", "type": "VarChar", "max_length": 32},
            {"name": "frequency", "type": "Int64"},
            {"name": "v", "type": "FloatVector", "dim": 2},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}],
    })
}

fn word(key: i64, word: &str, category: &str) -> Value {
    json!({"pk": key, "word": word, "category": category, "frequency": key * 10, "v": [key, 0]})
}

fn words() -> Value {
    let words = [
        ("ant", "insect"),
        ("bee", "insect"),
        ("cat", "mammal"),
        ("dog", "mammal"),
        ("elm", "plant"),
        ("fern", "plant"),
    ];
    words
        .iter()
        .zip(1..)
        .map(|((text, category), key)| word(key, text, category))
        .collect()
}

/// The keys of an answer's hits or rows, in their order.
fn keys(answer: &Value) -> Vec<i64> {
    let hits = answer["hits"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|hit| &hit["id"]);
    let rows = answer["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| &row["pk"]);
    hits.chain(rows)
        .map(|key| key.as_i64().expect("a number as key"))
        .collect()
}

/// The body of the one request that a call makes, seen on the wire; for what a local Milvus takes without effect.
async fn sent(tool: &str, arguments: Value) -> Value {
    let recorder = Recorder::start();
    let stage = Stage::before(
        Endpoint::builder(&recorder.uri(), Policy::full())
            .build()
            .expect("an origin"),
    );
    // What the recorder answers fits no tool, so that the call may fail.
    let _ = stage
        .try_call(tool, &of("docs", arguments).to_string())
        .await;
    let requests = recorder.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    serde_json::from_slice(&requests[0].body).expect("a JSON body")
}

/// An argument was refused by the component, and nothing was sent.
fn is_refused(stage: &Stage, error: &ToolError, argument: &str) {
    assert_eq!(
        (error.kind, error.source, error.argument.as_deref()),
        (
            ErrorKind::InvalidArgument,
            ErrorSource::Component,
            Some(argument)
        ),
        "{error:?}"
    );
    assert_eq!(stage.requests(), 0, "nothing is sent: {error:?}");
}

/// Milvus itself refused a call: with this code where it has one, over REST v1 with 65535 for what is none of its own.
fn refuses(server: Server, error: &ToolError, code: i32) {
    match server {
        Lite => says(error, ErrorKind::InvalidArgument, code),
        Standalone => says(error, ErrorKind::Server, 65_535),
    }
}

/// What a delete answers: REST v1 tells no count.
fn deleted(server: Server, rows: u64) -> Value {
    match server {
        Lite => json!({ "delete_count": rows }),
        Standalone => json!({}),
    }
}

/// Milvus itself refused a call with this code.
fn says(error: &ToolError, kind: ErrorKind, code: i32) {
    assert_eq!(
        (error.kind, error.source, error.milvus_code),
        (kind, ErrorSource::Server, Some(code)),
        "{error:?}"
    );
}
