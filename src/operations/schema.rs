//! Schemas: as a new collection gives them, and as Milvus describes them.
//!
//! The spelling differs (`handler_v2.go: printFields`): `dataType` and `fieldName` in a request are `type` and `name`
//! in an answer, `autoID` is `autoId`, parameters become lists of key and text.

use crate::contract::types::{CollectionSchema, FieldSchema};
use crate::values::int64 as exact;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Fields and functions of a new collection.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct NewSchema {
    /// The fields.
    pub fields: Vec<NewField>,
    /// Functions that fill fields from others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<NewFunction>,
    /// Milvus makes the keys. It belongs to the schema: on a field it is ignored (issue 52053 of milvus-io/milvus).
    #[serde(rename = "autoID")]
    pub auto_id: bool,
    /// Rows may carry keys beside the fields. Milvus' default in this form is false.
    pub enable_dynamic_field: bool,
}

/// A field of a new collection.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct NewField {
    /// Its name.
    pub field_name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Int64`, `VarChar`, `FloatVector`, ...; Milvus takes the exact case.
    pub data_type: String,
    /// For `Array`: type of the elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_data_type: Option<String>,
    /// Whether this is the primary key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_primary: bool,
    /// Whether rows are spread over partitions by it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_partition_key: bool,
    /// Whether rows are kept together by it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_clustering_key: bool,
    /// Whether a value may be null.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// Value of rows that lack it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// `dim`, `max_length`, `max_capacity`, `enable_analyzer`, ...
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub element_type_params: Map<String, Value>,
}

/// A function of a new collection.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "camelCase", default)]
pub struct NewFunction {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `BM25`, `TextEmbedding`, `MinHash`.
    #[serde(rename = "type")]
    pub function_type: String,
    /// Fields it reads.
    pub input_field_names: Vec<String>,
    /// Fields it fills.
    pub output_field_names: Vec<String>,
    /// Its parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// What Milvus says of a collection. Members that a version lacks are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Description {
    /// Its name; the real one, where it was asked for by an alias.
    pub collection_name: String,
    /// What it is for.
    pub description: String,
    /// Whether Milvus makes the keys.
    pub auto_id: bool,
    /// Whether rows may carry keys beside the fields.
    pub enable_dynamic_field: bool,
    /// The fields; the dynamic one is hidden.
    pub fields: Vec<Field>,
    /// Functions that fill fields from others.
    pub functions: Vec<Function>,
    /// Other names of the collection.
    pub aliases: Vec<String>,
    /// Its indexes; up to 2.5 only the one of the first vector field.
    pub indexes: Vec<Index>,
    /// `LoadStateNotLoad`, `LoadStateLoading` or `LoadStateLoaded`.
    pub load: String,
    /// Number of shards.
    pub shards_num: Option<i64>,
    /// Number of partitions.
    pub partitions_num: Option<i64>,
    /// `Bounded`, `Strong`, ...
    pub consistency_level: Option<String>,
    /// Properties, as key and text.
    pub properties: Vec<KeyValue>,
}

/// A field that Milvus describes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its type, such as `Int64`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// For `Array`: type of the elements.
    pub element_type: Option<String>,
    /// Whether this is the primary key.
    pub primary_key: bool,
    /// Whether Milvus makes the keys.
    pub auto_id: bool,
    /// Whether rows are spread over partitions by it.
    pub partition_key: bool,
    /// Whether rows are kept together by it.
    pub clustering_key: bool,
    /// Whether a value may be null.
    pub nullable: bool,
    /// A wrapped protobuf value, such as `{"Data": {"LongData": 10}}`.
    pub default_value: Option<Value>,
    /// Whether a function fills it.
    pub is_function_output: bool,
    /// `dim`, `max_length`, ... as key and text.
    pub params: Vec<KeyValue>,
}

/// A function that Milvus describes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// A number (`schemapb.FunctionType`), or a name where a server writes it so.
    #[serde(rename = "type")]
    pub function_type: Value,
    /// Fields it reads.
    pub input_field_names: Vec<String>,
    /// Fields it fills.
    pub output_field_names: Vec<String>,
    /// Its parameters, as key and text.
    pub params: Vec<KeyValue>,
}

impl Function {
    /// The type's name, as a request spells it.
    pub fn type_name(&self) -> String {
        match &self.function_type {
            Value::String(name) => name.clone(),
            Value::Number(number) => match number.as_i64() {
                Some(1) => "BM25".into(),
                Some(2) => "TextEmbedding".into(),
                Some(3) => "Rerank".into(),
                Some(4) => "MinHash".into(),
                _ => number.to_string(),
            },
            _ => "Unknown".into(),
        }
    }
}

/// An index that Milvus describes with its collection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Index {
    /// Its name.
    pub index_name: String,
    /// The field.
    pub field_name: String,
    /// `COSINE`, `L2`, `IP`, `BM25`, ...
    pub metric_type: String,
}

/// One parameter or property. Milvus writes the value as text; numbers and booleans are read, too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KeyValue {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Value,
}

impl KeyValue {
    /// The value as text.
    pub fn text(&self) -> String {
        match &self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Description {
    /// What is needed to read the collection's rows.
    pub fn schema(&self) -> CollectionSchema {
        let outputs: Vec<&String> = self
            .functions
            .iter()
            .flat_map(|function| &function.output_field_names)
            .collect();
        let fields = self.fields.iter().map(|field| FieldSchema {
            name: field.name.clone(),
            data_type: field.data_type.clone(),
            element_type: field.element_type.clone(),
            dim: field
                .params
                .iter()
                .find(|param| param.key == "dim")
                .and_then(|param| param.text().parse().ok()),
            primary_key: field.primary_key,
            auto_id: field.primary_key && (field.auto_id || self.auto_id),
            nullable: field.nullable,
            function_output: field.is_function_output || outputs.contains(&&field.name),
        });
        CollectionSchema {
            fields: fields.collect(),
            enable_dynamic_field: self.enable_dynamic_field,
            token: String::new(),
        }
    }
}

/// An int64 as a number or as decimal text, for `deserialize_with`.
///
/// # Errors
/// It is neither.
pub fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    exact::from_json(&value).ok_or_else(|| serde::de::Error::custom("expected an int64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of Milvus 2.5 as its handler writes it (`handler_v2.go: getCollectionDetails`).
    const ANSWER: &str = r#"{"collectionName":"c","collectionID":4501,"description":"","autoId":false,
        "enableDynamicField":true,
        "fields":[{"id":100,"name":"id","type":"Int64","primaryKey":true,"autoId":false,"partitionKey":false,
            "clusteringKey":false,"nullable":false,"description":""},
          {"id":101,"name":"text","type":"VarChar","params":[{"key":"max_length","value":"512"}],"primaryKey":false},
          {"id":102,"name":"sparse","type":"SparseFloatVector","primaryKey":false},
          {"id":103,"name":"tags","type":"Array","elementType":"Int64","primaryKey":false},
          {"id":104,"name":"v","type":"FloatVector","params":[{"key":"dim","value":"128"}],"primaryKey":false}],
        "functions":[{"id":1,"name":"bm25","description":"","type":1,"inputFieldNames":["text"],
          "outputFieldNames":["sparse"],"params":[]}],
        "aliases":[],"indexes":[{"indexName":"v","fieldName":"v","metricType":"COSINE"}],
        "load":"LoadStateLoaded","shardsNum":1,"partitionsNum":1,"consistencyLevel":"Bounded","properties":[]}"#;

    #[test]
    fn a_description_tells_what_is_needed_to_read_rows() {
        let description: Description = serde_json::from_str(ANSWER).unwrap();
        let schema = description.schema();
        let field = |name: &str| {
            schema
                .fields
                .iter()
                .find(|field| field.name == name)
                .unwrap()
        };
        assert!(field("id").primary_key);
        assert_eq!(field("v").dim, Some(128));
        assert_eq!(field("tags").element_type.as_deref(), Some("Int64"));
        assert!(
            field("sparse").function_output,
            "found by the function's output names"
        );
        assert_eq!(description.functions[0].type_name(), "BM25");
    }
}
