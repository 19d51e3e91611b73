//! Nearest neighbours: search and hybrid search with typed queries, and their hits as columns.

use super::fields::Fields;
use super::{object, templates};
use crate::client::hits::{self, Found};
use crate::client::{Client, keys};
use crate::contract::search::{
    AnnSearch, EmbeddingLists, Grouping, HybridSearchRequest, QueryData, Ranker, SearchRequest,
    SearchResult,
};
use crate::contract::types::Ids;
use crate::error::Error;
use crate::operations::search as operation;
use crate::operations::search::{HybridSearch, MAX_SUB_SEARCHES, Rerank, Search, SubSearch};
use crate::operations::{MAX_WINDOW, check_window, consistency_level_name};
use crate::values::json::{Members, raw};
use crate::values::{columns, vector};
use routes::{Key, Keys, entities::HYBRID_SEARCH};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Queries as a request carries them: vectors and texts, or keys of stored rows.
struct Queries {
    data: Vec<Box<RawValue>>,
    ids: Vec<String>,
}

fn queries(argument: &str, data: &QueryData) -> Result<Queries, Error> {
    let of = |data| {
        Ok(Queries {
            data,
            ids: Vec::new(),
        })
    };
    let queries = match data {
        QueryData::FloatVector(matrix) => of(vector::encode_f32(argument, matrix)?),
        QueryData::Float16Vector(matrix) | QueryData::Bfloat16Vector(matrix) => {
            of(vector::encode_u16(argument, matrix)?)
        }
        QueryData::Int8Vector(matrix) => of(vector::encode_s8(argument, matrix)?),
        QueryData::BinaryVector(matrix) => of(vector::encode_bits(argument, matrix)?),
        QueryData::SparseFloatVector(matrix) => of(vector::encode_sparse(argument, matrix)?),
        QueryData::Texts(texts) => of(texts
            .iter()
            .map(|text| raw(&Value::from(text.as_str())))
            .collect()),
        QueryData::EmbeddingLists(lists) => of(embedding_lists(argument, lists)?),
        QueryData::Raw(texts) => of(texts
            .iter()
            .map(|text| RawValue::from_string(text.clone()))
            .collect::<Result<_, _>>()
            .map_err(|_| {
                Error::invalid(argument, "expected the text of one JSON value a query")
            })?),
        QueryData::Stored(Ids::Int64(keys)) => Ok(Queries {
            data: Vec::new(),
            ids: keys.iter().map(i64::to_string).collect(),
        }),
        QueryData::Stored(Ids::Varchar(keys)) => Ok(Queries {
            data: Vec::new(),
            ids: keys.clone(),
        }),
    };
    let queries: Queries = queries?;
    let count = queries.data.len().max(queries.ids.len());
    if count == 0 || count > MAX_WINDOW as usize {
        return Err(Error::invalid(
            argument,
            format_args!("expected 1 to {MAX_WINDOW} queries, came {count}"),
        ));
    }
    Ok(queries)
}

/// Lists of vectors, a JSON list each.
fn embedding_lists(argument: &str, lists: &EmbeddingLists) -> Result<Vec<Box<RawValue>>, Error> {
    let vectors = vector::encode_f32(argument, &lists.vectors)?;
    let bounds = vector::row_bounds(argument, &lists.offsets, vectors.len())?;
    let list = |(start, end): (usize, usize)| {
        let vectors: Vec<&str> = vectors[start..end].iter().map(|one| one.get()).collect();
        RawValue::from_string(format!("[{}]", vectors.join(",")))
            .map_err(|cause| Error::protocol(&cause.into()))
    };
    bounds.into_iter().map(list).collect()
}

