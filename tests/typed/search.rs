//! Searches: several queries at once, hits as columns.

use host_harness::search::{
    AnnSearch, Grouping, HybridSearchRequest, QueryData, Ranker, RrfRanker, SearchOptions,
    SearchRequest, WeightedRanker,
};
use host_harness::types::{Column, ColumnData, ConsistencyLevel, F32Matrix, Ids, SparseMatrix};
use host_harness::{CallError, ErrorKind};
use serde_json::json;

use super::{Collection, column, data, filter, vectors};
use crate::servers::local::{Lite, host};

/// Six words at (1, 0) to (6, 0), and a sparse vector with the key as its one dimension.
async fn words() -> Collection {
    let collection = Collection::new(Lite, json!({
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "word", "type": "VarChar", "max_length": 20},
            {"name": "kind", "type": "Int64"},
            {"name": "v", "type": "FloatVector", "dim": 2},
            {"name": "s", "type": "SparseFloatVector"},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}, {"field_name": "s", "metric_type": "IP"}],
    }))
    .await;
    let points = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let sparse = SparseMatrix {
        offsets: (0..=6).collect(),
        indices: (1..=6).collect(),
        values: points.to_vec(),
    };
    let names = ["ant", "bee", "cat", "dog", "elm", "fern"];
    let columns: Vec<Column> = vec![
        column("pk", ColumnData::Int64((1..=6).collect())),
        column("word", ColumnData::Varchar(names.map(Into::into).into())),
        column("kind", ColumnData::Int64(vec![1, 1, 2, 2, 3, 3])),
        column(
            "v",
            vectors(2, points.iter().flat_map(|x| [*x, 0.0]).collect()),
        ),
        column("s", ColumnData::SparseFloatVector(sparse)),
    ];
    host()
        .insert_entities(&collection.stage.endpoint, &collection.rows(6, columns))
        .await
        .expect("the rows fit");
    collection
}

fn options(collection: &Collection) -> SearchOptions {
    SearchOptions {
        collection_name: collection.name.clone(),
        partition_names: Vec::new(),
        output_fields: Vec::new(),
        offset: 0,
        grouping: None,
        consistency_level: Some(ConsistencyLevel::Strong),
        function_score: None,
        schema: None,
        extra: None,
    }
}

fn search(options: &SearchOptions, search: &AnnSearch) -> SearchRequest {
    SearchRequest {
        options: options.clone(),
        search: search.clone(),
    }
}

fn hybrid(
    options: &SearchOptions,
    searches: &[AnnSearch],
    ranker: &Ranker,
    limit: u32,
) -> HybridSearchRequest {
    HybridSearchRequest {
        options: options.clone(),
        searches: searches.to_vec(),
        ranker: ranker.clone(),
        limit,
    }
}

fn rrf(k: u32) -> Ranker {
    Ranker::Rrf(RrfRanker {
        k: Some(k),
        weights: Vec::new(),
    })
}

fn near(values: Vec<f32>) -> AnnSearch {
    AnnSearch {
        anns_field: Some("v".into()),
        data: QueryData::FloatVector(F32Matrix { dim: 2, values }),
        limit: 3,
        filter: filter(""),
        metric_type: None,
        radius: None,
        range_filter: None,
        params: None,
        extra: None,
    }
}

fn sparse(index: u32) -> AnnSearch {
    let matrix = SparseMatrix {
        offsets: vec![0, 1],
        indices: vec![index],
        values: vec![1.0],
    };
    AnnSearch {
        anns_field: Some("s".into()),
        data: QueryData::SparseFloatVector(matrix),
        ..near(Vec::new())
    }
}

