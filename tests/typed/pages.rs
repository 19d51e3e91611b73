//! Iteration: every row once, in the order of the key, whatever the size of a page.

use host_harness::entities::PageRequest;
use host_harness::types::{ColumnData, Ids};
use host_harness::{CallError, ErrorKind};
use serde_json::json;

use super::{Collection, column, data, filter, int64, vectors};
use crate::servers::local::{Server, both, host};

/// A collection with these keys, and `n` the number of each key's place.
async fn numbered(server: Server, keys: &[i64]) -> Collection {
    let collection = Collection::new(
        server,
        json!({
            "fields": [
                {"name": "pk", "type": "Int64", "is_primary": true},
                {"name": "n", "type": "Int64"},
                {"name": "v", "type": "FloatVector", "dim": 2},
            ],
            "index_params": [{"field_name": "v", "metric_type": "L2"}],
        }),
    )
    .await;
    let places: Vec<i64> = (0..).take(keys.len()).collect();
    let columns = vec![
        column("pk", ColumnData::Int64(keys.to_vec())),
        column("n", ColumnData::Int64(places)),
        column("v", vectors(2, vec![0.0; keys.len() * 2])),
    ];
    let rows = u32::try_from(keys.len()).expect("few");
    host()
        .insert_entities(&collection.stage.endpoint, &collection.rows(rows, columns))
        .await
        .expect("the rows fit");
    collection.stage.settle(&collection.name);
    collection
}

fn read(collection: &Collection, expression: &str) -> PageRequest {
    PageRequest {
        collection_name: collection.name.clone(),
        partition_names: Vec::new(),
        filter: filter(expression),
        output_fields: vec!["pk".into()],
        page_rows: 5,
        after: None,
        consistency_level: None,
        schema: None,
        extra: None,
    }
}

/// The keys of each page, to the end.
async fn walk(collection: &Collection, request: &PageRequest, page_rows: u32) -> Vec<Vec<i64>> {
    let (mut pages, mut request) = (Vec::new(), request.clone());
    request.page_rows = page_rows;
    loop {
        let page = host()
            .next_entities_page(&collection.stage.endpoint, &request)
            .await;
        let page = page.expect("a page");
        assert!(
            page.rows.rows <= page_rows,
            "{} rows in a page of {page_rows}",
            page.rows.rows
        );
        pages.push(if page.rows.rows == 0 {
            Vec::new()
        } else {
            int64(&page.rows.columns, "pk").to_vec()
        });
        assert!(pages.len() < 5_000, "it ends");
        match page.value.next {
            Some(next) => request.after = Some(next),
            None => return pages,
        }
    }
}

/// Keys far apart and close together, unordered, with the extremes.
fn scattered(count: i64) -> Vec<i64> {
    let mut keys: Vec<i64> = (0..count - 2)
        .map(|n| (n * 7_919 % count) * if n % 3 == 0 { 1 } else { 1_000_003 } - 500_000)
        .collect();
    keys.extend([i64::MIN, i64::MAX]);
    keys.sort_unstable();
    keys.dedup();
    keys.rotate_left(17);
    keys
}

#[tokio::test]
async fn each_row_comes_once_and_in_order_whatever_the_size_of_a_page() {
    for server in both() {
        let mut keys = scattered(1_100);
        assert!(keys.len() > 1_000);
        let collection = numbered(server, &keys).await;
        keys.sort_unstable();
        keys.retain(|key| server.queries(*key));
        let mut request = read(&collection, "");
        request.schema = Some(
            host()
                .describe_schema(&collection.stage.endpoint, &collection.itself())
                .await
                .expect("a schema")
                .value
                .token,
        );
        for page_rows in [7, 100, 2_000] {
            let pages = walk(&collection, &request, page_rows).await;
            assert_eq!(pages.concat(), keys, "pages of {page_rows}");
            assert!(
                page_rows < 2_000 || pages.len() == 1,
                "all rows fit one page"
            );
        }
    }
}

#[tokio::test]
async fn a_filter_holds_on_every_page() {
    for server in both() {
        let keys: Vec<i64> = (0..300).collect();
        let collection = numbered(server, &keys).await;
        let found = walk(
            &collection,
            &read(&collection, "n >= 100 and n < 120 or n > 290"),
            6,
        )
        .await
        .concat();
        assert_eq!(
            found,
            (100..120).chain(291..300).collect::<Vec<_>>(),
            "the filter's `or` is kept together"
        );
    }
}

#[tokio::test]
async fn text_keys_are_walked_in_the_order_of_their_bytes() {
    for server in both() {
        let collection = Collection::new(
            server,
            json!({
                "fields": [
                    {"name": "pk", "type": "VarChar", "max_length": 40, "is_primary": true},
                    {"name": "v", "type": "FloatVector", "dim": 2},
                ],
                "index_params": [{"field_name": "v", "metric_type": "L2"}],
            }),
        )
        .await;
        let mut keys: Vec<String> = (0..150)
            .map(|n| format!("{}-{n}", ["b", "A", "é", "\"q\\"][n % 4]))
            .collect();
        let columns = vec![
            column("pk", ColumnData::Varchar(keys.clone())),
            column("v", vectors(2, vec![0.0; 300])),
        ];
        let report = host()
            .insert_entities(&collection.stage.endpoint, &collection.rows(150, columns))
            .await
            .expect("the rows fit");
        assert_eq!(report.ids, Some(Ids::Varchar(keys.clone())));
        collection.stage.settle(&collection.name);
        keys.sort_unstable();
        let (mut request, mut found) = (read(&collection, ""), Vec::new());
        request.page_rows = 40;
        loop {
            let page = host()
                .next_entities_page(&collection.stage.endpoint, &request)
                .await
                .expect("a page");
            if page.rows.rows > 0 {
                let ColumnData::Varchar(keys) = data(&page.rows.columns, "pk") else {
                    panic!("{page:?}")
                };
                found.extend(keys.clone());
            }
            let Some(next) = page.value.next else { break };
            request.after = Some(next);
        }
        assert_eq!(found, keys);
    }
}

