//! What the component is: small, with six imports and nothing more, and its contract in `wit/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_harness::{embedded_component, inspect};

#[test]
fn t45_it_imports_six_interfaces_and_nothing_else() {
    let component = inspect(embedded_component()).expect("it may be loaded");
    let expected = [
        "wasi:clocks/monotonic-clock@0.2.12",
        "wasi:http/outgoing-handler@0.2.12",
        "wasi:http/types@0.2.12",
        "wasi:io/error@0.2.12",
        "wasi:io/poll@0.2.12",
        "wasi:io/streams@0.2.12",
    ];
    assert_eq!(component.imports, expected);
    for family in [
        "filesystem",
        "sockets",
        "cli",
        "random",
        "wall-clock",
        "incoming",
    ] {
        assert!(
            !component.imports.iter().any(|name| name.contains(family)),
            "{family}"
        );
    }
}

#[test]
fn t45_it_exports_the_package_and_nothing_else() {
    let component = inspect(embedded_component()).expect("it may be loaded");
    let mut names = worlds().remove("api").expect("the world that hosts call");
    names.sort();
    let names = names
        .iter()
        .map(|(_, name)| format!("milvus:vector-store/{name}@0.1.0"));
    assert_eq!(component.exports, names.collect::<Vec<_>>());
}

#[test]
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
fn it_stays_small() {
    let component = inspect(embedded_component()).expect("it may be loaded");
    println!("{} bytes, sha256:{}", component.size, component.digest);
    assert_eq!(component.size, embedded_component().len());
    assert!(
        component.digest.len() == 64
            && component
                .digest
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit())
    );
    assert!(component.size < 1_500_000, "{} bytes", component.size);
}

#[test]
fn it_holds_no_path_of_the_machine_that_built_it() {
    let text = String::from_utf8_lossy(embedded_component());
    for place in [
        env!("CARGO_MANIFEST_DIR").trim_end_matches("/tests"),
        "/.cargo/registry/src/",
    ] {
        let found = text
            .find(place)
            .map(|at| text[at..].chars().take(120).collect::<String>());
        assert_eq!(found, None, "{place}");
    }
}

/// What each world of `wit/world.wit` imports, exports and includes.
fn worlds() -> BTreeMap<String, Vec<(String, String)>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/world.wit");
    let text = std::fs::read_to_string(path).expect("the worlds");
    let mut worlds = BTreeMap::<String, Vec<(String, String)>>::new();
    let mut world = String::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("///"))
    {
        let mut words = line.trim_end_matches([';', '{', ' ']).split_whitespace();
        match (words.next(), words.next()) {
            (Some("world"), Some(name)) => name.clone_into(&mut world),
            (Some(way @ ("import" | "export" | "include")), Some(name)) => {
                worlds
                    .entry(world.clone())
                    .or_default()
                    .push((way.to_owned(), name.to_owned()));
            }
            _ => {}
        }
    }
    worlds
}

#[test]
fn the_world_of_callers_mirrors_the_world_of_the_component() {
    let worlds = worlds();
    let of = |world: &str, way: &str| -> Vec<String> {
        worlds[world]
            .iter()
            .filter(|(known, _)| known == way)
            .map(|(_, name)| name.clone())
            .collect()
    };
    assert_eq!(of("plugin", "include"), ["api"]);
    assert_eq!(of("client", "import"), of("api", "export"));
    assert_eq!(of("client", "export"), Vec::<String>::new());
    assert_eq!(of("plugin", "import"), of("tools-plugin", "import"));
    assert!(
        of("tools-plugin", "export")
            .iter()
            .all(|name| of("api", "export").contains(name))
    );
}

/// The source files of the component below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .collect()
}

#[test]
fn only_the_transport_names_wasi_and_waki() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let files = sources(&src);
    let named: Vec<_> = files
        .iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a source file");
            // Where wit-bindgen is told whose types to use, the crate stands as `::wasi`.
            text.lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| line.replace(": ::wasi::", ""))
                .any(|line| line.contains("wasi::") || line.contains("waki::"))
        })
        .map(|path| path.strip_prefix(&src).expect("below src").to_owned())
        .collect();
    assert!(files.len() > 30, "the sources are elsewhere");
    assert_eq!(named, [Path::new("transport.rs")]);
}
