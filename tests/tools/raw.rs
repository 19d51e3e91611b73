//! What a tool answers over REST v1 is what Milvus 2.3.5 answers to the same request: each reading request of the
//! component is repeated by a plain client, and rows, keys, distances and fields are compared.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::Collection;
use crate::servers::local::{LocalMilvus, Stage, Standalone, of};
use crate::servers::{Recorded, Recorder};

/// The answer's JSON to a request as it was recorded, sent once more to Milvus itself.
fn again(request: &Recorded) -> Value {
    let address = LocalMilvus::of(Standalone).address();
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let mut head = format!("{}\r\nHost: {address}\r\n", request.line);
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("connection") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    stream
        .write_all(&[head.as_bytes(), &request.body].concat())
        .expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let chunked = head.to_ascii_lowercase().contains("chunked");
    let body = if chunked {
        joined(body)
    } else {
        body.to_owned()
    };
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A body without the marks of its chunks.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        body.push_str(&rest[..size]);
        chunks = rest[size..].trim_start_matches("\r\n");
    }
    body
}

/// Calls a tool, and answers its answer beside Milvus' own `data` of its last request.
async fn pair(words: &Collection, tool: &str, arguments: Value) -> (Value, Value) {
    let recorder = Recorder::forwarding(LocalMilvus::of(Standalone).address());
    let stage = Stage::through(Standalone, &recorder.uri());
    let answer = stage.call(tool, of(&words.name, arguments)).await;
    let requests = recorder.requests();
    let raw = again(requests.last().expect("a request"));
    assert_eq!(raw["code"], 200, "{raw}");
    (answer, raw["data"].clone())
}

/// An Int64 as Milvus writes it with the component's header, or as text.
fn same_key(tool: &Value, raw: &Value) -> bool {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned)
    };
    text(tool) == text(raw)
}

/// Whether every member of Milvus' row is in the tool's, and no other.
fn same_row(tool: &Value, raw: &Value, integers: &[&str]) -> bool {
    let (Some(tool), Some(raw)) = (tool.as_object(), raw.as_object()) else {
        return false;
    };
    tool.len() == raw.len()
        && raw.iter().all(|(name, value)| {
            tool.get(name).is_some_and(|shown| {
                if integers.contains(&name.as_str()) {
                    same_key(shown, value)
                } else {
                    shown == value
                }
            })
        })
}

#[track_caller]
fn rows_are_the_same(answer: &Value, raw: &Value) {
    let [tool, raw] = [&answer["rows"], raw].map(|rows| rows.as_array().expect("rows"));
    assert!(
        tool.len() == raw.len()
            && tool
                .iter()
                .zip(raw)
                .all(|(tool, raw)| same_row(tool, raw, &["pk", "frequency"])),
        "{tool:#?}\nMilvus: {raw:#?}"
    );
}

#[tokio::test]
async fn the_rows_of_queries_are_milvus_own() {
    let words = Collection::words(Standalone).await;
    for arguments in [
        json!({"filter": "frequency > 20"}),
        json!({"filter": "word like \"c%\"", "output_fields": ["word", "frequency"]}),
        json!({"filter": "pk in [1, 5, 99]", "output_fields": ["*"]}),
        json!({"output_fields": ["v"], "limit": 3, "offset": 2}),
        json!({"ids": [6, 2], "output_fields": ["category"]}),
    ] {
        let (answer, raw) = pair(&words, "milvus_query", arguments).await;
        assert_ne!(raw, json!([]));
        rows_are_the_same(&answer, &raw);
    }
}

#[tokio::test]
async fn the_rows_of_gets_are_milvus_own() {
    let words = Collection::words(Standalone).await;
    for ids in [json!([1]), json!([4, 2, 77]), json!(["3", "5"])] {
        let arguments = json!({"ids": ids, "output_fields": ["word", "v", "frequency"]});
        let (answer, raw) = pair(&words, "milvus_get", arguments).await;
        rows_are_the_same(&answer, &raw);
    }
}

