//! What a folder or an environment would have a command do.

use std::os::unix::fs::PermissionsExt;

use super::{Folder, Ran, ran, run_in};
use crate::servers::local::{LocalMilvus, TOKEN, command};
use crate::servers::{Elsewhere, Recorder};

const DROP: [&str; 3] = [
    "call",
    "milvus_drop_collection",
    r#"{"collection_name":"docs"}"#,
];

#[test]
fn t13_proxies_of_the_environment_carry_nothing() {
    let (milvus, proxy) = (Recorder::start(), Elsewhere::start());
    let address = format!("http://{}", proxy.authority());
    let mut variables = vec![("MILVUS_URI", milvus.uri())];
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        variables.push((name, address.clone()));
    }
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for arguments in [&["doctor"][..], &DROP] {
        let before = milvus.requests().len();
        let ran = run_in(&Folder::new(), arguments, &variables);
        assert!(milvus.requests().len() > before, "{ran:?}");
    }
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn t77_a_folder_names_no_database() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    folder.write("milvus-host.toml", "database = \"payroll\"\n");
    let ran = run_in(&folder, &DROP, &[("MILVUS_URI", &milvus.uri())]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.errors.contains("sets `database`"), "{ran:?}");
    assert_eq!(milvus.connections(), 0);
}

/// Modules that Python imports, or is asked to run, where `milvus-host local` starts it.
const MODULES: [&str; 10] = [
    "milvus_gateway/__init__.py",
    "milvus_gateway/__main__.py",
    "pip/__init__.py",
    "pip/__main__.py",
    "venv.py",
    "ensurepip.py",
    "json.py",
    "signal.py",
    "sitecustomize.py",
    "usercustomize.py",
];

/// Programs that it may look for.
const PROGRAMS: [&str; 5] = ["python3.11", "python3", "python", "bin/python3", "token"];

/// Files of a folder that leave a mark when they are run.
fn plant(folder: &Folder) {
    let mark = folder.path().join("mark");
    for name in MODULES.iter().chain(&PROGRAMS) {
        let parent = folder.path().join(name);
        let parent = parent.parent().expect("it is in the folder");
        std::fs::create_dir_all(parent).expect("it is ours");
        let text = if name.ends_with(".py") {
            format!("open({mark:?}, 'a').write('{name} ')\n")
        } else {
            format!("#!/bin/sh\necho '{name}' >> {mark:?}\n")
        };
        let path = folder.write(name, &text);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).expect("it is ours");
    }
}

/// What of the folder was run.
fn was_run(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path().join("mark")).unwrap_or_default()
}

/// An installation from nothing, in this folder and environment. It finds no package, and so ends as soon as every
/// Python but the server's was started.
fn install(folder: &Folder, variables: &[(&str, &str)]) -> Ran {
    let home = Folder::new();
    let mut command = command();
    command
        .args(["local", "--install", "--home"])
        .arg(home.path())
        .env("PIP_NO_INDEX", "1")
        .envs(variables.iter().copied())
        .current_dir(folder.path());
    let ran = ran(command, "");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.errors.contains("No matching distribution"), "{ran:?}");
    ran
}

#[test]
fn t36_a_planted_python_package_is_not_run() {
    let folder = Folder::new();
    plant(&folder);
    install(&folder, &[]);
    assert_eq!(was_run(&folder), "");
    let installed = run_in(&folder, &["local", "--install"], &[]);
    assert_eq!((installed.code, was_run(&folder).as_str()), (0, ""));
    let mut command = command();
    command
        .args(["local", "--auth"])
        .env("MILVUS_TOKEN", TOKEN)
        .current_dir(folder.path());
    drop(LocalMilvus::start(command));
    assert_eq!(was_run(&folder), "");
}

#[test]
fn t36_variables_of_the_caller_lead_no_child_into_the_working_directory() {
    let folder = Folder::new();
    plant(&folder);
    let path = std::env::var("PATH").expect("tests have one");
    let path = format!(":.:bin:{path}:");
    let here = folder.path().to_str().expect("text");
    let variables = [
        ("PATH", path.as_str()),
        ("PYTHONPATH", here),
        ("PYTHONHOME", here),
        ("PYTHONSTARTUP", "venv.py"),
        ("HOME", "."),
    ];
    install(&folder, &variables);
    assert_eq!(was_run(&folder), "");
    let tools = ["doctor", "--token-command", "token"];
    let ran = run_in(&folder, &tools, &variables);
    assert_eq!((ran.code, was_run(&folder).as_str()), (2, ""), "{ran:?}");
    assert!(ran.errors.contains("cannot be started"), "{ran:?}");
}
