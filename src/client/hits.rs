//! Searches whose answers need more than one look: which hits belong to which query, which member is the key, and
//! what is wrong with a query that Milvus did not take.

use super::{Client, selection};
use crate::contract::types::{CollectionSchema, FieldSchema};
use crate::dialect;
use crate::error::{Error, ErrorKind, ErrorSource};
use crate::operations::search::{Hit, Hits, HybridSearch, Search, take_apart};
use crate::values::columns;
use serde_json::value::RawValue;

/// The hits of a search, query by query.
#[derive(Debug)]
pub struct Found {
    /// Number of hits for each query.
    pub counts: Vec<u32>,
    /// All hits, the queries' one after the other.
    pub hits: Vec<Hit>,
}

/// Searches by one vector field. One HTTP request; two where the key's member has to be looked up, or the answer
/// explained, or the search fitted to the dialect; one for each query where the dialect takes no more, or the server does
/// not say how hits divide.
///
/// # Errors
/// Milvus' own; for a query that does not fit its field, what was expected.
pub fn search(
    client: &mut Client<'_>,
    search: &Search,
    schema: Option<&CollectionSchema>,
) -> Result<Found, Error> {
    let queries = search.data.len().max(search.ids.len());
    let (fitted, schema) = client.fit(search, schema)?;
    let (search, schema) = (&*fitted, schema.as_deref());
    if queries > 1 && !dialect::takes_several_queries(client.dialect()) {
        let (counts, hits) = one_by_one(client, search)?;
        return found(
            client,
            &search.collection_name,
            &search.output_fields,
            schema,
            counts,
            hits,
        );
    }
    let hits = match client.run(search) {
        Ok(hits) => hits,
        Err(error) => {
            let asked = search.data.first().map(|query| Asked {
                place: String::new(),
                field: search.anns_field.as_deref(),
                query,
            });
            return Err(explain(
                client,
                error,
                &search.collection_name,
                asked.as_slice(),
            ));
        }
    };
    let divided = hits
        .divide(queries, search.limit)
        .map_err(|cause| Error::protocol(&cause))?;
    let (counts, hits) = match divided {
        Some(counts) => (counts, hits),
        None => one_by_one(client, search)?,
    };
    found(
        client,
        &search.collection_name,
        &search.output_fields,
        schema,
        counts,
        hits,
    )
}

/// One request for each query, where an answer to all of them cannot be divided.
fn one_by_one(client: &mut Client<'_>, search: &Search) -> Result<(Vec<u32>, Hits), Error> {
    let mut all = Hits {
        rows: Vec::new(),
        topks: None,
    };
    let mut counts = Vec::new();
    for position in 0..search.data.len().max(search.ids.len()) {
        let mut single = search.clone();
        single.data = search.data.get(position).cloned().into_iter().collect();
        single.ids = search.ids.get(position).cloned().into_iter().collect();
        let hits = client.run(&single)?;
        counts.push(u32::try_from(hits.rows.len()).unwrap_or(u32::MAX));
        all.rows.extend(hits.rows);
    }
    Ok((counts, all))
}

/// Searches by several vector fields and joins the hits. One HTTP request; two where the key's member has to be
/// looked up, or the answer explained.
///
/// # Errors
/// As [`search`].
pub fn hybrid_search(
    client: &mut Client<'_>,
    search: &HybridSearch,
    schema: Option<&CollectionSchema>,
) -> Result<Found, Error> {
    let hits = match client.run(search) {
        Ok(hits) => hits,
        Err(error) => {
            let asked: Vec<Asked<'_>> = search
                .search
                .iter()
                .enumerate()
                .filter_map(|(position, sub)| {
                    let query = sub.data.first()?;
                    Some(Asked {
                        place: format!("searches[{position}]."),
                        field: sub.anns_field.as_deref(),
                        query,
                    })
                })
                .collect();
            return Err(explain(client, error, &search.collection_name, &asked));
        }
    };
    let counts = hits
        .divide(1, search.limit)
        .map_err(|cause| Error::protocol(&cause))?
        .unwrap_or_default();
    found(
        client,
        &search.collection_name,
        &search.output_fields,
        schema,
        counts,
        hits,
    )
}

