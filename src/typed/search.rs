//! Nearest neighbours: search and hybrid search with typed queries, and their hits as columns.

use super::entities::schema_or_ask;
use super::{object, templates};
use crate::client::Client;
use crate::client::hits::{self, Found};
use crate::contract::search::{
    AnnSearch, Grouping, QueryData, Ranker, SearchOptions, SearchResult,
};
use crate::contract::types::{CollectionSchema, Ids};
use crate::error::Error;
use crate::operations::search as operation;
use crate::operations::search::{HybridSearch, MAX_SUB_SEARCHES, Rerank, Search, SubSearch};
use crate::operations::{MAX_WINDOW, check_window, consistency_level_name};
use crate::values::json::raw;
use crate::values::{columns, vector};
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
pub fn search(
    client: &mut Client<'_>,
    options: SearchOptions,
    request: AnnSearch,
) -> Result<SearchResult, Error> {
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
    let found = hits::search(client, &search, options.schema.as_ref())?;
    result(
        client,
        &search.collection_name,
        &search.output_fields,
        options.schema,
        found,
    )
}

/// Searches by several vector fields and joins the hits.
///
/// # Errors
/// `invalid-argument` before anything is sent, or Milvus' own.
pub fn hybrid(
    client: &mut Client<'_>,
    options: SearchOptions,
    requests: Vec<AnnSearch>,
    ranker: &Ranker,
    limit: u32,
) -> Result<SearchResult, Error> {
    check_window(limit, options.offset)?;
    if requests.is_empty() || requests.len() > MAX_SUB_SEARCHES {
        return Err(Error::invalid(
            "requests",
            format_args!(
                "expected 1 to {MAX_SUB_SEARCHES} searches, came {}",
                requests.len()
            ),
        ));
    }
    let function_score = object("function-score", options.function_score.as_deref())?;
    let rerank = rerank(ranker, requests.len(), function_score.is_some())?;
    let searches = requests
        .into_iter()
        .enumerate()
        .map(|(position, request)| sub_search(&format!("requests[{position}]."), request))
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
    let found = hits::hybrid_search(client, &search, options.schema.as_ref())?;
    result(
        client,
        &search.collection_name,
        &search.output_fields,
        options.schema,
        found,
    )
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
    })
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
        Ranker::Rrf(k) => {
            if !(1..MAX_WINDOW).contains(k) {
                return Err(Error::invalid(
                    "ranker",
                    format_args!("expected k from 1 to {}, came {k}", MAX_WINDOW - 1),
                ));
            }
            params.insert("k".into(), (*k).into());
            "rrf"
        }
        Ranker::Weighted(weighted) => {
            let fits = weighted
                .weights
                .iter()
                .all(|weight| (0.0..=1.0).contains(weight));
            if !fits || weighted.weights.len() != searches {
                return Err(Error::invalid(
                    "ranker",
                    format_args!(
                        "expected {searches} weights from 0 to 1, one for each search, came {}",
                        weighted.weights.len()
                    ),
                ));
            }
            params.insert("weights".into(), serde_json::json!(weighted.weights));
            params.insert("norm_score".into(), weighted.norm_score.into());
            "weighted"
        }
    };
    Ok(Some(Rerank { strategy, params }))
}

/// Hits as columns. The schema is needed for output fields, and to tell text keys from int64 given as text.
fn result(
    client: &mut Client<'_>,
    collection_name: &str,
    output_fields: &[String],
    schema: Option<CollectionSchema>,
    found: Found,
) -> Result<SearchResult, Error> {
    let needed = !found.hits.is_empty()
        && (!output_fields.is_empty() || found.hits.iter().any(|hit| hit.id.is_string()));
    let schema = if needed {
        Some(schema_or_ask(client, schema, collection_name)?)
    } else {
        schema
    };
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
    let read = || -> anyhow::Result<_> {
        let key = schema.as_ref().map(columns::primary_key).transpose()?;
        let ids = columns::ids(&keys, key)?;
        let batch = match &schema {
            Some(schema) => Some(columns::decode(rows, schema)?),
            None => None,
        };
        Ok((ids, batch))
    };
    let (ids, batch) = read().map_err(|cause| Error::protocol(&cause))?;
    let (columns, dynamic) = batch
        .map(|batch| (batch.columns, batch.dynamic))
        .unwrap_or_default();
    Ok(SearchResult {
        hits: found.counts,
        ids,
        distances,
        columns,
        dynamic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::contract::types::{ColumnData, F32Matrix, FilterExpression};

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
        }
    }

    fn request(values: Vec<f32>) -> AnnSearch {
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
        let result = search(&mut client, options(), request(vec![0.1, 0.2, 0.3, 0.4])).unwrap();
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
        let too_many = AnnSearch {
            limit: 16_385,
            ..request(vec![0.1, 0.2])
        };
        let error = search(&mut client, options(), too_many).unwrap_err();
        assert_eq!(error.argument.as_deref(), Some("limit"));
        assert!(transport.sent.is_empty());
    }

    #[test]
    fn weights_have_to_fit_the_searches() {
        let weighted = Ranker::Weighted(crate::contract::search::WeightedRanker {
            weights: vec![0.5],
            norm_score: false,
        });
        assert!(rerank(&weighted, 2, false).is_err());
        assert!(rerank(&Ranker::ByFunction, 2, false).is_err());
    }
}
