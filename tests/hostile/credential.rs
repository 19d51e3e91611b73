//! The component never sees the credential, whoever repeats it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use host_harness::{Credential, Endpoint, Policy};
use serde_json::{Value, json};

use super::{Seen, Stage, attacks, endpoint_with, mark};
use crate::secret::{base64, forms, is_nowhere_in};
use crate::servers::{Faulty, Recorded, Recorder, ok};

const TOKEN: &str = "root:s3cret-of-the-host";

/// What the server is sent as the credential.
fn token(request: &Recorded) -> String {
    let value = request.header("authorization").unwrap_or_default();
    value.strip_prefix("Bearer ").unwrap_or_default().to_owned()
}

/// Asks a server that repeats the credential in some form, then looks for the forms in all that the component sees.
/// A text that does pass is found in both places, so that what is not found was looked for.
async fn search(milvus: &Recorder, secret: &str, forms: &[String]) -> Seen {
    let endpoint = endpoint_with(&milvus.uri(), secret);
    let marks: Vec<_> = forms
        .iter()
        .map(String::as_str)
        .chain(["passes-through"])
        .map(mark)
        .collect();
    let seen = Stage::wide()
        .attack_at(
            &endpoint,
            attacks::SEARCH_FOR_THE_CREDENTIAL,
            json!({ "marks": marks }),
        )
        .await;
    assert_eq!((seen.sent(), milvus.requests().len()), (1, 1), "{seen:?}");
    assert_eq!(token(&milvus.requests()[0]), secret, "the server has it");
    let told = seen.told();
    let found: Vec<u64> = seen
        .answer
        .as_ref()
        .map_or(&Value::Null, |answer| &answer["found"])
        .as_array()
        .expect("counts")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    let (control, counts) = found.split_last().expect("the control");
    assert!(
        *control > 0 && told.contains("passes-through"),
        "the search finds what is there: {told}"
    );
    for (form, count) in forms.iter().zip(counts) {
        assert!(!told.contains(form.as_str()), "`{form}` was told: {told}");
        assert_eq!(*count, 0, "`{form}` is in the component's memory: {told}");
    }
    seen
}

/// A server whose body is `passes-through` and what `form` makes of the token.
async fn repeated_in_body(form: impl Fn(&str) -> String + Copy + Send + Sync + 'static) {
    let milvus = Recorder::answering(move |request| {
        ok(
            "application/json",
            format!(
                r#"{{"code":0,"data":["passes-through {}"]}}"#,
                form(&token(request))
            )
            .as_bytes(),
        )
    });
    let seen = search(&milvus, TOKEN, &[TOKEN.to_owned(), form(TOKEN)]).await;
    assert!(seen.requests[0]["redacted"].as_u64() >= Some(1), "{seen:?}");
}

#[tokio::test]
async fn t33_a_server_that_repeats_the_credential_tells_it_to_nobody() {
    repeated_in_body(str::to_owned).await;
}

#[tokio::test]
async fn t33_a_credential_in_base64_is_not_seen() {
    repeated_in_body(|token| base64(token.as_bytes())).await;
}

