//! The routes of REST v1 by `rest`, against Milvus 2.3.5: each once.

use routes::Dialect;
use serde_json::{Value, json};

use crate::servers::local::{Standalone, host, stage, unique};

#[tokio::test]
async fn each_route_of_rest_v1_answers_through_the_sandbox() {
    let stage = stage(Standalone);
    let name = unique("rest");
    let row = json!({"id": 1, "vector": [0.5, 0.5], "word": "a"});
    let steps: [(&str, Value, &str); 10] = [
        (
            "collections.create",
            json!({"dimension": 2, "primaryField": "id"}),
            "",
        ),
        ("collections.list", json!({}), &name),
        ("collections.describe", json!({}), "vector"),
        ("insert", json!({"data": row}), "insertCount"),
        ("upsert", json!({"data": row}), ""),
        ("query", json!({"filter": "id >= 0", "limit": 1}), ""),
        ("search", json!({"vector": [0.5, 0.5], "limit": 1}), ""),
        ("get", json!({"id": 1}), ""),
        ("delete", json!({"filter": "id >= 0"}), ""),
        ("collections.drop", json!({}), ""),
    ];
    let ours = routes::all().filter(|route| route.dialect == Dialect::V1);
    assert_eq!(ours.count(), steps.len());
    for (action, mut body, shows) in steps {
        if action != "collections.list" {
            body["collectionName"] = name.as_str().into();
        }
        let answer = host()
            .rest(&stage.endpoint, &format!("v1.{action}"), &body.to_string())
            .await;
        match answer {
            Ok(answer) => {
                let answer: Value = serde_json::from_str(answer.raw()).expect("JSON");
                assert!(
                    answer["data"].to_string().contains(shows),
                    "{action}: {answer}"
                );
                assert!(answer.get("code").is_none(), "{action}: {answer}");
            }
            // What Milvus makes has a generated key: it refuses rows that bring their own, in its own words.
            Err(host_harness::CallError::Tool(error)) => {
                assert!(error.milvus_code.is_some(), "{action}: {error:?}");
                assert!(
                    ["insert", "upsert"].contains(&action),
                    "{action}: {error:?}"
                );
            }
            Err(error) => panic!("{action}: {error:?}"),
        }
    }
}
