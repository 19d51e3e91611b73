//! Where the program connects to, and where it does not, whatever its environment says.

use serde_json::Value;

use super::{Folder, Ran, run, run_in};
use crate::servers::tls::{self, Authority, OldTls, TlsServer, http1, self_signed};
use crate::servers::{Elsewhere, Faulty, Recorder, ok};

const LIST: [&str; 3] = ["call", "milvus_collection", r#"{"operation":"list"}"#];

/// What a person is told of a call and by `doctor`, at this origin.
fn told(folder: &Folder, uri: &str, more: &[&str]) -> (Ran, Ran) {
    let with = |command: &[&str]| {
        let arguments = [command, &["--uri", uri, "--timeout-ms", "5000"], more].concat();
        run_in(folder, &arguments, &[])
    };
    (with(&LIST), with(&["doctor"]))
}

/// Both say what is wrong and what to do about it, and end with 4.
#[track_caller]
fn says(told: &(Ran, Ran), what: &str, to_do: &str) {
    let (call, doctor) = told;
    assert_eq!((call.code, doctor.code), (4, 4), "{call:?} {doctor:?}");
    assert!(
        call.errors.contains(what) && call.errors.contains(to_do),
        "{call:?}"
    );
    assert!(
        doctor.output.contains(what) && doctor.output.contains(to_do),
        "{doctor:?}"
    );
}

#[test]
fn t13_no_variable_of_the_environment_leads_a_command_to_a_proxy() {
    let milvus = Recorder::answering(|_| ok("application/json", br#"{"code":0,"data":[]}"#));
    let proxy = Elsewhere::start();
    let to = format!("http://{}", proxy.authority());
    let mut variables: Vec<(&str, &str)> = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "FTP_PROXY",
        "SOCKS_PROXY",
        "socks_proxy",
        "MILVUS_PROXY",
    ]
    .map(|name| (name, to.as_str()))
    .to_vec();
    variables.extend([("NO_PROXY", ""), ("no_proxy", "")]);
    let uri = milvus.uri();
    for command in [&LIST[..], &["doctor"]] {
        let ran = run(&[command, &["--uri", &uri]].concat(), &variables);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    // Nor is one asked where the way goes over TLS, or nobody is there.
    for uri in [
        "https://milvus.invalid",
        "http://milvus.invalid",
        "https://127.0.0.1:1",
    ] {
        let ran = run(&["doctor", "--uri", uri], &variables);
        assert_eq!(ran.code, 4, "{ran:?}");
    }
    assert_eq!(proxy.connections(), 0);
    assert!(milvus.requests().len() >= 3);
    assert!(
        milvus
            .requests()
            .iter()
            .all(|request| request.path().starts_with('/'))
    );
}

#[test]
fn t14_no_command_lets_anything_out_that_the_policy_does_not() {
    let milvus = Recorder::start();
    let (folder, uri) = (Folder::new(), milvus.uri());
    folder.write(
        "request.http",
        "POST /v2/vectordb/collections/list HTTP/1.1\n\n{}",
    );
    for policy in [
        // A list of databases, and none is named: every request is about another one.
        &["--databases", "books"][..],
        &["--collections", "docs", "--databases", "books"],
        // Lists that are meant and empty are errors, not lists of everything.
        &["--databases", ""],
        &["--collections", ""],
        &["--collections", ","],
    ] {
        for command in [
            &LIST[..],
            &[
                "call",
                "milvus_search",
                r#"{"collection_name":"docs","query_text":"a"}"#,
            ],
            &[
                "call",
                "milvus_drop_collection",
                r#"{"collection_name":"docs"}"#,
            ],
            &["doctor"],
            &["tools"],
            &["inspect"],
            &["policy"],
            &["policy", "explain", "request.http"],
        ] {
            let ran = run_in(&folder, &[command, &["--uri", &uri], policy].concat(), &[]);
            let about_milvus = command[0] == "call" || command[0] == "doctor";
            assert!(
                !about_milvus || ran.code == 2 || ran.code == 3,
                "{command:?} {policy:?}: {ran:?}"
            );
        }
    }
    assert_eq!((milvus.requests().len(), milvus.connections()), (0, 0));
}

#[test]
fn a_name_that_nobody_knows_is_told_with_what_to_do() {
    let told = told(&Folder::new(), "http://milvus.invalid:19530", &[]);
    says(&told, "its name cannot be resolved", "--address IP");
}

#[test]
fn t12_what_is_wrong_with_a_server_behind_tls_is_told_with_what_to_do() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let ca = ["--ca-cert", ca.to_str().expect("a path")];
    let past = authority.issue_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    });
    for (certificate, host, more, what, to_do) in [
        (
            past,
            "localhost",
            &ca[..],
            "its certificate has expired",
            "has to renew it",
        ),
        (
            self_signed(&["localhost"], false),
            "localhost",
            &[],
            "nobody who is trusted vouches for its certificate",
            "--ca-cert FILE",
        ),
        (
            self_signed(&["localhost"], true),
            "localhost",
            &[],
            "its certificate is an authority's, not a server's",
            "CA:FALSE",
        ),
        (
            authority.issue(&["milvus.example"]),
            "localhost",
            &ca,
            "its certificate is for another name",
            "name Milvus as its certificate does",
        ),
        (
            authority.issue(&["localhost"]),
            "127.0.0.1",
            &ca,
            "its certificate is not for this address",
            "name Milvus as its certificate does",
        ),
    ] {
        let server = TlsServer::start(tls::config(&certificate, None));
        says(&told(&folder, &server.uri(host), more), what, to_do);
        assert_eq!(server.came().len(), 0, "{what}");
    }
}

