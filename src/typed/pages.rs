//! Iteration: all rows in the order of the primary key, each once, without trusting the server's order.
//!
//! REST has no iterator flag, and without it Milvus' proxy does not promise the smallest keys. So a page is a window
//! of keys `last < key and key <= upper`, asked for with one row more than a page has. An answer that fits is the
//! whole window: it is sorted, and the next window begins at `upper`. An answer that does not fit says that the window
//! may hold more: its middle key becomes the new `upper`. At least one key that was seen falls out with each step, so
//! it ends. `upper` starts unbounded; for int64 keys the width of the last window is the next guess.

use super::fields::Fields;
use super::templates;
use crate::client::{Client, selection};
use crate::contract::entities::{Page, PageRequest};
use crate::error::Error;
use crate::operations::entities::Query;
use crate::operations::{MAX_WINDOW, consistency_level_name};
use crate::values::columns::{self, Row};
use crate::values::{filter, int64};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The form of a cursor; another number is refused.
const VERSION: u8 = 2;

/// The longest cursor, in bytes: a VarChar key has at most 65,535 bytes, twice, in base64.
const MAX_CURSOR_BYTES: usize = 256 << 10;

/// A primary key in the order of the server: numbers, or bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Key {
    Int64(i64),
    Varchar(String),
}

impl Key {
    fn of(value: &Value, int64_key: bool) -> Option<Self> {
        if int64_key {
            int64::from_json(value).map(Self::Int64)
        } else {
            value.as_str().map(|text| Self::Varchar(text.to_owned()))
        }
    }

    /// `field > key`. The smallest int64 cannot be written: its sign and its number are read apart.
    fn below(&self, field: &str) -> String {
        match self {
            Self::Int64(i64::MIN) => format!("{field} >= -{}", i64::MAX),
            Self::Int64(key) => format!("{field} > {key}"),
            Self::Varchar(key) => format!("{field} > {}", filter::quote(key)),
        }
    }

    /// `field <= key`.
    fn above(&self, field: &str) -> String {
        match self {
            Self::Int64(i64::MIN) => format!("{field} < -{}", i64::MAX),
            Self::Int64(key) => format!("{field} <= {key}"),
            Self::Varchar(key) => format!("{field} <= {}", filter::quote(key)),
        }
    }
}

/// A place in an iteration. It carries keys, no credential and no filter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    version: u8,
    /// Digest of the request, so that it cannot be used with another.
    request: u64,
    /// Keys up to here were answered.
    last: Key,
    /// Where the next window is tried to end.
    upper: Option<Key>,
    /// Digest of the rest, against accidental change.
    check: u64,
}

impl Cursor {
    fn new(request: u64, last: Key, upper: Option<Key>) -> Self {
        let check = digest(&(VERSION, request, &last, &upper));
        Self {
            version: VERSION,
            request,
            last,
            upper,
            check,
        }
    }

    /// Whether it is as it was made.
    fn is_whole(&self) -> bool {
        let check = digest(&(self.version, self.request, &self.last, &self.upper));
        self.version == VERSION && self.check == check
    }

    fn encode(&self) -> Result<String, Error> {
        let text = serde_json::to_vec(self).map_err(|cause| Error::protocol(&cause.into()))?;
        Ok(BASE64URL.encode(text))
    }

    fn decode(text: &str, request: u64, int64_key: bool) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::invalid("after", problem);
        if text.len() > MAX_CURSOR_BYTES {
            return Err(wrong(
                "expected a cursor of this component, got a longer text",
            ));
        }
        let cursor: Self = BASE64URL
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| wrong("expected a cursor that this component made"))?;
        if !cursor.is_whole() {
            return Err(wrong(
                "expected a cursor as this component made it, got a changed one",
            ));
        }
        if cursor.request != request {
            return Err(wrong(
                "expected the cursor of this request, got another request's",
            ));
        }
        let fits = |key: &Key| matches!(key, Key::Int64(_)) == int64_key;
        if !fits(&cursor.last) || !cursor.upper.as_ref().is_none_or(fits) {
            return Err(wrong(
                "expected a cursor with keys of the collection's type",
            ));
        }
        Ok(cursor)
    }
}

