use super::*;
use crate::client::Client;
use crate::client::scripted::{Scripted, Sent, connection};
use crate::contract::types::{Connection, FieldSchema};
use crate::dialect::Spoken;
use crate::operations::collections::{GetStats, IndexParams, LoadCollection, ReleaseCollection};
use crate::operations::schema::NewSchema;
use crate::operations::search::{Hits, HybridSearch};

fn v1() -> Connection {
    Connection {
        server: Some("rest=v1".into()),
        database: Some("d".into()),
        ..connection()
    }
}

/// What `operation` answers to `data`, and what was sent.
fn run<O: Spoken>(operation: &O, status: u16, body: &str) -> (Result<O::Answer, Error>, Sent) {
    let mut transport = Scripted::new().answers(status, body);
    let answer = Client::new(&mut transport, v1()).unwrap().run(operation);
    (answer, transport.sent.remove(0))
}

/// The message of an operation that is refused before anything is sent.
fn refusal<O: Spoken>(operation: &O) -> String
where
    O::Answer: fmt::Debug,
{
    let mut transport = Scripted::new();
    let error = Client::new(&mut transport, v1())
        .unwrap()
        .run(operation)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported, "{}", error.message);
    assert!(transport.sent.is_empty(), "nothing is sent");
    error.message
}

fn quick() -> CreateCollection {
    CreateCollection {
        collection_name: "c".into(),
        dimension: Some(4),
        auto_id: Some(true),
        ..CreateCollection::default()
    }
}

fn query() -> Query {
    Query {
        collection_name: "c".into(),
        filter: "id > 0".into(),
        ..Query::default()
    }
}

fn search() -> Search {
    Search {
        collection_name: "c".into(),
        data: vec![raw(&json!([1, 0.5]))],
        limit: 2,
        ..Search::default()
    }
}

