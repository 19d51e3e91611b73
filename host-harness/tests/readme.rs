//! What README.md says about the size of the trusted base is held here.
#![expect(
    clippy::disallowed_methods,
    reason = "a test that reads the sources beside it"
)]

use std::path::Path;

/// Code without tests, blank lines and comments, of a file or a folder.
fn code_lines(path: &Path) -> usize {
    if path.is_dir() {
        let entries = path.read_dir().expect("a folder");
        return entries
            .map(|entry| code_lines(&entry.expect("an entry").path()))
            .sum();
    }
    if path.file_name().is_some_and(|name| name == "tests.rs")
        || path.extension().is_none_or(|kind| kind != "rs")
    {
        return 0;
    }
    let text = std::fs::read_to_string(path).expect("a source file");
    let code = text
        .lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]");
    code.filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
fn the_trusted_base_stays_small() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = code_lines(&src);
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/src");
    let policy = code_lines(&policy);
    println!("{all} lines of code, and {policy} of the policy");
    assert!(all <= 3000, "{all}");
    assert!(policy <= 1500, "{policy}");
}

#[test]
fn each_dependency_has_a_sentence_and_they_are_few() {
    let manifest = include_str!("../Cargo.toml");
    let section = manifest
        .split("[dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next());
    let names: Vec<_> = section
        .expect("dependencies")
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    let ours = ["policy", "routes"];
    let outside = names.iter().filter(|name| !ours.contains(name)).count();
    assert!(outside <= 15, "{names:?}");
    for name in &names {
        let row = format!("| `{name}` | ");
        assert!(
            include_str!("../README.md").contains(&row),
            "README.md says nothing about {name}"
        );
    }
}
