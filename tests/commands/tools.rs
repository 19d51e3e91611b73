use serde_json::Value;

use super::{run, shows};

#[test]
fn the_tools_are_a_table() {
    let ran = run(&["tools"], &[]);
    assert_eq!(ran.code, 0);
    let mut rows = ran.output.lines().filter(|line| line.contains("milvus_"));
    for tool in milvus_plugin::tools::TOOLS {
        let definition = tool.definition().expect("a definition");
        let row = rows.next().expect("a row for each tool");
        let cells = row
            .split("   ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        let classes = definition.classes.join(", ");
        assert_eq!(
            cells.collect::<Vec<_>>(),
            [tool.name, &classes, &definition.title]
        );
    }
    assert_eq!(rows.next(), None);
    shows(
        &ran.errors,
        "`milvus-host tools NAME` shows a tool's arguments, `milvus-host call NAME JSON` calls it",
    );
}

#[test]
fn one_tool_is_shown_with_its_arguments() {
    let ran = run(&["tools", "milvus_drop_collection"], &[]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    shows(
        &ran.output,
        "
milvus_drop_collection (drop): Drop a collection

Removes a collection with all its rows, for good. Dropping one that does not exist changes nothing.

 argument          kind               what it is
────────────────────────────────────────────────────────────────────────────────────────────────────────────
 collection_name   string, required   Collection or alias: letters, digits and underscores. Example: \"docs\"
",
    );
}

#[test]
fn for_programs_the_tools_are_described_as_mcp_does() {
    let ran = run(&["tools", "--json"], &[]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    let tools = answer["tools"].as_array().expect("a list");
    assert_eq!(tools.len(), milvus_plugin::tools::TOOLS.len());
    for tool in tools {
        for member in [
            "name",
            "title",
            "description",
            "inputSchema",
            "outputSchema",
            "annotations",
            "_meta",
        ] {
            assert!(!tool[member].is_null(), "{member}: {tool}");
        }
    }
    let ran = run(&["tools", "milvus_get", "--json"], &[]);
    let answer: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!(answer["tools"].as_array().expect("a list").len(), 1);
}

#[test]
fn a_tool_that_is_not_there_is_wrong_usage() {
    let ran = run(&["tools", "milvus_format"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    shows(
        &ran.errors,
        "error: there is no tool `milvus_format`\n\nhint: `milvus-host tools` lists them",
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::io::Read as _;
    let mut child = super::command()
        .args(["tools", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(errors, "");
}