#[test]
fn lists_and_descriptions_are_gets_with_a_query() {
    let (names, sent) = run(&ListCollections {}, 200, r#"{"code":200,"data":["a"]}"#);
    assert_eq!(names.unwrap().0, ["a"]);
    assert_eq!(
        (sent.path, sent.query.as_deref()),
        ("/v1/vector/collections", Some("dbName=d"))
    );
    let describe = DescribeCollection {
        collection_name: "c".into(),
    };
    let (described, sent) = run(&describe, 200, r#"{"code":200,"data":{"fields":[]}}"#);
    described.unwrap();
    assert_eq!(sent.query.as_deref(), Some("collectionName=c&dbName=d"));
    assert_eq!(sent.body, Value::Null, "a GET has no body");
}

#[test]
fn a_name_that_would_need_an_escape_in_the_query_is_refused() {
    for name in ["a&dbName=b", "a b", "a%00", "", "a$b"] {
        let mut transport = Scripted::new();
        let describe = DescribeCollection {
            collection_name: name.into(),
        };
        let error = Client::new(&mut transport, v1())
            .unwrap()
            .run(&describe)
            .unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("collectionName"), "{name}");
        assert!(transport.sent.is_empty());
    }
}

#[test]
fn a_collection_that_cannot_be_described_is_not_there() {
    let has = HasCollection {
        collection_name: "c".into(),
    };
    let (there, _) = run(&has, 200, r#"{"code":200,"data":{"fields":[]}}"#);
    assert!(there.unwrap().has);
    let (there, _) = run(
        &has,
        200,
        r#"{"code":100,"message":"can't find collection"}"#,
    );
    assert!(!there.unwrap().has);
    let (failed, _) = run(&has, 200, r#"{"code":800,"message":"database not found"}"#);
    assert_eq!(failed.unwrap_err().milvus_code, Some(800));
}

#[test]
fn the_load_state_comes_out_of_the_description() {
    let state = GetLoadState {
        collection_name: "c".into(),
        partition_names: vec![],
    };
    let (state, _) = run(
        &state,
        200,
        r#"{"code":200,"data":{"load":"LoadStateLoaded"}}"#,
    );
    assert_eq!(state.unwrap().load_state, "LoadStateLoaded");
}

#[test]
fn a_quick_create_says_what_v1_would_default_otherwise() {
    let (created, sent) = run(&quick(), 200, r#"{"code":200,"data":{}}"#);
    created.unwrap();
    assert_eq!(
        sent.body,
        json!({"dbName": "d", "collectionName": "c", "dimension": 4, "metricType": "COSINE", "enableDynamicField": true})
    );
}

#[test]
fn a_metric_that_would_leave_half_a_collection_behind_is_refused() {
    let mut create = quick();
    create.metric_type = Some("HAMMING".into());
    let error = create.request(None).unwrap_err();
    assert_eq!(error.argument.as_deref(), Some("metric_type"));
}

#[test]
fn keys_of_the_callers_own_need_v2() {
    for auto_id in [None, Some(false)] {
        let create = CreateCollection { auto_id, ..quick() };
        let message = refusal(&create);
        assert!(message.contains("`auto_id: true`"), "{message}");
    }
}

#[test]
fn what_v1_lacks_names_the_version_that_has_it() {
    let name = || "c".into();
    let cases = [
        (
            refusal(&GetStats {
                collection_name: name(),
            }),
            "2.3.13",
        ),
        (
            refusal(&LoadCollection {
                collection_name: name(),
            }),
            "2.3.13",
        ),
        (
            refusal(&ReleaseCollection {
                collection_name: name(),
            }),
            "2.3.13",
        ),
        (refusal(&HybridSearch::default()), "2.4.0"),
        (
            refusal(&CreateCollection {
                schema: Some(NewSchema::default()),
                index_params: vec![IndexParams::default()],
                ..quick()
            }),
            "2.3.13",
        ),
        (
            refusal(&CreateCollection {
                id_type: Some("VarChar".into()),
                ..quick()
            }),
            "2.3.13",
        ),
        (
            refusal(&Upsert {
                collection_name: "c",
                partition_name: None,
                data: &[],
                partial_update: true,
            }),
            "2.6.1",
        ),
        (
            refusal(&Insert {
                collection_name: "c",
                partition_name: Some("p"),
                data: &[],
            }),
            "2.3.13",
        ),
        (
            refusal(&Delete {
                collection_name: name(),
                partition_name: Some("p".into()),
                filter: "id > 0".into(),
                expr_params: None,
            }),
            "2.3.13",
        ),
        (
            refusal(&Query {
                partition_names: vec!["p".into()],
                ..query()
            }),
            "2.3.13",
        ),
        (
            refusal(&Query {
                expr_params: Some(Map::new()),
                ..query()
            }),
            "2.4.18",
        ),
        (
            refusal(&Query {
                consistency_level: Some("Strong"),
                ..query()
            }),
            "2.5.27",
        ),
        (
            refusal(&Search {
                ids: vec!["1".into()],
                ..search()
            }),
            "2.6.11",
        ),
        (
            refusal(&Search {
                data: vec![raw(&json!("text"))],
                ..search()
            }),
            "2.3.13",
        ),
        (
            refusal(&Search {
                consistency_level: Some("Strong"),
                ..search()
            }),
            "2.4.16",
        ),
        (
            refusal(&Search {
                grouping_field: Some("f".into()),
                ..search()
            }),
            "2.4.0",
        ),
        (
            refusal(&Search {
                search_params: Map::from_iter([("ef".to_owned(), json!(64))]),
                ..search()
            }),
            "2.4.16",
        ),
    ];
    for (message, version) in cases {
        assert!(
            message.contains(&format!("of Milvus {version} or later")),
            "{message}"
        );
    }
}

#[test]
fn rows_are_sent_as_they_came() {
    let rows = [RawValue::from_string(r#"{"vector":[0.10],"n":9007199254740993}"#.into()).unwrap()];
    let insert = Insert {
        collection_name: "c",
        partition_name: None,
        data: &rows,
    };
    let encoded = insert.request(None).unwrap();
    assert_eq!(
        encoded.body,
        br#"{"collectionName":"c","data":[{"vector":[0.10],"n":9007199254740993}]}"#
    );
}

#[test]
fn ids_of_an_insert_may_be_text() {
    let insert = Insert {
        collection_name: "c",
        partition_name: None,
        data: &[],
    };
    let answer = r#"{"code":200,"data":{"insertCount":1,"insertIds":["470683510783083150"]}}"#;
    let (written, _) = run(&insert, 200, answer);
    assert_eq!(written.unwrap().ids, [json!("470683510783083150")]);
}

#[test]
fn a_count_goes_without_a_limit() {
    let count = Query {
        output_fields: vec![COUNT.into()],
        limit: Some(100),
        ..query()
    };
    let (_, sent) = run(&count, 200, r#"{"code":200,"data":[{"count(*)":"3"}]}"#);
    assert_eq!(sent.body["limit"], json!(0));
    assert_eq!(sent.body["outputFields"], json!([COUNT]));
}

#[test]
fn a_search_has_one_vector_and_a_range() {
    let range = Search {
        search_params: Map::from_iter([
            ("radius".to_owned(), json!(0.5)),
            ("range_filter".to_owned(), json!(1)),
        ]),
        output_fields: vec!["word".into()],
        offset: 1,
        ..search()
    };
    let answer = r#"{"code":200,"data":[{"distance":1,"id":"9007199254740993","word":"a"}]}"#;
    let (hits, sent) = run(&range, 200, answer);
    let Hits { rows, topks } = hits.unwrap();
    assert_eq!((rows.len(), topks), (1, None));
    assert_eq!(
        sent.body,
        json!({
            "dbName": "d", "collectionName": "c", "vector": [1, 0.5], "limit": 2, "offset": 1,
            "outputFields": ["word"], "params": {"radius": 0.5, "range_filter": 1},
        })
    );
}

#[test]
fn a_delete_has_a_filter_and_answers_no_count() {
    let delete = Delete {
        collection_name: "c".into(),
        partition_name: None,
        filter: "id in [1]".into(),
        expr_params: None,
    };
    let (deleted, sent) = run(&delete, 200, r#"{"code":200,"data":{}}"#);
    assert_eq!(deleted.unwrap().delete_count, None);
    assert_eq!(
        sent.body,
        json!({"dbName": "d", "collectionName": "c", "filter": "id in [1]"})
    );
}

#[test]
fn every_row_passes_a_filter_that_has_every_key() {
    let schema = |data_type: &str| CollectionSchema {
        fields: vec![FieldSchema {
            name: "pk".into(),
            data_type: data_type.into(),
            element_type: None,
            dim: None,
            primary_key: true,
            auto_id: false,
            nullable: false,
            function_output: false,
        }],
        enable_dynamic_field: false,
        token: String::new(),
    };
    let filter = |data_type: &str| {
        let query = Query {
            collection_name: "c".into(),
            ..Query::default()
        };
        assert_eq!(query.fits_by().unwrap(), Some("c"));
        query.fitted(&schema(data_type)).unwrap().unwrap().filter
    };
    assert_eq!(
        filter("Int64"),
        "pk >= -9223372036854775807 or pk < -9223372036854775807"
    );
    assert_eq!(filter("VarChar"), r#"pk >= """#);
}