#[test]
fn t12_a_server_with_an_older_tls_or_without_is_told_with_what_to_do() {
    let old = OldTls::start();
    says(
        &told(&Folder::new(), &old.uri(), &[]),
        "it speaks neither TLS 1.2 nor TLS 1.3",
        "has to turn on TLS 1.2 or 1.3",
    );
    let plain = Faulty::greeting("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    says(
        &told(
            &Folder::new(),
            &plain.uri().replace("http://", "https://"),
            &[],
        ),
        "it answers without TLS",
        &format!("--uri {}", plain.uri()),
    );
}

#[test]
fn t12_a_server_that_speaks_tls_to_a_plain_request_is_told_as_one() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["127.0.0.1"]), None));
    let uri = format!("http://127.0.0.1:{}", server.port());
    let ran = run(
        &["doctor", "--uri", &uri],
        &[("MILVUS_TOKEN", "root:s3cret")],
    );
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(
        ran.output
            .contains(&format!("NO  connection  {uri} speaks TLS")),
        "{ran:?}"
    );
    assert!(
        ran.output
            .contains(&format!("--uri {}", server.uri("127.0.0.1"))),
        "{ran:?}"
    );
    assert_eq!(server.came().len(), 0, "nobody trusted it with a request");
    let ran = run(&[&LIST[..], &["--uri", &uri]].concat(), &[]);
    assert!(ran.errors.contains("`milvus-host doctor` looks"), "{ran:?}");
}

#[test]
fn for_programs_the_reason_is_a_word() {
    let authority = Authority::new();
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    let uri = server.uri("localhost");
    let ran = run(&[&LIST[..], &["--json", "--uri", &uri]].concat(), &[]);
    let told: Value = serde_json::from_str(&ran.output).expect("JSON");
    assert_eq!(ran.code, 4);
    assert_eq!(told["error"]["reason"], "tls-certificate-issuer", "{told}");
}

#[test]
fn t12_a_client_certificate_is_shown_and_its_key_belongs_to_its_owner_alone() {
    let (folder, authority, clients) = (Folder::new(), Authority::new(), Authority::new());
    let config = tls::config(&authority.issue(&["localhost"]), Some(&clients));
    let server = TlsServer::start(http1(config));
    let (client, uri) = (clients.issue_to_client(), server.uri("localhost"));
    folder.write("ca.pem", &authority.pem);
    folder.write("client.pem", &client.pem);
    let key = folder.write_secret("client.key", &client.key);
    let list = |more: &[&str]| {
        let arguments = [&LIST[..], &["--uri", &uri, "--ca-cert", "ca.pem"], more].concat();
        run_in(&folder, &arguments, &[])
    };
    let shown = ["--client-cert", "client.pem", "--client-key", "client.key"];
    let ran = list(&shown);
    assert_eq!((ran.code, server.came().len()), (0, 1), "{ran:?}");
    assert_eq!(server.came()[0].client_certificates, 1);

    let settings = format!(
        "uri = \"{uri}\"\nca_cert = \"ca.pem\"\nclient_cert = \"client.pem\"\nclient_key = \"client.key\"\n"
    );
    folder.write("mine.toml", &settings);
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--config", "mine.toml"]].concat(),
        &[],
    );
    assert_eq!((ran.code, server.came().len()), (0, 2), "{ran:?}");

    let ran = list(&[]);
    assert!(
        ran.code == 4 && ran.errors.contains("--client-cert FILE"),
        "{ran:?}"
    );
    let ran = list(&shown[..2]);
    assert!(
        ran.code == 2 && ran.errors.contains("--client-key"),
        "{ran:?}"
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, mode).expect("it is ours");
    let ran = list(&shown);
    assert!(
        ran.code == 2 && ran.errors.contains("the client key"),
        "{ran:?}"
    );
    let secret = client.key.lines().nth(1).expect("a line of the key");
    assert!(!format!("{ran:?}").contains(secret));
    assert_eq!(server.came().len(), 2, "nothing more came");
}

