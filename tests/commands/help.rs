use super::run;

#[test]
fn every_command_explains_itself_with_examples() {
    for command in ["tools", "call", "rest", "inspect", "doctor", "local"] {
        let ran = run(&[command, "--help"], &[]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{command}");
        assert!(
            ran.output.contains("Examples:\n  ") && ran.output.contains("Usage: milvus-host "),
            "{}",
            ran.output
        );
    }
}

#[test]
fn the_help_of_the_whole_names_the_exit_codes_and_shows_no_token() {
    let ran = run(
        &["--help"],
        &[
            ("MILVUS_TOKEN", "root:s3cret"),
            ("MILVUS_URI", "http://10.1.2.3:1"),
        ],
    );
    assert_eq!(ran.code, 0);
    for line in [
        "Exit codes:",
        "  0  done",
        "  1  the tool failed",
        "  2  wrong usage",
        "  3  refused by policy, or by a pinned digest",
        "  4  Milvus cannot be reached, is not ready, or does not answer in time",
        "The token is never an argument: MILVUS_TOKEN=root:Milvus, --token-file, or --token-command.",
    ] {
        assert!(
            ran.output.lines().any(|known| known == line),
            "{line}: {}",
            ran.output
        );
    }
    let local = "Run a local Milvus (Milvus Lite, or a full Milvus 2.3.5) until Ctrl-C";
    assert!(ran.output.contains(local), "{}", ran.output);
    assert!(!ran.output.contains("s3cret"), "{}", ran.output);
}

#[test]
fn the_version_is_told() {
    let ran = run(&["--version"], &[]);
    assert_eq!(
        (ran.code, ran.output.trim()),
        (0, concat!("milvus-host ", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn a_command_that_is_not_there_is_wrong_usage() {
    for arguments in [
        &["serve"][..],
        &[],
        &["call"],
        &["rest"],
        &["tools", "--what"],
    ] {
        let ran = run(arguments, &[]);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            ran.errors
        );
    }
}
