//! The cases of REST v1, against the server that they were seen on: Milvus 2.3.5.

use std::process::Command;

use crate::servers::local::{LocalMilvus, Standalone, TOKEN};

/// Reads the contract files and runs their cases: the gateway's tests use it as well.
const RUNNER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../local-milvus/tests/contract.py"
);

#[test]
fn every_case_of_rest_v1_is_true_of_milvus_2_3_5() {
    let milvus = LocalMilvus::of(Standalone);
    // The Python that runs the server will do.
    let arguments = std::fs::read(format!("/proc/{}/cmdline", milvus.server())).expect("it runs");
    let python = arguments.split(|byte| *byte == 0).next();
    let python = String::from_utf8(python.expect("a program").to_vec()).expect("a path");
    let output = Command::new(python)
        .args([RUNNER, milvus.address()])
        .env("MILVUS_TOKEN", TOKEN)
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let cause = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{cause}");
    println!("{said}");
}
