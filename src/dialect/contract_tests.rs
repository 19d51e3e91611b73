//! Every operation against the contract files of Milvus' REST API (`tests/contract`): its request is one that the
//! route takes, the route's successes are read, the route's errors become errors of the right kind.

#[path = "../../tests/contract/files.rs"]
mod files;

use super::{Encoded, HttpAnswer, Spoken, codes, decode, encode};
use crate::error::{Error, ErrorKind, Outcome, Retry};
use crate::mutations::{Mutations, cases};
use crate::operations::{Answer, Visitor, samples, visit};
use files::Contract;
use routes::{Dialect, Effect, Method, Route};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What an operation makes of an answer: nothing that is looked at, but whether it can be read.
type Reader = Box<dyn Fn(&HttpAnswer) -> Result<(), Error>>;

/// An operation in one dialect.
struct Spoke {
    operation: &'static str,
    encoded: Encoded,
    read: Reader,
}

/// Takes every operation down in both dialects. What a dialect lacks is not there.
#[derive(Default)]
struct Recorder {
    spoken: Vec<Spoke>,
}

impl Visitor for Recorder {
    fn visit<O: Spoken + Deserialize<'static> + 'static>(&mut self) {
        let mut operations = samples::of::<O>();
        // What only some values together make sense of, such as a quick create, is in the contract.
        let contract = contract(O::ROUTE);
        let bodies = contract
            .cases()
            .iter()
            .filter(|case| is_success(&case["answer"]));
        let bodies = bodies.filter_map(|case| case["request"]["body"].as_object());
        operations.extend(bodies.filter_map(expressed::<O>));
        for operation in operations.into_iter().map(Rc::new) {
            self.record(Dialect::V2, &operation);
            self.record(Dialect::V1, &operation);
        }
    }
}

/// The operation whose keys are just those of `body`.
fn expressed<O: Spoken + Deserialize<'static>>(body: &Map<String, Value>) -> Option<O> {
    let mut body = body.clone();
    body.remove("dbName");
    let text: &'static str = json!(body).to_string().leak();
    let operation: O = serde_json::from_str(text).ok()?;
    let encoded = encode(Dialect::V2, &operation, None).ok()?;
    let written: Map<String, Value> = serde_json::from_slice(&encoded.body).ok()?;
    (written == body).then_some(operation)
}

impl Recorder {
    fn record<O: Spoken + 'static>(&mut self, dialect: Dialect, operation: &Rc<O>) {
        let encoded = match encode(dialect, &**operation, Some("d")) {
            Ok(encoded) => encoded,
            Err(error) => {
                // v1 lacks keys, and takes one query a request.
                assert_eq!(dialect, Dialect::V1, "{}", error.message);
                return;
            }
        };
        let (operation, route) = (Rc::clone(operation), encoded.route);
        self.spoken.push(Spoke {
            operation: std::any::type_name::<O>(),
            encoded,
            read: Box::new(move |answer| {
                let reply = decode(dialect, &*operation, route, answer)?;
                let read = O::Answer::read(reply);
                read.map(drop).map_err(|cause| Error::protocol(&cause))
            }),
        });
    }
}

fn recorded() -> Recorder {
    let mut recorder = Recorder::default();
    visit(&mut recorder);
    recorder
}

fn contract(route: &Route) -> Contract {
    let mut all = files::all().into_iter();
    all.find(|contract| contract.route() == (route.method.as_str(), route.path))
        .unwrap_or_else(|| panic!("{}: the operation has no contract", route.name))
}