#[tokio::test]
async fn several_queries_have_their_hits_one_after_the_other() {
    let words = words().await;
    let mut asked = near(vec![0.0, 0.0, 7.0, 0.0, 3.0, 0.0]);
    asked.radius = Some(10.0);
    words.stage.requests();
    let found = host()
        .search_entities(&words.stage.endpoint, &search(&options(&words), &asked))
        .await
        .expect("hits")
        .value;
    assert_eq!(words.stage.requests(), 1);
    assert_eq!(found.hits, [3, 3, 3]);
    let Ids::Int64(ids) = found.ids else {
        panic!("{:?}", found.ids)
    };
    assert_eq!((&ids[..6], ids[6]), (&[1, 2, 3, 6, 5, 4][..], 3));
    assert_eq!(found.distances[..6], [1.0, 4.0, 9.0, 1.0, 4.0, 9.0]);
    assert!(found.columns.is_empty() && found.dynamic.is_empty());
}

#[tokio::test]
async fn queries_with_fewer_hits_than_others_are_told_apart() {
    let words = words().await;
    let mut asked = near(vec![0.0, 0.0, 50.0, 0.0, 3.0, 0.0]);
    asked.radius = Some(1.5);
    let found = host()
        .search_entities(&words.stage.endpoint, &search(&options(&words), &asked))
        .await
        .expect("hits")
        .value;
    assert_eq!(found.hits, [1, 0, 3]);
    let Ids::Int64(ids) = found.ids else {
        panic!("{:?}", found.ids)
    };
    assert_eq!((ids.len(), ids[0], ids[1]), (4, 1, 3));
}

#[tokio::test]
async fn output_fields_come_as_columns() {
    let words = words().await;
    let mut options = options(&words);
    options.output_fields = vec!["word".into(), "kind".into(), "v".into()];
    options.schema = Some(
        host()
            .describe_schema(&words.stage.endpoint, &words.itself())
            .await
            .expect("a schema")
            .value
            .token,
    );
    words.stage.requests();
    let found = host()
        .search_entities(
            &words.stage.endpoint,
            &search(&options, &near(vec![0.0, 0.0])),
        )
        .await
        .expect("hits")
        .value;
    assert_eq!(words.stage.requests(), 1, "the schema was passed");
    assert_eq!(
        data(&found.columns, "word"),
        &ColumnData::Varchar(["ant", "bee", "cat"].map(Into::into).into())
    );
    assert_eq!(
        data(&found.columns, "kind"),
        &ColumnData::Int64(vec![1, 1, 2])
    );
    assert_eq!(
        data(&found.columns, "v"),
        &vectors(2, vec![1.0, 0.0, 2.0, 0.0, 3.0, 0.0])
    );
}

