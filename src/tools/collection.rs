//! `milvus_collection`: looks at collections. The reading operations of the Python plugin's tool of this name.

use super::Arguments;
use crate::client::Client;
use crate::error::Error;
use crate::operations::collections::{
    DescribeCollection, GetLoadState, GetStats, HasCollection, ListCollections,
};
use crate::operations::schema::{Description, KeyValue};
use crate::values::int64;
use serde_json::{Map, Value, json};

const OPERATIONS: [&str; 5] = ["list", "describe", "stats", "has", "load_state"];

pub(super) fn run(client: &mut Client<'_>, mut arguments: Arguments) -> Result<Value, Error> {
    let operation = arguments.one_of("operation", &OPERATIONS)?.ok_or_else(|| {
        arguments.wrong(
            "operation",
            format_args!("expected one of {}, came nothing", OPERATIONS.join(", ")),
        )
    })?;
    let name = arguments.identifier("collection_name")?;
    let partition_names = arguments.texts("partition_names")?;
    if operation != "load_state" && !partition_names.is_empty() {
        return Err(arguments.wrong("partition_names", "only `load_state` takes partitions"));
    }
    let collection_name = match (operation, name) {
        ("list", Some(_)) => {
            return Err(arguments.wrong(
                "collection_name",
                "`list` takes none: it lists the database's collections",
            ));
        }
        ("list", None) => String::new(),
        (_, Some(name)) => name,
        (_, None) => {
            return Err(arguments.wrong("collection_name", "expected a name, came nothing"));
        }
    };
    arguments.finish()?;
    Ok(match operation {
        "list" => json!({"collections": client.run(&ListCollections {})?}),
        "has" => json!({"exists": client.run(&HasCollection { collection_name })?}),
        "stats" => json!({"row_count": int64::to_json(client.run(&GetStats { collection_name })?)}),
        "load_state" => {
            let state = client.run(&GetLoadState {
                collection_name,
                partition_names,
            })?;
            without_nulls(
                json!({"load_state": state.load_state, "load_progress": state.load_progress}),
            )
        }
        _ => json!({"collection": describe(&client.run(&DescribeCollection { collection_name })?)}),
    })
}

fn describe(description: &Description) -> Value {
    let fields: Vec<Value> = description
        .fields
        .iter()
        .map(|field| {
            without_nulls(json!({
                "name": field.name,
                "type": field.data_type,
                "element_type": field.element_type.as_ref().filter(|name| !name.is_empty()),
                "description": text(&field.description),
                "is_primary": field.primary_key.then_some(true),
                "is_partition_key": field.partition_key.then_some(true),
                "is_clustering_key": field.clustering_key.then_some(true),
                "nullable": field.nullable.then_some(true),
                "is_function_output": field.is_function_output.then_some(true),
                "default_value": default_value(field.default_value.as_ref()),
                "params": (!field.params.is_empty()).then(|| parameters(&field.params)),
            }))
        })
        .collect();
    let functions: Vec<Value> = description
        .functions
        .iter()
        .map(|function| {
            without_nulls(json!({
                "name": function.name,
                "type": function.type_name(),
                "description": text(&function.description),
                "input_field_names": function.input_field_names,
                "output_field_names": function.output_field_names,
                "params": (!function.params.is_empty()).then(|| parameters(&function.params)),
            }))
        })
        .collect();
    let indexes: Vec<Value> = description
        .indexes
        .iter()
        .map(|index| {
            without_nulls(json!({
                "index_name": index.index_name,
                "field_name": index.field_name,
                "metric_type": text(&index.metric_type),
            }))
        })
        .collect();
    without_nulls(json!({
        "collection_name": description.collection_name,
        "description": text(&description.description),
        "auto_id": description.schema().fields.iter().any(|field| field.auto_id),
        "enable_dynamic_field": description.enable_dynamic_field,
        "consistency_level": description.consistency_level,
        "load_state": text(&description.load),
        "num_shards": description.shards_num,
        "num_partitions": description.partitions_num,
        "aliases": description.aliases,
        "fields": fields,
        "functions": functions,
        "indexes": indexes,
        "properties": parameters(&description.properties),
    }))
}

fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn parameters(pairs: &[KeyValue]) -> Map<String, Value> {
    pairs
        .iter()
        .map(|pair| (pair.key.clone(), Value::from(pair.text())))
        .collect()
}

/// The plain value in a wrapped protobuf one, such as `{"Data": {"LongData": 10}}`.
fn default_value(value: Option<&Value>) -> Option<Value> {
    let value = value?;
    let mut plain = value
        .get("Data")
        .and_then(Value::as_object)
        .and_then(|kinds| kinds.values().next())
        .unwrap_or(value)
        .clone();
    int64::make_safe(&mut plain);
    Some(plain)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        other => other,
    }
}