/// Every operation, with the contract of its route.
fn said() -> Vec<(Spoke, Contract)> {
    let spoken = recorded().spoken.into_iter();
    spoken
        .map(|spoke| {
            let contract = contract(spoke.encoded.route);
            (spoke, contract)
        })
        .collect()
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn every_operation_that_v1_has_is_spoken_in_it() {
    let spoken = recorded().spoken;
    let paths = spoken.iter().map(|spoke| spoke.encoded.route.path);
    let paths: BTreeSet<&str> = paths.filter(|path| path.starts_with("/v1/")).collect();
    let all = files::all();
    let v1 = all
        .iter()
        .filter(|contract| contract.name.starts_with("v1/"));
    assert_eq!(paths, v1.map(|contract| contract.route().1).collect());
}

// ── requests ────────────────────────────────────────────────────

/// What is wrong with `value` as `kind` of the contract.
fn misfit(shapes: &Map<String, Value>, at: &str, kind: &str, value: &Value) -> Option<String> {
    let inside = |kind: &str, value: &Value| misfit(shapes, &format!("{at}[]"), kind, value);
    let fits = match kind {
        "any" => true,
        "text" => value.is_string(),
        "bool" => value.is_boolean(),
        "int32" => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.is_i64(),
        "uint64" => value.is_u64(),
        "number" => value.is_number(),
        _ => {
            if let Some(kind) = kind
                .strip_prefix('[')
                .and_then(|kind| kind.strip_suffix(']'))
            {
                let Some(values) = value.as_array() else {
                    return Some(format!("{at} is no list"));
                };
                return values.iter().find_map(|value| inside(kind, value));
            }
            let Some(values) = value.as_object() else {
                return Some(format!("{at} is no object"));
            };
            if let Some(kind) = kind
                .strip_prefix('{')
                .and_then(|kind| kind.strip_suffix('}'))
            {
                return values.values().find_map(|value| inside(kind, value));
            }
            let keys = shapes[kind].as_object().expect("a shape is an object");
            return object_misfit(shapes, at, keys, values);
        }
    };
    (!fits).then(|| format!("{at} is no {kind}"))
}

fn object_misfit(
    shapes: &Map<String, Value>,
    at: &str,
    keys: &Map<String, Value>,
    values: &Map<String, Value>,
) -> Option<String> {
    let lacking = keys.iter().find(|(name, key)| {
        key["required"] == true && values.get(*name).is_none_or(Value::is_null)
    });
    if let Some((name, _)) = lacking {
        return Some(format!("{at} lacks {name}"));
    }
    values
        .iter()
        .find_map(|(name, value)| match keys.get(name) {
            Some(key) => misfit(
                shapes,
                &format!("{at}.{name}"),
                key["type"].as_str().expect("a type is a text"),
                value,
            ),
            None => Some(format!("{at}.{name} is no key of Milvus")),
        })
}

#[test]
fn every_request_is_one_that_its_route_takes() {
    let shapes = files::beside("shapes");
    for (spoke, contract) in said() {
        let encoded = &spoke.encoded;
        let sent = match encoded.route.method {
            Method::Get => {
                assert!(encoded.body.is_empty(), "{}", spoke.operation);
                let query = encoded.query.as_deref().unwrap_or_default();
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs
                    .map(|(name, value)| (name.to_owned(), Value::from(value)))
                    .collect()
            }
            Method::Post => {
                assert_eq!(encoded.query, None, "{}", spoke.operation);
                serde_json::from_slice::<Map<String, Value>>(&encoded.body).unwrap()
            }
        };
        assert!(sent.contains_key("dbName"), "{}", spoke.operation);
        let misfit = object_misfit(&shapes, &contract.name, contract.request(), &sent);
        assert_eq!(misfit, None, "{}", spoke.operation);
    }
}

#[test]
fn a_request_that_does_not_fit_is_seen() {
    let shapes = files::beside("shapes");
    let contracts = files::all();
    let keys = |name: &str| {
        let contract = contracts.iter().find(|contract| contract.name == name);
        contract.expect("there is one").request()
    };
    let cases = [
        ("v2/entities/query", json!({}), "lacks collectionName"),
        (
            "v2/entities/query",
            json!({"collectionName": "c", "limit": "5"}),
            "limit is no int32",
        ),
        (
            "v2/entities/query",
            json!({"collectionName": "c", "colour": 1}),
            "colour is no key",
        ),
        (
            "v2/entities/query",
            json!({"collectionName": "c", "outputFields": [1]}),
            "outputFields[] is no text",
        ),
        (
            "v2/collections/create",
            json!({"collectionName": "c", "schema": {"fields": [{"fieldName": "id"}]}}),
            "schema.fields[] lacks dataType",
        ),
        (
            "v2/entities/hybrid_search",
            json!({"collectionName": "c", "search": [{"data": [], "searchParams": {}}]}),
            "search[].searchParams is no key",
        ),
    ];
    for (name, sent, problem) in cases {
        let misfit = object_misfit(&shapes, name, keys(name), &map(sent)).expect(problem);
        assert!(misfit.contains(problem), "{misfit}");
    }
}

// ── answers ─────────────────────────────────────────────────────

/// An answer of the form that a case has: what it leaves open filled in, keys that may be absent there or not.
fn example(pattern: &Value, optional: bool) -> Value {
    match pattern {
        Value::String(text) => match text.as_str() {
            "<any>" => Value::Null,
            "<bool>" => json!(true),
            "<number>" => json!(0.5),
            "<integer>" => json!(i64::MAX),
            "<int64 text>" => json!("-9223372036854775808"),
            _ => match text
                .strip_prefix("<about ")
                .and_then(|text| text.strip_suffix('>'))
            {
                Some(number) => json!(number.parse::<f64>().expect("a number")),
                None => json!(text.replace('…', "")),
            },
        },
        Value::Array(elements) => {
            let marked = |first: &Value| {
                ["<unordered>", "<among>", "<each>"].contains(&first.as_str().unwrap_or_default())
            };
            let skipped = usize::from(elements.first().is_some_and(marked));
            let rest = elements.iter().skip(skipped);
            rest.map(|element| example(element, optional)).collect()
        }
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, value)| match name.strip_suffix('?') {
                _ if name == "…" => None,
                Some(name) => optional.then(|| (name.to_owned(), example(value, optional))),
                None => Some((name.clone(), example(value, optional))),
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn is_success(answer: &Value) -> bool {
    answer.get("data").is_some()
}

/// A case's answer as it comes over HTTP.
fn http(case: &Value, optional: bool) -> HttpAnswer {
    let mut answer = map(example(&case["answer"], optional));
    let status = answer.remove("status").map_or(200, |status| {
        status
            .as_u64()
            .expect("a status is a number")
            .try_into()
            .unwrap()
    });
    HttpAnswer {
        status,
        body: serde_json::to_vec(&answer).unwrap(),
    }
}

#[test]
fn every_success_of_the_contract_is_read() {
    let mut read = 0;
    for (spoke, contract) in said() {
        for case in contract.cases() {
            if !is_success(&case["answer"]) {
                continue;
            }
            for optional in [false, true] {
                let result = (spoke.read)(&http(case, optional));
                let problem = result.err().map(|error| error.message);
                let place = format!("{} of {}: {}", spoke.operation, contract.name, case["name"]);
                assert_eq!(problem, None, "{place}");
                read += 1;
            }
        }
    }
    assert!(read > 200, "{read}");
}

#[test]
fn every_error_of_the_contract_becomes_an_error_of_its_kind() {
    let errors = files::beside("errors");
    let mut seen = 0;
    for (spoke, contract) in said() {
        let route = spoke.encoded.route;
        for case in contract.cases() {
            if is_success(&case["answer"]) {
                continue;
            }
            let place = format!("{} of {}: {}", spoke.operation, contract.name, case["name"]);
            let code = &case["answer"]["code"];
            // v1 has no route for it: a description that is refused is the answer.
            if spoke.operation.ends_with("::HasCollection") && *code == 100 {
                assert!((spoke.read)(&http(case, true)).is_ok(), "{place}");
                continue;
            }
            let error = (spoke.read)(&http(case, true)).expect_err(&place);
            assert_eq!(
                error.milvus_code.map(Value::from).as_ref(),
                Some(code),
                "{place}"
            );
            let kind = &errors[&code.to_string()]["kind"];
            assert_eq!(*kind, kebab(error.kind), "{place}");
            let unclear = *code == 65_535 && route.effect != Effect::Read;
            let (outcome, retry) = if unclear {
                (Outcome::Unknown, Retry::AfterCheck)
            } else {
                (Outcome::NotApplied, Retry::Never)
            };
            assert_eq!((error.outcome, error.retry), (outcome, retry), "{place}");
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen}");
}

/// What a caller may be told of any answer: an error of few words, none of them an order to a terminal.
fn assert_tellable(error: &Error, answer: &HttpAnswer) {
    let words = &error.message;
    assert!(
        words.chars().count() <= 1000 && !words.chars().any(char::is_control),
        "{words:?} of {}",
        String::from_utf8_lossy(&answer.body)
    );
}

#[test]
fn t42_no_answer_makes_a_reader_panic() {
    let cases = cases(700_000);
    let statuses = [200, 200, 200, 200, 200, 200, 404, 599];
    let mut mutations = Mutations::new(42);
    let said = said();
    let real: Vec<(&Spoke, HttpAnswer)> = said
        .iter()
        .flat_map(|(spoke, contract)| {
            let cases = contract.cases().iter();
            cases.map(move |case| (spoke, http(case, true)))
        })
        .collect();
    let (mut read, mut refused) = (0, 0);
    for number in 0..cases {
        let (spoke, answer) = &real[number % real.len()];
        let changed = HttpAnswer {
            status: statuses[mutations.below(statuses.len())],
            body: mutations.of(&answer.body),
        };
        let result = catch_unwind(AssertUnwindSafe(|| (spoke.read)(&changed)));
        match result {
            Ok(Ok(())) => read += 1,
            Ok(Err(error)) => {
                assert_tellable(&error, &changed);
                refused += 1;
            }
            Err(_) => panic!(
                "{}: {}",
                spoke.operation,
                String::from_utf8_lossy(&changed.body)
            ),
        }
    }
    assert!(
        read > cases / 50 && refused > cases / 20,
        "{read} read, {refused} refused"
    );
}

/// A kind as `wit/types.wit` spells it.
fn kebab(kind: ErrorKind) -> String {
    let mut text = String::new();
    for letter in format!("{kind:?}")
        .rsplit("::")
        .next()
        .unwrap_or_default()
        .chars()
    {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[test]
fn every_code_of_milvus_has_its_own_retriable_flag() {
    for (code, error) in files::beside("errors") {
        let known = codes::look_up(code.parse().expect("a code is a number"));
        // What is not looked up is never repeated, whatever Milvus says.
        if known != codes::look_up(i32::MIN) {
            assert_eq!(error["retriable"], known.retriable, "{code}");
        }
    }
}
