//! `docs/settings.md` has the flags as they are: `cargo xtask settings` writes its tables.

use clap::{Arg, CommandFactory as _};
use std::path::Path;

/// What stands before and behind a table of flags.
const MARKS: (&str, &str) = ("<!-- flags: ", "<!-- end -->");

/// The same page with the tables of now.
fn filled(page: &str) -> String {
    let mut parts = page.split(MARKS.0);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (heading, rest) = part.split_once(" -->").expect("a heading");
        let (_, rest) = rest.split_once(MARKS.1).expect("an end");
        let table = table(heading);
        filled.push_str(&format!(
            "{}{heading} -->\n\n{table}\n{}{rest}",
            MARKS.0, MARKS.1
        ));
    }
    filled
}

/// The flags under a heading of the help.
fn table(heading: &str) -> String {
    let command = crate::Cli::command();
    let flags = command.get_arguments();
    let rows = flags
        .filter(|flag| flag.get_help_heading() == Some(heading))
        .map(row);
    let rows: Vec<String> = rows.collect();
    assert!(!rows.is_empty(), "no flag is under `{heading}`");
    format!("| flag | variable | |\n|---|---|---|\n{}", rows.concat())
}

fn row(flag: &Arg) -> String {
    let value = flag.get_action().takes_values().then(|| {
        let names = flag.get_value_names().unwrap_or_default();
        names
            .iter()
            .map(|name| format!(" {name}"))
            .collect::<String>()
    });
    let name = format!(
        "`--{}{}`",
        flag.get_long().expect("a flag"),
        value.unwrap_or_default()
    );
    let variable = flag
        .get_env()
        .map(|name| format!("`{}`", name.to_string_lossy()));
    let help = flag
        .get_help()
        .expect("each flag says what it does")
        .to_string();
    let help = help.replace('\n', " ").replace('|', "\\|");
    format!("| {name} | {} | {help} |\n", variable.unwrap_or_default())
}

#[test]
fn the_page_of_settings_has_the_flags_of_now() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let page = std::fs::read_to_string(&file).expect("docs/settings.md");
    let now = filled(&page);
    if std::env::var_os("MILVUS_WRITE_PAGES").is_some() {
        std::fs::write(&file, now).expect("docs/settings.md");
        return;
    }
    assert_eq!(
        page, now,
        "docs/settings.md is stale: `cargo xtask settings` writes it"
    );
}
