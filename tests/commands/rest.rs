use routes::all;
use serde_json::Value;

use super::{milvus, run};

#[test]
fn every_route_is_listed_with_its_classes() {
    let ran = run(&["rest", "--list", "--json"], &[]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let listed: Value = serde_json::from_str(&ran.output).expect("JSON");
    let listed = listed["routes"].as_array().expect("a list");
    assert_eq!(listed.len(), all().count());
    for (shown, route) in listed.iter().zip(all()) {
        assert_eq!(
            (&shown["route"], &shown["path"]),
            (&route.name.into(), &route.path.into())
        );
        assert_eq!(shown["classes"][0], route.effect.as_str());
        assert_eq!(
            shown["keys"].as_array().map(Vec::len),
            Some(route.keys.len())
        );
    }
    let table = run(&["rest", "--list"], &[]);
    assert_eq!(table.output.lines().count(), all().count() + 2);
    assert!(
        table.output.contains("jobs.import.create"),
        "{}",
        table.output
    );
}

#[test]
fn one_route_is_shown_with_its_keys() {
    let ran = run(&["rest", "--list", "partitions/create"], &[]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.output
            .contains("partitions.create (write)\nPOST /v2/vectordb/partitions/create\n"),
        "{}",
        ran.output
    );
    let key = ran
        .output
        .lines()
        .find(|line| line.contains("collectionName"));
    assert!(
        key.expect("a key").contains("required, collection"),
        "{key:?}"
    );
}

#[test]
fn a_request_is_sent_as_it_was_written_and_answered_in_milvus_words() {
    for route in [
        "collections.has",
        "collections/has",
        "/v2/vectordb/collections/has",
    ] {
        let ran = milvus(&["rest", route, "{collectionName: 'nothing_of_this_name'}"]);
        assert_eq!(
            (ran.code, ran.output.trim()),
            (0, r#"{"data":{"has":false}}"#),
            "{}",
            ran.errors
        );
    }
    let ran = milvus(&[
        "rest",
        "collections.describe",
        r#"{"collectionName":"nothing_of_this_name"}"#,
    ]);
    assert_eq!(ran.code, 1, "{}", ran.errors);
    assert!(
        ran.errors.contains("nothing_of_this_name"),
        "{}",
        ran.errors
    );
}

#[test]
fn what_is_no_request_is_told_and_nothing_is_sent() {
    let closed = [("MILVUS_URI", "http://127.0.0.1:1")];
    for (arguments, code, said) in [
        (
            &["rest", "collection.list"][..],
            2,
            "did you mean `collections.list`?",
        ),
        (
            &["rest", "users.create"],
            2,
            "there is no route `users.create`",
        ),
        (&["rest", "collections.list", "[]"], 2, "expected"),
        (
            &["rest", "collections.list", r#"{"x":1}"#],
            2,
            "expected one of dbName, got `x`",
        ),
        (
            &[
                "--mode",
                "read-only",
                "rest",
                "collections.drop",
                r#"{"collectionName":"docs"}"#,
            ],
            3,
            "rule `effect`",
        ),
        (
            &[
                "--collections",
                "docs",
                "rest",
                "databases.describe",
                r#"{"dbName":"default"}"#,
            ],
            3,
            "rule `nameless`",
        ),
        (
            &[
                "rest",
                "databases.drop",
                r#"{"dbName":"x"}"#,
                "--databases",
                "default",
            ],
            3,
            "rule `database`",
        ),
    ] {
        let ran = run(arguments, &closed);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.errors);
        assert!(ran.errors.contains(said), "{}", ran.errors);
    }
}