/// A digest that stays the same from release to release: FNV-1a of the value's JSON.
fn digest(value: &impl Serialize) -> u64 {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Digest of what a request asks for; the page size may change between steps.
fn asked(request: &PageRequest, key: &str) -> u64 {
    digest(&(
        &request.collection_name,
        &request.partition_names,
        &request.filter.expression,
        &request.filter.params,
        &request.output_fields,
        &request.extra,
        key,
        env!("CARGO_PKG_VERSION"),
    ))
}

/// One step of an iteration.
///
/// # Errors
/// `invalid-argument` for the page size or a cursor that does not fit; or Milvus' own.
pub fn next(client: &mut Client<'_>, request: PageRequest) -> Result<Page, Error> {
    client.add::<Query>(request.extra.as_deref())?;
    let page_rows = request.page_rows;
    if !(1..MAX_WINDOW).contains(&page_rows) {
        return Err(Error::invalid(
            "page-rows",
            format_args!("expected 1 to {}, got {page_rows}", MAX_WINDOW - 1),
        ));
    }
    let mut fields = Fields::of(request.schema.as_deref(), &request.collection_name)?;
    let key = columns::primary_key(fields.get(client)?)
        .map_err(|cause| Error::protocol(&cause))?
        .clone();
    if !filter::is_identifier(&key.name) {
        return Err(Error::invalid(
            "schema",
            "expected a field name as Milvus takes it for the primary key",
        ));
    }
    let int64_key = key.data_type == "Int64";
    let digest = asked(&request, &key.name);
    let (last, mut upper) = match &request.after {
        Some(text) => {
            let cursor = Cursor::decode(text, digest, int64_key)?;
            (Some(cursor.last), cursor.upper)
        }
        None => (None, None),
    };
    let base = Query {
        collection_name: request.collection_name.as_str().into(),
        partition_names: request.partition_names,
        filter: request.filter.expression,
        expr_params: templates("filter.params", request.filter.params.as_deref())?,
        output_fields: request.output_fields,
        consistency_level: request.consistency_level.map(consistency_level_name),
        ..Query::default()
    };
    loop {
        let mut query = base.clone();
        query.filter = window(&base.filter, &key.name, last.as_ref(), upper.as_ref());
        query.limit = Some(page_rows + 1);
        let mut rows = keyed(
            selection::rows(client, &query, fields.known())?,
            &key.name,
            int64_key,
        )?;
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        if rows.len() > page_rows as usize {
            let middle = rows[(rows.len() - 1) / 2].0.clone();
            if upper.as_ref().is_some_and(|known| *known <= middle) {
                let cause =
                    anyhow::anyhow!("rows outside the window that was asked for, or one key twice");
                return Err(Error::protocol(&cause));
            }
            upper = Some(middle);
            continue;
        }
        let next = upper.map(|upper| {
            let guess = guess(
                last.as_ref(),
                rows.first().map(|row| &row.0),
                &upper,
                rows.len(),
                page_rows,
            );
            Cursor::new(digest, upper, guess).encode()
        });
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        // Before a look-up, which answers something, too.
        let extra = client.members();
        return Ok(Page {
            rows: fields.columns(client, rows)?,
            next: next.transpose()?,
            extra,
        });
    }
}

fn window(filter: &str, field: &str, last: Option<&Key>, upper: Option<&Key>) -> String {
    let mut parts = Vec::new();
    if !filter.trim().is_empty() {
        parts.push(format!("({filter})"));
    }
    parts.extend(last.map(|key| key.below(field)));
    parts.extend(upper.map(|key| key.above(field)));
    parts.join(" and ")
}

fn keyed(rows: Vec<Row>, field: &str, int64_key: bool) -> Result<Vec<(Key, Row)>, Error> {
    rows.into_iter()
        .map(|row| {
            let key = row.get(field).and_then(|value| Key::of(value, int64_key));
            key.map(|key| (key, row)).ok_or_else(|| {
                Error::protocol(&anyhow::anyhow!(
                    "a row has no primary key of the collection's type"
                ))
            })
        })
        .collect()
}

/// Where the next window may end: as wide as this one, twice as wide if it was less than half full. Unbounded for
/// VarChar keys, which have no width.
fn guess(
    last: Option<&Key>,
    first: Option<&Key>,
    upper: &Key,
    rows: usize,
    page_rows: u32,
) -> Option<Key> {
    // An empty window says nothing about the next one: a gap or the end may be as wide as int64.
    if rows == 0 {
        return None;
    }
    let (Some(Key::Int64(start)), Key::Int64(end)) = (last.or(first), upper) else {
        return None;
    };
    let width = end.abs_diff(*start).max(1);
    let width = if rows * 2 < page_rows as usize {
        width.saturating_mul(2)
    } else {
        width
    };
    let next = i64::try_from(width)
        .ok()
        .and_then(|width| end.checked_add(width))?;
    Some(Key::Int64(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::connection;
    use crate::client::{HttpRequest, Transport, TransportError};
    use crate::contract::types::{CollectionSchema, ColumnData, FieldSchema, FilterExpression};
    use crate::dialect::HttpAnswer;
    use crate::typed::fields::token;
    use serde_json::json;

    /// A server that answers any `limit` of the rows in the window, in an order of its own.
    struct Unordered {
        keys: Vec<i64>,
        requests: usize,
    }

    impl Transport for Unordered {
        fn send(&mut self, request: HttpRequest<'_>) -> Result<HttpAnswer, TransportError> {
            self.requests += 1;
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let filter = body["filter"].as_str().unwrap_or_default();
            let bound = |sign: &str| {
                filter
                    .split(" and ")
                    .find_map(|part| part.strip_prefix(sign))
                    .map(|text| text.parse::<i64>().unwrap())
            };
            let (low, least, high) = (bound("id > "), bound("id >= "), bound("id <= "));
            let below = bound("id < ");
            let limit = usize::try_from(body["limit"].as_u64().unwrap()).unwrap();
            let mut inside: Vec<i64> = self
                .keys
                .iter()
                .copied()
                .filter(|key| low.is_none_or(|low| *key > low))
                .filter(|key| least.is_none_or(|least| *key >= least))
                .filter(|key| high.is_none_or(|high| *key <= high))
                .filter(|key| below.is_none_or(|below| *key < below))
                .collect();
            // The largest come first: the worst order for a reader that trusts it.
            inside.reverse();
            inside.truncate(limit);
            let rows: Vec<Value> = inside.iter().map(|key| json!({"id": key})).collect();
            Ok(HttpAnswer {
                status: 200,
                body: json!({"code": 0, "data": rows}).to_string().into_bytes(),
            })
        }

        fn now_ms(&self) -> u64 {
            0
        }

        fn wait_ms(&mut self, _: u64) {}
    }

    fn request(filter: &str, page_rows: u32, after: Option<String>) -> PageRequest {
        let schema = CollectionSchema {
            fields: vec![FieldSchema {
                name: "id".into(),
                data_type: "Int64".into(),
                element_type: None,
                dim: None,
                primary_key: true,
                auto_id: false,
                nullable: false,
                function_output: false,
            }],
            enable_dynamic_field: false,
            token: String::new(),
        };
        PageRequest {
            collection_name: "c".into(),
            partition_names: vec![],
            filter: FilterExpression {
                expression: filter.into(),
                params: None,
            },
            output_fields: vec!["id".into()],
            page_rows,
            after,
            consistency_level: None,
            schema: Some(token(&schema).unwrap()),
            extra: None,
        }
    }

    fn iterate(keys: Vec<i64>, page_rows: u32) -> (Vec<i64>, usize) {
        let mut server = Unordered { keys, requests: 0 };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let mut client = Client::new(&mut server, connection()).unwrap();
            let page = next(&mut client, request("", page_rows, after)).unwrap();
            assert!(page.rows.rows <= page_rows);
            if let Some(column) = page.rows.columns.into_iter().next() {
                let ColumnData::Int64(keys) = column.data else {
                    panic!("another type")
                };
                seen.extend(keys);
            }
            after = page.next;
            if after.is_none() {
                return (seen, server.requests);
            }
        }
    }

    #[test]
    fn every_row_comes_once_and_in_order_whatever_the_servers_order() {
        let mut keys: Vec<i64> = (0..1_000).map(|n| n * n * 7 - 50_000).collect();
        keys.extend([
            i64::MIN,
            i64::MIN + 1,
            -9_007_199_254_740_993,
            9_007_199_254_740_993,
            i64::MAX - 1,
            i64::MAX,
        ]);
        keys.sort_unstable();
        for page_rows in [1, 7, 100, 2_000] {
            let (seen, _) = iterate(keys.clone(), page_rows);
            assert_eq!(seen, keys, "page of {page_rows}");
        }
    }

    #[test]
    fn dense_keys_take_few_requests_for_each_page() {
        let (seen, requests) = iterate((0..10_000).collect(), 100);
        assert_eq!(seen.len(), 10_000);
        assert!(requests < 500, "{requests} requests for 100 pages");
    }

    #[test]
    fn a_cursor_is_the_same_in_every_build() {
        assert_eq!(digest(&"a"), 0xd427_2417_d7c7_7eea);
    }

    #[test]
    fn t58_a_changed_cursor_or_another_requests_is_refused() {
        let cursor = Cursor::new(asked(&request("a > 1", 1, None), "id"), Key::Int64(5), None)
            .encode()
            .unwrap();
        let mut server = Unordered {
            keys: vec![],
            requests: 0,
        };
        let mut client = Client::new(&mut server, connection()).unwrap();
        let other = next(&mut client, request("a > 2", 10, Some(cursor.clone()))).unwrap_err();
        assert_eq!(other.argument.as_deref(), Some("after"));
        let decoded = BASE64URL.decode(&cursor).unwrap();
        let changed = String::from_utf8(decoded).unwrap().replace(":5", ":6");
        for text in [BASE64URL.encode(changed), "x".into(), String::new()] {
            let error = next(&mut client, request("a > 1", 10, Some(text))).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some("after"));
        }
        assert_eq!(server.requests, 0);
    }
}