fn params(argument: &str, request: &AnnSearch) -> Result<Map<String, Value>, Error> {
    let mut params =
        object(&format!("{argument}params"), request.params.as_deref())?.unwrap_or_default();
    let own = [
        ("metric_type", request.metric_type.clone().map(Value::from)),
        ("radius", request.radius.map(Value::from)),
        ("range_filter", request.range_filter.map(Value::from)),
    ];
    for (name, value) in own {
        let Some(value) = value else { continue };
        if value.is_null() {
            return Err(Error::invalid(
                format!("{argument}{name}"),
                "expected a finite number",
            ));
        }
        if params.contains_key(name) {
            return Err(Error::invalid(
                format!("{argument}params"),
                format_args!("`{name}` stands beside it, too"),
            ));
        }
        params.insert(name.to_owned(), value);
    }
    if params.contains_key("range_filter") && !params.contains_key("radius") {
        return Err(Error::invalid(
            format!("{argument}range-filter"),
            "expected a radius with it, came none",
        ));
    }
    Ok(params)
}

fn grouping(grouping: Option<Grouping>) -> Result<operation::Grouping, Error> {
    let Some(grouping) = grouping else {
        return Ok((None, None, None));
    };
    if !(1..=10).contains(&grouping.size) {
        return Err(Error::invalid(
            "grouping.size",
            format_args!("expected 1 to 10, came {}", grouping.size),
        ));
    }
    let strict = grouping.strict.then_some(true);
    Ok((Some(grouping.field), Some(grouping.size), strict))
}

/// Searches by one vector field.
///
/// # Errors
/// `invalid-argument` before anything is sent, or Milvus' own.
pub fn search(client: &mut Client<'_>, request: SearchRequest) -> Result<SearchResult, Error> {
    let (options, request) = (request.options, request.search);
    client.add::<Search>(both(options.extra.as_deref(), request.extra.as_deref())?.as_deref())?;
    check_window(request.limit, options.offset)?;
    let queries = queries("data", &request.data)?;
    let (grouping_field, group_size, strict_group_size) = grouping(options.grouping)?;
    let search = Search {
        data: queries.data,
        ids: queries.ids,
        search_params: params("", &request)?,
        anns_field: request.anns_field,
        filter: request.filter.expression,
        expr_params: templates("filter.params", request.filter.params.as_deref())?,
        limit: request.limit,
        collection_name: options.collection_name.into(),
        partition_names: options.partition_names,
        offset: options.offset,
        output_fields: options.output_fields,
        grouping_field,
        group_size,
        strict_group_size,
        consistency_level: options.consistency_level.map(consistency_level_name),
        function_score: object("function-score", options.function_score.as_deref())?,
    };
    let fields = Fields::of(options.schema.as_deref(), &search.collection_name)?;
    let found = hits::search(client, &search, fields.known())?;
    result(client, &search.output_fields, fields, found)
}

/// The keys of a plain search are those of its options and its own: in its request they stand beside each other.
fn both(one: Option<&str>, other: Option<&str>) -> Result<Option<String>, Error> {
    let (Some(one), Some(other)) = (one, other) else {
        return Ok(one.or(other).map(str::to_owned));
    };
    let mut keys = keys::read("options.extra", one)?;
    for (name, value) in keys::read("search.extra", other)?.0 {
        if keys.get(&name).is_some() {
            return Err(Error::invalid(
                "search.extra",
                format_args!("expected keys that the options do not have, got `{name}`"),
            ));
        }
        keys.0.push((name, value));
    }
    Ok(Some(keys.text()))
}

/// Searches by several vector fields and joins the hits.
///
/// # Errors
/// `invalid-argument` before anything is sent, or Milvus' own.
pub fn hybrid(
    client: &mut Client<'_>,
    request: HybridSearchRequest,
) -> Result<SearchResult, Error> {
    let (options, limit) = (request.options, request.limit);
    client.add::<HybridSearch>(options.extra.as_deref())?;
    check_window(limit, options.offset)?;
    let count = request.searches.len();
    if !(1..=MAX_SUB_SEARCHES).contains(&count) {
        return Err(Error::invalid(
            "searches",
            format_args!("expected 1 to {MAX_SUB_SEARCHES} searches, got {count}"),
        ));
    }
    let function_score = object("function-score", options.function_score.as_deref())?;
    let rerank = rerank(&request.ranker, count, function_score.is_some())?;
    let searches = request.searches.into_iter().enumerate();
    let searches = searches
        .map(|(position, search)| sub_search(&format!("searches[{position}]."), search))
        .collect::<Result<_, _>>()?;
    let (grouping_field, group_size, strict_group_size) = grouping(options.grouping)?;
    let search = HybridSearch {
        collection_name: options.collection_name.into(),
        partition_names: options.partition_names,
        search: searches,
        rerank,
        limit,
        offset: options.offset,
        output_fields: options.output_fields,
        grouping_field,
        group_size,
        strict_group_size,
        consistency_level: options.consistency_level.map(consistency_level_name),
        function_score,
    };
    let fields = Fields::of(options.schema.as_deref(), &search.collection_name)?;
    let found = hits::hybrid_search(client, &search, fields.known())?;
    result(client, &search.output_fields, fields, found)
}

