//! A collection as `milvus_collection` describes it.

use crate::operations::schema::{Description, KeyValue};
use crate::values::int64;
use serde_json::{Map, Value, json};

pub(super) fn describe(description: &Description) -> Value {
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
