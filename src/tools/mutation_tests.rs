//! Arguments and answers changed at random: no text makes a tool panic, and none makes it send what the host's strict
//! reading of the same text does not let out.

use super::tests::{DESCRIPTION, definitions, properties, with_property};
use super::*;
use crate::client::scripted::{Scripted, Sent, connection};
use crate::mutations::{Mutations, cases};
use bytes::Bytes;
use policy::{Admitted, Allowance, Effects, Origin, Policy, Refusal, Rule, Scope, WholeRequest};
use routes::Effect;

/// Every tool with its example, and with the example of every property.
fn corpus() -> Vec<(Definition, String)> {
    let mut all = Vec::new();
    for definition in definitions() {
        let name = definition.name;
        let mut texts = vec![definition.example.to_string()];
        for (property, schema) in properties(&definition.input_schema) {
            for example in schema["examples"].as_array().into_iter().flatten() {
                texts.push(with_property(name, property, example).to_string());
            }
        }
        let tool = || {
            let tool = TOOLS.iter().find(|tool| tool.name == name);
            tool.unwrap().definition().unwrap()
        };
        all.extend(texts.into_iter().map(|text| (tool(), text)));
    }
    all
}

/// What the host makes of a request in a call of this tool with these arguments.
fn admitted(tool: &Definition, arguments: &str, request: &Sent) -> Result<Admitted, Refusal> {
    let mut effects = Effects::default();
    let known = Effect::ALL.into_iter();
    let classes = known.filter(|effect| tool.classes.iter().any(|class| *class == effect.as_str()));
    classes.for_each(|effect| effects.insert(effect));
    let subjects = policy::names_in(arguments).expect("the host passes strict arguments on");
    let allowance = Allowance {
        origin: Some(Origin::parse("http://127.0.0.1:19530").unwrap()),
        request_bytes: 1 << 20,
        rows: 1000,
        // What Milvus itself contacts is the operator's to allow, here as in the host.
        policy: Policy::full().outside("https://model.example/"),
        call: Scope::of(effects).about(subjects),
    };
    let route = routes::all()
        .find(|route| route.path == request.path)
        .unwrap();
    let length = request.bytes.len() as u64;
    let whole = WholeRequest {
        method: route.method.as_str(),
        scheme: "http",
        authority: "127.0.0.1:19530",
        path: request.path,
        query: request.query.as_deref(),
        declared: Some(length),
        came: length,
        body: Bytes::from(request.bytes.clone()),
        trailers: false,
        aborted: false,
    };
    policy::admit(&allowance, whole)
}

#[test]
fn t57_no_arguments_send_what_the_hosts_strict_reading_of_them_does_not_let_out() {
    let cases = cases(1_000_000);
    let corpus = corpus();
    let mut mutations = Mutations::new(57);
    let (mut sending, mut refused) = (0, 0);
    for number in 0..cases {
        let (tool, text) = &corpus[number % corpus.len()];
        // A caller's text is UTF-8: the contract says so.
        let Ok(text) = String::from_utf8(mutations.of(text.as_bytes())) else {
            continue;
        };
        let mut transport = Scripted::new().data(DESCRIPTION).data("{}").data("{}");
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let answer = call(&mut client, tool.name, &text);
        // The host passes strict JSON on, and nothing else; then nothing but the arguments says where it goes.
        let strict = policy::names_in(&text).is_ok();
        for request in transport.sent.iter().filter(|_| strict) {
            let verdict = admitted(tool, &text, request);
            // Rows, and parts that Milvus takes in many forms, are passed on as the caller wrote them: what is wrong in
            // those the host refuses. Where the request goes, and what it does, is never among it.
            let passed_on = |refusal: &Refusal| {
                use Rule::{Duplicate, Json, Key, Outside};
                matches!(refusal.rule, Json | Duplicate | Key | Outside)
            };
            assert!(
                verdict.as_ref().err().is_none_or(passed_on),
                "{} {text}: {verdict:?} of {request:?}",
                tool.name
            );
            let strict: Value = serde_json::from_str(&text).unwrap_or_default();
            let (said, sent) = (&strict["collection_name"], &request.body["collectionName"]);
            if !said.is_null() && !sent.is_null() {
                assert_eq!(said, sent, "{} {text}", tool.name);
            }
        }
        if transport.sent.is_empty() {
            assert!(answer.is_err(), "{} {text}: nothing was sent", tool.name);
            refused += 1;
        } else {
            sending += 1;
        }
    }
    assert!(
        sending > cases / 20 && refused > cases / 20,
        "{sending} {refused}"
    );
}

#[test]
fn t42_no_answer_makes_a_tool_panic() {
    let cases = cases(200_000);
    let description = format!(r#"{{"code":0,"data":{DESCRIPTION}}}"#);
    let answers = [
        &description,
        r#"{"code":0,"data":[{"id":1,"distance":0.5,"word":"a"},{"id":"2","distance":1}],"topks":[2]}"#,
        r#"{"code":0,"data":[{"count(*)":7}]}"#,
        r#"{"code":0,"data":{"insertCount":1,"insertIds":[1]}}"#,
        r#"{"code":0,"data":{"upsertCount":1,"upsertIds":["1"]}}"#,
        r#"{"code":0,"data":{"deleteCount":1}}"#,
        r#"{"code":0,"data":{"has":true}}"#,
        r#"{"code":0,"data":{"rowCount":5}}"#,
        r#"{"code":0,"data":{"loadState":"LoadStateLoaded","loadProgress":100}}"#,
        r#"{"code":0,"data":["docs","more"]}"#,
        r#"{"code":0,"data":{}}"#,
        r#"{"code":100,"message":"can't find collection[database=default][collection=docs]"}"#,
    ];
    let corpus = corpus();
    let mut mutations = Mutations::new(4200);
    let (mut read, mut failed) = (0, 0);
    for number in 0..cases {
        let (tool, arguments) = &corpus[number % corpus.len()];
        let mut transport = Scripted::new();
        for _ in 0..3 {
            let answer = answers[mutations.below(answers.len())].as_bytes();
            let changed = match mutations.below(3) {
                0 => answer.to_vec(),
                _ => mutations.of(answer),
            };
            transport = transport.answers(200, &String::from_utf8_lossy(&changed));
        }
        let mut client = Client::new(&mut transport, connection()).unwrap();
        match call(&mut client, tool.name, arguments) {
            Ok(_) => read += 1,
            Err(error) => {
                let words = &error.message;
                assert!(
                    words.chars().count() <= 1000 && !words.chars().any(char::is_control),
                    "{} {arguments}: {words:?}",
                    tool.name
                );
                failed += 1;
            }
        }
    }
    assert!(read > cases / 50 && failed > cases / 50, "{read} {failed}");
}
