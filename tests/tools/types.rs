//! Values of every type that a local Milvus has, in and out.

use serde_json::{Value, json};

use super::Collection;
use crate::servers::local::Lite;

async fn collection() -> Collection {
    let schema = json!({
        "enable_dynamic_field": true,
        "fields": [
            {"name": "pk", "type": "Int64", "is_primary": true},
            {"name": "yes", "type": "Bool"}, {"name": "i8", "type": "Int8"}, {"name": "i16", "type": "Int16"},
            {"name": "i32", "type": "Int32"}, {"name": "f", "type": "Float"}, {"name": "d", "type": "Double"},
            {"name": "text", "type": "VarChar", "max_length": 100},
            {"name": "json", "type": "JSON", "nullable": true},
            {"name": "words", "type": "Array", "element_type": "VarChar", "max_length": 10, "max_capacity": 4},
            {"name": "numbers", "type": "Array", "element_type": "Int64", "max_capacity": 4},
            {"name": "floats", "type": "Array", "element_type": "Float", "max_capacity": 4},
            {"name": "maybe", "type": "VarChar", "max_length": 10, "nullable": true},
            {"name": "usual", "type": "Int64", "default_value": 42},
            {"name": "v", "type": "FloatVector", "dim": 2},
            {"name": "s", "type": "SparseFloatVector"},
        ],
        "index_params": [{"field_name": "v", "metric_type": "L2"}, {"field_name": "s", "metric_type": "IP"}],
    });
    Collection::new(Lite, schema, json!([])).await
}

fn full() -> Value {
    json!({
        "pk": 1, "yes": true, "i8": -128, "i16": 32767, "i32": -2_147_483_648, "f": 0.5, "d": 0.1, "text": "a \"quoted\" 猫\n",
        "json": {"a": [1, {"b": null}], "c": "text"}, "words": ["one", "two"], "numbers": [1, -2], "floats": [0.5], "maybe": "here",
        "usual": 7, "v": [0.25, -1], "s": {"3": 0.5, "70000": 2.0},
    })
}

#[tokio::test]
async fn what_went_in_comes_out() {
    let all = collection().await;
    all.call("milvus_insert", json!({"data": [full()]})).await;
    let mut row = all.row(1).await;
    // A JSON field is text in Milvus' answers; the tool passes it on, since only the schema tells it from a VarChar.
    row["json"] =
        serde_json::from_str(row["json"].as_str().expect("JSON in text")).expect("JSON in text");
    for (name, value) in full().as_object().unwrap() {
        if let (Some(shown), Some(given)) = (row[name].as_f64(), value.as_f64()) {
            assert!((shown - given).abs() < 1e-12, "{name}: {row}");
        } else {
            assert_eq!(as_json(&row[name]), as_json(value), "{name}: {row}");
        }
    }
}

/// Numbers in one form: `2` and `2.0` are the same to JSON.
fn as_json(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(as_json).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), as_json(value)))
            .collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn null_and_default_stand_where_nothing_was_given() {
    let all = collection().await;
    let mut row = full();
    for name in ["json", "maybe", "usual"] {
        row.as_object_mut().unwrap().remove(name);
    }
    let mut nulls = full();
    nulls["pk"] = json!(2);
    nulls["maybe"] = Value::Null;
    nulls["usual"] = Value::Null;
    all.call("milvus_insert", json!({"data": [row, nulls]}))
        .await;
    let row = all.row(1).await;
    assert_eq!(
        (&row["json"], &row["maybe"], &row["usual"]),
        (&Value::Null, &Value::Null, &json!(42)),
        "{row}"
    );
    let row = all.row(2).await;
    assert_eq!(
        (&row["maybe"], &row["usual"]),
        (&Value::Null, &json!(42)),
        "{row}"
    );
    assert_eq!(
        all.call("milvus_count", json!({"filter": "maybe is null"}))
            .await,
        json!({"count": 2})
    );
}

#[tokio::test]
async fn json_and_arrays_can_be_asked_in_filters() {
    let all = collection().await;
    all.call("milvus_insert", json!({"data": [full()]})).await;
    for (filter, count) in [
        ("json[\"c\"] == \"text\"", 1),
        ("array_contains(words, \"two\")", 1),
        ("array_contains(numbers, 5)", 0),
        ("numbers[1] == -2", 1),
        ("array_length(words) == 2", 1),
        ("text like \"a %\"", 1),
    ] {
        assert_eq!(
            all.call("milvus_count", json!({ "filter": filter })).await,
            json!({ "count": count }),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_hit_shows_arrays_and_json_as_a_query_does() {
    let all = collection().await;
    all.call("milvus_insert", json!({"data": [full()]})).await;
    let fields = json!(["words", "numbers", "json", "s"]);
    let hit = all
        .call(
            "milvus_search",
            json!({"query_vector": [0, 0], "anns_field": "v", "output_fields": fields}),
        )
        .await;
    let row = all
        .call("milvus_get", json!({"ids": [1], "output_fields": fields}))
        .await;
    for name in ["words", "numbers", "json", "s"] {
        assert_eq!(
            hit["hits"][0]["entity"][name], row["rows"][0][name],
            "{name}"
        );
    }
    assert_eq!(row["rows"][0]["words"], json!(["one", "two"]));
}

#[tokio::test]
async fn an_empty_array_stays_empty() {
    let all = collection().await;
    let mut row = full();
    row["words"] = json!([]);
    row["numbers"] = json!([]);
    all.call("milvus_insert", json!({"data": [row]})).await;
    let row = all.row(1).await;
    assert_eq!(
        (&row["words"], &row["numbers"]),
        (&json!([]), &json!([])),
        "{row}"
    );
}

#[tokio::test]
async fn dynamic_fields_of_any_kind_come_back() {
    let all = collection().await;
    let mut row = full();
    row["extra"] = json!({"deep": [1, "two"]});
    row["flag"] = json!(true);
    all.call("milvus_insert", json!({"data": [row]})).await;
    let row = all.row(1).await;
    assert_eq!(
        (as_json(&row["extra"]), &row["flag"]),
        (as_json(&json!({"deep": [1, "two"]})), &json!(true)),
        "{row}"
    );
}
