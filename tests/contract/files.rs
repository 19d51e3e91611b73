//! The contract files, read. Tests of two packages share this module: these, and the component's own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// One route's file.
#[derive(Debug)]
pub(crate) struct Contract {
    /// Its name in the folder, without the extension: `v2/aliases/alter`.
    pub(crate) name: String,
    content: Map<String, Value>,
}

impl Contract {
    /// A member that every file has.
    pub(crate) fn part(&self, name: &str) -> &Value {
        self.content
            .get(name)
            .unwrap_or_else(|| panic!("{}: no `{name}`", self.name))
    }

    /// Method and path.
    pub(crate) fn route(&self) -> (&str, &str) {
        self.part("route")
            .as_str()
            .and_then(|route| route.split_once(' '))
            .unwrap_or_else(|| panic!("{}: a route is a method and a path", self.name))
    }

    /// The keys of the request's top level.
    pub(crate) fn request(&self) -> &Map<String, Value> {
        self.part("request")
            .as_object()
            .expect("keys are an object")
    }

    /// The cases, in order.
    pub(crate) fn cases(&self) -> &[Value] {
        self.part("cases").as_array().expect("cases are a list")
    }
}

/// The folder of the contract, wherever in the workspace the package lies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("tests").join("contract"))
        .find(|folder| folder.is_dir())
        .expect("the workspace has the folder tests/contract")
}

fn load(path: &Path) -> Map<String, Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// A file beside the routes: `closed`, `given`, `shapes`. It has one member of its own name.
pub(crate) fn beside(name: &str) -> Map<String, Value> {
    let mut file = load(&folder().join(name).with_extension("json"));
    match file.remove(name) {
        Some(Value::Object(content)) => content,
        _ => panic!("{name}.json has no object `{name}`"),
    }
}

/// Every route's file, by name.
pub(crate) fn all() -> Vec<Contract> {
    let folder = folder();
    let mut found = Vec::new();
    let mut open = vec![folder.join("v1"), folder.join("v2")];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&folder).expect("it lies in the folder");
                found.push(Contract {
                    name: name.with_extension("").to_string_lossy().replace('\\', "/"),
                    content: load(&path),
                });
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}