#[tokio::test]
async fn filter_offset_range_and_grouping_narrow_the_hits() {
    let words = words().await;
    let ids = async |options: &SearchOptions, asked: &AnnSearch| {
        let found = host()
            .search_entities(&words.stage.endpoint, &search(options, asked))
            .await
            .expect("hits")
            .value;
        let Ids::Int64(ids) = found.ids else {
            panic!("{:?}", found.ids)
        };
        ids
    };
    let plain = options(&words);
    let mut filtered = near(vec![0.0, 0.0]);
    filtered.filter.expression = "kind > {k}".into();
    filtered.filter.params = Some(r#"{"k":1}"#.into());
    assert_eq!(ids(&plain, &filtered).await, [3, 4, 5]);
    assert_eq!(
        ids(
            &SearchOptions {
                offset: 2,
                ..plain.clone()
            },
            &near(vec![0.0, 0.0])
        )
        .await,
        [3, 4, 5]
    );
    let ranged = AnnSearch {
        radius: Some(16.0),
        range_filter: Some(4.0),
        ..near(vec![0.0, 0.0])
    };
    assert_eq!(ids(&plain, &ranged).await, [2, 3]);
    let grouping = Some(Grouping {
        field: "kind".into(),
        size: 1,
        strict: false,
    });
    assert_eq!(
        ids(
            &SearchOptions {
                grouping,
                ..plain.clone()
            },
            &near(vec![0.0, 0.0])
        )
        .await,
        [1, 3, 5]
    );
    let checked = AnnSearch {
        metric_type: Some("L2".into()),
        params: Some(r#"{"ef":32}"#.into()),
        ..near(vec![0.0, 0.0])
    };
    assert_eq!(ids(&plain, &checked).await, [1, 2, 3]);
}

#[tokio::test]
async fn stored_rows_can_be_the_queries() {
    let words = words().await;
    let asked = AnnSearch {
        data: QueryData::Stored(Ids::Int64(vec![1, 6])),
        limit: 2,
        ..near(Vec::new())
    };
    let found = host()
        .search_entities(&words.stage.endpoint, &search(&options(&words), &asked))
        .await
        .expect("hits")
        .value;
    assert_eq!(
        (found.hits, found.ids),
        (vec![2, 2], Ids::Int64(vec![1, 2, 6, 5]))
    );
}

#[tokio::test]
async fn a_sparse_query_finds_its_own_dimension() {
    let words = words().await;
    let found = host()
        .search_entities(&words.stage.endpoint, &search(&options(&words), &sparse(4)))
        .await
        .expect("hits")
        .value;
    assert_eq!(
        (found.ids, found.distances),
        (Ids::Int64(vec![4]), vec![4.0])
    );
}

#[tokio::test]
async fn a_hybrid_search_joins_the_hits() {
    let words = words().await;
    let requests = [near(vec![0.0, 0.0]), sparse(3)];
    let mut options = options(&words);
    options.output_fields = vec!["word".into()];
    let found = host()
        .hybrid_search_entities(
            &words.stage.endpoint,
            &hybrid(&options, &requests, &rrf(60), 3),
        )
        .await;
    let found = found.expect("hits").value;
    assert_eq!(found.hits, [3]);
    let Ids::Int64(ids) = &found.ids else {
        panic!("{:?}", found.ids)
    };
    assert_eq!(ids[0], 3, "both found it: {found:?}");
    let ColumnData::Varchar(names) = data(&found.columns, "word") else {
        panic!("{found:?}")
    };
    assert_eq!(names[0], "cat");
    let weighted = Ranker::Weighted(WeightedRanker {
        weights: vec![1.0, 0.0],
        norm_score: true,
    });
    let found = host()
        .hybrid_search_entities(
            &words.stage.endpoint,
            &hybrid(&options, &requests, &weighted, 1),
        )
        .await;
    assert_eq!(found.expect("hits").ids, Ids::Int64(vec![1]));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let words = words().await;
    words.stage.requests();
    let refused = |error: CallError| match error {
        CallError::Tool(error) => assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error:?}"),
        other => panic!("{other:?}"),
    };
    for asked in [
        near(vec![0.0, f32::NAN]),
        near(vec![0.0; 3]),
        near(Vec::new()),
        AnnSearch {
            limit: 0,
            ..near(vec![0.0, 0.0])
        },
        AnnSearch {
            params: Some("[]".into()),
            ..near(vec![0.0, 0.0])
        },
    ] {
        let error = host()
            .search_entities(&words.stage.endpoint, &search(&options(&words), &asked))
            .await;
        refused(error.expect_err("refused"));
    }
    let short = Ranker::Weighted(WeightedRanker {
        weights: vec![1.0],
        norm_score: false,
    });
    let two = [near(vec![0.0, 0.0]), sparse(1)];
    for (requests, ranker) in [(&two[..0], rrf(60)), (&two[..], short), (&two[..], rrf(0))] {
        let error = host()
            .hybrid_search_entities(
                &words.stage.endpoint,
                &hybrid(&options(&words), requests, &ranker, 3),
            )
            .await;
        refused(error.expect_err("refused"));
    }
    assert_eq!(words.stage.requests(), 0);
}

#[tokio::test]
async fn a_search_in_a_collection_that_is_not_there_is_not_found() {
    let words = words().await;
    let mut options = options(&words);
    options.collection_name = crate::servers::local::unique("none");
    let error = host()
        .search_entities(
            &words.stage.endpoint,
            &search(&options, &near(vec![0.0, 0.0])),
        )
        .await;
    let CallError::Tool(error) = error.expect_err("no such collection") else {
        panic!("a tool's error")
    };
    assert_eq!(
        (error.kind, error.milvus_code),
        (ErrorKind::NotFound, Some(100))
    );
}
