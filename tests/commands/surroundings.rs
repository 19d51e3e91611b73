//! What a folder or an environment would have a command do.

use super::{Folder, run_in};
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
fn t77_a_folder_that_names_another_database_reaches_none_that_is_not_listed() {
    let (milvus, folder) = (Recorder::start(), Folder::new());
    folder.write("milvus-host.toml", "database = \"payroll\"\n");
    let variables = [("MILVUS_URI", milvus.uri())];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let ran = run_in(
        &folder,
        &[&DROP[..], &["--databases", "words"]].concat(),
        &variables,
    );
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.errors.contains("rule `database`"), "{ran:?}");
    assert_eq!(milvus.connections(), 0);
}
