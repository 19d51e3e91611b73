use host_harness::{ErrorKind, Outcome};
use serde_json::json;

use super::{Collection, says};
use crate::servers::local::{Lite, both, unique};

#[tokio::test]
async fn a_collection_goes_with_its_rows() {
    for server in both() {
        let words = Collection::words(server).await;
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
}

#[tokio::test]
async fn dropping_twice_changes_nothing_more() {
    for server in both() {
        let words = Collection::words(server).await;
        let first = words.call("milvus_drop_collection", json!({})).await;
        // REST v2 does not tell a drop of nothing from a drop; v1 does.
        if server == Lite {
            assert_eq!(words.call("milvus_drop_collection", json!({})).await, first);
        } else {
            let error = words.fails("milvus_drop_collection", json!({})).await;
            says(&error, ErrorKind::NotFound, 100);
        }
    }
}

#[tokio::test]
async fn a_collection_with_aliases_is_milvus_to_keep() {
    let words = Collection::words(Lite).await;
    let alias = unique("alias");
    words.rest("aliases/create", json!({"aliasName": alias}));
    let error = words.fails("milvus_drop_collection", json!({})).await;
    says(&error, ErrorKind::InvalidArgument, 1100);
    assert_eq!(error.outcome, Outcome::NotApplied);
    assert_eq!(words.keys().await.len(), 6);
}
