use super::{Folder, milvus, run, run_in, shows};
use crate::servers::local::TOKEN;
use crate::servers::{Elsewhere, Recorder};

const LIST: [&str; 3] = ["call", "milvus_collection", r#"{"operation":"list"}"#];

#[test]
fn t36_a_planted_file_cannot_say_where_milvus_is_and_nobody_is_connected_to() {
    let (evil, folder) = (Elsewhere::start(), Folder::new());
    folder.write(
        "milvus-host.toml",
        &format!("uri = \"http://{}\"\n", evil.authority()),
    );
    for command in [&LIST[..], &["doctor"], &["tools"], &["inspect"]] {
        let ran = run_in(&folder, command, &[("MILVUS_TOKEN", TOKEN)]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{command:?}");
        shows(
            &ran.errors,
            "error: milvus-host.toml in the working directory sets `uri`, which only a file that you name may set\n\n\
             hint: if the file is yours: --config milvus-host.toml",
        );
    }
    assert_eq!(evil.connections(), 0);
}

#[test]
fn t36_a_planted_file_sets_nothing_that_decides_whom_to_trust() {
    let nobody = Elsewhere::start();
    let uri = format!("http://{}", nobody.authority());
    for setting in [
        "uri = 'http://evil.example'",
        "token_file = 'x'",
        "token_command = ['touch', 'x']",
        "ca_cert = 'x'",
        "client_cert = 'x'",
        "client_key = 'x'",
        "addresses = ['127.0.0.2']",
        "component = 'x'",
        "component_sha256 = 'x'",
        "audit = 'x'",
        "audit_max_bytes = 65536",
        "[policy]",
        "[policy]\nmode = 'full'",
        "[policy]\noutside = ['https://evil.example/']",
        "[limits]\ncall-time = '1h'",
        "danger_plaintext_token = true",
        "config = 'other.toml'",
        "database = 'words'\nuri = 'http://evil.example'",
    ] {
        let folder = Folder::new();
        folder.write("milvus-host.toml", &format!("{setting}\n"));
        for command in [&LIST[..], &["doctor"]] {
            let ran = run_in(
                &folder,
                command,
                &[("MILVUS_TOKEN", TOKEN), ("MILVUS_URI", &uri)],
            );
            assert_eq!(
                (ran.code, ran.output.as_str()),
                (2, ""),
                "{setting}: {ran:?}"
            );
        }
        assert!(!folder.path().join("x").exists(), "{setting}");
    }
    assert_eq!(nobody.connections(), 0);
}

#[test]
fn t36_a_token_of_a_settings_file_goes_to_no_other_origin_than_that_files() {
    let (own, other, folder) = (Recorder::start(), Elsewhere::start(), Folder::new());
    let text = format!("uri = '{}'\ntoken_file = 'token'\n", own.uri());
    folder.write("mine.toml", &text);
    folder.write_secret("token", "root:from-file\n");
    let named = [&LIST[..], &["--config", "mine.toml"]].concat();
    let elsewhere = format!("http://{}", other.authority());
    for ran in [
        run_in(&folder, &named, &[("MILVUS_URI", &elsewhere)]),
        run_in(&folder, &[&named[..], &["--uri", &elsewhere]].concat(), &[]),
    ] {
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.errors.contains("names a token for its own `uri`"),
            "{ran:?}"
        );
    }
    assert_eq!(other.connections(), 0);
    // The same origin, spelt otherwise, is the same; and who names a token, too, says what is meant.
    let same = format!("{}/", own.uri());
    assert_eq!(run_in(&folder, &named, &[("MILVUS_URI", &same)]).code, 0);
    let third = Recorder::start();
    let more = ["--uri", &third.uri(), "--token-file", "token"];
    assert_eq!(run_in(&folder, &[&named[..], &more].concat(), &[]).code, 0);
    assert_eq!((own.requests().len(), third.requests().len()), (1, 1));
}

#[test]
fn t36_a_planted_file_lengthens_no_call() {
    let folder = Folder::new();
    let time = |arguments: &[&str]| {
        let ran = run_in(&folder, &[&["inspect", "--json"], arguments].concat(), &[]);
        let told: serde_json::Value = serde_json::from_str(&ran.output).expect("JSON");
        (ran.code, told["limits"]["call_time_ms"].clone())
    };
    for allowed in [1, 5000, 60_000] {
        folder.write("milvus-host.toml", &format!("timeout_ms = {allowed}\n"));
        assert_eq!(time(&[]), (0, allowed.into()));
    }
    folder.write("milvus-host.toml", "timeout_ms = 86400000\n");
    let ran = run_in(&folder, &["inspect"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{ran:?}");
    shows(
        &ran.errors,
        "error: milvus-host.toml in the working directory sets `timeout_ms` to 86400000: more than 60000 only a file \
         that you name may set\n\nhint: if the file is yours: --config milvus-host.toml",
    );
    let named = ["--config", "milvus-host.toml"];
    assert_eq!(time(&named), (0, 86_400_000.into()));
}

#[test]
fn an_empty_variable_is_unset_but_for_those_of_the_policy_where_it_is_an_error() {
    const POLICY: [&str; 3] = ["MILVUS_MODE", "MILVUS_COLLECTIONS", "MILVUS_DATABASES"];
    let help = run(&["local", "--help"], &[]).output + &run(&["--help"], &[]).output;
    let names: std::collections::BTreeSet<&str> = help
        .split("[env: ")
        .skip(1)
        .filter_map(|text| text.split_once('=').map(|(name, _)| name))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let unset = run(&["inspect"], &[]);
    assert_eq!(unset.code, 0, "{unset:?}");
    for name in &names {
        let ran = run(&["inspect"], &[(name, "")]);
        if POLICY.contains(name) {
            assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{name}: {ran:?}");
        } else {
            assert_eq!(
                (ran.code, ran.output.as_str()),
                (0, unset.output.as_str()),
                "{name}: {ran:?}"
            );
        }
    }
    // `local` has its own, and says what is missing without them.
    let ours = [
        ("MILVUS_LOCAL_HOME", ""),
        ("XDG_CACHE_HOME", ""),
        ("HOME", ""),
    ];
    let ran = run(&["local", "--install"], &ours);
    assert!(ran.errors.contains("there is no folder"), "{ran:?}");
    let ran = run(&["local", "--install"], &[("MILVUS_PYTHON", "")]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
}

#[test]
fn a_flag_without_a_value_is_wrong_usage() {
    for flag in [
        "--uri",
        "--database",
        "--ca-cert",
        "--config",
        "--component",
        "--component-sha256",
        "--audit",
        "--token-file",
        "--token-command",
        "--outside",
    ] {
        let ran = run(&["inspect", flag, ""], &[]);
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{flag}: {ran:?}");
    }
}

#[test]
fn a_file_of_the_folder_may_set_what_harms_nobody() {
    let (recorder, folder) = (Recorder::start(), Folder::new());
    folder.write("milvus-host.toml", "dialect = \"v1\"\ntimeout_ms = 5000\n");
    let ran = run_in(&folder, &LIST, &[("MILVUS_URI", &recorder.uri())]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(recorder.requests()[0].path(), "/v1/vector/collections");
}

#[test]
fn a_file_that_was_named_may_say_where_milvus_is() {
    let (recorder, folder) = (Recorder::start(), Folder::new());
    folder.write(
        "mine.toml",
        &format!("uri = \"{}\"\ntoken_file = \"token\"\n", recorder.uri()),
    );
    folder.write_secret("token", "root:from-file\n");
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--config", "mine.toml"]].concat(),
        &[("MILVUS_TOKEN", "root:from-environment")],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        recorder.requests()[0].header("authorization"),
        Some("Bearer root:from-file")
    );
}

#[test]
fn a_flag_comes_before_the_environment_and_that_before_the_file() {
    let (flag, variable, file, folder) = (
        Recorder::start(),
        Recorder::start(),
        Recorder::start(),
        Folder::new(),
    );
    folder.write("mine.toml", &format!("uri = \"{}\"\n", file.uri()));
    let uri = variable.uri();
    let all = [&LIST[..], &["--config", "mine.toml"]].concat();
    run_in(
        &folder,
        &[&all[..], &["--uri", &flag.uri()]].concat(),
        &[("MILVUS_URI", &uri)],
    );
    run_in(&folder, &all, &[("MILVUS_URI", &uri)]);
    run_in(&folder, &all, &[]);
    assert_eq!(
        [&flag, &variable, &file].map(|recorder| recorder.requests().len()),
        [1, 1, 1]
    );
}

#[test]
fn an_unknown_setting_is_wrong_usage() {
    let folder = Folder::new();
    folder.write("milvus-host.toml", "databse = \"words\"\n");
    let ran = run_in(&folder, &["tools"], &[]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    let said = "error: milvus-host.toml: unknown field `databse`, expected one of `uri`, ";
    assert!(ran.errors.starts_with(said), "{ran:?}");
    let ran = run_in(
        &folder,
        &["tools", "--uri", "http://127.0.0.1:1", "--databse", "words"],
        &[],
    );
    assert_eq!(ran.code, 2);
}

#[test]
fn a_setting_of_no_sense_is_wrong_usage() {
    for more in [
        ["--timeout-ms", "0"],
        ["--timeout-ms", "soon"],
        ["--uri", "ftp://127.0.0.1"],
        ["--uri", "http://root:s3cret@127.0.0.1"],
        ["--uri", "http://127.0.0.1:19530/v2"],
        ["--token-file", "nowhere"],
        ["--config", "nowhere"],
        ["--component", "nowhere"],
        ["--ca-cert", "nowhere"],
    ] {
        let ran = run(&[&LIST[..], &more].concat(), &[]);
        assert_eq!(
            (ran.code, ran.output.as_str()),
            (2, ""),
            "{more:?}: {}",
            ran.errors
        );
        assert!(!ran.errors.contains("s3cret"), "{}", ran.errors);
    }
}

#[test]
fn t11_a_token_goes_to_another_machine_only_encrypted_or_when_told_to() {
    let far = [
        &LIST[..],
        &["--uri", "http://192.0.2.1:19530", "--timeout-ms", "300"],
    ]
    .concat();
    let ran = run(&far, &[("MILVUS_TOKEN", "root:s3cret")]);
    assert_eq!((ran.code, ran.output.as_str()), (2, ""));
    shows(
        &ran.errors,
        "
error: the token would go to http://192.0.2.1:19530 unencrypted, where everybody on the way can read it

hint: use https, or allow it with --danger-plaintext-token
",
    );
    let told = run(
        &[&far[..], &["--danger-plaintext-token"]].concat(),
        &[("MILVUS_TOKEN", "root:s3cret")],
    );
    assert_eq!(told.code, 4, "it tries, and nobody is there: {told:?}");
    let without = run(&far, &[]);
    assert_eq!(without.code, 4, "{without:?}");
}

#[test]
fn audit_lines_go_where_they_are_told_to() {
    let ran = milvus(&[&LIST[..], &["--audit", "stderr"]].concat());
    assert_eq!(ran.code, 0);
    let lines: Vec<serde_json::Value> = ran
        .errors
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    // What the component says of its tools binds the call, and is asked for first.
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(
        (&lines[0]["tool"], &lines[0]["sent"]),
        (&"list_tools".into(), &0.into()),
        "{lines:?}"
    );
    assert_eq!(
        (&lines[2]["tool"], &lines[2]["sent"]),
        (&"milvus_collection".into(), &1.into()),
        "{lines:?}"
    );
    assert_eq!(lines[1]["verdict"], "sent", "{lines:?}");
}
