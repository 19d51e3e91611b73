//! `milvus_create_collection`: creates a collection, quick or from a schema.

use super::{Arguments, consistency_level, queries};
use crate::client::Client;
use crate::error::Error;
use crate::operations::collections::{CreateCollection, IndexParams};
use crate::operations::schema::{NewField, NewFunction, NewSchema};
use serde_json::{Map, Value, json};

/// Milvus' names of the data types. Models and pymilvus write them in other cases: `VARCHAR`, `FLOAT_VECTOR`.
const DATA_TYPES: [&str; 18] = [
    "Bool",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Float",
    "Double",
    "VarChar",
    "JSON",
    "Array",
    "Geometry",
    "Timestamptz",
    "FloatVector",
    "Float16Vector",
    "BFloat16Vector",
    "Int8Vector",
    "BinaryVector",
    "SparseFloatVector",
];

/// Functions that fill fields.
const FUNCTION_TYPES: [&str; 3] = ["BM25", "TextEmbedding", "MinHash"];

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let fields = arguments.nested_list("fields")?;
    let mut create = CreateCollection {
        collection_name: arguments.get("collection_name")?,
        description: arguments.get("description")?,
        ..CreateCollection::default()
    };
    let enable_dynamic_field: Option<bool> = arguments.get("enable_dynamic_field")?;
    for (argument, name, most) in [
        ("num_shards", "shardsNum", 64),
        ("num_partitions", "partitionsNum", 1_024),
        ("ttl_seconds", "ttlSeconds", u32::MAX),
    ] {
        if let Some(number) = arguments.integer(argument, 1..=most)? {
            create.params.insert(name.into(), number.into());
        }
    }
    if let Some(level) = consistency_level(&mut arguments)? {
        create
            .params
            .insert("consistencyLevel".into(), level.into());
    }
    if fields.is_empty() {
        quick(&mut arguments, &mut create, enable_dynamic_field)?;
    } else {
        from_schema(
            &mut arguments,
            &mut create,
            fields,
            enable_dynamic_field.unwrap_or(false),
        )?;
    }
    arguments.finish()?;
    client.run(&create).map_err(in_doubt)?;
    // What has no index cannot be loaded, and so not searched.
    let indexed = create.schema.is_none() || !create.index_params.is_empty();
    let status = if indexed {
        "created"
    } else {
        "created_without_index"
    };
    Ok(json!({"collection_name": create.collection_name, "status": status}))
}

/// An index or a load that fails leaves the collection behind (`handler_v2.go: createCollection`), whatever the code.
fn in_doubt(error: Error) -> Error {
    use crate::error::{ErrorKind, ErrorSource, Outcome, Retry};
    let refused = matches!(
        error.kind,
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied | ErrorKind::RateLimited
    ) || matches!(error.milvus_code, Some(1801 | 1802) | None);
    if refused || error.source != ErrorSource::Server {
        return error;
    }
    error
        .with_outcome(Outcome::Unknown)
        .with_retry(Retry::AfterCheck)
}

fn quick(
    arguments: &mut Arguments,
    create: &mut CreateCollection,
    enable_dynamic_field: Option<bool>,
) -> Result<(), Error> {
    create.dimension = arguments.integer("dimension", 1..=32_768)?;
    create.id_type = arguments
        .one_of("id_type", &["Int64", "VarChar"])?
        .map(ToOwned::to_owned);
    create.auto_id = arguments.get("auto_id")?;
    create.metric_type = queries::metric_type(arguments)?;
    create.primary_field_name = arguments.get("primary_field_name")?;
    create.vector_field_name = arguments.get("vector_field_name")?;
    let max_length = arguments.integer("max_length", 1..=65_535)?;
    if create.dimension.is_none() {
        return Err(arguments.wrong(
            "dimension",
            "expected `dimension` for the quick form, or `fields` for a schema; came neither",
        ));
    }
    for name in ["functions", "index_params"] {
        if !arguments.nested_list(name)?.is_empty() {
            return Err(arguments.wrong(
                name,
                "expected `fields` with it: the quick form makes its own index",
            ));
        }
    }
    let varchar = create.id_type.as_deref() == Some("VarChar");
    match (varchar, max_length) {
        (true, None) => {
            return Err(arguments.wrong(
                "max_length",
                "expected the bytes of a VarChar key, came nothing",
            ));
        }
        (false, Some(_)) => {
            return Err(arguments.wrong(
                "max_length",
                "only a VarChar key takes it, and `id_type` is Int64",
            ));
        }
        (true, Some(length)) => {
            create.params.insert("max_length".into(), length.into());
        }
        (false, None) => {}
    }
    if let Some(dynamic) = enable_dynamic_field {
        create
            .params
            .insert("enableDynamicField".into(), dynamic.into());
    }
    Ok(())
}

