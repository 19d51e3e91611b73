//! `docs/tools.md`, made from the definitions: `cargo xtask tools` writes it.

use std::fmt::Write as _;

use milvus_plugin::tools::TOOLS;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tools.md");

fn page() -> String {
    let mut page = "# Tools\n\nMade from the tools' definitions by `cargo xtask tools`.\n\n\
        | tool | what it does | classes | HTTP requests |\n|---|---|---|---|\n"
        .to_owned();
    for tool in TOOLS {
        let definition = tool.definition().expect("a definition");
        let text = |name: &str| {
            let value = &definition.requests[name];
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let (typical, most) = (text("typical"), text("most"));
        let mut requests = if typical == most {
            typical
        } else {
            format!("{typical}; at most {most}")
        };
        for (name, before) in [("why", ": "), ("v1", ". Over REST v1 ")] {
            if !definition.requests[name].is_null() {
                requests.extend([before, &text(name)]);
            }
        }
        let classes: Vec<String> = definition
            .classes
            .iter()
            .map(|class| format!("`{class}`"))
            .collect();
        let row = format!(
            "| `{}` | {} | {} | {requests} |",
            tool.name,
            definition.description,
            classes.join(", ")
        );
        writeln!(page, "{row}").expect("a text takes more");
    }
    page
}

#[test]
fn the_page_of_tools_is_made_from_the_definitions() {
    let page = page();
    if std::env::var_os("MILVUS_WRITE_PAGES").is_some() {
        std::fs::write(PAGE, &page).expect("the page can be written");
    }
    let known = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        known == page,
        "docs/tools.md is stale: run `cargo xtask tools`"
    );
}
