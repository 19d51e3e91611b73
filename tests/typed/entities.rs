//! Rows as columns: written, read, counted, deleted.

use host_harness::entities::DeleteRequest;
use host_harness::types::{
    ArrayColumn, ArrayElements, Column, ColumnData, Ids, RowBatch, SparseMatrix,
};
use host_harness::{CallError, ErrorKind, ErrorSource, Outcome, Retry};
use serde_json::{Value, json};

use super::{Collection, batch, by_filter, by_ids, column, data, filter, int64, vectors};
use crate::servers::Recorder;
use crate::servers::local::{Lite, LocalMilvus, Server, Standalone, both, endpoint, host, unique};

/// A key and a vector of two dimensions.
async fn small(server: Server) -> Collection {
    Collection::new(
        server,
        json!({
            "fields": [
                {"name": "pk", "type": "Int64", "is_primary": true},
                {"name": "v", "type": "FloatVector", "dim": 2},
            ],
            "index_params": [{"field_name": "v", "metric_type": "L2"}],
        }),
    )
    .await
}

fn keys(keys: &[i64]) -> Vec<Column> {
    let zeros = vec![0.0; keys.len() * 2];
    vec![
        column("pk", ColumnData::Int64(keys.to_vec())),
        column("v", vectors(2, zeros)),
    ]
}

impl Collection {
    async fn insert(&self, rows: u32, columns: Vec<Column>) -> host_harness::entities::WriteReport {
        let report = host()
            .insert_entities(&self.stage.endpoint, &self.rows(rows, columns))
            .await
            .expect("the rows fit");
        self.stage.settle(&self.name);
        report.value
    }

    async fn all(&self) -> RowBatch {
        let request = self.read(by_filter(""));
        host()
            .query_entities(&self.stage.endpoint, &request)
            .await
            .expect("rows")
            .value
    }

    fn delete(&self, selection: host_harness::entities::Selection) -> DeleteRequest {
        DeleteRequest {
            collection_name: self.name.clone(),
            partition_name: None,
            selection,
            schema: None,
            extra: None,
        }
    }
}

fn all_types() -> Value {
    json!({
        "enable_dynamic_field": true,
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "yes", "type": "Bool"}, {"name": "i8", "type": "Int8"}, {"name": "i16", "type": "Int16"},
            {"name": "i32", "type": "Int32"}, {"name": "f", "type": "Float"}, {"name": "d", "type": "Double"},
            {"name": "text", "type": "VarChar", "max_length": 100, "nullable": true},
            {"name": "json", "type": "JSON", "nullable": true},
            {"name": "numbers", "type": "Array", "element_type": "Int64", "max_capacity": 4},
            {"name": "words", "type": "Array", "element_type": "VarChar", "max_length": 10, "max_capacity": 4},
            {"name": "floats", "type": "Array", "element_type": "Float", "max_capacity": 4},
            {"name": "yeses", "type": "Array", "element_type": "Bool", "max_capacity": 4},
            {"name": "v", "type": "FloatVector", "dim": 2},
            {"name": "s", "type": "SparseFloatVector"},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}, {"field_name": "s", "metric_type": "IP"}],
    })
}

fn array(offsets: Vec<u32>, elements: ArrayElements) -> ColumnData {
    ColumnData::Array(ArrayColumn { offsets, elements })
}

/// Three rows with the extremes of each type; the second one has nulls.
fn all_columns() -> Vec<Column> {
    let mut text = column(
        "text",
        ColumnData::Varchar(vec![
            "a \"quoted\" 猫\n\t\\".into(),
            String::new(),
            String::new(),
        ]),
    );
    text.nulls = vec![1];
    let json = vec![
        r#"{"a":[1,null,"b"]}"#.into(),
        "null".into(),
        r#""text""#.into(),
    ];
    let mut json = column("json", ColumnData::Json(json));
    json.nulls = vec![1];
    let sparse = SparseMatrix {
        offsets: vec![0, 2, 3, 4],
        indices: vec![3, 70_000, 1, 9],
        values: vec![0.5, 2.0, 1.0, 0.1],
    };
    let words = vec!["one".into(), "two \"2\"".into(), String::new()];
    vec![
        column(
            "pk",
            ColumnData::Int64(vec![i64::MIN, 9_007_199_254_740_993, i64::MAX]),
        ),
        column("yes", ColumnData::Booleans(vec![true, false, true])),
        column("i8", ColumnData::Int8(vec![i8::MIN, 0, i8::MAX])),
        column("i16", ColumnData::Int16(vec![i16::MIN, 0, i16::MAX])),
        column("i32", ColumnData::Int32(vec![i32::MIN, 0, i32::MAX])),
        column("f", ColumnData::Float(vec![0.1, -3.4e38, 1e-30])),
        column("d", ColumnData::Double(vec![0.1, -1.7e308, 1e-300])),
        text,
        json,
        column(
            "numbers",
            array(
                vec![0, 2, 2, 3],
                ArrayElements::Int64(vec![9_007_199_254_740_993, -2, i64::MAX]),
            ),
        ),
        column(
            "words",
            array(vec![0, 2, 2, 3], ArrayElements::Varchar(words)),
        ),
        column(
            "floats",
            array(
                vec![0, 0, 1, 3],
                ArrayElements::Float(vec![0.1, 0.25, -1e10]),
            ),
        ),
        column(
            "yeses",
            array(vec![0, 1, 2, 2], ArrayElements::Booleans(vec![true, false])),
        ),
        column("v", vectors(2, vec![0.1, -1.5, 0.0, 1e-20, 3e30, 7.0])),
        column("s", ColumnData::SparseFloatVector(sparse)),
    ]
}

