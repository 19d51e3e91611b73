//! An answer for every input, and never a panic: each door of the crate, with inputs made from real ones.

use bytes::Bytes;
use policy::{Origin, Policy, Question, Rule, WholeRequest, admit, filter, meaning, names_in};

use routes::{AnswerName, NameKind};
use serde_json::Value;

use crate::sequence::Sequence;
use crate::{allowance, anything, asked, cases, everything, names, requests};

const PIECES: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ",",
    ":",
    "\\u0000",
    "\\ud83d",
    "\\ud83d\\ude00",
    "null",
    "-",
    "1e",
    "9e999",
    "\"data\":",
    "\"message\":\"collection: hr\",",
    "\u{feff}",
    "\u{17f}",
    "\u{fffd}",
    "[withheld]",
    " ",
];

fn text(random: &mut Sequence, from: &str) -> String {
    String::from_utf8_lossy(&random.mutated(from.as_bytes(), &PIECES)).into_owned()
}

fn lists() -> Policy {
    everything()
        .collections(names(&["docs", "docs_*"]))
        .databases(names(&["a"]))
}

/// The answers of `cases.txt`: of operations, and to the host's own questions.
fn answers(kind: &str) -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../src/cases.txt").lines();
    let requests = lines.filter_map(|line| line.rsplitn(3, " | ").nth(2)?.strip_prefix(kind));
    requests
        .filter_map(|request| request.split_once(' '))
        .collect()
}

#[test]
fn t52_every_body_has_a_verdict() {
    let requests = requests();
    let allowances = [
        allowance(Policy::full(), anything()),
        allowance(lists(), anything()),
    ];
    let mut random = Sequence(1);
    for _ in 0..cases() {
        let (route, content) = *random.pick(&requests);
        let content = random.mutated(content.as_bytes(), &PIECES);
        if let Err(refusal) = asked(random.pick(&allowances), route, &content) {
            assert_eq!(refusal.operation, Some(route.name));
            assert!(refusal.to_string().is_ascii(), "{refusal}");
        }
    }
}

#[test]
fn t02_t52_every_request_line_has_a_verdict_and_only_exact_ones_pass() {
    let allowed = allowance(Policy::full(), anything());
    let mut random = Sequence(2);
    let mut passed = 0;
    for _ in 0..cases() {
        let mut part = |from: &[&str]| {
            let plausible = *random.pick(from);
            if random.once_in(4) {
                text(&mut random, plausible)
            } else {
                plausible.to_owned()
            }
        };
        let method = part(&["POST", "POST", "GET", "post"]);
        let scheme = part(&["http", "https", "HTTP", ""]);
        let authority = part(&[
            "localhost:19530",
            "LOCALHOST:19530",
            "[::1]:19530",
            "u@localhost:19530",
            "localhost",
        ]);
        let path = part(&[
            "/v2/vectordb/collections/list",
            "/v1/vector/collections",
            "//",
            "/%2e",
        ]);
        let query = part(&[
            "collectionName=a",
            "dbName=a&collectionName=b",
            "dbName=a",
            "",
        ]);
        let came = random.below(4);
        let declared = if random.once_in(2) {
            random.below(4)
        } else {
            came
        } as u64;
        let whole = WholeRequest {
            method: &method,
            scheme: &scheme,
            authority: &authority,
            path: &path,
            query: random.once_in(2).then_some(query.as_str()),
            declared: (!random.once_in(4)).then_some(declared),
            came: came as u64,
            body: Bytes::from_static(b"{} ").slice(..came),
            trailers: random.once_in(8),
            aborted: random.once_in(8),
        };
        let flawed = whole.trailers || whole.aborted && method == "POST";
        if let Ok(admitted) = admit(&allowed, whole) {
            passed += 1;
            let row = admitted.route();
            assert_eq!(admitted.origin().to_string(), "http://localhost:19530");
            assert_eq!(
                (row.method.as_str(), row.path),
                (method.as_str(), path.as_str())
            );
            assert!(
                authority.eq_ignore_ascii_case("localhost:19530")
                    && scheme.eq_ignore_ascii_case("http")
            );
            assert!(
                !flawed
                    && admitted.body().len() == came
                    && (came as u64 == declared || method == "GET")
            );
        }
    }
    assert!(passed > cases() / 1000, "{passed} passed");
}

