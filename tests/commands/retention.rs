//! What is on the disk afterwards.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{Folder, Ran, ran};
use crate::servers::local::{LocalMilvus, TOKEN, command, milvus_host};

/// Every path below a folder, folders with a `/` at their end, and its mode.
fn listed(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stat = std::fs::symlink_metadata(&path).expect("it is there");
            let name = path.strip_prefix(root).expect("it is below").display();
            let end = if stat.is_dir() { "/" } else { "" };
            let mode = stat.permissions().mode() & 0o7777;
            found.insert(format!("{name}{end}"), format!("{mode:o}"));
            if stat.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Runs a command with this home and working directory, before the shared Milvus.
fn at_home(home: &Folder, work: &Folder, cache: bool, arguments: &[&str]) -> Ran {
    let mut command: Command = command();
    command
        .args(arguments)
        .env_remove("XDG_CACHE_HOME")
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("MILVUS_URI", LocalMilvus::shared().uri())
        .env("MILVUS_TOKEN", TOKEN)
        .env("MILVUS_NO_CACHE", if cache { "0" } else { "1" })
        .current_dir(work.path());
    ran(command, "")
}

/// Every command, a call that works, one that fails, and one that is refused.
const COMMANDS: [(&[&str], i32); 10] = [
    (&["tools"], 0),
    (&["call", "milvus_collection", r#"{"operation":"list"}"#], 0),
    (
        &[
            "call",
            "milvus_count",
            r#"{"collection_name":"none_of_that_name"}"#,
        ],
        1,
    ),
    (&["call", "milvus_collection", "{"], 2),
    (
        &[
            "call",
            "milvus_drop_collection",
            r#"{"collection_name":"none_of_that_name"}"#,
            "--mode",
            "read-only",
        ],
        3,
    ),
    (&["inspect"], 0),
    (&["policy"], 0),
    (&["doctor"], 0),
    (&["local", "--install"], 0),
    (&["help"], 0),
];

#[test]
fn t67_all_commands_together_leave_compiled_code_and_nothing_else() {
    let (home, work) = (Folder::new(), Folder::new());
    for (arguments, code) in COMMANDS {
        let ran = at_home(&home, &work, true, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    }
    assert_eq!(listed(work.path()), BTreeMap::new());
    let mut left = listed(home.path());
    let (name, mode) = left.pop_last().expect("compiled code");
    let digits = name
        .strip_prefix(".cache/milvus-host/compiled/")
        .and_then(|name| name.strip_suffix(".cwasm"))
        .unwrap_or_else(|| panic!("{name} is not in PRIVACY.md"));
    assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(mode, "600");
    let folders = [
        ".cache/",
        ".cache/milvus-host/",
        ".cache/milvus-host/compiled/",
    ];
    assert_eq!(
        left,
        folders
            .map(|name| (name.to_owned(), "700".to_owned()))
            .into()
    );
    let privacy = include_str!("../../PRIVACY.md");
    assert!(privacy.contains("`~/.cache/milvus-host/compiled/`"));
}

#[test]
fn t67_without_a_cache_all_commands_together_leave_nothing() {
    let (home, work) = (Folder::new(), Folder::new());
    for (arguments, code) in COMMANDS {
        let ran = at_home(&home, &work, false, arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    }
    for folder in [&home, &work] {
        assert_eq!(listed(folder.path()), BTreeMap::new());
    }
}

#[test]
fn t62_compiled_code_that_others_could_have_written_is_replaced_and_told() {
    let (home, work) = (Folder::new(), Folder::new());
    let tools = || at_home(&home, &work, true, &["tools", "--json"]);
    let first = tools();
    let name = listed(home.path()).pop_last().expect("compiled code").0;
    let path = home.path().join(name);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("it is there");
    let second = tools();
    assert!(
        second
            .errors
            .contains("compiled code was not trusted, and was replaced: the file has mode 666"),
        "{second:?}"
    );
    let third = tools();
    let outputs = [&first.output, &second.output, &third.output];
    assert_eq!(outputs, [&first.output; 3]);
    assert_eq!([first.errors, third.errors], [""; 2]);
}

#[test]
fn t62_without_an_absolute_home_nothing_of_the_working_directory_is_read_or_written() {
    let work = Folder::new();
    // Code that is told of where it is read, where a home in this folder would have it.
    assert_eq!(at_home(&work, &work, true, &["tools"]).code, 0);
    let name = listed(work.path()).pop_last().expect("compiled code").0;
    let path = work.path().join(name);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("it is there");
    let planted = listed(work.path());
    for home in ["", ".", "./"] {
        let run = |arguments: &[&str]| {
            let mut command = Command::new(milvus_host());
            command.env_clear().env("HOME", home).args(arguments);
            command.env("PIP_NO_INDEX", "1").current_dir(work.path());
            ran(command, "")
        };
        let tools = run(&["tools", "--json"]);
        assert_eq!((tools.code, tools.errors.as_str()), (0, ""), "{home:?}");
        let local = run(&["local", "--install"]);
        assert_eq!(local.code, 2, "{home:?}: {local:?}");
        let said = "error: there is no folder for the local Milvus\n";
        assert!(local.errors.starts_with(said), "{local:?}");
        assert_eq!(listed(work.path()), planted, "{home:?}");
    }
}

#[test]
fn the_cache_is_where_the_variables_say() {
    let (home, work) = (Folder::new(), Folder::new());
    let inspected = |variables: &[(&str, &str)]| {
        let mut command = Command::new(milvus_host());
        command.env_clear().envs(variables.iter().copied());
        command.args(["inspect", "--json"]).current_dir(work.path());
        let told: serde_json::Value = serde_json::from_str(&ran(command, "").output).expect("JSON");
        told["compiled_code"].as_str().map(str::to_owned)
    };
    let home = home.path().to_str().expect("text");
    let at = |folder: &str| Some(format!("{home}/{folder}milvus-host/compiled"));
    assert_eq!(inspected(&[]), None);
    assert_eq!(inspected(&[("HOME", home)]), at(".cache/"));
    assert_eq!(inspected(&[("XDG_CACHE_HOME", home)]), at(""));
    // Relative paths are to be ignored (XDG Base Directory Specification 0.8).
    assert_eq!(
        inspected(&[("XDG_CACHE_HOME", "cache"), ("HOME", home)]),
        at(".cache/")
    );
    for (off, expected) in [("1", None), ("true", None), ("0", at("")), ("", at(""))] {
        let variables = [("XDG_CACHE_HOME", home), ("MILVUS_NO_CACHE", off)];
        assert_eq!(inspected(&variables), expected, "{off}");
    }
}