fn sub_search(argument: &str, request: AnnSearch) -> Result<SubSearch, Error> {
    let queries = queries(&format!("{argument}data"), &request.data)?;
    if queries.data.len() != 1 {
        return Err(Error::invalid(
            format!("{argument}data"),
            "expected one vector or text: a hybrid search has one query and takes no stored rows",
        ));
    }
    if !(1..=MAX_WINDOW).contains(&request.limit) {
        return Err(Error::invalid(
            format!("{argument}limit"),
            format_args!("expected 1 to {MAX_WINDOW}, came {}", request.limit),
        ));
    }
    Ok(SubSearch {
        data: queries.data,
        params: params(argument, &request)?,
        anns_field: request.anns_field,
        filter: request.filter.expression,
        expr_params: templates(
            &format!("{argument}filter.params"),
            request.filter.params.as_deref(),
        )?,
        limit: request.limit,
        offset: 0,
        extra: sub_keys(&format!("{argument}extra"), request.extra.as_deref())?,
    })
}

/// Further keys of a search in a hybrid one.
fn sub_keys(argument: &str, extra: Option<&str>) -> Result<Members, Error> {
    let Some(extra) = extra else {
        return Ok(Members::default());
    };
    let extra = keys::read(argument, extra)?;
    if let Some(Keys::List(known)) = HYBRID_SEARCH.key("search").map(|key: &Key| key.keys) {
        keys::check(argument, &extra, known)?;
    }
    match extra
        .0
        .iter()
        .find(|(name, _)| SubSearch::KEYS.contains(&name.as_str()))
    {
        None => Ok(extra),
        Some((name, _)) => Err(Error::invalid(
            argument,
            format_args!("expected keys that the search does not set itself, got `{name}`"),
        )),
    }
}

fn rerank(ranker: &Ranker, searches: usize, by_function: bool) -> Result<Option<Rerank>, Error> {
    if matches!(ranker, Ranker::ByFunction) != by_function {
        return Err(Error::invalid(
            "ranker",
            "expected `by-function` with a function score, and without one another ranker",
        ));
    }
    let mut params = Map::new();
    let strategy = match ranker {
        Ranker::ByFunction => return Ok(None),
        Ranker::Rrf(rrf) => {
            if let Some(k) = rrf.k {
                if !(1..MAX_WINDOW).contains(&k) {
                    return Err(Error::invalid(
                        "ranker.k",
                        format_args!("expected 1 to {}, got {k}", MAX_WINDOW - 1),
                    ));
                }
                params.insert("k".into(), k.into());
            }
            if !rrf.weights.is_empty() {
                check_weights(&rrf.weights, searches)?;
                params.insert("weights".into(), serde_json::json!(rrf.weights));
            }
            "rrf"
        }
        Ranker::Weighted(weighted) => {
            check_weights(&weighted.weights, searches)?;
            params.insert("weights".into(), serde_json::json!(weighted.weights));
            params.insert("norm_score".into(), weighted.norm_score.into());
            "weighted"
        }
        Ranker::Other(other) => {
            params = object("ranker.params", other.params.as_deref())?.unwrap_or_default();
            &other.strategy
        }
    };
    Ok(Some(Rerank {
        strategy: strategy.to_owned(),
        params,
    }))
}

fn check_weights(weights: &[f32], searches: usize) -> Result<(), Error> {
    let fit = weights.iter().all(|weight| (0.0..=1.0).contains(weight));
    if fit && weights.len() == searches {
        return Ok(());
    }
    let got = weights.len();
    Err(Error::invalid(
        "ranker.weights",
        format_args!("expected {searches} weights from 0 to 1, one for each search, got {got}"),
    ))
}