#[tokio::test]
async fn columns_of_every_type_come_back_equal() {
    let all = Collection::new(Lite, all_types()).await;
    let mut request = all.rows(3, all_columns());
    request.rows.dynamic = vec![
        r#"{"extra":"one"}"#.into(),
        "{}".into(),
        r#"{"extra":{"deep":[true]}}"#.into(),
    ];
    let report = host()
        .insert_entities(&all.stage.endpoint, &request)
        .await
        .expect("the rows fit");
    assert_eq!((report.rows, report.requests), (3, 1));
    assert_eq!(
        report.ids,
        Some(Ids::Int64(vec![i64::MIN, 9_007_199_254_740_993, i64::MAX]))
    );

    let read = all.all().await;
    assert_eq!(read.rows, 3);
    for expected in all_columns() {
        let found = read
            .columns
            .iter()
            .find(|column| column.name == expected.name);
        let found = found.unwrap_or_else(|| panic!("no column {}", expected.name));
        assert_eq!(found.nulls, expected.nulls, "{}", expected.name);
        match (&found.data, &expected.data) {
            (ColumnData::Json(found), ColumnData::Json(expected)) => {
                let read = |texts: &[String]| -> Vec<Value> {
                    texts
                        .iter()
                        .map(|text| serde_json::from_str(text).expect("JSON"))
                        .collect()
                };
                assert_eq!(read(found), read(expected));
            }
            (found, data) => assert_eq!(found, data, "{}", expected.name),
        }
    }
    let dynamic: Vec<Value> = read
        .dynamic
        .iter()
        .map(|text| serde_json::from_str(text).expect("JSON"))
        .collect();
    assert_eq!(
        dynamic,
        [
            json!({"extra": "one"}),
            json!({}),
            json!({"extra": {"deep": [true]}})
        ]
    );
}

#[tokio::test]
async fn output_fields_say_which_columns_come() {
    let all = Collection::new(Lite, all_types()).await;
    all.insert(3, all_columns()).await;
    let mut request = all.read(by_ids(&[i64::MAX]));
    request.output_fields = vec!["i8".into(), "text".into()];
    let read = host()
        .query_entities(&all.stage.endpoint, &request)
        .await
        .expect("a row");
    let mut names: Vec<_> = read
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["i8", "pk", "text"], "the key comes with them");
    assert_eq!(data(&read.columns, "i8"), &ColumnData::Int8(vec![i8::MAX]));
}