#[tokio::test]
async fn the_hits_of_searches_are_milvus_own() {
    let words = Collection::words(Standalone).await;
    for arguments in [
        json!({"query_vector": [0.3, 0.7]}),
        json!({"query_vector": [2.5, -1], "limit": 2, "offset": 1, "output_fields": ["word", "frequency"]}),
        json!({"query_vector": [0, 0], "filter": "category == \"plant\"", "output_fields": ["category"]}),
        json!({"query_vector": [0, 0], "radius": 20, "range_filter": 3.5}),
    ] {
        let (answer, raw) = pair(&words, "milvus_search", arguments).await;
        let [tool, raw] = [&answer["hits"], &raw].map(|hits| hits.as_array().expect("hits"));
        assert!(!raw.is_empty());
        assert_eq!(tool.len(), raw.len(), "{tool:?}\nMilvus: {raw:?}");
        for (hit, raw) in tool.iter().zip(raw) {
            let mut entity = raw.as_object().expect("a hit").clone();
            let [key, distance] = ["id", "distance"].map(|name| entity.remove(name));
            assert!(same_key(&hit["id"], &key.expect("a key")), "{hit} {raw}");
            // The tool writes a float as one.
            let distance = distance.expect("a distance").as_f64();
            assert_eq!(hit["distance"].as_f64(), distance, "{hit} {raw}");
            let shown = hit.get("entity").cloned().unwrap_or(json!({}));
            assert!(
                same_row(&shown, &Value::Object(entity), &["pk", "frequency"]),
                "{hit} {raw}"
            );
        }
    }
}

#[tokio::test]
async fn a_description_has_milvus_own_fields_and_indexes() {
    let words = Collection::words(Standalone).await;
    let (answer, raw) = pair(
        &words,
        "milvus_collection",
        json!({"operation": "describe"}),
    )
    .await;
    let described = &answer["collection"];
    for (ours, theirs) in [
        ("collection_name", "collectionName"),
        ("enable_dynamic_field", "enableDynamicField"),
        ("load_state", "load"),
        ("num_shards", "shardsNum"),
    ] {
        assert_eq!(described[ours], raw[theirs], "{answer}\nMilvus: {raw}");
    }
    let [ours, theirs] =
        [&described["fields"], &raw["fields"]].map(|fields| fields.as_array().expect("fields"));
    assert_eq!(ours.len(), theirs.len(), "{answer}\nMilvus: {raw}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        // Milvus writes a type's parameter behind it: `VarChar(64)`.
        let kind = ours["type"].as_str().expect("a type");
        let params = ours["params"].as_object().into_iter().flatten();
        let param = params
            .map(|(_, value)| format!("({})", value.as_str().expect("text")))
            .next();
        let kind = format!("{kind}{}", param.unwrap_or_default());
        assert_eq!(
            (&ours["name"], json!(kind), ours["is_primary"] == true),
            (
                &theirs["name"],
                theirs["type"].clone(),
                theirs["primaryKey"] == true
            ),
            "{ours}\nMilvus: {theirs}"
        );
    }
    let (ours, theirs) = (&described["indexes"], &raw["indexes"]);
    assert_eq!(
        theirs.as_array().map(Vec::len),
        ours.as_array().map(Vec::len)
    );
    for (name, theirs_name) in [
        ("field_name", "fieldName"),
        ("index_name", "indexName"),
        ("metric_type", "metricType"),
    ] {
        assert_eq!(
            ours[0][name], theirs[0][theirs_name],
            "{answer}\nMilvus: {raw}"
        );
    }
}

#[tokio::test]
async fn a_list_and_a_count_are_milvus_own() {
    let words = Collection::words(Standalone).await;
    let (counted, raw) = pair(&words, "milvus_count", json!({"filter": "pk > 2"})).await;
    assert!(
        same_key(&counted["count"], &raw[0]["count(*)"]),
        "{counted} {raw}"
    );
    // Other tests make and drop collections at the same time.
    let listed = words
        .stage
        .call("milvus_collection", json!({"operation": "list"}))
        .await;
    let names = listed["collections"].as_array().expect("names");
    assert!(names.contains(&json!(words.name)), "{listed}");
}