fn from_schema(
    arguments: &mut Arguments,
    create: &mut CreateCollection,
    fields: Vec<Arguments>,
    enable_dynamic_field: bool,
) -> Result<(), Error> {
    for name in [
        "dimension",
        "id_type",
        "metric_type",
        "primary_field_name",
        "vector_field_name",
        "max_length",
        "auto_id",
    ] {
        if arguments.value(name)?.is_some() {
            return Err(arguments.wrong(
                name,
                "it belongs to the quick form; with `fields` it stands with a field or an index",
            ));
        }
    }
    let mut schema = NewSchema {
        enable_dynamic_field,
        ..NewSchema::default()
    };
    for field in fields {
        let (field, auto_id) = new_field(field)?;
        schema.auto_id |= auto_id;
        schema.fields.push(field);
    }
    let keys = schema
        .fields
        .iter()
        .filter(|field| field.is_primary)
        .count();
    if keys != 1 {
        return Err(arguments.wrong(
            "fields",
            format_args!("expected exactly one field with `is_primary`, came {keys}"),
        ));
    }
    for function in arguments.nested_list("functions")? {
        schema.functions.push(new_function(function)?);
    }
    for index in arguments.nested_list("index_params")? {
        create.index_params.push(new_index(index)?);
    }
    create.schema = Some(schema);
    Ok(())
}

/// A field, and whether Milvus makes its values.
fn new_field(mut arguments: Arguments) -> Result<(NewField, bool), Error> {
    let mut field = NewField {
        field_name: arguments.get("name")?,
        description: arguments.get("description")?,
        data_type: data_type(&mut arguments, "type")?
            .ok_or_else(|| arguments.wrong("type", "expected a data type, came nothing"))?,
        element_data_type: data_type(&mut arguments, "element_type")?,
        is_primary: arguments.get_or_default("is_primary")?,
        is_partition_key: arguments.get_or_default("is_partition_key")?,
        is_clustering_key: arguments.get_or_default("is_clustering_key")?,
        nullable: arguments.get_or_default("nullable")?,
        default_value: arguments.value("default_value")?,
        element_type_params: Map::new(),
    };
    let auto_id: bool = arguments.get_or_default("auto_id")?;
    if auto_id && !field.is_primary {
        return Err(arguments.wrong("auto_id", "only the primary key takes it"));
    }
    for (name, most) in [
        ("max_length", 1_048_576),
        ("dim", 262_144),
        ("max_capacity", 4_096),
    ] {
        if let Some(number) = arguments.integer(name, 1..=most)? {
            field.element_type_params.insert(name.into(), number.into());
        }
    }
    for name in ["enable_analyzer", "enable_match"] {
        if let Some(flag) = arguments.get::<Option<bool>>(name)? {
            field.element_type_params.insert(name.into(), flag.into());
        }
    }
    if let Some(params) = arguments.get::<Option<Map<_, _>>>("analyzer_params")? {
        field
            .element_type_params
            .insert("analyzer_params".into(), params.into());
    }
    if (field.data_type == "Array") != field.element_data_type.is_some() {
        return Err(arguments.wrong(
            "element_type",
            "expected for an Array, and for nothing else",
        ));
    }
    arguments.finish()?;
    Ok((field, auto_id))
}

/// A data type in Milvus' spelling; case and underscores do not count.
fn data_type(arguments: &mut Arguments, name: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = arguments.get::<Option<String>>(name)? else {
        return Ok(None);
    };
    let plain = text.replace('_', "");
    DATA_TYPES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(&plain))
        .map(|known| Some((*known).to_owned()))
        .ok_or_else(|| {
            arguments.wrong(
                name,
                format_args!("expected one of {}", DATA_TYPES.join(", ")),
            )
        })
}

fn new_function(mut arguments: Arguments) -> Result<NewFunction, Error> {
    let function = NewFunction {
        name: arguments.get("name")?,
        description: arguments.get("description")?,
        function_type: arguments
            .one_of("type", &FUNCTION_TYPES)?
            .ok_or_else(|| {
                arguments.wrong(
                    "type",
                    format_args!(
                        "expected one of {}, came nothing",
                        FUNCTION_TYPES.join(", ")
                    ),
                )
            })?
            .to_owned(),
        input_field_names: arguments.get("input_field_names")?,
        output_field_names: arguments.get("output_field_names")?,
        params: arguments.get_or_default("params")?,
    };
    for (name, fields) in [
        ("input_field_names", &function.input_field_names),
        ("output_field_names", &function.output_field_names),
    ] {
        if fields.is_empty() {
            return Err(arguments.wrong(name, "expected at least one field, came none"));
        }
    }
    arguments.finish()?;
    Ok(function)
}

fn new_index(mut arguments: Arguments) -> Result<IndexParams, Error> {
    let index = IndexParams {
        field_name: arguments.get("field_name")?,
        index_name: arguments.get("index_name")?,
        index_type: arguments.get("index_type")?,
        metric_type: queries::metric_type(&mut arguments)?,
        params: arguments.get_or_default("params")?,
    };
    arguments.finish()?;
    Ok(index)
}