#[tokio::test]
async fn offset_and_limit_cut_the_rows() {
    for server in both() {
        let small = small(server).await;
        small.insert(5, keys(&[1, 2, 3, 4, 5])).await;
        let mut request = small.read(by_filter("pk > 1"));
        (request.offset, request.limit) = (1, 2);
        let read = host()
            .query_entities(&small.stage.endpoint, &request)
            .await
            .expect("rows");
        assert_eq!(int64(&read.columns, "pk"), [3, 4]);
        (request.offset, request.limit) = (16_000, 1_000);
        let error = host()
            .query_entities(&small.stage.endpoint, &request)
            .await
            .expect_err("beyond");
        assert!(
            matches!(&error, CallError::Tool(error) if error.kind == ErrorKind::InvalidArgument),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn rows_are_read_by_key_and_missing_ones_are_left_out() {
    for server in both() {
        let small = small(server).await;
        small.insert(3, keys(&[1, i64::MIN, i64::MAX])).await;
        for key in [1, i64::MIN, i64::MAX] {
            let request = small.read(by_ids(&[key, 99]));
            let read = host()
                .query_entities(&small.stage.endpoint, &request)
                .await
                .expect("a row");
            if server.queries(key) {
                assert_eq!(int64(&read.columns, "pk"), [key]);
            } else {
                assert_eq!(read.rows, 0);
            }
        }
        let request = small.read(by_ids(&[i64::MAX - 1]));
        let read = host()
            .query_entities(&small.stage.endpoint, &request)
            .await
            .expect("no row");
        assert_eq!(read.rows, 0);
    }
}

#[tokio::test]
async fn t31_text_keys_of_any_content_are_read_back() {
    for server in both() {
        let texts = Collection::new(
            server,
            json!({
                "fields": [
                    {"name": "pk", "type": "VarChar", "max_length": 60, "is_primary": true},
                    {"name": "v", "type": "FloatVector", "dim": 2},
                ],
                "index_params": [{"field_name": "v", "metric_type": "L2"}],
            }),
        )
        .await;
        let odd: Vec<String> = ["\"] or pk != \"", "it's", "12", "back\\slash"]
            .map(Into::into)
            .into();
        let columns = vec![
            column("pk", ColumnData::Varchar(odd.clone())),
            column("v", vectors(2, vec![0.0; 8])),
        ];
        assert_eq!(
            texts.insert(4, columns).await.ids,
            Some(Ids::Varchar(odd.clone()))
        );
        for key in odd {
            let request = texts.read(host_harness::entities::Selection::ByIds(Ids::Varchar(
                vec![key.clone()],
            )));
            let read = host()
                .query_entities(&texts.stage.endpoint, &request)
                .await
                .expect("a row");
            assert_eq!(data(&read.columns, "pk"), &ColumnData::Varchar(vec![key]));
        }
    }
}

#[tokio::test]
async fn an_upsert_replaces_and_a_partial_one_keeps() {
    let pairs = Collection::new(Lite, json!({
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "a", "type": "Int64", "nullable": true}, {"name": "b", "type": "Int64", "nullable": true},
            {"name": "v", "type": "FloatVector", "dim": 2},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}],
    }))
    .await;
    let a = || column("a", ColumnData::Int64(vec![10]));
    let b = |value| column("b", ColumnData::Int64(vec![value]));
    let first = [keys(&[1]), vec![a(), b(20)]].concat();
    pairs.insert(1, first).await;
    let partial = vec![column("pk", ColumnData::Int64(vec![1])), b(21)];
    host()
        .upsert_entities(&pairs.stage.endpoint, &pairs.replacing(1, partial, true))
        .await
        .expect("a partial upsert");
    let read = pairs.all().await;
    assert_eq!(
        (int64(&read.columns, "a"), int64(&read.columns, "b")),
        (&[10][..], &[21][..])
    );
    let full = [keys(&[1]), vec![b(22)]].concat();
    let report = host()
        .upsert_entities(&pairs.stage.endpoint, &pairs.replacing(1, full, false))
        .await
        .expect("an upsert");
    assert_eq!(
        (report.rows, report.value.ids),
        (1, Some(Ids::Int64(vec![1])))
    );
    let read = pairs.all().await;
    let lost = read
        .columns
        .iter()
        .find(|column| column.name == "a")
        .expect("it is answered");
    assert_eq!(
        (lost.nulls.as_slice(), int64(&read.columns, "b")),
        (&[0][..], &[22][..])
    );
}

#[tokio::test]
async fn rows_are_deleted_by_key_and_by_filter() {
    for server in both() {
        let small = small(server).await;
        small
            .insert(5, keys(&[1, 2, i64::MIN, i64::MAX, 9_007_199_254_740_993]))
            .await;
        let report = host()
            .delete_entities(
                &small.stage.endpoint,
                &small.delete(by_ids(&[i64::MIN, i64::MAX])),
            )
            .await;
        // REST v1 tells no count.
        let two = (server == Lite).then_some(2);
        assert_eq!(report.expect("a delete").deleted, two);
        small.stage.settle(&small.name);
        assert_eq!(
            int64(&small.all().await.columns, "pk"),
            [1, 2, 9_007_199_254_740_993]
        );
        let report = host()
            .delete_entities(&small.stage.endpoint, &small.delete(by_filter("pk < 3")))
            .await;
        assert_eq!(report.expect("a delete").deleted, two);
        small.stage.settle(&small.name);
        assert_eq!(
            int64(&small.all().await.columns, "pk"),
            [9_007_199_254_740_993]
        );
    }
}