#[tokio::test]
async fn t33_a_credential_within_longer_text_in_base64_is_not_seen() {
    for before in ["Bearer ", "Bearer: ", "Bearer:  "] {
        let milvus = Recorder::answering(move |request| {
            let text = base64(format!("{before}{}", token(request)).as_bytes());
            ok(
                "application/json",
                format!(r#"["passes-through {text}"]"#).as_bytes(),
            )
        });
        // What `before` and the end have no part in.
        let inner = base64(format!("{before}{TOKEN}").as_bytes())[12..38].to_owned();
        search(&milvus, TOKEN, &[inner]).await;
    }
}

#[tokio::test]
async fn t33_a_credential_in_hexadecimal_is_not_seen() {
    repeated_in_body(|token| token.bytes().map(|byte| format!("{byte:02x}")).collect()).await;
    repeated_in_body(|token| token.bytes().map(|byte| format!("{byte:02X}")).collect()).await;
}

#[tokio::test]
async fn t33_a_percent_encoded_credential_is_not_seen() {
    repeated_in_body(|token| token.replace(':', "%3A")).await;
}

#[tokio::test]
async fn t33_a_percent_encoded_credential_in_small_letters_is_not_seen() {
    repeated_in_body(|token| token.replace(':', "%3a")).await;
}

/// Milvus answers through Go's JSON, which escapes these; a password may well hold one.
#[tokio::test]
async fn t33_a_credential_that_json_escapes_is_not_seen() {
    const AWKWARD: &str = "root:s3&cret<of>\"the\\host";
    let escape = |token: &str| {
        token
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('&', "\\u0026")
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
    };
    let milvus = Recorder::answering(move |request| {
        ok(
            "application/json",
            format!(
                r#"{{"message":"passes-through {}"}}"#,
                escape(&token(request))
            )
            .as_bytes(),
        )
    });
    search(&milvus, AWKWARD, &[AWKWARD.to_owned(), escape(AWKWARD)]).await;
}

#[tokio::test]
async fn t33_a_credential_cut_into_chunks_is_not_seen() {
    let milvus = Recorder::answering(|request| {
        let token = token(request);
        let mut answer =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\npasses-through\r\n"
                .to_vec();
        for byte in token.bytes() {
            answer.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        answer
    });
    search(&milvus, TOKEN, &[TOKEN.to_owned()]).await;
}

#[tokio::test]
async fn t33_a_credential_in_headers_reason_or_trailers_is_not_seen() {
    let milvus = Recorder::answering(|request| {
        let token = token(request);
        format!(
            "HTTP/1.1 200 {token}\r\nAuthorization: Bearer {token}\r\nWWW-Authenticate: Bearer realm=\"{token}\"\r\n\
             X-Echo: {token}\r\nLocation: /{token}\r\nTransfer-Encoding: chunked\r\n\r\ne\r\npasses-through\r\n0\r\nX-Echo: {token}\r\n\r\n"
        )
        .into_bytes()
    });
    search(&milvus, TOKEN, &[TOKEN.to_owned()]).await;
}

#[tokio::test]
async fn t33_a_credential_in_the_type_of_an_answer_is_not_seen() {
    let milvus = Recorder::answering(|request| {
        let kind = format!("text/plain; echo={}", token(request));
        ok(&kind, b"passes-through")
    });
    search(&milvus, TOKEN, &[TOKEN.to_owned()]).await;
}

#[tokio::test]
async fn t33_without_an_echo_the_credential_is_nowhere_in_the_component() {
    let milvus = Recorder::answering(|_| ok("application/json", b"\"passes-through\""));
    let forms = [
        TOKEN.to_owned(),
        "s3cret-of-the-host".to_owned(),
        "Bearer root".to_owned(),
        base64(TOKEN.as_bytes()),
    ];
    search(&milvus, TOKEN, &forms).await;
}

#[tokio::test]
async fn t37_the_credential_goes_to_its_own_endpoint_only() {
    let (first, second, stage) = (Recorder::start(), Recorder::start(), Stage::wide());
    let kept = |token: &str| {
        Endpoint::builder(&first.uri(), Policy::full())
            .credential(Credential::new(token.to_owned()))
            .reuse_http1()
            .build()
            .expect("an origin on this machine")
    };
    let (one, none) = (kept(TOKEN), super::endpoint(&second.uri()));
    for endpoint in [&one, &none, &one, &none] {
        stage
            .attack_at(endpoint, attacks::ORDINARY_REQUEST, json!({}))
            .await;
    }
    assert!(
        first
            .requests()
            .iter()
            .all(|request| token(request) == TOKEN)
    );
    assert!(
        second
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
    // Two credentials for one origin share no connection, also where connections are kept.
    let other = kept("other:token-of-another");
    stage
        .attack_at(&other, attacks::ORDINARY_REQUEST, json!({}))
        .await;
    assert_eq!((first.requests().len(), first.connections()), (3, 2));
}

#[tokio::test]
async fn t34_t65_the_credential_is_in_no_audit_line() {
    let milvus = Recorder::answering(|request| ok("application/json", token(request).as_bytes()));
    let endpoint = endpoint_with(&milvus.uri(), TOKEN);
    for (attack, arguments) in [
        (attacks::ORDINARY_REQUEST, json!({})),
        (attacks::ANOTHER_PATH, json!({ "path": "/expr" })),
        (
            attacks::ANOTHER_AUTHORITY,
            json!({ "authority": "evil.example" }),
        ),
    ] {
        let seen = Stage::wide().attack_at(&endpoint, attack, arguments).await;
        let lines = format!("{:?}{}", seen.requests, seen.summary);
        assert!(
            !lines.contains("s3cret") && !lines.contains(&base64(TOKEN.as_bytes())),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn t33_a_credential_in_any_form_is_not_seen() {
    for (_, form) in forms(TOKEN) {
        let text = form.clone();
        let milvus = Recorder::answering(move |_| {
            let body = format!(r#"{{"code":0,"data":["passes-through {text}"]}}"#);
            ok("application/json", body.as_bytes())
        });
        let seen = search(&milvus, TOKEN, &[TOKEN.to_owned(), form]).await;
        assert_eq!(seen.requests[0]["redacted"], 1, "{seen:?}");
    }
}

/// Every form, in every part of an answer.
fn echo(status: &str, header: &str) -> Vec<u8> {
    let every: Vec<String> = forms(TOKEN).into_iter().map(|(_, form)| form).collect();
    let every = every.join(" ");
    let body = format!(r#"{{"code":1800,"message":"passes-through {every}"}}"#);
    format!(
        "HTTP/1.1 {status} {every}\r\nX-Echo: {every}\r\n{header}: /{TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn t33_a_credential_in_an_answer_of_any_status_is_not_seen() {
    let every: Vec<String> = forms(TOKEN).into_iter().map(|(_, form)| form).collect();
    for (status, header) in [
        ("200", "X-More"),
        ("301", "Location"),
        ("307", "Location"),
        ("401", "WWW-Authenticate"),
        ("403", "X-More"),
        ("404", "X-More"),
        ("429", "Retry-After"),
        ("500", "X-More"),
        ("599", "Content-Type"),
    ] {
        let milvus = Recorder::answering(move |_| echo(status, header));
        let seen = search(&milvus, TOKEN, &every).await;
        is_nowhere_in(
            TOKEN,
            &format!("{:?}{}", seen.requests, seen.summary),
            "the audit",
        );
    }
}

/// The memory and the words of a component whose request came to nothing, and the audit of it, hold no form of the
/// credential. What it does know is found, so that what is not found was looked for.
async fn is_nowhere_after(uri: &str, attack: Value, error: &str) {
    let all = forms(TOKEN);
    let marks = all
        .iter()
        .map(|(_, form)| form.as_str())
        .chain([super::ROUTE]);
    let marks: Vec<String> = marks.map(mark).collect();
    let mut arguments = attack;
    arguments["marks"] = json!(marks);
    let seen = Stage::wide()
        .attack_at(
            &endpoint_with(uri, TOKEN),
            attacks::SEARCH_FOR_THE_CREDENTIAL,
            arguments,
        )
        .await;
    let lines = format!("{:?}{}", seen.requests, seen.summary);
    assert!(lines.contains(error), "expected `{error}`: {seen:?}");
    is_nowhere_in(TOKEN, &seen.told(), "what the component says");
    is_nowhere_in(TOKEN, &lines, "the audit");
    let found = &seen.answer.as_ref().expect("it lives on")["found"];
    let found: Vec<u64> = found
        .as_array()
        .expect("counts")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!(found.len(), all.len() + 1);
    assert!(found[all.len()] > 0, "its own text is found: {seen:?}");
    for ((name, _), count) in all.iter().zip(found) {
        assert_eq!(
            count, 0,
            "the token ({name}) is in the component's memory: {seen:?}"
        );
    }
}

#[tokio::test]
async fn t33_a_request_that_comes_to_nothing_leaves_no_credential_behind() {
    let mut cut = echo("200", "X-More");
    cut.truncate(cut.len() - 5);
    for (bytes, close, error) in [
        (echo("200", "Content-Encoding"), false, "answer-encoded"),
        (echo("200", "Content-Length"), false, "answer-malformed"),
        (echo("200", "X-\0"), false, "answer-malformed"),
        (echo("101", "X-More"), false, "answer-malformed"),
        (cut, true, "answer-incomplete"),
        (TOKEN.as_bytes().to_vec(), true, "answer-malformed"),
        (Vec::new(), true, "connection-terminated"),
    ] {
        let milvus = Faulty::saying(bytes, close);
        is_nowhere_after(&milvus.uri(), json!({}), error).await;
    }
    let milvus = Recorder::start();
    is_nowhere_after(&milvus.uri(), json!({ "path": "/expr" }), "path").await;
    assert_eq!(milvus.connections(), 0);
    is_nowhere_after("http://127.0.0.1:1", json!({}), "connection-refused").await;
}

/// An endpoint whose credential is `root:token-0`, then `root:token-1`, and so on; how often it was asked for another.
fn renewing(uri: &str) -> (Endpoint, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let credential = Credential::new("root:token-0".to_owned()).renewed_by(move || {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        Some(format!("root:token-{number}"))
    });
    let endpoint = Endpoint::builder(uri, Policy::full())
        .credential(credential)
        .build();
    (endpoint.expect("an origin on this machine"), asked)
}

#[tokio::test]
async fn t38_a_server_that_refuses_a_hundred_requests_brings_about_one_renewal() {
    let milvus =
        Recorder::answering(|_| b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec());
    let (endpoint, asked) = renewing(&milvus.uri());
    for number in 0..100 {
        let seen = Stage::wide()
            .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
            .await;
        let renewal = &seen.requests[0]["credential"];
        assert_eq!(
            renewal.as_str(),
            (number == 0).then_some("renewed"),
            "{seen:?}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // No request was sent again, and those that followed carried the new token.
    let tokens: Vec<String> = milvus.requests().iter().map(token).collect();
    assert_eq!(tokens.len(), 100);
    assert_eq!(tokens[0], "root:token-0");
    assert!(tokens[1..].iter().all(|token| token == "root:token-1"));
}

#[tokio::test]
async fn a_credential_is_renewed_by_status_and_by_milvus_codes_and_by_nothing_else() {
    for (answer, times) in [
        ("HTTP/1.1 401 Unauthorized\r\n", r#"{}"#, 1),
        (
            "HTTP/1.1 200 OK\r\n",
            r#"{"code":1800,"message":"user hasn't authenticated"}"#,
            1,
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            " {\n \"code\" : 1400,\"message\":\"\"}",
            1,
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n",
            r#"{"code":1401,"message":"permission denied"}"#,
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            r#"{"code":0,"data":[{"code":1800}]}"#,
            0,
        ),
        ("HTTP/1.1 200 OK\r\n", r#"{"code":18000}"#, 0),
        ("HTTP/1.1 200 OK\r\n", r#"{"code":"#, 0),
    ]
    .map(|(head, body, times)| {
        let length = body.len();
        (
            format!("{head}Content-Length: {length}\r\n\r\n{body}"),
            times,
        )
    }) {
        let bytes = answer.clone();
        let milvus = Recorder::answering(move |_| bytes.clone().into_bytes());
        let (endpoint, asked) = renewing(&milvus.uri());
        Stage::wide()
            .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
            .await;
        assert_eq!(asked.load(Ordering::SeqCst), times, "{answer}");
    }
}

#[tokio::test]
async fn t33_the_token_before_the_last_renewal_is_not_seen_either() {
    let milvus = Recorder::answering(|_| {
        let body = br#"{"code":1800,"message":"passes-through root:token-0 root:token-1"}"#;
        ok("application/json", body)
    });
    let (endpoint, _) = renewing(&milvus.uri());
    let stage = Stage::wide();
    let first = stage
        .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
        .await;
    assert_eq!(first.requests[0]["credential"], "renewed");
    let second = stage
        .attack_at(&endpoint, attacks::ORDINARY_REQUEST, json!({}))
        .await;
    assert_eq!(second.requests[0]["redacted"], 2, "{second:?}");
    assert!(!second.told().contains("token-"), "{second:?}");
}