/// Hits as columns. The schema is needed for output fields, and to tell text keys from int64 given as text.
fn result(
    client: &mut Client<'_>,
    output_fields: &[String],
    mut fields: Fields<'_>,
    found: Found,
) -> Result<SearchResult, Error> {
    let extra = client.members();
    let mut keys = Vec::with_capacity(found.hits.len());
    let mut distances = Vec::with_capacity(found.hits.len());
    let mut rows = Vec::with_capacity(found.hits.len());
    for hit in found.hits {
        keys.push(hit.id);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "Milvus computes distances in 32 bits"
        )]
        distances.push(hit.distance as f32);
        rows.push(hit.entity);
    }
    let needed =
        !rows.is_empty() && (!output_fields.is_empty() || keys.iter().any(Value::is_string));
    let (columns, dynamic) = if needed || fields.known().is_some() {
        let batch = fields.columns(client, rows)?;
        (batch.columns, batch.dynamic)
    } else {
        Default::default()
    };
    let key = fields.known().map(columns::primary_key).transpose();
    let ids = key
        .and_then(|key| columns::ids(&keys, key))
        .map_err(|cause| Error::protocol(&cause))?;
    Ok(SearchResult {
        hits: found.counts,
        ids,
        distances,
        columns,
        dynamic,
        extra,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::contract::search::{OtherRanker, RrfRanker, SearchOptions, WeightedRanker};
    use crate::contract::types::{ColumnData, F32Matrix, FilterExpression};

    fn request(values: Vec<f32>) -> SearchRequest {
        SearchRequest {
            options: options(),
            search: search_for(values),
        }
    }

    fn options() -> SearchOptions {
        SearchOptions {
            collection_name: "c".into(),
            partition_names: vec![],
            output_fields: vec!["word".into()],
            offset: 0,
            grouping: None,
            consistency_level: None,
            function_score: None,
            schema: None,
            extra: None,
        }
    }

    fn search_for(values: Vec<f32>) -> AnnSearch {
        AnnSearch {
            anns_field: Some("v".into()),
            data: QueryData::FloatVector(F32Matrix { dim: 2, values }),
            limit: 2,
            filter: FilterExpression {
                expression: String::new(),
                params: None,
            },
            metric_type: Some("COSINE".into()),
            radius: Some(0.1),
            range_filter: None,
            params: Some(r#"{"ef":64}"#.into()),
            extra: None,
        }
    }

    #[test]
    fn hits_of_several_queries_are_columns_with_counts() {
        let mut transport = Scripted::new()
            .answers(
                200,
                r#"{"code":0,"data":[{"pk":1,"distance":0.5,"word":"a"},{"pk":2,"distance":0.25,"word":"b"},
                   {"pk":1,"distance":0.75,"word":"a"}],"topks":[2,1]}"#,
            )
            .data(
                r#"{"fields":[{"name":"pk","type":"Int64","primaryKey":true},{"name":"word","type":"VarChar"}]}"#,
            );
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let result = search(&mut client, request(vec![0.1, 0.2, 0.3, 0.4])).unwrap();
        assert_eq!(result.hits, [2, 1]);
        assert_eq!(result.ids, Ids::Int64(vec![1, 2, 1]));
        assert_eq!(result.distances, [0.5, 0.25, 0.75]);
        assert_eq!(
            result.columns[0].data,
            ColumnData::Varchar(vec!["a".into(), "b".into(), "a".into()])
        );
        let sent = &transport.sent[0].body;
        assert_eq!(
            sent["searchParams"],
            serde_json::json!({"ef": 64, "metric_type": "COSINE", "radius": 0.1})
        );
    }

    #[test]
    fn a_window_beyond_milvus_is_refused_before_anything_is_sent() {
        let mut transport = Scripted::new();
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let mut too_many = request(vec![0.1, 0.2]);
        too_many.search.limit = 16_385;
        let error = search(&mut client, too_many).unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("limit"));
        assert!(transport.sent.is_empty());
    }

    #[test]
    fn weights_have_to_fit_the_searches() {
        let weighted = Ranker::Weighted(WeightedRanker {
            weights: vec![0.5],
            norm_score: false,
        });
        assert!(rerank(&weighted, 2, false).is_err());
        assert!(rerank(&Ranker::ByFunction, 2, false).is_err());
    }

    #[test]
    fn a_ranker_is_sent_as_rest_has_it() {
        let sent = |ranker: &Ranker| {
            let rerank = rerank(ranker, 2, false).unwrap().unwrap();
            serde_json::to_value(rerank).unwrap()
        };
        let rrf = |k, weights| Ranker::Rrf(RrfRanker { k, weights });
        let weighted = rrf(Some(10), vec![0.5, 1.0]);
        assert_eq!(
            sent(&weighted),
            serde_json::json!({"strategy": "rrf", "params": {"k": 10, "weights": [0.5, 1.0]}})
        );
        assert_eq!(
            sent(&rrf(None, vec![])),
            serde_json::json!({"strategy": "rrf", "params": {}})
        );
        let other = Ranker::Other(OtherRanker {
            strategy: "new".into(),
            params: Some(r#"{"x":[1]}"#.into()),
        });
        assert_eq!(
            sent(&other),
            serde_json::json!({"strategy": "new", "params": {"x": [1]}})
        );
    }

    #[test]
    fn lists_of_vectors_and_raw_queries_are_sent_as_json() {
        let vectors = F32Matrix {
            dim: 2,
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        };
        let lists = EmbeddingLists {
            offsets: vec![0, 2, 3],
            vectors,
        };
        let texts = |data: &QueryData| -> Vec<String> {
            let queries = queries("data", data).unwrap();
            queries
                .data
                .iter()
                .map(|one| one.get().to_owned())
                .collect()
        };
        assert_eq!(
            texts(&QueryData::EmbeddingLists(lists)),
            ["[[1.0,2.0],[3.0,4.0]]", "[[5.0,6.0]]"]
        );
        let raw = vec![r#"{"1":0.50}"#.to_owned()];
        assert_eq!(texts(&QueryData::Raw(raw.clone())), raw);
        assert!(queries("data", &QueryData::Raw(vec!["{".into()])).is_err());
    }

    #[test]
    fn further_keys_are_sent_and_repeat_none_that_are_set() {
        let answer = r#"{"code":0,"data":[],"topks":[0],"cost":6}"#;
        let mut transport = Scripted::new().answers(200, answer);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let mut asked = request(vec![0.1, 0.2]);
        asked.options.extra = Some(r#"{"functionChains":[]}"#.into());
        asked.search.extra = Some(r#"{"groupSize":2.50}"#.into());
        let result = search(&mut client, asked).unwrap();
        assert_eq!(result.extra.as_deref(), Some(r#"{"cost":6}"#));
        let sent = String::from_utf8(transport.sent.remove(0).bytes).unwrap();
        assert!(
            sent.ends_with(r#","functionChains":[],"groupSize":2.50}"#),
            "{sent}"
        );
        for (options, search_keys, argument) in [
            (r#"{"limit":1}"#, None, "extra"),
            (r#"{"dbName":"other"}"#, None, "extra"),
            (r#"{"unknown":1}"#, None, "extra"),
            ("[]", None, "extra"),
            (
                r#"{"groupSize":1}"#,
                Some(r#"{"groupSize":1}"#),
                "search.extra",
            ),
        ] {
            let mut transport = Scripted::new();
            let mut client = Client::new(&mut transport, connection()).unwrap();
            let mut asked = request(vec![0.1, 0.2]);
            asked.options.extra = Some(options.into());
            asked.search.extra = search_keys.map(Into::into);
            let error = search(&mut client, asked).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some(argument), "{options}");
            assert!(transport.sent.is_empty(), "{options}");
        }
        for (keys, fits) in [
            (r#"{"metricType":"L2"}"#, true),
            (r#"{"limit":1}"#, false),
            (r#"{"x":1}"#, false),
        ] {
            assert_eq!(
                sub_keys("searches[0].extra", Some(keys)).is_ok(),
                fits,
                "{keys}"
            );
        }
    }
}