fn found(
    client: &mut Client<'_>,
    collection_name: &str,
    output_fields: &[String],
    schema: Option<&CollectionSchema>,
    counts: Vec<u32>,
    hits: Hits,
) -> Result<Found, Error> {
    if hits.rows.is_empty() {
        return Ok(Found {
            counts,
            hits: Vec::new(),
        });
    }
    let mut copy = false;
    let member = match hits.key_member(output_fields) {
        Some(member) => member,
        None => {
            let asked;
            let schema = match schema {
                Some(schema) => schema,
                None => {
                    asked = selection::schema(client, collection_name)?;
                    &asked
                }
            };
            let key = columns::primary_key(schema).map_err(|cause| Error::protocol(&cause))?;
            // Up to 2.5.14 the key is called `id`; a row that lacks its own name can only be such a one. A row that has
            // both has the key twice.
            if hits.rows.iter().all(|row| row.contains_key(&key.name)) {
                copy = key.name != "id" && !schema.fields.iter().any(|field| field.name == "id");
                key.name.clone()
            } else {
                "id".to_owned()
            }
        }
    };
    let hits = hits
        .rows
        .into_iter()
        .map(|mut row| {
            if copy && row.get("id") == row.get(&member) {
                row.remove("id");
            }
            take_apart(row, &member, output_fields)
        })
        .collect::<anyhow::Result<_>>()
        .map_err(|cause| Error::protocol(&cause))?;
    Ok(Found { counts, hits })
}

/// One query of a search, as an error names it.
struct Asked<'a> {
    /// What stands before the name of the argument, such as `searches[0].`.
    place: String,
    field: Option<&'a str>,
    query: &'a RawValue,
}

