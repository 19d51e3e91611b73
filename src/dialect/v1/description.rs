//! v1's description of a collection in the form that v2 gives it: v1 writes a parameter behind the type
//! (`FloatVector(4)`, `VarChar(64)`), v2 as key and text (`httpserver/utils.go: printFields` of 2.3 and of 2.4).

use anyhow::{Context as _, Result};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The description as v2 would write it.
///
/// # Errors
/// It is no object, has no fields, or a field has no type.
pub(super) fn as_v2(data: &RawValue) -> Result<Value> {
    let mut described: Value = serde_json::from_str(data.get())?;
    let fields = described["fields"]
        .as_array_mut()
        .context("`data` has no `fields`")?;
    for field in fields {
        let written = field["type"].as_str().context("a field has no `type`")?;
        let (name, params) = match written.split_once('(') {
            Some((name, rest)) => {
                let value = rest.strip_suffix(')').context("a `type` is not closed")?;
                let key = if name == "VarChar" {
                    "max_length"
                } else {
                    "dim"
                };
                (name.to_owned(), json!([{"key": key, "value": value}]))
            }
            None => (written.to_owned(), json!([])),
        };
        field["type"] = Value::from(name);
        field["params"] = params;
    }
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::schema::Description;
    use crate::values::json::raw;

    /// As Milvus 2.3.5 answered.
    const ANSWER: &str = r#"{"collectionName":"q1","description":"","enableDynamicField":true,
        "fields":[{"autoId":true,"description":"","name":"id","primaryKey":true,"type":"Int64"},
          {"autoId":false,"description":"","name":"word","primaryKey":false,"type":"VarChar(64)"},
          {"autoId":false,"description":"","name":"vector","primaryKey":false,"type":"FloatVector(4)"}],
        "indexes":[{"fieldName":"vector","indexName":"vector_idx","metricType":"L2"}],
        "load":"LoadStateLoaded","shardsNum":1}"#;

    #[test]
    fn the_dimension_comes_out_of_the_type() {
        let raw_answer: Box<RawValue> = serde_json::from_str(ANSWER).unwrap();
        let described = raw(&as_v2(&raw_answer).unwrap());
        let description: Description = serde_json::from_str(described.get()).unwrap();
        let schema = description.schema();
        let types: Vec<_> = schema
            .fields
            .iter()
            .map(|field| (field.data_type.as_str(), field.dim))
            .collect();
        assert_eq!(
            types,
            [("Int64", None), ("VarChar", None), ("FloatVector", Some(4))]
        );
        assert!(schema.fields[0].primary_key && schema.fields[0].auto_id);
        assert_eq!(description.fields[1].params[0].text(), "64");
        assert_eq!(description.load, "LoadStateLoaded");
    }

    #[test]
    fn a_description_without_types_is_no_description() {
        let nameless: Box<RawValue> =
            serde_json::from_str(r#"{"fields":[{"name":"id"}]}"#).unwrap();
        assert!(as_v2(&nameless).is_err());
    }
}
