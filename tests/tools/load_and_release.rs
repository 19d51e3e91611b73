use host_harness::ErrorKind;
use serde_json::json;

use super::{Collection, keys, says};
use crate::servers::local::Lite;

async fn state(collection: &Collection) -> String {
    let answer = collection
        .call("milvus_collection", json!({"operation": "load_state"}))
        .await;
    answer["load_state"].as_str().expect("a state").to_owned()
}

#[tokio::test]
async fn a_released_collection_cannot_be_searched_until_it_is_loaded_again() {
    let words = Collection::words(Lite).await;
    let answer = words.call("milvus_release_collection", json!({})).await;
    assert_eq!(
        answer,
        json!({"collection_name": words.name, "status": "released"})
    );
    assert_eq!(state(&words).await, "LoadStateNotLoad");
    for (tool, arguments) in [
        ("milvus_search", json!({"query_vector": [0, 0]})),
        ("milvus_query", json!({})),
        ("milvus_count", json!({})),
    ] {
        says(
            &words.fails(tool, arguments).await,
            ErrorKind::NotLoaded,
            101,
        );
    }
    let answer = words.call("milvus_load_collection", json!({})).await;
    assert_eq!(answer["collection_name"], json!(words.name));
    assert_eq!(state(&words).await, "LoadStateLoaded");
    assert_eq!(
        keys(&words.near(json!({})).await),
        [1, 2, 3, 4, 5, 6],
        "no row is lost"
    );
}
