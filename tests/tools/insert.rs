use host_harness::{ErrorKind, Outcome};
use serde_json::json;

use super::{Collection, is_refused, says, sent, word};
use crate::servers::local::{Lite, both};

#[tokio::test]
async fn rows_are_in_and_their_keys_come_in_order() {
    for server in both() {
        let words = Collection::words(server).await;
        let answer = words
            .call(
                "milvus_insert",
                json!({"data": [word(9, "iris", "plant"), word(8, "hen", "bird")]}),
            )
            .await;
        assert_eq!(
            answer,
            json!({"insert_count": 2, "ids": [9, 8], "requests": 1})
        );
        assert_eq!(words.row(8).await, word(8, "hen", "bird"));
    }
}

#[tokio::test]
async fn a_partition_takes_the_rows() {
    let words = Collection::words(Lite).await.with_partition("flies").await;
    assert_eq!(
        words
            .call("milvus_count", json!({"partition_names": ["flies"]}))
            .await,
        json!({"count": 2})
    );
    let error = words
        .fails(
            "milvus_insert",
            json!({"data": [word(9, "iris", "plant")], "partition_name": "nowhere"}),
        )
        .await;
    says(&error, ErrorKind::NotFound, 200);
    assert_eq!(error.outcome, Outcome::NotApplied);
}

#[tokio::test]
async fn rows_that_do_not_fit_the_schema_are_milvus_to_refuse_and_none_is_in() {
    for server in both() {
        let words = Collection::words(server).await;
        let mut short = word(9, "iris", "plant");
        short["v"] = json!([1]);
        let mut lacking = word(9, "iris", "plant");
        lacking.as_object_mut().unwrap().remove("frequency");
        let mut fraction = word(9, "iris", "plant");
        fraction["frequency"] = json!(1.5);
        for (row, argument) in [
            (short, Some("data[1].v")),
            (lacking, Some("data[1].frequency")),
            (fraction, None),
        ] {
            let error = words
                .fails(
                    "milvus_insert",
                    json!({"data": [word(8, "hen", "bird"), row]}),
                )
                .await;
            // What Milvus would store as something else over REST v1 does not get there.
            if server == Lite || argument.is_none() {
                says(&error, ErrorKind::InvalidArgument, 1804);
            } else {
                assert_eq!(error.argument.as_deref(), argument, "{error:?}");
            }
            assert_eq!(error.outcome, Outcome::NotApplied);
        }
        assert_eq!(words.keys().await.len(), 6);
    }
}

#[tokio::test]
async fn what_is_no_list_of_rows_is_refused() {
    for server in both() {
        let words = Collection::words(server).await;
        words.stage.requests();
        for (data, argument) in [
            (json!([]), "data"),
            (json!(null), "data"),
            (json!("rows"), "data"),
            (json!([1]), "data[0]"),
            (json!([{}, []]), "data[1]"),
        ] {
            let error = words.fails("milvus_insert", json!({ "data": data })).await;
            is_refused(&words.stage, &error, argument);
        }
    }
}

#[tokio::test]
async fn the_rows_are_sent_as_they_were_written() {
    let body = sent(
        "milvus_insert",
        json!({"data": [{"pk": 9_007_199_254_740_993_i64, "v": [0.1, 2]}], "partition_name": "p"}),
    )
    .await;
    assert_eq!(
        body,
        json!({"collectionName": "docs", "data": [{"pk": 9_007_199_254_740_993_i64, "v": [0.1, 2]}], "partitionName": "p"})
    );
}
