use host_harness::{ErrorKind, Outcome};
use serde_json::json;

use super::{Collection, says};
use crate::servers::local::unique;

#[tokio::test]
async fn a_collection_goes_with_its_rows() {
    let words = Collection::words().await;
    let answer = words.call("milvus_drop_collection", json!({})).await;
    assert_eq!(
        answer,
        json!({"collection_name": words.name, "status": "dropped"})
    );
    assert_eq!(
        words
            .call("milvus_collection", json!({"operation": "has"}))
            .await,
        json!({"exists": false})
    );
    let error = words.fails("milvus_count", json!({})).await;
    says(&error, ErrorKind::NotFound, 100);
}

#[tokio::test]
async fn dropping_twice_changes_nothing_more() {
    let words = Collection::words().await;
    let first = words.call("milvus_drop_collection", json!({})).await;
    assert_eq!(words.call("milvus_drop_collection", json!({})).await, first);
}

#[tokio::test]
async fn a_collection_with_aliases_is_milvus_to_keep() {
    let words = Collection::words().await;
    let alias = unique("alias");
    words.rest("aliases/create", json!({"aliasName": alias}));
    let error = words.fails("milvus_drop_collection", json!({})).await;
    says(&error, ErrorKind::InvalidArgument, 1100);
    assert_eq!(error.outcome, Outcome::NotApplied);
    assert_eq!(words.keys().await.len(), 6);
}