#[test]
fn t12_no_key_of_a_connection_is_written_down_and_no_flag_turns_the_check_off() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let server = TlsServer::start(tls::config(&authority.issue(&["localhost"]), None));
    folder.write("ca.pem", &authority.pem);
    let (log, uri) = (folder.path().join("keys.log"), server.uri("localhost"));
    let arguments = [&LIST[..], &["--uri", &uri, "--ca-cert", "ca.pem"]].concat();
    let ran = run_in(
        &folder,
        &arguments,
        &[("SSLKEYLOGFILE", log.to_str().expect("a path"))],
    );
    assert_eq!((ran.code, server.came().len()), (0, 1), "{ran:?}");
    assert!(!log.exists());
    for flag in [
        "--insecure",
        "-k",
        "--no-verify",
        "--tls-skip-verify",
        "--danger-insecure-tls",
    ] {
        let ran = run(&[&LIST[..], &["--uri", &uri, flag]].concat(), &[]);
        assert_eq!(ran.code, 2, "{flag}: {ran:?}");
    }
    assert_eq!(server.came().len(), 1);
}

#[test]
fn t10_an_address_that_is_given_is_connected_to_under_the_origins_name() {
    let milvus = Recorder::start();
    let (folder, name) = (Folder::new(), format!("milvus.example:{}", milvus.port()));
    let uri = format!("http://{name}");
    let ran = run(
        &[&LIST[..], &["--uri", &uri, "--address", "127.0.0.1"]].concat(),
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    folder.write(
        "mine.toml",
        &format!("uri = \"{uri}\"\naddresses = [\"127.0.0.1\"]\n"),
    );
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--config", "mine.toml"]].concat(),
        &[],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let hosts: Vec<_> = milvus
        .requests()
        .iter()
        .map(|request| request.header("host").map(str::to_owned))
        .collect();
    assert_eq!(hosts, [Some(name.clone()), Some(name)]);
    // An origin that is an address needs none, and a list of none is no list.
    let ran = run(
        &[
            &LIST[..],
            &["--uri", &milvus.uri(), "--address", "127.0.0.2"],
        ]
        .concat(),
        &[],
    );
    assert!(ran.code == 2 && ran.errors.contains("address"), "{ran:?}");
    folder.write("none.toml", &format!("uri = \"{uri}\"\naddresses = []\n"));
    let ran = run_in(
        &folder,
        &[&LIST[..], &["--config", "none.toml"]].concat(),
        &[],
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(milvus.requests().len(), 2);
}

#[test]
fn t11_a_token_goes_in_the_clear_where_the_addresses_are_this_machines_and_nowhere_else() {
    let milvus = Recorder::start();
    let token = [("MILVUS_TOKEN", "root:s3cret")];
    let named = format!("http://milvus.example:{}", milvus.port());
    let local = format!("http://localhost:{}", milvus.port());
    for (uri, addresses, code) in [
        (&named, &["--address", "127.0.0.1"][..], 0),
        (&local, &[], 0),
        (
            &named,
            &["--address", "127.0.0.1", "--address", "192.0.2.1"],
            2,
        ),
        (&local, &["--address", "192.0.2.1"], 2),
        (&named, &[], 2),
    ] {
        let ran = run(&[&LIST[..], &["--uri", uri], addresses].concat(), &token);
        assert_eq!(ran.code, code, "{uri} {addresses:?}: {ran:?}");
    }
    assert_eq!(milvus.requests().len(), 2);
}