/// Replaces Milvus' words on a query that it could not take (for most mistakes `can only accept json format request`)
/// by what is wrong with it, which takes a look at the schema.
fn explain(
    client: &mut Client<'_>,
    error: Error,
    collection_name: &str,
    asked: &[Asked<'_>],
) -> Error {
    let about_it = matches!(error.kind, ErrorKind::InvalidArgument | ErrorKind::Server);
    if !about_it || error.source != ErrorSource::Server {
        return error;
    }
    let Ok(schema) = selection::schema(client, collection_name) else {
        return error;
    };
    let vectors = columns::vector_fields(&schema);
    for Asked {
        place,
        field,
        query,
    } in asked
    {
        let found = match field {
            Some(name) => vectors.iter().find(|field| field.name == *name),
            None if vectors.len() == 1 => vectors.first(),
            None => None,
        };
        let (argument, problem) = match (found, field) {
            (Some(field), _) => match misfit(field, query, &vectors) {
                Some((argument, problem)) => (argument, problem),
                None => continue,
            },
            (None, Some(_)) => (
                "anns_field",
                format!("expected one of {}", columns::names(&vectors)),
            ),
            (None, None) => (
                "anns_field",
                format!("expected one of {}, came none", columns::names(&vectors)),
            ),
        };
        return Error {
            milvus_code: error.milvus_code,
            http_status: error.http_status,
            ..Error::invalid(format!("{place}{argument}"), problem)
        };
    }
    error
}

/// Why a query does not fit its field: the argument and the problem, or nothing if it seems to.
fn misfit(
    field: &FieldSchema,
    query: &RawValue,
    vectors: &[&FieldSchema],
) -> Option<(&'static str, String)> {
    let name = &field.name;
    let in_bytes =
        ["BinaryVector", "Float16Vector", "BFloat16Vector"].contains(&field.data_type.as_str());
    match query.get().as_bytes().first() {
        Some(b'"') if field.function_output || in_bytes => None,
        Some(b'"') => {
            let able: Vec<&FieldSchema> = vectors
                .iter()
                .copied()
                .filter(|field| field.function_output)
                .collect();
            let advice = if able.is_empty() {
                "give `query_vector`, or create the collection with such a function".to_owned()
            } else {
                format!("fields that take text: {}", columns::names(&able))
            };
            let problem = format!(
                "field `{name}` has no BM25 or embedding function, so it takes no text; {advice}"
            );
            Some(("query_text", problem))
        }
        Some(b'[') => {
            let came = serde_json::from_str::<Vec<serde::de::IgnoredAny>>(query.get())
                .ok()?
                .len();
            let dim = field.dim? as usize;
            (dim != came).then(|| {
                (
                    "query_vector",
                    format!("expected {dim} numbers, the dimension of `{name}`, came {came}"),
                )
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::contract::types::Connection;
    use crate::values::json::raw;
    use serde_json::json;

    const DESCRIPTION: &str = r#"{"fields":[{"name":"pk","type":"Int64","primaryKey":true},
        {"name":"word","type":"VarChar"},{"name":"v","type":"FloatVector","params":[{"key":"dim","value":"2"}]},
        {"name":"sparse","type":"SparseFloatVector","isFunctionOutput":true}]}"#;

    fn vector_search(queries: usize) -> Search {
        Search {
            collection_name: "c".into(),
            data: vec![raw(&json!([0.1, 0.2])); queries],
            limit: 3,
            ..Search::default()
        }
    }

    #[test]
    fn a_search_is_one_request() {
        let mut transport = Scripted::new().data(r#"[{"pk":9007199254740993,"distance":0.5}]"#);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let found = search(&mut client, &vector_search(1), None).unwrap();
        assert_eq!(found.counts, [1]);
        assert_eq!(found.hits[0].id, json!(9_007_199_254_740_993_i64));
        assert_eq!(transport.sent.len(), 1);
    }

    #[test]
    fn every_stored_field_costs_a_look_at_the_schema() {
        let mut transport = Scripted::new()
            .data(r#"[{"pk":1,"distance":0.5,"word":"a"}]"#)
            .data(DESCRIPTION);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let search_all = Search {
            output_fields: vec!["*".into()],
            ..vector_search(1)
        };
        let found = search(&mut client, &search_all, None).unwrap();
        assert_eq!(found.hits[0].id, json!(1));
        assert_eq!(transport.sent.len(), 2);
    }

    #[test]
    fn hits_that_cannot_be_divided_are_asked_for_one_by_one() {
        let mut transport = Scripted::new()
            .data(r#"[{"id":1,"distance":0.5},{"id":2,"distance":0.5},{"id":3,"distance":0.5}]"#)
            .data(r#"[{"id":1,"distance":0.5},{"id":2,"distance":0.5}]"#)
            .data(r#"[{"id":3,"distance":0.5}]"#);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let found = search(&mut client, &vector_search(2), None).unwrap();
        assert_eq!(found.counts, [2, 1]);
        assert_eq!(transport.sent.len(), 3);
    }

    #[test]
    fn a_text_for_a_field_without_a_function_says_what_is_missing() {
        let mut transport = Scripted::new()
            .answers(
                200,
                r#"{"code":1801,"message":"can only accept json format request"}"#,
            )
            .data(DESCRIPTION);
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let by_text = Search {
            data: vec![raw(&json!("a question"))],
            anns_field: Some("v".into()),
            ..vector_search(1)
        };
        let error = search(&mut client, &by_text, None).unwrap_err();
        assert_eq!(
            error.message,
            "query_text: field `v` has no BM25 or embedding function, so it takes no text; \
             fields that take text: sparse"
        );
    }

    /// A connection to a server that speaks v1 only.
    fn v1() -> Connection {
        Connection {
            server: Some("rest=v1".into()),
            ..connection()
        }
    }

    const V1_DESCRIPTION: &str = r#"{"fields":[{"name":"pk","type":"Int64","primaryKey":true,"autoId":true},
        {"name":"v","type":"FloatVector(2)"}],"enableDynamicField":true,"load":"LoadStateLoaded"}"#;

    #[test]
    fn over_v1_each_query_is_a_request() {
        let mut transport = Scripted::new()
            .data(r#"[{"id":1,"distance":0.5},{"id":2,"distance":0.5}]"#)
            .data(r#"[{"id":3,"distance":0.5}]"#);
        let mut client = Client::new(&mut transport, v1()).unwrap();
        let found = search(&mut client, &vector_search(2), None).unwrap();
        assert_eq!(found.counts, [2, 1]);
        assert_eq!(transport.sent.len(), 2);
    }

    #[test]
    fn over_v1_a_named_vector_field_has_to_be_the_collections() {
        let named = |name: &str| Search {
            anns_field: Some(name.into()),
            ..vector_search(1)
        };
        let mut transport = Scripted::new().data(V1_DESCRIPTION);
        let mut client = Client::new(&mut transport, v1()).unwrap();
        let error = search(&mut client, &named("other"), None).unwrap_err();
        assert_eq!(error.message, "anns_field: expected v");
        let mut transport = Scripted::new().data(V1_DESCRIPTION).data("[]");
        let mut client = Client::new(&mut transport, v1()).unwrap();
        search(&mut client, &named("v"), None).unwrap();
        assert_eq!(transport.sent[1].body.get("annsField"), None);
    }

    #[test]
    fn a_key_that_comes_under_two_names_is_shown_once() {
        let mut transport = Scripted::new()
            .data(r#"[{"id":1,"pk":1,"distance":0.5,"word":"a"}]"#)
            .data(V1_DESCRIPTION);
        let mut client = Client::new(&mut transport, v1()).unwrap();
        let search_all = Search {
            output_fields: vec!["*".into()],
            ..vector_search(1)
        };
        let found = search(&mut client, &search_all, None).unwrap();
        assert_eq!(found.hits[0].id, json!(1));
        let shown: Vec<&String> = found.hits[0].entity.keys().collect();
        assert_eq!(shown, ["pk", "word"]);
    }
}