#[test]
fn t02_t52_every_text_is_an_origin_or_none_and_an_origin_is_written_as_it_is_read() {
    let plausible = [
        "http://127.0.0.1:19530",
        "https://milvus.example",
        "http://[::1]:19530/",
        "https://a.b-c.d:443",
        "http://0x7f.1",
        "http://[fe80::1%eth0]",
        "http://root:Milvus@milvus",
        "HTTP://LOCALHOST",
    ];
    let mut random = Sequence(3);
    let mut read = 0;
    for _ in 0..cases() {
        let from = *random.pick(&plausible);
        let text = text(&mut random, from);
        if let Ok(origin) = Origin::parse(&text) {
            read += 1;
            assert_eq!(Origin::parse(&origin.to_string()), Ok(origin), "{text}");
            assert!(!text.contains('@') && text.is_ascii(), "{text}");
        }
    }
    assert!(read > cases() / 100, "{read}");
}

#[test]
fn t25_t42_t52_every_answer_is_shown_without_foreign_names_or_withheld() {
    let answers = answers("answer ");
    let allowance = allowance(lists(), anything());
    let mut random = Sequence(4);
    let mut shown = 0;
    for _ in 0..cases() {
        let (operation, answer) = *random.pick(&answers);
        let route = routes::all()
            .find(|route| route.name == operation)
            .expect(operation);
        let (status, body) = answer.split_once(' ').expect(answer);
        let body = random.mutated(body.as_bytes(), &PIECES);
        let status = if random.once_in(8) {
            500
        } else {
            status.parse().expect(status)
        };
        match filter(&allowance, route, status, Bytes::from(body.clone())) {
            Ok(filtered) => {
                shown += 1;
                let read: Value = serde_json::from_slice(&filtered).unwrap_or_default();
                let lists_names =
                    |name: &AnswerName| name.path == "data[]" && name.is != NameKind::Database;
                if route.answer_names.iter().any(lists_names)
                    && let Some(names) = read["data"].as_array()
                {
                    let listed =
                        |name: &Value| name.as_str().is_some_and(|name| name.starts_with("docs"));
                    assert!(names.iter().all(listed), "{read}");
                }
            }
            Err(refusal) => assert_eq!(refusal.rule, Rule::Answer),
        }
    }
    assert!(shown > cases() / 100, "{shown}");
}

#[test]
fn t24_t42_t52_every_answer_to_the_hosts_question_says_where_a_name_leads_or_refuses_it() {
    let answers = answers("means ");
    let allowance = allowance(lists(), anything());
    let has = routes::all()
        .find(|route| route.name == "collections.has")
        .expect("a row");
    let asker = asked(
        &allowance,
        has,
        br#"{"dbName":"a","collectionName":"docs"}"#,
    )
    .expect("it is listed");
    let mut random = Sequence(5);
    let mut listed = 0;
    for _ in 0..cases() {
        let (_, answer) = *random.pick(&answers);
        let (_, answer) = answer.split_once(' ').expect(answer);
        let (status, body) = answer.split_once(' ').expect(answer);
        let body = random.mutated(body.as_bytes(), &PIECES);
        let question = *random.pick(&[Question::Alias, Question::Exists, Question::Listed]);
        let status = status.parse().expect(status);
        match meaning(&allowance, &asker.names()[0], question, status, &body) {
            Ok(None) => listed += 1,
            Ok(Some(next)) => assert_ne!(next, question),
            Err(refusal) => assert_eq!(refusal.rule, Rule::Alias),
        }
    }
    assert!(listed > cases() / 100, "{listed}");
}

#[test]
fn t26_t57_t74_arguments_are_read_as_every_reader_reads_them_or_not_at_all() {
    let plausible = [
        r#"{"collection_name":"docs","data":[{"id":1}],"filter":"a > 1"}"#,
        r#"{"collection_names":["docs","hr"],"alias_name":"a"}"#,
        "{collection_name:'docs', limit: 5,}",
        "",
        "null",
        r#"{"collection_name":"do\u0063s"}"#,
    ];
    let mut random = Sequence(6);
    let mut passed = 0;
    for _ in 0..cases() {
        let from = *random.pick(&plausible);
        let text = text(&mut random, from);
        let Ok(names) = names_in(&text).map(|subjects| subjects.collections) else {
            continue;
        };
        passed += 1;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(value.is_object() || text.trim().is_empty(), "{text}");
        let names = names.to_string();
        let told = |name: &str| value.to_string().contains(&format!("\"{name}\""));
        assert!(
            names == "none" || names.split(", ").all(told),
            "{names} in {text}"
        );
    }
    assert!(passed > cases() / 100, "{passed}");
}
