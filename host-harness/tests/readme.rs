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
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (folder, most) in [
        ("host-harness", 4050),
        ("policy", 2350),
        ("code-cache", 250),
    ] {
        let lines = code_lines(&project.join(folder).join("src"));
        println!("{folder}: {lines} lines of code");
        assert!(lines <= most, "{folder}: {lines}");
        let row = format!("| `{folder}/` | ");
        let said = include_str!("../README.md").split(&row).nth(1);
        let said = said.and_then(|rest| rest.split(" |").next());
        let said: usize = said
            .and_then(|number| number.replace(',', "").parse().ok())
            .expect("README.md has a row for it");
        assert!(said.abs_diff(lines) <= 100, "{folder}: {lines}, not {said}");
    }
}

/// The names of what a manifest depends on, but for tests.
fn dependencies(manifest: &str) -> Vec<&str> {
    let sections = manifest.split("\n[");
    let wanted = sections.filter_map(|section| {
        let (title, rest) = section.split_once("]\n")?;
        (title.ends_with("dependencies") && !title.starts_with("dev-")).then_some(rest)
    });
    let lines = wanted.flat_map(str::lines);
    lines
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect()
}

#[test]
fn each_dependency_has_a_sentence_and_they_are_few() {
    let mut names = dependencies(include_str!("../Cargo.toml"));
    names.extend(dependencies(include_str!("../../code-cache/Cargo.toml")));
    assert!(names.contains(&"rustix"), "{names:?}");
    names.sort_unstable();
    names.dedup();
    let ours = ["code-cache", "policy", "routes"];
    let outside = names.iter().filter(|name| !ours.contains(name)).count();
    println!("{outside} dependencies from outside");
    assert!(outside <= 15, "{names:?}");
    for name in &names {
        let row = format!("| `{name}` | ");
        assert!(
            include_str!("../README.md").contains(&row),
            "README.md says nothing about {name}"
        );
    }
}