#[tokio::test]
async fn rows_behind_the_cursor_do_not_come_and_those_before_it_do() {
    for server in both() {
        let collection = numbered(server, &(0..20).map(|n| n * 10).collect::<Vec<_>>()).await;
        let mut request = read(&collection, "");
        let first = host()
            .next_entities_page(&collection.stage.endpoint, &request)
            .await
            .expect("a page");
        let seen = int64(&first.rows.columns, "pk").to_vec();
        let columns = vec![
            column("pk", ColumnData::Int64(vec![-5, 195])),
            column("n", ColumnData::Int64(vec![0, 0])),
            column("v", vectors(2, vec![0.0; 4])),
        ];
        host()
            .insert_entities(&collection.stage.endpoint, &collection.rows(2, columns))
            .await
            .expect("the rows fit");
        collection.stage.settle(&collection.name);
        let mut rest = Vec::new();
        request.after = first.value.next;
        while request.after.is_some() {
            let page = host()
                .next_entities_page(&collection.stage.endpoint, &request)
                .await
                .expect("a page");
            if page.rows.rows > 0 {
                rest.extend_from_slice(int64(&page.rows.columns, "pk"));
            }
            request.after = page.value.next;
        }
        assert!(!rest.contains(&-5) && rest.contains(&195), "{rest:?}");
        assert_eq!(seen.len() + rest.len(), 21);
    }
}

#[tokio::test]
async fn pages_of_one_row_reach_the_end_over_any_gap_in_few_steps() {
    for server in both() {
        let keys = [i64::MIN, -1, 0, 1, 9_007_199_254_740_993, i64::MAX];
        let collection = numbered(server, &keys).await;
        let pages = walk(&collection, &read(&collection, ""), 1).await;
        let read_keys: Vec<i64> = keys
            .into_iter()
            .filter(|key| server.queries(*key))
            .collect();
        assert_eq!(pages.concat(), read_keys);
        assert!(pages.len() <= 3 * keys.len(), "{} steps", pages.len());
        let dense = numbered(server, &(0..20).collect::<Vec<_>>()).await;
        let pages = walk(&dense, &read(&dense, ""), 5).await;
        assert!(
            pages.len() <= 10,
            "{} steps behind the last row, too",
            pages.len()
        );
    }
}

#[tokio::test]
async fn an_empty_collection_is_one_empty_page() {
    for server in both() {
        let collection = numbered(server, &[1]).await;
        assert_eq!(
            walk(&collection, &read(&collection, "pk > 5"), 10).await,
            [Vec::<i64>::new()]
        );
    }
}

#[tokio::test]
async fn t58_a_changed_cursor_and_another_requests_cursor_are_refused() {
    for server in both() {
        let collection = numbered(server, &(0..50).collect::<Vec<_>>()).await;
        let request = read(&collection, "");
        let page = host()
            .next_entities_page(&collection.stage.endpoint, &request)
            .await
            .expect("a page");
        let cursor = page.value.next.expect("there are more");
        collection.stage.requests();
        let refused = async |request: &PageRequest, cursor: &str| {
            let request = PageRequest {
                after: Some(cursor.to_owned()),
                ..request.clone()
            };
            let error = host()
                .next_entities_page(&collection.stage.endpoint, &request)
                .await
                .expect_err("refused");
            let CallError::Tool(error) = error else {
                panic!("{error:?}")
            };
            assert_eq!(
                (error.kind, error.argument.as_deref()),
                (ErrorKind::InvalidArgument, Some("after")),
                "{error:?}"
            );
            assert!(
                cursor.len() < 9 || !error.message.contains(cursor),
                "{error:?}"
            );
        };
        for position in [0, cursor.len() / 3, cursor.len() / 2, cursor.len() - 2] {
            let mut changed = cursor.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            refused(&request, &String::from_utf8(changed).expect("ASCII")).await;
        }
        for other in [
            "",
            "x",
            "e30",
            &cursor[..cursor.len() - 3],
            &format!("{cursor}{cursor}"),
            &"A".repeat(300_000),
        ] {
            refused(&request, other).await;
        }
        refused(&read(&collection, "pk >= 0"), &cursor).await;
        let mut wider = request.clone();
        wider.output_fields.push("n".into());
        refused(&wider, &cursor).await;
        let other = numbered(server, &[1]).await;
        refused(&read(&other, ""), &cursor).await;
    }
}

#[tokio::test]
async fn a_page_of_no_rows_is_refused_before_anything_is_sent() {
    for server in both() {
        let collection = numbered(server, &[1]).await;
        collection.stage.requests();
        for page_rows in [0, 16_384] {
            let request = PageRequest {
                page_rows,
                ..read(&collection, "")
            };
            let error = host()
                .next_entities_page(&collection.stage.endpoint, &request)
                .await
                .expect_err("refused");
            let CallError::Tool(error) = error else {
                panic!("{error:?}")
            };
            assert_eq!(
                (error.kind, error.argument.as_deref()),
                (ErrorKind::InvalidArgument, Some("page-rows"))
            );
        }
        assert_eq!(collection.stage.requests(), 0);
    }
}