#[tokio::test]
async fn an_empty_selection_deletes_nothing() {
    for server in both() {
        let small = small(server).await;
        small.insert(1, keys(&[1])).await;
        for selection in [by_filter(""), by_filter("  "), by_ids(&[])] {
            let error = host()
                .delete_entities(&small.stage.endpoint, &small.delete(selection))
                .await
                .expect_err("refused");
            assert!(
                matches!(&error, CallError::Tool(error) if error.kind == ErrorKind::InvalidArgument),
                "{error:?}"
            );
        }
        assert_eq!(small.all().await.rows, 1);
    }
}

#[tokio::test]
async fn rows_are_counted_by_filter_and_by_key() {
    for server in both() {
        let small = small(server).await;
        small.insert(4, keys(&[1, 2, 3, 4])).await;
        for (selection, count) in [
            (by_filter(""), 4),
            (by_filter("pk > 2"), 2),
            (by_ids(&[1, 99]), 1),
        ] {
            let counted = host()
                .count_entities(&small.stage.endpoint, &small.count(selection))
                .await;
            assert_eq!(*counted.expect("a count"), count);
        }
    }
}

#[tokio::test]
async fn templates_in_a_filter_are_filled_and_over_v1_they_are_unsupported() {
    for server in both() {
        let small = small(server).await;
        small.insert(4, keys(&[1, 2, 3, 4])).await;
        let mut templated = filter("pk > {low}");
        templated.params = Some(r#"{"low":3}"#.into());
        let request = small.count(host_harness::entities::Selection::ByFilter(templated));
        let counted = host().count_entities(&small.stage.endpoint, &request).await;
        match (server, counted) {
            (Lite, Ok(counted)) if *counted == 1 => {}
            (Standalone, Err(CallError::Tool(error)))
                if error.kind == ErrorKind::Unsupported && error.message.contains("2.4.18") => {}
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_schema_names_each_field_and_saves_a_request() {
    let all = Collection::new(Lite, all_types()).await;
    let schema = host()
        .describe_schema(&all.stage.endpoint, &all.itself())
        .await
        .expect("a schema");
    let fields: Vec<_> = schema
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.data_type.as_str()))
        .collect();
    assert_eq!(
        fields[..3],
        [("pk", "Int64"), ("yes", "Bool"), ("i8", "Int8")]
    );
    assert!(schema.enable_dynamic_field);
    let of = |name: &str| {
        schema
            .fields
            .iter()
            .find(|field| field.name == name)
            .expect("a field")
    };
    assert!(of("pk").primary_key && !of("pk").auto_id && !of("yes").primary_key);
    assert_eq!(
        (
            of("numbers").element_type.as_deref(),
            of("v").dim,
            of("s").dim
        ),
        (Some("Int64"), Some(2), None)
    );
    assert!(of("text").nullable && !of("i8").nullable);
    all.stage.requests();
    let mut request = all.read(by_ids(&[1]));
    for (schema, requests) in [(None, 2), (Some(schema.value.token), 1)] {
        request.schema = schema;
        host()
            .query_entities(&all.stage.endpoint, &request)
            .await
            .expect("no row");
        assert_eq!(all.stage.requests(), requests);
    }
}

#[tokio::test]
async fn a_write_to_a_collection_that_is_not_there_confirms_nothing() {
    for server in both() {
        let small = small(server).await;
        let mut request = small.rows(2, keys(&[1, 2]));
        request.collection_name = unique("none");
        let failure = host()
            .insert_entities(&small.stage.endpoint, &request)
            .await
            .expect_err("no such collection");
        assert_eq!(
            (
                failure.confirmed.rows,
                failure.confirmed.ids.clone(),
                failure.resume_at
            ),
            (0, None, 0),
            "{failure:?}"
        );
        let CallError::Tool(error) = &failure.error else {
            panic!("{failure:?}")
        };
        assert_eq!(
            (error.kind, error.milvus_code, error.source),
            (ErrorKind::NotFound, Some(100), ErrorSource::Server)
        );
        assert_eq!(
            (error.outcome, error.retry),
            (Outcome::NotApplied, Retry::Never)
        );
    }
}

#[tokio::test]
async fn columns_that_do_not_fit_together_are_refused_before_anything_is_sent() {
    for server in both() {
        let small = small(server).await;
        small.stage.requests();
        let short = vec![
            column("pk", ColumnData::Int64(vec![1])),
            column("v", vectors(2, vec![0.0; 4])),
        ];
        let twice = vec![
            column("pk", ColumnData::Int64(vec![1, 2])),
            column("pk", ColumnData::Int64(vec![1, 2])),
        ];
        let nan = vec![
            column("pk", ColumnData::Int64(vec![1, 2])),
            column("v", vectors(2, vec![0.0, f32::NAN, 0.0, 0.0])),
        ];
        let ragged = vec![
            column("pk", ColumnData::Int64(vec![1, 2])),
            column("v", vectors(2, vec![0.0; 3])),
        ];
        for columns in [short, twice, nan, ragged] {
            let failure = host()
                .insert_entities(&small.stage.endpoint, &small.rows(2, columns.clone()))
                .await
                .expect_err("refused");
            let CallError::Tool(error) = &failure.error else {
                panic!("{failure:?}")
            };
            assert_eq!(
                (error.kind, error.outcome, failure.resume_at),
                (ErrorKind::InvalidArgument, Outcome::NotApplied, 0)
            );
            assert!(
                error
                    .argument
                    .as_deref()
                    .is_some_and(|argument| argument.starts_with("columns[")),
                "{error:?}"
            );
            assert_eq!(small.stage.requests(), 0, "{columns:?}");
        }
    }
}

#[tokio::test]
async fn many_rows_are_cut_into_batches_and_all_are_in() {
    let texts = Collection::new(
        Lite,
        json!({
            "fields": [
                {"name": "pk", "type": "Int64", "is_primary": true},
                {"name": "text", "type": "VarChar", "max_length": 65_535},
                {"name": "v", "type": "FloatVector", "dim": 2},
            ],
            "index_params": [{"field_name": "v", "metric_type": "L2"}],
        }),
    )
    .await;
    let rows = 300_u32;
    let text = "x".repeat(65_000);
    let all: Vec<i64> = (0..i64::from(rows)).collect();
    let columns = [
        keys(&all),
        vec![column(
            "text",
            ColumnData::Varchar(vec![text; rows as usize]),
        )],
    ]
    .concat();
    let proxy = Recorder::forwarding(LocalMilvus::shared().address());
    let request = texts.rows(rows, columns);
    let report = host()
        .insert_entities(&endpoint(&proxy.uri()), &request)
        .await
        .expect("the rows fit");
    assert_eq!((report.rows, report.requests), (rows, 2));
    assert_eq!(report.ids, Some(Ids::Int64(all)));
    assert_eq!(proxy.requests().len(), 2);
    let counted = host()
        .count_entities(&texts.stage.endpoint, &texts.count(by_filter("")))
        .await;
    assert_eq!(*counted.expect("a count"), u64::from(rows));
}

#[tokio::test]
async fn t75_a_write_that_breaks_midway_says_what_is_in_and_where_to_go_on() {
    // The first batch is confirmed; the second one is refused as a server does that lacks memory.
    let count = std::sync::atomic::AtomicU32::new(0);
    let milvus = Recorder::answering(move |request| {
        let rows = String::from_utf8_lossy(&request.body)
            .matches("\"pk\":")
            .count();
        let body = match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => {
                json!({"code": 0, "data": {"insertCount": rows, "insertIds": (0..rows).collect::<Vec<_>>()}})
            }
            _ => json!({"code": 3, "message": "memory limit exceeded"}),
        };
        crate::servers::ok("application/json", body.to_string().as_bytes())
    });
    let (rows, text) = (300_u32, "x".repeat(65_000));
    let all: Vec<i64> = (0..i64::from(rows)).collect();
    let columns = vec![
        column("pk", ColumnData::Int64(all.clone())),
        column("text", ColumnData::Varchar(vec![text; rows as usize])),
    ];
    let request = host_harness::entities::InsertRequest {
        collection_name: "docs".into(),
        partition_name: None,
        rows: batch(rows, columns),
        extra: None,
    };
    let failure = host()
        .insert_entities(&endpoint(&milvus.uri()), &request)
        .await
        .expect_err("the second batch");
    let confirmed = failure.confirmed.rows as usize;
    assert!((200..300).contains(&confirmed), "{confirmed} rows");
    assert_eq!(
        failure.confirmed.ids,
        Some(Ids::Int64(all[..confirmed].to_vec()))
    );
    assert_eq!(
        failure.resume_at, rows,
        "the rest was sent, and is in doubt"
    );
    let CallError::Tool(error) = &failure.error else {
        panic!("{failure:?}")
    };
    assert_eq!(
        (error.outcome, error.retry),
        (Outcome::PartlyApplied, Retry::AfterCheck),
        "{error:?}"
    );
}
