//! What the demo shows: numbered steps with their time, and tables.

use comfy_table::{ContentArrangement, Table, TableComponent, presets};
use serde_json::Value;
use std::time::Instant;

/// The longest text of a cell, in characters.
const CELL: usize = 70;

/// The demo's steps.
pub(crate) struct Steps {
    number: u32,
    start: Instant,
    step: Instant,
}

impl Steps {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        Self {
            number: 0,
            start: Instant::now(),
            step: Instant::now(),
        }
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self, what: &str) {
        self.number += 1;
        self.step = Instant::now();
        println!("\n[{:>2}] {what}", self.number);
    }

    /// Ends a step.
    pub(crate) fn done(&self, result: &str) {
        println!(
            "     ✓ {result}  ({:.2} s)",
            self.step.elapsed().as_secs_f64()
        );
    }

    /// Shows the time of all steps.
    pub(crate) fn total(&self) {
        println!(
            "\n{} steps in {:.1} s",
            self.number,
            self.start.elapsed().as_secs_f64()
        );
    }
}

/// A share in percent.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    format!("{}.{} %", part * 100 / whole, part * 1000 / whole % 10)
}

/// Hits of a search.
pub(crate) fn hits(hits: &[Value]) {
    let rows = hits.iter().map(|hit| {
        let entity = &hit["entity"];
        vec![
            cell(&hit["id"]),
            format!("{:.3}", hit["distance"].as_f64().unwrap_or_default()),
            cell(&entity["word"]),
            cell(&entity["category"]),
            cell(&entity["gloss"]),
        ]
    });
    table(&["id", "score", "word", "category", "gloss"], rows);
}

/// Rows of a query.
pub(crate) fn rows(rows: &[Value], columns: &[&str]) {
    table(
        columns,
        rows.iter()
            .map(|row| columns.iter().map(|column| cell(&row[column])).collect()),
    );
}

/// A table, as wide as the terminal.
pub(crate) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(110);
    }
    table.set_header(columns.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for line in table.lines() {
        println!("      {line}");
    }
}

fn cell(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().count() > CELL {
        format!("{}…", text.chars().take(CELL).collect::<String>())
    } else {
        text
    }
}
