//! The component never sees the credential, whoever repeats it.

use host_harness::{Credential, Endpoint};
use serde_json::{Value, json};

use super::{Seen, Stage, endpoint_with, mark};
use crate::servers::{Recorded, Recorder, ok};

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
            "search_for_the_credential",
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

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
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
        Endpoint::builder(&first.uri())
            .credential(Credential::new(token.to_owned()))
            .reuse_http1()
            .build()
            .expect("an origin on this machine")
    };
    let (one, none) = (kept(TOKEN), super::endpoint(&second.uri()));
    for endpoint in [&one, &none, &one, &none] {
        stage
            .attack_at(endpoint, "ordinary_request", json!({}))
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
    stage.attack_at(&other, "ordinary_request", json!({})).await;
    assert_eq!((first.requests().len(), first.connections()), (3, 2));
}

#[tokio::test]
async fn t34_t65_the_credential_is_in_no_audit_line() {
    let milvus = Recorder::answering(|request| ok("application/json", token(request).as_bytes()));
    let endpoint = endpoint_with(&milvus.uri(), TOKEN);
    for (attack, arguments) in [
        ("ordinary_request", json!({})),
        ("another_path", json!({ "path": "/expr" })),
        ("another_authority", json!({ "authority": "evil.example" })),
    ] {
        let seen = Stage::wide().attack_at(&endpoint, attack, arguments).await;
        let lines = format!("{:?}{}", seen.requests, seen.summary);
        assert!(
            !lines.contains("s3cret") && !lines.contains(&base64(TOKEN.as_bytes())),
            "{lines}"
        );
    }
}
